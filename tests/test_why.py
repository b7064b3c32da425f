"""docs/why.md: its script's functions, and the numbers that stand in the page, against what is known."""

import math
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import ot
import pytest
import torch
from commands import ROOT, docs_script
from PIL import Image
from scipy.integrate import quad
from scipy.stats import norm, wasserstein_distance

PAGE = (ROOT / "docs" / "why.md").read_text(encoding="utf-8")


why = docs_script("why")


def rows(heading: str) -> list[list[float]]:
    """The numbers of a section's tables, row by row, words left out."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|") and "---" not in line]
    found = [[float(cell) for cell in row if re.fullmatch(r" *-?[\d.]+(e-?\d+)? *", cell)] for row in cells]
    return [row for row in found if row]


def js(d: float) -> float:
    """By adaptive quadrature, on each side of the middle."""

    def integrand(x: float) -> float:
        p, q = norm.pdf(x), norm.pdf(x, d)
        m = (p + q) / 2
        return (p * math.log(p / m) + q * math.log(q / m)) / 2

    return quad(integrand, -10, d / 2, limit=200)[0] + quad(integrand, d / 2, d + 10, limit=200)[0]


@pytest.mark.parametrize("d", [0.5, 1.0, 2.0, 5.0, 10.0])
def test_the_distances_between_normals(d: float) -> None:
    found = why.between_normals(d)
    assert found.js == pytest.approx(js(d), abs=1e-9)
    kl = quad(lambda x: norm.pdf(x) * (norm.logpdf(x) - norm.logpdf(x, d)), -12, 12)[0]
    assert found.kl == pytest.approx(kl, rel=1e-9)
    quantiles = norm.ppf((np.arange(4000) + 0.5) / 4000)
    assert found.w1 == pytest.approx(wasserstein_distance(quantiles, quantiles + d), rel=1e-9)


@pytest.mark.parametrize("d", [0.5, 2.0, 5.0])
def test_their_gradients_are_their_differences(d: float) -> None:
    before, after = why.between_normals(d - 1e-4), why.between_normals(d + 1e-4)
    for found, a, b in zip(why.gradients_between_normals(d), before, after, strict=True):
        assert found == pytest.approx((b - a) / 2e-4, rel=1e-5)


def test_far_away_js_stands_still_below_its_bound_and_w1_does_not() -> None:
    assert why.between_normals(35).js == pytest.approx(math.log(2), abs=1e-12)
    # Laplace: log(1 + p / q) matters around the middle alone, where both densities are exp(-d^2 / 8) / sqrt(2 pi)
    assert 0 < why.gradients_between_normals(35).js < 35 * math.exp(-(35**2) / 8)
    assert why.gradients_between_normals(35).w1 == 1


def test_parallel_lines_are_theta_apart() -> None:
    for theta in (-1.0, -0.3, 0.0, 0.7):
        found = why.parallel_lines(theta)
        assert found.w1 == pytest.approx(abs(theta), abs=1e-9)
        assert found.js == (0 if theta == 0 else math.log(2))


def test_the_linear_programmes_agree_with_the_network_simplex_and_the_notebook() -> None:
    one, other = why.PILES
    plan, primal = why.transport(one, other, why.COST)
    f, dual = why.potential(one, other, why.COST)
    exact = sum(
        abs(sum(Fraction(a, 77) for a in (12, 7, 4, 1, 19, 14, 9, 6, 3, 2)[:k]) -
            sum(Fraction(b, 71) for b in (1, 5, 11, 17, 13, 9, 6, 4, 3, 2)[:k]))
        for k in range(1, 10)
    )  # fmt: skip
    assert exact == Fraction(3861, 5467)
    for found in (primal, dual, float(f @ (one - other)), float((plan * why.COST).sum()), why.ITS_EMD):
        assert found == pytest.approx(float(exact), abs=1e-9)
    assert ot.emd2(one, other, why.COST) == pytest.approx(float(exact), abs=1e-9)
    assert np.allclose(plan.sum(1), one)
    assert np.allclose(plan.sum(0), other)
    assert np.abs(np.diff(f)).max() <= 1 + 1e-9
    assert np.abs(np.diff(why.ITS_F)).max() <= 1
    assert float(why.ITS_F @ (one - other)) == pytest.approx(float(exact), abs=1e-9)


def test_a_constant_moves_the_generators_loss_alone() -> None:
    critic, estimate, generator = why.with_a_constant(100.0)
    assert critic[2] == pytest.approx(critic[1], abs=1e-3)
    assert estimate[2] == pytest.approx(estimate[1], abs=1e-3)
    assert generator[2] == pytest.approx(generator[1] - 100, abs=1e-3)


@pytest.mark.slow
def test_discriminator_and_critic_learn_what_theory_says() -> None:
    seen = why.slopes()
    assert why.mean_error(seen.discriminator) < 0.005
    assert why.at(why.APART, seen.minimax) < 1e-3
    assert why.at(why.APART, seen.wasserstein) == pytest.approx(1 + why.APART / 20, rel=0.02)
    between = seen.wasserstein[(why.LINE > 0) & (why.LINE < why.APART)]
    assert float(between.min()) > 1.1, "the critic's slope is there everywhere between the two"


def test_the_best_discriminator_is_that_of_the_densities() -> None:
    for x in (-1.0, 0.0, 1.7, 2.0, 3.0):
        p, q = norm.pdf(x, 0, why.SPREAD), norm.pdf(x, why.APART, why.SPREAD)
        assert why.at(x, why.best_discriminator()) == pytest.approx(p / (p + q), rel=0.2)
    assert why.at(2.0, why.best_discriminator()) == pytest.approx(0.5, abs=1e-4)


def test_a_short_training_logs_means_of_its_rows() -> None:
    curves = why.training(1, steps=20, every=10)
    assert curves.step == [10, 20]
    assert all(map(math.isfinite, [*curves.generator_loss, *curves.estimate, *curves.exact]))


# What stands in the page ------------------------------------------------------------------------------------------


def test_the_tables_that_need_no_training_are_those_of_the_script() -> None:
    for table in (why.distance_table(), why.lines_table(), why.differences()):
        assert table in PAGE


def test_its_table_of_distances_has_their_closed_forms() -> None:
    for d, kl, js_found, w1, kl_slope, js_slope, w1_slope in rows("A distance that says where to go"):
        assert (kl, w1, kl_slope, w1_slope) == (pytest.approx(d * d / 2, rel=1e-3), d, d, 1)
        assert js_found == pytest.approx(js(d) if d < 20 else math.log(2), rel=1e-3)
        assert js_slope <= 0.25


def test_its_lines_lead_home() -> None:
    for theta, _, w1, js_slope, w1_slope in rows("Parallel lines"):
        assert (w1, js_slope, w1_slope) == (abs(theta), 0, math.copysign(1, theta))


def test_its_earth_movers_distances_are_one_number() -> None:
    assert rows("The earth mover's distance") == [[0.706237]] * 5


def test_its_trained_slopes_are_near_their_closed_forms() -> None:
    (error, none), *critic = rows("What a generator learns from a discriminator and from a critic")
    assert none == 0
    assert error < 0.005
    assert [closed for _, closed in critic] == [1.2, 4.8]
    assert all(found == pytest.approx(closed, rel=0.02) for found, closed in critic)


def test_its_losses_move_as_told_and_its_estimates_are_near_the_distance() -> None:
    critic, estimate, generator, *trainings = rows("The generator's loss means nothing, the estimate does")
    assert critic[0] == critic[1]
    assert estimate[0] == estimate[1]
    assert generator[1] == pytest.approx(generator[0] - 100, abs=1e-3)
    assert len(trainings) == 3
    assert all(abs(exact - found) < 0.1 for _, exact, found, _ in trainings)
    spread = [max(column) - min(column) for column in zip(*trainings, strict=True)]
    assert spread[3] > 3 * max(spread[1], spread[2]), "the generator's losses lie further apart than all else"


@pytest.mark.parametrize("name", re.findall(r"images/(why_\w+\.png)", PAGE))
def test_each_picture_opens_and_is_small(name: str) -> None:
    path = ROOT / "docs" / "images" / name
    assert path.stat().st_size < 100_000
    with Image.open(path) as image:
        assert min(image.size) > 200


def test_the_script_and_the_page_show_the_same_pictures(tmp_path: Path) -> None:
    flat = torch.ones_like(why.LINE)
    why.draw_slopes(why.Slopes(flat, flat, flat, flat, flat), tmp_path / "slopes.png")
    why.draw_distances(tmp_path / "distances.png")
    why.draw_piles(tmp_path / "piles.png")
    curves = why.Curves([1, 2], [0.0, 1.0], [1.0, 0.5], [1.0, 0.5])
    why.draw_losses(dict.fromkeys((1, 2, 3), curves), tmp_path / "losses.png")
    drawn = {f"why_{path.name}" for path in tmp_path.iterdir()}
    assert drawn == set(re.findall(r"images/(why_\w+\.png)", PAGE))
