"""The critic's estimate against the exact Wasserstein distance, the generator frozen.

The distance between the standard normal and 8gaussians is known: the normal's mass within each sector of 45 degrees is
an eighth and goes to the centre there, which is the nearest one, so W1 = E min_k |z - c_k|.
"""

import pytest
import torch
from frozen_generator import Origin, Standard, converge, linear_critic, plane_trainer

from wgan.data.toy_2d import eight_centres, toy
from wgan.metrics.toy_2d import exact_w1

NORMAL = torch.randn(200_000, 2, generator=torch.Generator().manual_seed(0))
W1 = float(torch.cdist(NORMAL, eight_centres()).amin(1).mean())
POINTS = toy("8gaussians", 0)[0].images


def test_the_simplex_finds_the_distance_that_geometry_gives() -> None:
    assert exact_w1(NORMAL[:1000], POINTS[:1000]) == pytest.approx(W1, rel=0.05)


@pytest.mark.slow
def test_wgan_gps_estimate_lies_within_a_tenth_of_the_exact_distance() -> None:
    trainer = plane_trainer("WGAN-GP", gp_lambda=10, learning_rate=3e-3, beta_adam=0.5)
    trainer.generator = Standard()
    found = converge(trainer, POINTS, 1200)
    assert found["wasserstein_estimate"] == pytest.approx(W1, rel=0.1)
    assert found["gradient_norm"] == pytest.approx(1, abs=0.1)


@pytest.mark.slow
def test_a_soft_penalty_overshoots_by_its_closed_form() -> None:
    """min_s of -s W + lambda (s - 1)^2 over the slope s: s = 1 + W / (2 lambda), and the estimate is s W."""
    trainer = plane_trainer("WGAN-GP", gp_lambda=1, learning_rate=3e-3, beta_adam=0.5)
    trainer.generator = Standard()
    found = converge(trainer, POINTS, 700)
    assert found["wasserstein_estimate"] == pytest.approx(W1 * (1 + W1 / 2), rel=0.1)


def test_clippings_estimate_is_off_by_a_scale_that_the_bound_sets() -> None:
    """The same critic, data and steps; the estimates lie orders of magnitude apart and none near the distance."""
    estimates = []
    for clip_value in (0.01, 0.03, 0.1):
        trainer = plane_trainer("WGAN-CLIP", clip_value=clip_value, learning_rate=1e-3)
        trainer.generator = Standard()
        estimates.append(converge(trainer, POINTS, 300)["wasserstein_estimate"])
    assert 0 < estimates[0] < estimates[1] / 100 < estimates[2] / 1000
    assert all(abs(estimate / W1 - 1) > 0.1 for estimate in estimates)


@pytest.mark.parametrize("gp_lambda", [0.1, 10.0])
def test_between_two_points_wgan_gp_reaches_its_closed_form(gp_lambda: float) -> None:
    """Linear critics, points at distance d: the slope is 1 + d / (2 lambda), real above generated."""
    trainer = plane_trainer("WGAN-GP", gp_lambda=gp_lambda, learning_rate=0.02, beta_adam=0.5)
    trainer.generator = Origin()
    trainer.critic = linear_critic()
    trainer.critic_optimizer = torch.optim.Adam(trainer.critic.parameters(), 0.02)
    real = torch.tensor([0.3, -0.4]).expand(256, 2)
    found = converge(trainer, real, 800)
    slope = 1 + 0.5 / (2 * gp_lambda)
    assert found["gradient_norm"] == pytest.approx(slope, rel=1e-3)
    assert found["wasserstein_estimate"] == pytest.approx(0.5 * slope, rel=1e-3)
