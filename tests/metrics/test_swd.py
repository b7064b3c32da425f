"""Sliced Wasserstein distance: distances known in closed form, and the paper's pyramid written out with scipy."""

import numpy as np
import pytest
import torch
from real_digits import blurred, digits, noisy, random, random_pixels
from scipy import ndimage, special, stats

from wgan.metrics import swd
from wgan.metrics.evaluate import evaluate
from wgan.metrics.images import EvaluationInputs
from wgan.metrics.swd import levels, patches, pyramid, sliced_wasserstein
from wgan.utils.rng import generator


@pytest.mark.parametrize("dimension", [2, 49])
def test_shifted_points_are_the_mean_projection_of_the_shift_apart(dimension: int) -> None:
    points = torch.randn(500, dimension, generator=random(), dtype=torch.float64)
    shift = torch.randn(dimension, generator=random(1), dtype=torch.float64)
    # E|<s, u>| over unit directions u = |s| Gamma(d / 2) / (sqrt(pi) Gamma((d + 1) / 2))
    mean = float(shift.norm()) * special.gamma(dimension / 2) / (np.sqrt(np.pi) * special.gamma((dimension + 1) / 2))
    assert sliced_wasserstein(points, points + shift, 0) == pytest.approx(mean, rel=0.07)  # 512 directions


def test_gaussians_of_other_width_are_their_quantiles_apart() -> None:
    points = torch.randn(20_000, 3, generator=random(), dtype=torch.float64)
    other = 3 * torch.randn(20_000, 3, generator=random(1), dtype=torch.float64)
    # W1(N(0, 1), N(0, 9)) = (3 - 1) E|z| in every direction
    assert sliced_wasserstein(points, other, 0) == pytest.approx(2 * np.sqrt(2 / np.pi), rel=0.02)


def test_in_one_dimension_it_is_the_wasserstein_distance_of_scipy() -> None:
    a, b = torch.randn(300, 1, generator=random()), torch.rand(300, 1, generator=random(1))
    expected = stats.wasserstein_distance(a[:, 0].numpy(), b[:, 0].numpy())
    assert sliced_wasserstein(a, b, 0) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("shift", [0.0, 0.01, 1.0])
def test_the_sort_of_whole_numbers_gives_the_exact_distance(shift: float) -> None:
    a = torch.distributions.StudentT(3.0).sample((4000, 5)).double()  # heavy tails: the coarsest steps
    b = a.roll(1, 1) + shift
    directions = torch.randn(5, 512, generator=generator(0, "swd/directions"), dtype=torch.float64)
    directions /= directions.norm(dim=0)
    exact = ((a @ directions).sort(0).values - (b @ directions).sort(0).values).abs().mean()
    assert sliced_wasserstein(a, b, 0) == pytest.approx(float(exact), rel=1e-4)
    assert sliced_wasserstein(a, a.flip(0), 0) == 0


def test_the_pyramid_is_the_papers_convolution_by_convolution() -> None:
    images = random_pixels(2, 3, 28)
    row = np.array([1, 4, 6, 4, 1]) / 16
    kernel = (row[:, None] * row)[None, None]
    fine = images.numpy() / 255
    small = ndimage.convolve(fine, kernel, mode="mirror")[:, :, ::2, ::2]
    spread = np.zeros_like(fine)
    spread[:, :, ::2, ::2] = small
    expected = [fine - ndimage.convolve(spread, kernel * 4, mode="mirror"), small]
    for found, wanted in zip(pyramid(images.double() / 255, 2), expected, strict=True):
        assert np.allclose(found.numpy(), wanted, atol=1e-12)


def test_patches_are_windows_of_their_image() -> None:
    images = random_pixels(5, 3, 32)
    found = patches(images, 2, 9, seed=0)
    assert found.shape == (5, 2, 9, 3, 7, 7)
    level = pyramid(images.float() / 255, 2)[1]
    windows = level[3].unfold(1, 7, 1).unfold(2, 7, 1).permute(1, 2, 0, 3, 4).reshape(-1, 3, 7, 7)
    assert all((windows == patch).flatten(1).all(dim=1).any() for patch in found[3, 1])


def test_levels_halve_down_to_fourteen_pixels() -> None:
    assert [levels(side) for side in (28, 32, 48, 96)] == [[28, 14], [32, 16], [48, 24], [96, 48, 24]]
    assert levels(256) == [256, 128, 64, 32, 16]


@pytest.mark.slow
def test_noise_shows_at_the_level_of_its_scale() -> None:
    from wgan.metrics.evaluate import evaluate

    real = digits()
    report = evaluate(noisy(real.images[:400], 25), real[400:800], real[800:1200], ["swd"], 0, "cpu")
    fine, coarse = (next(f for f in report.metrics if f.key == key) for key in ("swd_28", "swd_14"))
    assert fine.value > 3 * fine.real
    assert coarse.value < 1.5 * coarse.real


@pytest.mark.slow
def test_an_interval_from_a_part_of_the_patches_is_that_of_all_or_wider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swd, "DIRECTIONS", 128)
    real = digits()
    inputs = EvaluationInputs(blurred(real.images[:300], 0.6), real[300:600], real[600:900], 0)
    widths = []
    for fewer in (swd.FEWER, 1):
        monkeypatch.setattr(swd, "FEWER", fewer)
        mean = swd.swd_metrics(inputs).metrics[-1]
        widths.append(mean.high - mean.low)
    assert 0.9 * widths[1] < widths[0] < 1.5 * widths[1]


@pytest.mark.parametrize(("count", "computed"), [(63, False), (64, True)])
def test_a_quarter_of_few_hundred_images_is_enough(count: int, computed: bool) -> None:
    """Real digits are nearer to real ones than noisy ones are, with as few of each."""
    real = digits()
    found = []
    for fake in (real.images[:count], noisy(real.images[:count], 40)):
        report = evaluate(fake, real[100 : 100 + count], real[400:800], ["swd"], 0, "cpu")
        found += [metric.value for metric in report.metrics if metric.key == "swd"]
        assert computed or "at least 64" in report.notes[0]
    assert found == ([] if not computed else sorted(found))
    assert not computed or 1.5 * found[0] < found[1]
