"""Images on their way into the metrics: subsets drawn without history, and uint8 to float [0, 1]."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from wgan.data.image_set import ImageSet
from wgan.utils.rng import generator


class LeftOut(Exception):
    """A group of metrics cannot be computed, which the report notes after the group's name."""


@dataclass(frozen=True)
class EvaluationInputs:
    """What a group of metrics is given: the arguments of `wgan.metrics.evaluate.evaluate`."""

    fake: Tensor
    held_out: ImageSet
    train: ImageSet
    seed: int
    device: torch.device | str = "cpu"
    asked: Tensor | None = None
    cache: Path | None = None
    inception_weights: Path | None = None


def to_unit(images: Tensor, device: torch.device | str = "cpu", largest: int | None = None) -> Tensor:
    """(N, C, H, W) uint8 to float32 in [0, 1] on `device`, averaged down to a longer side of `largest` at most."""
    unit, longest = images.to(device).float() / 255, max(images.shape[2:])
    if largest is None or longest <= largest:
        return unit
    return F.interpolate(unit, size=[round(side * largest / longest) for side in unit.shape[2:]], mode="area")


def draw(count: int, size: int, seed: int, purpose: str) -> Tensor:
    """`count` indices into a set of `size`, without repetition while they last, then from further permutations."""
    permutations = (torch.randperm(size, generator=generator(seed, purpose, k)) for k in range(-(-count // size)))
    return torch.cat(list(permutations))[:count]


def slices(count: int, width: int, numbers: int = 1 << 22) -> Iterator[slice]:
    """Cut `count` rows of `width` numbers into slices of about `numbers` numbers: what bounds the memory."""
    step = max(1, numbers // max(width, 1))
    return (slice(start, min(start + step, count)) for start in range(0, count, step))
