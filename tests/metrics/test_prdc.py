"""Precision, recall, density, coverage: the paper's definition in numpy, and what each is meant to see."""

import numpy as np
import pytest
import torch
from real_digits import digits, random

from wgan.metrics import images
from wgan.metrics.evaluate import evaluate
from wgan.metrics.features import random_vgg16
from wgan.metrics.prdc import manifold_metrics


def definition(fake: np.ndarray, real: np.ndarray, k: int) -> dict[str, float]:
    """Naeem et al. 2020, equations 1 to 5, word by word."""

    def radius(points: np.ndarray, i: int) -> float:
        return float(sorted(np.linalg.norm(points[i] - q) for j, q in enumerate(points) if j != i)[k - 1])

    real_balls = [radius(real, i) for i in range(len(real))]
    fake_balls = [radius(fake, i) for i in range(len(fake))]
    inside = np.array([[np.linalg.norm(y - x) < r for x, r in zip(real, real_balls, strict=True)] for y in fake])
    reached = np.array([[np.linalg.norm(y - x) < r for y, r in zip(fake, fake_balls, strict=True)] for x in real])
    return {
        "precision": inside.any(axis=1).mean(),
        "recall": reached.any(axis=1).mean(),
        "density": inside.sum() / (k * len(fake)),
        "coverage": inside.any(axis=0).mean(),
    }


@pytest.mark.parametrize("k", [1, 3, 5])
def test_the_figures_are_the_papers_definition(k: int) -> None:
    real = torch.randn(60, 4, generator=random(), dtype=torch.float64)
    fake = 0.8 * torch.randn(45, 4, generator=random(1), dtype=torch.float64) + 0.3
    assert manifold_metrics(fake, real, k) == pytest.approx(definition(fake.numpy(), real.numpy(), k), abs=1e-12)


def test_slices_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    real, fake = torch.randn(200, 8, generator=random()), torch.randn(180, 8, generator=random(1))
    whole = manifold_metrics(fake, real)
    cut = lambda n, _: (slice(a, min(a + 37, n)) for a in range(0, n, 37))  # noqa: E731
    monkeypatch.setattr("wgan.metrics.prdc.slices", cut)
    assert manifold_metrics(fake, real) == whole


def test_far_from_the_origin_distances_keep_their_digits() -> None:
    real, fake = torch.randn(200, 8, generator=random()), torch.randn(200, 8, generator=random(1))
    assert manifold_metrics(fake.double() + 1e6, real.double() + 1e6) == manifold_metrics(fake, real)


def test_slices_hold_no_more_than_their_bound() -> None:
    parts = list(images.slices(10_000, 10_000, 1 << 22))
    assert max(part.stop - part.start for part in parts) * 10_000 <= 1 << 22
    assert [part.start for part in parts[1:]] == [part.stop for part in parts[:-1]]


@pytest.mark.slow
def test_half_of_the_classes_missing_costs_recall_and_coverage_but_not_precision_and_density() -> None:
    real = digits()
    held_out, train, whole = real[:500], real[500:1000], real.images[1000:1500]
    rest = real[1500:]
    half = rest.images[rest.labels < 5][:500]
    full, halved = (evaluate(x, held_out, train, ["prdc"], 0, "cpu").values() for x in (whole, half))
    assert halved["coverage"] < full["coverage"] - 0.08
    assert halved["recall"] < full["recall"] - 0.03
    assert halved["precision"] > full["precision"] - 0.03
    assert halved["density"] > full["density"] - 0.1


@pytest.mark.slow
def test_duplicates_lose_coverage_but_not_precision() -> None:
    real = digits()
    held_out, train, whole = real[:500], real[500:1000], real.images[1000:1500]
    full, repeated = (
        evaluate(x, held_out, train, ["prdc"], 0, "cpu").values() for x in (whole, whole[:25].repeat(20, 1, 1, 1))
    )
    assert repeated["coverage"] < full["coverage"] / 2
    assert repeated["recall"] < full["recall"] / 2
    assert repeated["precision"] > full["precision"] - 0.15


def test_features_are_the_same_for_the_same_image_alone_or_among_others() -> None:
    batch = digits().images[:70]
    features = random_vgg16(batch)
    assert features.shape == (70, 64)
    assert torch.allclose(features[69:], random_vgg16(batch[69:]), atol=1e-4)
    assert features.std(dim=0).min() > 0


@pytest.mark.parametrize(("channels", "side"), [(1, 28), (3, 48), (3, 96)])
def test_every_size_has_features(channels: int, side: int) -> None:
    from real_digits import random_pixels

    assert random_vgg16(random_pixels(2, channels, side)).shape == (2, 64)


def test_few_images_leave_the_group_out_with_the_reason() -> None:
    real = digits()
    report = evaluate(real.images[:100], real[100:400], real[400:800], ["prdc"], 0, "cpu")
    assert report.metrics == ()
    assert "100 generated" in report.notes[0]
    assert "at least 128" in report.notes[0]
