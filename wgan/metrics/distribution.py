"""What all distances between two sets share: equal sets drawn from the data, intervals, real against real."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

from torch import Tensor

from wgan.config.metrics import NO_INTERVAL, Metric, spec_of
from wgan.data.image_set import ImageSet
from wgan.metrics.images import EvaluationInputs, LeftOut, draw
from wgan.metrics.resampling import half_width, subsets

LARGEST = 10_000  # what papers use for PRDC; bounds the time
LARGEST_BYTES = 1 << 29  # of one set's pixels: bounds the memory, from 2,700 images of 256x256 upwards
RESAMPLED = 2_048  # images of a set that its intervals are taken from; those of more are narrower by the root
RULER = 0  # seed of what every run is compared with: a metric of the same images is the same for every run's seed
SMALLEST = 128  # below it five neighbours are no neighbourhood

Statistic = Callable[[Tensor, Tensor], Mapping[str, float]]


class Sets(NamedTuple):
    """Three sets of one size, in random order: metrics of sets of different sizes cannot be compared."""

    fake: Tensor  # (N, ...) generated images, or their features
    real: Tensor  # held-out ones
    other: Tensor  # training ones

    @classmethod
    def draw(cls, count: int, fake: Tensor, held_out: ImageSet, train: ImageSet, seed: int, purpose: str) -> "Sets":
        """`count` of each kind."""
        whole = {"fake": fake, "held-out": held_out.images, "train": train.images}
        return cls(*(x[draw(count, len(x), seed, f"{purpose}/{name}")] for name, x in whole.items()))

    def map(self, function: Callable[[Tensor], Tensor]) -> "Sets":
        """The same sets with `function` applied to each, such as a feature extractor."""
        return Sets(*map(function, self))


def drawn(inputs: EvaluationInputs, largest: int = LARGEST, part: ImageSet | None = None, fewest: int = 0) -> Sets:
    """As many images of each kind as the smallest set has, at most `largest`; `part` stands for the training images.

    Raises:
        LeftOut: there are fewer than `fewest`, or than `SMALLEST` if that is 0.
    """
    fewest = fewest or SMALLEST
    fake, held_out, train = inputs.fake, inputs.held_out, inputs.train if part is None else part
    count = min(most_used(fake[0], largest), len(fake), len(held_out), len(train))
    if count < fewest:
        apart = "" if part is None else f" that the classifier does not see, of {len(inputs.train)}"
        kinds = f"{len(fake)} generated, {len(held_out)} held out, {len(train)}{apart} for training"
        raise LeftOut(f"needs at least {fewest} images of each kind and was left out: {kinds}.")
    return Sets.draw(count, fake, held_out, train, RULER, "sets")


def most_used(image: Tensor, largest: int = LARGEST) -> int:
    """How many images of a set are looked at, at most; of large images (C, H, W), fewer."""
    return min(largest, LARGEST_BYTES // image.numel())


def measure(
    statistic: Statistic,
    sets: Sets,
    section: str,
    *,
    rougher: Statistic | None = None,
    resampled: Sets | None = None,
    halves: bool = False,
) -> tuple[Metric, ...]:
    """The metrics of one statistic: generated against held-out, with interval, and training against held-out.

    The statistic, (images to judge, real images) to key and value, is called for the interval on `subsets` of both, of
    `RESAMPLED` images at most; so is `rougher` in its place, where it costs less and moves as much, and so are the
    images of `resampled`, of each of which it may hold less.
    """
    value, real = statistic(sets.fake, sets.real), statistic(sets.other, sets.real)
    fake, held_out, _ = (resampled or sets).map(lambda images: images[:RESAMPLED])
    values = [(rougher or statistic)(fake[kept], held_out[kept]) for kept in subsets(len(fake), halves)]

    def judged(key: str) -> Metric:
        spec = spec_of(key)
        metric = Metric(key, spec.name, section, value[key], spec.better, real[key])
        if key in NO_INTERVAL:
            return metric
        half = half_width([found[key] for found in values], halves) * math.sqrt(len(fake) / len(sets.fake))
        return replace(metric, low=max(spec.floor, value[key] - half), high=min(spec.ceiling, value[key] + half))

    return tuple(map(judged, value))
