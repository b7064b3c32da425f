"""How far a metric would move with other images: bootstrap for means, disjoint blocks for everything else."""

import math
import statistics
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from wgan.utils.rng import generator

RESAMPLES = 1000
BLOCKS = 8
STUDENT = 2.365  # 97.5 % quantile of Student's t with BLOCKS - 1 degrees of freedom


def bootstrap_mean(values: Tensor, seed: int) -> tuple[float, float]:
    """95 % percentile bootstrap interval of the mean of (N,) independent values (Efron 1979)."""
    drawn = torch.randint(len(values), (RESAMPLES, len(values)), generator=generator(seed, "bootstrap"))
    means = values.double().cpu()[drawn].mean(dim=1)
    low, high = torch.quantile(means, torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return low, high


def blocks(count: int) -> list[slice]:
    """Cut `count` images into `BLOCKS` disjoint parts."""
    return [slice(*edges) for edges in pairwise(count * block // BLOCKS for block in range(BLOCKS + 1))]


def half_width(values: Sequence[float], jackknife: bool = False) -> float:
    """Half of the 95 % interval of a metric on all images, from its values on the disjoint `blocks` (batch means).

    A bootstrap would put copies of images into a set, which nearest-neighbour metrics and distances mistake for
    structure. Disjoint blocks hold no copies: their spread, over the square root of their number, is the standard
    error of the metric on all images. A distance whose own bias shrinks with the set gets an interval that is too
    wide rather than too narrow. With `jackknife`, from its values on all images but one block (Tukey 1958): eight
    times as dear, and right also where the metric's own bias is as large as its noise.
    """
    return STUDENT * statistics.stdev(values) / math.sqrt(BLOCKS) * (BLOCKS - 1 if jackknife else 1)
