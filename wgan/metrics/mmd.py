"""Kernel maximum mean discrepancy (Gretton et al. 2012), unbiased, on features of a random VGG16.

Zero on average when both sets come from one distribution, so single values may lie below zero.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from wgan.metrics.distribution import drawn, measure
from wgan.metrics.features import random_vgg16
from wgan.metrics.images import EvaluationInputs, slices
from wgan.metrics.report import Report

Kernel = Callable[[Tensor, Tensor], Tensor]  # (m, D) and (n, D) to (m, n)
SCALE = 1000.0  # papers show KID times 1000


def mmd_metrics(inputs: EvaluationInputs) -> Report:
    """Squared MMD with a Gaussian kernel (median bandwidth) and with the cubic kernel of KID, both times 1000."""
    sets = drawn(inputs)
    features = sets.map(lambda images: random_vgg16(images, inputs.device).double())
    deviation, mean = torch.std_mean(features.real, dim=0)  # the real images' alone: no metric moves the ruler
    features = features.map(lambda rows: (rows - mean) / deviation.clamp_min(1e-12))
    kernels = {"mmd": gaussian(median_distance(features.real)), "mmd_cubic": cubic}
    section = f"kernel distance of random VGG16 features, {len(sets.fake)} images each"
    return Report(measure(lambda x, y: {key: SCALE * mmd2(x, y, k) for key, k in kernels.items()}, features, section))


def mmd2(x: Tensor, y: Tensor, kernel: Kernel) -> float:
    """Unbiased estimate of the squared MMD (Gretton et al. 2012, eq. 3) of (M, D) and (N, D) float64, M, N > 1."""
    return _mean(x, x, kernel) + _mean(y, y, kernel) - 2 * _mean(x, y, kernel)


def _mean(x: Tensor, y: Tensor, kernel: Kernel) -> float:
    """Mean of the kernel's matrix, in slices; of a set with itself without the pairs of a point with itself."""
    total, alone = 0.0, x is y
    for part in slices(len(x), len(y)):
        matrix = kernel(x[part], y)
        if alone:
            matrix.diagonal(part.start).zero_()
        total += float(matrix.sum())
    return total / (len(x) * (len(y) - alone))


def gaussian(bandwidth: float) -> Kernel:
    """exp(-|x - y|^2 / (2 bandwidth^2))."""
    return lambda x, y: torch.cdist(x, y).square_().div_(-2 * bandwidth**2).exp_()


def cubic(x: Tensor, y: Tensor) -> Tensor:
    """(x . y / D + 1)^3, the kernel of KID (Binkowski et al. 2018, arXiv:1801.01401)."""
    base = (x @ y.T).div_(x.shape[1]).add_(1)
    return base * base * base


def median_distance(points: Tensor) -> float:
    """Median distance between the first 1,000 of (N, D) points: the usual bandwidth."""
    return float(torch.pdist(points[:1000]).median())
