"""Exact earth mover's distance (Rubner et al. 2000) by POT's network simplex: between images, and between colours.

The distance a WGAN's critic estimates, computed exactly on a finite sample. With so few images in so many dimensions
it stays far above zero even between real sets: read it beside its real-against-real value.
"""

import torch
from torch import Tensor

from wgan.metrics.distribution import drawn, measure
from wgan.metrics.images import EvaluationInputs
from wgan.metrics.neighbours import reduced
from wgan.metrics.report import Report

LARGEST = 1000  # the simplex takes a fifth of a second for 1,000 images and grows with the cube
BINS = {1: 64, 3: 8}  # per channel: 64 grey values, 512 colours


def emd_metrics(inputs: EvaluationInputs) -> Report:
    """Between two sets of images (root mean square pixel difference) and between their colour histograms."""
    few, many = drawn(inputs, LARGEST), drawn(inputs)
    vectors = few.map(lambda images: reduced(images) / reduced(images[:1]).shape[1] ** 0.5)
    section = f"exact earth mover's distance (root mean square of pixels), {len(few.fake)} images each"
    images = measure(lambda a, b: {"emd": image_distance(a, b)}, vectors, section)
    section = f"exact earth mover's distance of colour histograms, {len(many.fake)} images each"
    colours = measure(lambda a, b: {"emd_colour": colour_distance(a, b)}, many, section)
    return Report(images + colours)


def image_distance(a: Tensor, b: Tensor) -> float:
    """1-Wasserstein distance between two sets of as many points, (N, D) floats each, with Euclidean ground distance."""
    weights = torch.full((len(a),), 1 / len(a), dtype=torch.float64)
    return transport(weights, weights, torch.cdist(a.double(), b.double()))


def colour_distance(a: Tensor, b: Tensor) -> float:
    """1-Wasserstein distance between the colours of all pixels of two sets, (N, C, H, W) uint8 each, in [0, sqrt(C)].

    The colours lie in the unit cube, counted in `BINS` bins per channel: black against white is
    (1 - 1 / bins) * sqrt(C).
    """
    channels = a.shape[1]
    bins = BINS[channels]
    centres = torch.cartesian_prod(*[(torch.arange(bins).double() + 0.5) / bins] * channels).reshape(-1, channels)
    return transport(histogram(a, bins), histogram(b, bins), torch.cdist(centres, centres))


def histogram(images: Tensor, bins: int) -> Tensor:
    """(bins ** C,) float64 shares of the pixels' colours; the last channel changes fastest."""
    place = torch.zeros((), dtype=torch.int64)
    for channel in images.unbind(1):
        place = place * bins + (channel.long() * bins).div(256, rounding_mode="floor")
    counts = torch.bincount(place.flatten(), minlength=bins ** images.shape[1]).double()
    return counts / counts.sum()


def transport(a: Tensor, b: Tensor, cost: Tensor) -> float:
    """Least cost of moving the masses `a` (M,) onto `b` (N,) at `cost` (M, N) per unit of mass."""
    import ot  # a second and a half, which a run without this group need not wait

    return float(ot.emd2(a.numpy(), b.numpy(), cost.numpy(), numItermax=10_000_000))
