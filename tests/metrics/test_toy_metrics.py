"""Exact W1 and the modes of points in the plane."""

import pytest
import torch

from wgan.data.image_set import ImageSet
from wgan.data.toy_2d import toy, twenty_five_centres
from wgan.metrics.toy_2d import Modes, evaluate_points, exact_w1


def test_a_shift_moves_every_point_by_its_length() -> None:
    points = torch.randn(300, 2, generator=torch.Generator().manual_seed(0))
    assert exact_w1(points, points + torch.tensor([0.3, -0.4])) == pytest.approx(0.5, rel=1e-6)
    assert exact_w1(points, points.flip(0)) == pytest.approx(0, abs=1e-6)


def test_the_modes_read_off_the_labels_are_the_papers() -> None:
    train, _ = toy("25gaussians", 0)
    modes = Modes.of(train)
    assert modes is not None
    assert torch.allclose(modes.centres, twenty_five_centres(), atol=2e-3)
    assert modes.deviation == pytest.approx(0.05 / 2.828, rel=0.02)
    assert Modes.of(toy("swissroll", 0)[0]) is None, "no labels, no modes"


@pytest.mark.parametrize("kept", [25, 10, 1])
def test_modes_that_are_left_out_are_not_counted(kept: int) -> None:
    train, held_out = toy("25gaussians", 0)
    modes = Modes.of(train)
    assert modes is not None
    assert held_out.labels is not None
    covered, near = modes.found(held_out.images[held_out.labels < kept])
    assert covered == kept
    assert near == pytest.approx(1 - torch.tensor(-4.5).exp().item(), abs=0.02), "within 3 deviations, two dimensions"


def test_a_stray_point_is_no_mode() -> None:
    modes = Modes(twenty_five_centres(), 0.02)
    strays = torch.cat([twenty_five_centres(), twenty_five_centres()[:1].expand(1000, 2)])
    assert modes.found(strays)[0] == 1


@pytest.mark.slow
def test_real_points_reach_the_real_against_real_values() -> None:
    train, held_out = toy("8gaussians", 0)
    fake, _ = toy("8gaussians", 1)
    report = evaluate_points(fake.images[:10_000], held_out, train, seed=0)
    figures = {figure.key: figure for figure in report.metrics}
    assert figures["modes_covered"].value == figures["modes_covered"].real == 8
    w1 = figures["w1"]
    assert w1.real is not None
    assert w1.low is not None
    assert w1.high is not None
    assert w1.low <= w1.value <= w1.high
    assert w1.value == pytest.approx(w1.real, abs=0.1)
    far = evaluate_points(fake.images[:10_000] + 5, held_out, train, seed=0).values()
    assert far["modes_covered"] == far["near_a_mode"] == 0
    assert far["w1"] == pytest.approx(50**0.5, rel=0.02)


def test_points_without_classes_have_no_modes_in_their_report() -> None:
    train, held_out = toy("swissroll", 0)
    assert set(evaluate_points(ImageSet(train.images[:2000]).images, held_out, train, 0).values()) == {"w1"}
