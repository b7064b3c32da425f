"""Exact earth mover's distance (Rubner et al. 2000) by POT's network simplex: between images, and between colours.

The distance a WGAN's critic estimates, computed exactly on a finite sample. With so few images in so many dimensions
it stays far above zero even between real sets: read it beside its real-against-real value.
"""

import torch
from torch import Tensor

from wgan.metrics.distribution import drawn, measure, too_few_images
from wgan.metrics.images import EvaluationInputs
from wgan.metrics.neighbours import reduced
from wgan.metrics.report import GroupResult

LARGEST = 1000  # the simplex takes a fifth of a second for 1,000 images and grows with the cube
BINS = {1: 64, 3: 8}  # per channel: 64 grey values, 512 colours


def emd_metrics(inputs: EvaluationInputs) -> GroupResult:
    """Between two sets of images (root mean square pixel difference) and between their colour histograms."""
    few, many = drawn(inputs, LARGEST), drawn(inputs)
    if few is None or many is None:
        return too_few_images(inputs, "emd")
    vectors = few.map(lambda images: reduced(images) / reduced(images[:1]).shape[1] ** 0.5)
    section = f"exact earth mover's distance, {len(few.fake)} images each, root mean square pixel difference"
    images = measure(lambda a, b: {"emd": image_distance(a, b)}, vectors, section, jackknife=True)
    section = f"exact earth mover's distance of colour histograms, {len(many.fake)} images each"
    colours = measure(lambda a, b: {"emd_colour": colour_distance(a, b)}, many, section, jackknife=True)
    return GroupResult(images + colours)


def image_distance(a: Tensor, b: Tensor) -> float:
    """1-Wasserstein distance between two sets of as many points, with Euclidean ground distance.

    Args:
        a: (N, D) float.
        b: (N, D) float.
    """
    weights = torch.full((len(a),), 1 / len(a), dtype=torch.float64)
    return transport(weights, weights, torch.cdist(a.double(), b.double()))


def colour_distance(a: Tensor, b: Tensor) -> float:
    """1-Wasserstein distance between the colours of all pixels of two sets, in [0, sqrt(C)].

    Args:
        a: (M, C, H, W) uint8, C is 1 or 3.
        b: (N, C, H, W) uint8.

    Returns:
        The distance with colours in the unit cube, counted in `BINS` bins per channel: black against white is
        (1 - 1 / bins) * sqrt(C).
    """
    channels = a.shape[1]
    bins = BINS[channels]
    centres = torch.cartesian_prod(*[(torch.arange(bins).double() + 0.5) / bins] * channels).reshape(-1, channels)
    return transport(histogram(a, bins), histogram(b, bins), torch.cdist(centres, centres))


def histogram(images: Tensor, bins: int) -> Tensor:
    """(bins ** C,) float64 shares of the pixels' colours; the last channel changes fastest."""
    channels = images.shape[1]
    place = torch.zeros(len(images), *images.shape[2:], dtype=torch.int64)
    for channel in range(channels):
        place = place * bins + (images[:, channel].long() * bins).div(256, rounding_mode="floor")
    counts = torch.bincount(place.flatten(), minlength=bins**channels).double()
    return counts / counts.sum()


def transport(a: Tensor, b: Tensor, cost: Tensor) -> float:
    """Least cost of moving the masses `a` (M,) onto `b` (N,) at `cost` (M, N) per unit of mass."""
    import ot  # a second and a half, which a run without this group need not wait

    return float(ot.emd2(a.numpy(), b.numpy(), cost.numpy(), numItermax=10_000_000))
