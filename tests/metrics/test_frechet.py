"""Fréchet distance: the closed form of two Gaussians, scipy's matrix root, torch-fidelity."""

import numpy as np
import pytest
import torch
from real_digits import random
from scipy import linalg
from torch_fidelity import metric_fid

from wgan.metrics.frechet import frechet_distance


def with_moments(mean: torch.Tensor, covariance: torch.Tensor, count: int, seed: int) -> torch.Tensor:
    """Points whose sample mean and sample covariance are exactly these."""
    rows = torch.randn(count, len(mean), generator=random(seed), dtype=torch.float64)
    rows = rows - rows.mean(0)
    white = rows @ torch.linalg.inv(torch.linalg.cholesky(rows.T.cov())).T
    return white @ torch.linalg.cholesky(covariance).T + mean


def covariance(dimension: int, seed: int) -> torch.Tensor:
    root = torch.randn(dimension, dimension, generator=random(seed), dtype=torch.float64)
    return root @ root.T + 0.1 * torch.eye(dimension, dtype=torch.float64)


def test_axis_parallel_gaussians_have_the_textbook_distance() -> None:
    a = with_moments(torch.tensor([1.0, -2.0]).double(), torch.diag(torch.tensor([4.0, 9.0]).double()), 50, 0)
    b = with_moments(torch.tensor([0.0, 0.0]).double(), torch.diag(torch.tensor([1.0, 25.0]).double()), 70, 1)
    assert frechet_distance(a, b) == pytest.approx(1 + 4 + (2 - 1) ** 2 + (3 - 5) ** 2, rel=1e-9)


def test_any_gaussians_have_the_distance_of_the_closed_form() -> None:
    mean_a, mean_b = torch.zeros(6).double(), torch.ones(6).double()
    s_a, s_b = covariance(6, 2), covariance(6, 3)
    cross = np.trace(linalg.sqrtm(s_a.numpy() @ s_b.numpy()).real)
    expected = 6 + float(s_a.trace() + s_b.trace()) - 2 * cross
    found = frechet_distance(with_moments(mean_a, s_a, 90, 0), with_moments(mean_b, s_b, 40, 1))
    assert found == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("count", [40, 400], ids=["fewer images than features", "more images than features"])
def test_it_is_the_fid_of_torch_fidelity(count: int) -> None:
    a, b = (torch.randn(count, 64, generator=random(k), dtype=torch.float64) * (1 + k) for k in (0, 1))
    moments = [metric_fid.fid_features_to_statistics(x) for x in (a, b)]
    expected = metric_fid.fid_statistics_to_metric(*moments, False)[metric_fid.KEY_METRIC_FID]
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-5)


def test_a_set_is_at_no_distance_from_itself() -> None:
    points = torch.randn(300, 20, generator=random(), dtype=torch.float64)
    assert frechet_distance(points, points) == pytest.approx(0, abs=1e-9)
