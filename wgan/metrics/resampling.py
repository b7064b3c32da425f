"""How far a metric would move with other images: bootstrap for means, the jackknife for everything else."""

import math
import statistics
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from wgan.utils.rng import generator

RESAMPLES = 1000
SUBSETS = 20
STUDENT = 2.093  # 97.5 % quantile of Student's t with SUBSETS - 1 degrees of freedom


def bootstrap_mean(values: Tensor, seed: int) -> tuple[float, float]:
    """95 % percentile bootstrap interval of the mean of (N,) independent values (Efron 1979)."""
    drawn = torch.randint(len(values), (RESAMPLES, len(values)), generator=generator(seed, "bootstrap"))
    means = values.double().cpu()[drawn].mean(dim=1)
    low, high = torch.quantile(means, torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return low, high


def subsets(count: int, halves: bool = False) -> list[Tensor]:
    """What the jackknife keeps of `count` rows: all but one of `SUBSETS` disjoint blocks, or as many random halves."""
    if halves:
        return [torch.randperm(count, generator=generator(0, "halves", k))[count // 2 :] for k in range(SUBSETS)]
    edges = pairwise(count * block // SUBSETS for block in range(SUBSETS + 1))
    return [torch.cat([torch.arange(start), torch.arange(stop, count)]) for start, stop in edges]


def half_width(values: Sequence[float], halves: bool = False) -> float:
    """Half of the 95 % interval of a metric, from its values on each of the `subsets` (the delete-d jackknife).

    A bootstrap would put copies of images into a set, which nearest-neighbour metrics and distances mistake for
    structure. The variance is too large rather than too small (Efron and Stein 1981, doi:10.1214/aos/1176345462), by
    less without a half where a metric is no smooth function (Shao and Wu 1989, doi:10.1214/aos/1176347263).
    """
    kept_per_left_out = 1 if halves else SUBSETS - 1
    return STUDENT * math.sqrt(kept_per_left_out * (SUBSETS - 1) / SUBSETS) * statistics.stdev(values)
