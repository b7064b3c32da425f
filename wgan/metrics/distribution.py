"""What all distances between two sets share: equal sets drawn from the data, intervals, real against real."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from wgan.config.metrics import Metric, spec_of
from wgan.metrics.images import EvaluationInputs, draw
from wgan.metrics.report import GroupResult
from wgan.metrics.resampling import block_half_width, blocks, jackknife_half_width

LARGEST = 10_000  # what papers use for PRDC; bounds the time
LARGEST_BYTES = 1 << 29  # of one set's pixels: bounds the memory, from 2,700 images of 256x256 upwards
SMALLEST = 128  # below it the blocks of the intervals are too small for five neighbours


@dataclass(frozen=True)
class Sets:
    """Three sets of one size, in random order: metrics of sets of different sizes cannot be compared.

    Attributes:
        fake, real, other: (N, ...) generated images, held-out ones, training ones; or their features.
    """

    fake: Tensor
    real: Tensor
    other: Tensor

    def map(self, function: Callable[[Tensor], Tensor]) -> "Sets":
        """The same sets with `function` applied to each, such as a feature extractor."""
        return Sets(function(self.fake), function(self.real), function(self.other))


def drawn(inputs: EvaluationInputs, largest: int = LARGEST) -> Sets | None:
    """As many images of each kind as the smallest set has, at most `largest`; None if fewer than `SMALLEST`."""
    whole = (inputs.fake, inputs.held_out.images, inputs.train.images)
    count = min(most_used(inputs.fake[0], largest), *map(len, whole))
    if count < SMALLEST:
        return None
    names = ("fake", "held-out", "train")
    return Sets(*(x[draw(count, len(x), inputs.seed, f"sets/{n}")] for x, n in zip(whole, names, strict=True)))


def most_used(image: Tensor, largest: int = LARGEST) -> int:
    """How many images of a set are looked at, at most; of large images (C, H, W), fewer."""
    return min(largest, LARGEST_BYTES // image.numel())


def too_few_images(inputs: EvaluationInputs, group: str) -> GroupResult:
    """What stands for a group when `drawn` gave nothing."""
    counts = (
        f"{len(inputs.fake)} generated, {len(inputs.held_out.images)} held out, {len(inputs.train.images)} for training"
    )
    return GroupResult(notes=(f"{group} needs at least {SMALLEST} images of each kind and was left out: {counts}.",))


def measure(
    statistic: Callable[[Tensor, Tensor], Mapping[str, float]],
    sets: Sets,
    section: str,
    *,
    jackknife: bool = False,
) -> tuple[Metric, ...]:
    """The metrics of one statistic: generated against held-out, with interval, and training against held-out.

    Args:
        statistic: (images to judge, real images) to key and value; called on equal parts of both as well.
        sets: what it is called on.
        section: the metrics' heading.
        jackknife: intervals from leaving blocks out rather than from the blocks themselves; for cheap statistics.
    """
    value, real = statistic(sets.fake, sets.real), statistic(sets.other, sets.real)
    part = without if jackknife else lambda rows, block: rows[block]
    values = [statistic(part(sets.fake, block), part(sets.real, block)) for block in blocks(len(sets.fake))]
    half_width = jackknife_half_width if jackknife else block_half_width

    def metric(key: str) -> Metric:
        spec, half = spec_of(key), half_width([found[key] for found in values])
        low, high = max(spec.floor, value[key] - half), min(spec.ceiling, value[key] + half)
        return Metric(key, spec.name, section, value[key], spec.better, real[key], low, high)

    return tuple(map(metric, value))


def without(rows: Tensor, block: slice) -> Tensor:
    """All rows but a block."""
    return torch.cat([rows[: block.start], rows[block.stop :]])
