"""What an interval says: of sets drawn anew, nine in ten to 99 in a hundred intervals hold the metric's mean.

Features of two known distributions stand for generated and real images, so that sets can be drawn anew at will.
"""

from collections.abc import Callable, Mapping
from functools import partial

import pytest
import torch
from real_digits import random
from torch import Tensor

from wgan.config.metrics import CATALOGUE, NO_INTERVAL
from wgan.metrics import swd
from wgan.metrics.distribution import Sets, measure
from wgan.metrics.emd import colour_distance, image_distance
from wgan.metrics.frechet import frechet_distance
from wgan.metrics.mmd import cubic, gaussian, mmd2
from wgan.metrics.prdc import manifold_metrics
from wgan.metrics.resampling import bootstrap_mean

REPEATS = 200
Draw = Callable[[torch.Generator], tuple[Tensor, Tensor]]
Statistic = Callable[[Tensor, Tensor], Mapping[str, float]]


def held(statistic: Statistic, draw: Draw, halves: bool = False) -> dict[str, float]:
    """How many of the intervals hold the mean over all draws."""
    found: dict[str, list[tuple[float, float, float]]] = {}
    for repeat in range(REPEATS):
        fake, real = draw(random(repeat))
        for metric in measure(statistic, Sets(fake, real, real), "", halves=halves):
            assert metric.low is not None
            assert metric.high is not None
            found.setdefault(metric.key, []).append((metric.low, metric.value, metric.high))
    shares = {}
    for key, intervals in found.items():
        low, value, high = torch.tensor(intervals, dtype=torch.float64).T
        shares[key] = float(((low <= value.mean()) & (value.mean() <= high)).double().mean())
    return shares


def features(size: int, width: int, shift: float, scale: float) -> Draw:
    """Normal features, those of generated images shifted and scaled."""

    def draw(numbers: torch.Generator) -> tuple[Tensor, Tensor]:
        fake, real = torch.randn(2, size, width, generator=numbers, dtype=torch.float64)
        return fake * scale + shift, real

    return draw


def pictures(size: int, side: int) -> Draw:
    """Grey noise whose brightness and contrast differ from image to image, the generated ones a little darker."""

    def draw(numbers: torch.Generator) -> tuple[Tensor, Tensor]:
        grey = 128 + 30 * torch.randn(2, size, 1, 1, 1, generator=numbers)
        texture = 40 * torch.rand(2, size, 1, 1, 1, generator=numbers)
        noise = texture * torch.randn(2, size, 1, side, side, generator=numbers)
        fake, real = (grey + noise - torch.tensor([25.0, 0]).reshape(2, 1, 1, 1, 1)).clamp(0, 255).byte()
        return fake, real

    return draw


def sliced(a: Tensor, b: Tensor) -> dict[str, float]:
    return {"swd": 1000 * swd.sliced_wasserstein(swd._normalised(a, 0), swd._normalised(b, 0), 0, 8)}


def patched(numbers: torch.Generator) -> tuple[Tensor, Tensor]:
    """Four patches of each image on one level, the generated ones smoother."""
    contrast = 1 + torch.rand(2, 128, 1, 1, 1, 1, 1, generator=numbers)
    fake, real = contrast * torch.randn(2, 128, 1, 4, 1, 7, 7, generator=numbers)
    return fake + fake.roll(1, -1), real


def kernels(a: Tensor, b: Tensor) -> dict[str, float]:
    return {"mmd": mmd2(a, b, gaussian(4.0)), "mmd_cubic": mmd2(a, b, cubic), "kid": mmd2(a, b, cubic)}


def confidence(a: Tensor, _: Tensor) -> dict[str, float]:
    right = (a[:, 1:] < a[:, :1] + 1).all(1)  # a share, of about two thirds
    return {
        "class_confidence": float((3 * a).softmax(1).max(1).values.mean()),
        "class_asked": float(right.double().mean()),
    }


def named(key: str, distance: Callable[[Tensor, Tensor], float]) -> Statistic:
    return lambda a, b: {key: distance(a, b)}


CASES: dict[str, tuple[Statistic, Draw]] = {
    "frechet near": (named("frechet_classifier", frechet_distance), features(300, 16, 0.15, 0.95)),
    "frechet far": (named("frechet_classifier", frechet_distance), features(300, 16, 0.4, 0.8)),
    "kernels near": (kernels, features(128, 16, 0.15, 0.95)),
    "kernels far": (kernels, features(128, 16, 0.4, 0.8)),
    "neighbours narrow": (partial(manifold_metrics), features(200, 8, 0.0, 0.7)),
    "neighbours far": (partial(manifold_metrics), features(200, 8, 0.4, 1.1)),
    "images": (named("emd", image_distance), features(100, 16, 0.4, 0.8)),
    "points": (named("w1", image_distance), features(100, 2, 0.4, 0.8)),
    "colours": (named("emd_colour", colour_distance), pictures(128, 7)),
    "patches": (sliced, patched),
    "classes": (confidence, features(200, 10, 0.2, 1.0)),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_intervals_hold_the_mean_as_often_as_they_say(case: str) -> None:
    shares = held(*CASES[case], halves=case.startswith("neighbours"))
    assert {key: share for key, share in shares.items() if not 0.90 <= share <= 0.99} == {}


def test_every_metric_with_an_interval_is_simulated() -> None:
    tiny = {key for statistic, draw in CASES.values() for key in statistic(*draw(random()))}
    wanted = {key for key, spec in CATALOGUE.items() if key not in NO_INTERVAL and spec.group != "paired"}
    assert wanted - {"modes_covered", "near_a_mode"} == tiny


def test_the_bootstrap_covers_the_mean_as_often_as_it_says() -> None:
    samples = torch.randn(400, 100, generator=random(), dtype=torch.float64)
    covered = [low < 0 < high for low, high in (bootstrap_mean(row, k) for k, row in enumerate(samples))]
    assert 0.90 < sum(covered) / len(covered) < 0.98
