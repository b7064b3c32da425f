"""What all distances between two sets share: equal sets drawn from the data, intervals, real against real."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from wgan.metrics.images import Task, draw
from wgan.metrics.report import Direction, Figure, Found
from wgan.metrics.resampling import block_half_width, blocks, jackknife_half_width

LARGEST = 10_000  # what papers use for PRDC; bounds the time
LARGEST_BYTES = 1 << 29  # of one set's pixels: bounds the memory, from 2,700 images of 256x256 upwards
SMALLEST = 128  # below it the blocks of the intervals are too small for five neighbours


@dataclass(frozen=True)
class Spec:
    """What a figure is called, where better lies, and the range it cannot leave."""

    name: str
    better: Direction
    floor: float = 0.0
    ceiling: float = math.inf


@dataclass(frozen=True)
class Sets:
    """Three sets of one size, in random order: figures of sets of different sizes cannot be compared.

    Attributes:
        fake, real, other: (N, ...) generated images, held-out ones, training ones; or their features.
    """

    fake: Tensor
    real: Tensor
    other: Tensor

    def map(self, function: Callable[[Tensor], Tensor]) -> "Sets":
        """The same sets with `function` applied to each, such as a feature extractor."""
        return Sets(function(self.fake), function(self.real), function(self.other))


def drawn(task: Task, largest: int = LARGEST) -> Sets | None:
    """As many images of each kind as the smallest set has, at most `largest`; None if fewer than `SMALLEST`."""
    whole = (task.fake, task.held_out.images, task.train.images)
    count = min(most_used(task.fake[0], largest), *map(len, whole))
    if count < SMALLEST:
        return None
    names = ("fake", "held-out", "train")
    return Sets(*(x[draw(count, len(x), task.seed, f"sets/{n}")] for x, n in zip(whole, names, strict=True)))


def most_used(image: Tensor, largest: int = LARGEST) -> int:
    """How many images of a set are looked at, at most; of large images (C, H, W), fewer."""
    return min(largest, LARGEST_BYTES // image.numel())


def too_few(task: Task, group: str) -> Found:
    """What stands for a group when `drawn` gave nothing."""
    counts = f"{len(task.fake)} generated, {len(task.held_out.images)} held out, {len(task.train.images)} for training"
    return Found(notes=(f"{group} needs at least {SMALLEST} images of each kind and was left out: {counts}.",))


def measure(
    statistic: Callable[[Tensor, Tensor], Mapping[str, float]],
    sets: Sets,
    section: str,
    specs: Mapping[str, Spec],
    *,
    jackknife: bool = False,
) -> tuple[Figure, ...]:
    """The figures of one statistic: generated against held-out, with interval, and training against held-out.

    Args:
        statistic: (images to judge, real images) to key and value; called on equal parts of both as well.
        sets: what it is called on.
        section: the figures' heading.
        specs: one per key that `statistic` returns.
        jackknife: intervals from leaving blocks out rather than from the blocks themselves; for cheap statistics.
    """
    value, real = statistic(sets.fake, sets.real), statistic(sets.other, sets.real)
    part = without if jackknife else lambda rows, block: rows[block]
    values = [statistic(part(sets.fake, block), part(sets.real, block)) for block in blocks(len(sets.fake))]
    half_width = jackknife_half_width if jackknife else block_half_width

    def figure(key: str, spec: Spec) -> Figure:
        half = half_width([found[key] for found in values])
        low, high = max(spec.floor, value[key] - half), min(spec.ceiling, value[key] + half)
        return Figure(key, spec.name, section, value[key], spec.better, real[key], low, high)

    return tuple(figure(key, spec) for key, spec in specs.items())


def without(rows: Tensor, block: slice) -> Tensor:
    """All rows but a block."""
    return torch.cat([rows[: block.start], rows[block.stop :]])
