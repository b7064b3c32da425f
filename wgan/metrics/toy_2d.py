"""Exact figures for points in the plane: the distance that a WGAN's critic estimates, and the modes that are found."""

from typing import NamedTuple

import torch
from torch import Tensor

from wgan.metrics.distribution import Sets, Spec, measure
from wgan.metrics.emd import image_distance
from wgan.metrics.images import Labelled, draw
from wgan.metrics.report import Figure, Report

POINTS = 1_000
"""Of each kind in a distance: the simplex takes a fifth of a second for so many."""
REACH = 3.0
"""A point belongs to a mode within so many standard deviations of its centre (VEEGAN, arXiv:1705.07761, sec. 5)."""
PRESENT = 0.1
"""A mode is covered when so large a share of what it should hold lies near it: a stray point or two is no mode."""

W1 = {"w1": Spec("Exact W1", "lower")}
MODES = {"modes_covered": Spec("Modes covered", "higher"), "near_a_mode": Spec("Share near a mode", "real", 0.0, 1.0)}


class Modes(NamedTuple):
    """The centres of labelled points.

    Attributes:
        centres: (K, 2).
        deviation: of a point from its centre, in each coordinate.
    """

    centres: Tensor
    deviation: float

    @classmethod
    def of(cls, points: Labelled) -> "Modes | None":
        """Read off points whose labels say where they belong; None where they have no labels."""
        if points.labels is None:
            return None
        groups = [points.images[points.labels == label] for label in range(len(points.class_names))]
        centres = torch.stack([group.mean(0) for group in groups])
        return cls(centres, float((points.images - centres[points.labels]).square().mean().sqrt()))

    def found(self, points: Tensor) -> tuple[int, float]:
        """How many modes are covered by points, (N, 2), and the share of the points that lie near a mode."""
        distance, nearest = torch.cdist(points, self.centres).min(1)
        near = distance <= REACH * self.deviation
        counts = nearest[near].bincount(minlength=len(self.centres))
        return int((counts >= PRESENT * len(points) / len(self.centres)).sum()), float(near.float().mean())


def exact_w1(a: Tensor, b: Tensor) -> float:
    """1-Wasserstein distance between two samples of as many points, (N, 2) each, by POT's network simplex.

    It is the distance between the samples: that of the distributions behind them is smaller by the noise of N points.
    """
    return image_distance(a.cpu(), b.cpu())


def evaluate_points(fake: Tensor, held_out: Labelled, train: Labelled, seed: int) -> Report:
    """Compare generated with real points: exact W1, and, where points have labels, the modes found.

    Args:
        fake: (N, 2) generated points.
        held_out: real points that no generator was trained on; `images` is (M, 2) float.
        train: the real points it was trained on; they give the real-against-real value and the modes.
        seed: of what is drawn.
    """
    sets = Sets(
        *(
            points[draw(POINTS, len(points), seed, f"plane/{name}")]
            for name, points in (("fake", fake), ("held-out", held_out.images), ("train", train.images))
        )
    )
    section = f"exact 1-Wasserstein distance, {POINTS:,} points each"
    figures = measure(lambda a, b: {"w1": exact_w1(a, b)}, sets, section, W1, jackknife=True)
    modes = Modes.of(train)
    return Report(figures + (() if modes is None else mode_figures(modes, fake, held_out.images)))


def mode_figures(modes: Modes, fake: Tensor, real: Tensor) -> tuple[Figure, ...]:
    """Modes covered and the share of points near one, of generated points and of as many real ones."""
    section = f"{len(modes.centres)} modes, {len(fake):,} points; near is within {REACH:g} standard deviations"
    return tuple(
        Figure(key, spec.name, section, float(value), spec.better, float(other))
        for (key, spec), value, other in zip(
            MODES.items(), modes.found(fake), modes.found(real[: len(fake)]), strict=True
        )
    )
