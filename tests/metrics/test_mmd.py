"""Kernel MMD: its definition, a closed form, and no bias where two sets come from one distribution."""

import numpy as np
import pytest
import torch
from real_digits import random
from torch_fidelity import metric_kid

from wgan.metrics.mmd import cubic, gaussian, median_distance, mmd2


def samples(count: int, dimension: int, seed: int, shift: float = 0.0) -> torch.Tensor:
    return torch.randn(count, dimension, generator=random(seed), dtype=torch.float64) + shift


def test_the_cubic_kernel_gives_the_kid_of_torch_fidelity() -> None:
    x, y = samples(90, 16, 0), samples(90, 16, 1, 0.5)
    k_xx, k_xy, k_yy = (
        metric_kid.kernel_poly(a.numpy(), b.numpy(), kid_degree=3, kid_gamma=None, kid_coef0=1)
        for a, b in ((x, x), (x, y), (y, y))
    )
    assert mmd2(x, y, cubic) == pytest.approx(float(metric_kid.mmd2(k_xx, k_xy, k_yy)), rel=1e-9)


def test_sets_of_other_sizes_follow_the_definition_point_by_point() -> None:
    x, y = samples(20, 3, 0), samples(31, 3, 1, 1.0)
    kernel = gaussian(1.5)

    def k(p: torch.Tensor, q: torch.Tensor) -> float:
        return float(np.exp(-float((p - q).square().sum()) / (2 * 1.5**2)))

    within = [np.mean([k(p, q) for i, p in enumerate(s) for j, q in enumerate(s) if i != j]) for s in (x, y)]
    across = np.mean([k(p, q) for p in x for q in y])
    assert mmd2(x, y, kernel) == pytest.approx(sum(within) - 2 * across, rel=1e-9)


@pytest.mark.parametrize("kernel", [cubic, gaussian(2.0)], ids=["cubic", "gaussian"])
def test_it_is_unbiased_where_both_sets_come_from_one_distribution(kernel) -> None:
    values = np.array([mmd2(samples(40, 4, 2 * k), samples(40, 4, 2 * k + 1), kernel) for k in range(600)])
    standard_error = values.std() / np.sqrt(len(values))
    assert abs(values.mean()) < 3 * standard_error
    assert (values < 0).mean() > 0.3, "an estimate that is never negative cannot be unbiased"


def test_shifted_gaussians_have_the_distance_of_the_closed_form() -> None:
    # N(0, 1) and N(m, 1), kernel exp(-d^2 / (2 s^2)): MMD^2 = 2 s / sqrt(s^2 + 2) (1 - exp(-m^2 / (2 (s^2 + 2))))
    m, s = 1.5, 1.0
    expected = 2 * s / np.sqrt(s**2 + 2) * (1 - np.exp(-(m**2) / (2 * (s**2 + 2))))
    assert mmd2(samples(4000, 1, 0), samples(4000, 1, 1, m), gaussian(s)) == pytest.approx(expected, rel=0.05)


def test_slices_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = samples(100, 5, 0), samples(120, 5, 1)
    whole = mmd2(x, y, cubic)
    monkeypatch.setattr("wgan.metrics.mmd.slices", lambda n, _: (slice(a, min(a + 7, n)) for a in range(0, n, 7)))
    assert mmd2(x, y, cubic) == pytest.approx(whole, rel=1e-12)


def test_the_bandwidth_is_the_median_distance() -> None:
    points = samples(101, 2, 0)
    distances = [float((a - b).norm()) for i, a in enumerate(points) for b in points[:i]]
    assert median_distance(points) == pytest.approx(np.sort(distances)[(len(distances) - 1) // 2])
