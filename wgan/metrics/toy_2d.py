"""Points in the plane: the distance that a critic estimates, exactly; the modes that are found; slopes by depth."""

from typing import NamedTuple

import torch
from torch import Tensor

from wgan.config.metrics import Metric, spec_of
from wgan.data.image_set import ImageSet
from wgan.metrics.distribution import Sets, measure
from wgan.metrics.emd import image_distance
from wgan.metrics.report import Report
from wgan.networks.base import Critic
from wgan.networks.layers import LeakyReLU, Linear

POINTS = 1_000  # of each kind in a distance: the simplex takes a fifth of a second for so many
REACH = 3.0  # standard deviations from its centre within which a point belongs to a mode (VEEGAN, arXiv:1705.07761, 5)
PRESENT = 0.1  # a mode is covered when such a share of what it should hold lies near it: a stray point or two is none


class Modes(NamedTuple):
    """The centres of labelled points, (K, 2), and a point's standard deviation from its own in each coordinate."""

    centres: Tensor
    deviation: float

    @classmethod
    def of(cls, points: ImageSet) -> "Modes | None":
        """Read off points whose labels say where they belong; None without labels."""
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


def evaluate_points(fake: Tensor, held_out: ImageSet, train: ImageSet, seed: int) -> Report:
    """Compare generated, (N, 2), with real points: exact W1, and, where `train` has labels, the modes found."""
    sets = Sets.draw(POINTS, fake, held_out, train, seed, "plane")
    section = f"exact 1-Wasserstein distance, {POINTS:,} points each"
    metrics = measure(lambda a, b: {"w1": exact_w1(a, b)}, sets, section)
    if modes := Modes.of(train):
        section = f"{len(modes.centres)} modes, {len(fake):,} points; near is within {REACH:g} standard deviations"
        values, real_values = modes.found(fake), modes.found(held_out.images[: len(fake)])
        for key, value, real in zip(("modes_covered", "near_a_mode"), values, real_values, strict=True):
            spec = spec_of(key)
            metrics += (Metric(key, spec.name, section, float(value), spec.better, float(real)),)
    return Report(metrics)


def gradient_norms_by_depth(critic: Critic, points: Tensor) -> list[float]:
    """How large a gradient arrives behind each hidden layer of a dense critic (arXiv:1704.00028, figure 1b).

    The mean over points, (N, ...), of |df/dh|, h the output of a hidden layer; the layer next to the points first. It
    explodes or vanishes towards the first where the product of the weights does.
    """
    hidden: list[Tensor] = []
    x = points.detach().requires_grad_()
    for layer in critic.main:
        x = layer(x)
        if isinstance(layer, LeakyReLU):
            hidden.append(x)
    return [float(torch.linalg.vector_norm(g, dim=1).mean()) for g in torch.autograd.grad(x.sum(), hidden)]


def weights_of(critic: Critic) -> Tensor:
    """All weights of its dense layers, without the biases, (K,) on the CPU."""
    return torch.cat([m.weight.detach().flatten().cpu() for m in critic.modules() if isinstance(m, Linear)])
