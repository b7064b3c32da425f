"""Exact earth mover's distance: scipy's linear programme, sorting in one dimension, colours by hand."""

import numpy as np
import pytest
import torch
from real_digits import random, random_pixels
from scipy import optimize, stats

from wgan.metrics.emd import colour_distance, histogram, image_distance, transport


def linear_programme(a: np.ndarray, b: np.ndarray, cost: np.ndarray) -> float:
    """min <plan, cost> with the plan's rows summing to a and its columns to b."""
    m, n = cost.shape
    rows, columns = np.kron(np.eye(m), np.ones(n)), np.kron(np.ones(m), np.eye(n))
    found = optimize.linprog(cost.ravel(), A_eq=np.vstack([rows, columns]), b_eq=np.concatenate([a, b]), method="highs")
    return float(found.fun)


def test_images_are_as_far_apart_as_the_linear_programme_says() -> None:
    a, b = torch.rand(25, 12, generator=random()), torch.rand(25, 12, generator=random(1))
    cost = np.linalg.norm(a.numpy()[:, None] - b.numpy()[None], axis=-1).astype(np.float64)
    weights = np.full(25, 1 / 25)
    assert image_distance(a, b) == pytest.approx(linear_programme(weights, weights, cost), rel=1e-6)


def test_uneven_masses_are_moved_as_the_linear_programme_says() -> None:
    a, b = (torch.rand(n, generator=random(n), dtype=torch.float64) for n in (9, 14))
    a, b = a / a.sum(), b / b.sum()
    cost = torch.rand(9, 14, generator=random(), dtype=torch.float64)
    assert transport(a, b, cost) == pytest.approx(linear_programme(a.numpy(), b.numpy(), cost.numpy()), rel=1e-9)


def test_in_one_dimension_it_is_the_wasserstein_distance_of_scipy() -> None:
    a, b = torch.randn(200, 1, generator=random()), torch.rand(200, 1, generator=random(1))
    expected = stats.wasserstein_distance(a[:, 0].numpy(), b[:, 0].numpy())
    assert image_distance(a, b) == pytest.approx(expected, rel=1e-6)


def test_grey_histograms_are_as_far_apart_as_their_distribution_functions() -> None:
    a, b = random_pixels(20, 1, 28) // 2, random_pixels(20, 1, 28, seed=1)
    binned = [(image.flatten().double() * 64 / 256).floor() / 64 for image in (a, b)]
    assert colour_distance(a, b) == pytest.approx(stats.wasserstein_distance(*(x.numpy() for x in binned)), rel=1e-9)


def test_moving_a_third_of_the_red_pixels_to_blue_costs_a_third_of_the_way() -> None:
    red = torch.zeros(1, 3, 30, 30, dtype=torch.uint8)
    red[:, 0] = 255
    some_blue = red.clone()
    some_blue[:, 0, :10], some_blue[:, 2, :10] = 0, 255
    assert colour_distance(red, some_blue) == pytest.approx(np.sqrt(2) * (7 / 8) / 3, rel=1e-9)
    assert colour_distance(red, red) == pytest.approx(0, abs=1e-12)


def test_the_histogram_is_numpys() -> None:
    images = random_pixels(3, 3, 28)
    pixels = images.permute(0, 2, 3, 1).reshape(-1, 3).numpy()
    expected, _ = np.histogramdd(pixels, bins=[np.arange(0, 257, 32)] * 3)
    assert np.allclose(histogram(images, 8).numpy(), expected.ravel() / expected.sum())
