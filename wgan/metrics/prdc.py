"""Precision, recall, density and coverage (Naeem et al. 2020, arXiv:2002.09797) on features of a random VGG16.

Precision and density ask whether generated images look like real ones, recall and coverage whether all kinds of real
images are generated. Distances are computed a slice of rows at a time: the N x N matrix never exists.
"""

import torch
from torch import Tensor

from wgan.metrics.distribution import drawn, measure
from wgan.metrics.features import random_vgg16
from wgan.metrics.images import EvaluationInputs, slices
from wgan.metrics.report import Report

NEIGHBOURS = 5  # the paper's k


def prdc_metrics(inputs: EvaluationInputs) -> Report:
    """The four metrics; k = 5."""
    sets = drawn(inputs)
    features = sets.map(lambda images: random_vgg16(images, inputs.device))
    section = f"features of a random VGG16, {NEIGHBOURS} neighbours, {len(sets.fake)} images each"
    return Report(measure(manifold_metrics, features, section, halves=True))


def manifold_metrics(fake: Tensor, real: Tensor, neighbours: int = NEIGHBOURS) -> dict[str, float]:
    """Equations 1 to 5 of the paper, of (M, D) and (N, D) features; `neighbours`, its k, is less than M and N.

    Balls are open, and no point is its own neighbour.
    """
    centre = real.double().mean(dim=0)  # distances through a matrix product lose digits far from the origin
    fake, real = fake.double() - centre, real.double() - centre
    real_radii, fake_radii = radii(real, neighbours), radii(fake, neighbours)
    inside = torch.zeros(len(fake), dtype=torch.int64)
    covered, recalled = torch.zeros(2, len(real), dtype=torch.bool)
    for part in slices(len(real), len(fake)):
        distance = torch.cdist(real[part], fake)
        within = distance < real_radii[part, None]
        inside += within.sum(dim=0)
        covered[part] = within.any(dim=1)
        recalled[part] = (distance < fake_radii).any(dim=1)
    return {
        "precision": float((inside > 0).double().mean()),
        "recall": float(recalled.double().mean()),
        "density": float(inside.double().mean()) / neighbours,
        "coverage": float(covered.double().mean()),
    }


def radii(points: Tensor, neighbours: int) -> Tensor:
    """(N,) distance of each of (N, D) points to its k-th nearest other point."""
    parts = []
    for part in slices(len(points), len(points)):
        distance = torch.cdist(points[part], points)
        distance.diagonal(part.start).fill_(torch.inf)
        parts.append(distance.topk(neighbours, dim=1, largest=False).values[:, -1])
    return torch.cat(parts)
