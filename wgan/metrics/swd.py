"""Sliced Wasserstein distance on the levels of a Laplacian pyramid (Karras et al. 2018, section 5, arXiv:1710.10196).

Each level holds one scale of detail; its 7x7 patches of the two sets are compared along random directions, where the
Wasserstein distance is a sort: of 16-bit integers, a tenth of the time of one of floats. It is the patches' distance,
not the whole images': it sees texture and noise at each scale and says nothing about the arrangement of parts.
"""

import math
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from statistics import fmean

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from wgan.metrics.distribution import RULER, drawn, measure
from wgan.metrics.images import EvaluationInputs, slices, to_unit
from wgan.metrics.report import Report
from wgan.utils.rng import generator

PATCH, PER_IMAGE, DIRECTIONS = 7, 128, 512  # as in the paper
NUMBERS = 1 << 24  # in all patches of one set: larger sets give fewer of each image, and memory stays bounded
PATCHES = 1 << 16  # of one level, likewise: so stays the time
GRID = 65_534  # steps between the ends of the projections on one direction: the distance is within 1e-4 of the exact
SORTED = 1 << 20  # numbers sorted at a time by each thread
FEWER = 4  # an interval is taken from so many times fewer patches of each image, and directions
SMALLEST_LEVEL = 14  # the paper stops at 16; 14 gives 28x28 images their second level
SCALE = 1000.0  # the paper's tables show the distance times 1000


def swd_metrics(inputs: EvaluationInputs) -> Report:
    """One metric per level, named by its shorter side, and their mean. On the CPU, whose sort is fast enough."""
    sets = drawn(inputs, fewest=64)  # each gives `PER_IMAGE` patches
    sides = levels(min(sets.fake.shape[2:]))
    most = min(PATCHES, NUMBERS // (len(sides) * sets.fake.shape[1] * PATCH**2)) // len(sets.fake)
    per_image = max(1, min(PER_IMAGE, most))

    def distances(a: Tensor, b: Tensor, directions: int = DIRECTIONS) -> dict[str, float]:
        found = [_distance(a, b, level, directions) for level in range(len(sides))]
        return {f"swd_{side}": each for side, each in zip(sides, found, strict=True)} | {"swd": fmean(found)}

    descriptors = sets.map(lambda images: patches(images, len(sides), per_image, RULER))
    section = f"sliced Wasserstein distance x 1000, {len(sets.fake)} images each"
    rougher = partial(distances, directions=max(1, DIRECTIONS // FEWER))
    fewer = descriptors.map(lambda of_images: of_images[:, :, : max(1, per_image // FEWER)])
    return Report(measure(distances, descriptors, section, rougher=rougher, resampled=fewer))


class SampleDistance:
    """SWD of a few images in a fraction of a second: where a training goes, between its evaluations.

    Few images lie farther from real ones than many: compare a value with others of the same number, and with `floor`.
    `real` are (N, C, H, W) uint8 held-out images, `other` training images of the same shape, N or more.
    """

    DIRECTIONS = 128

    def __init__(self, real: Tensor, other: Tensor) -> None:
        self.count, self._levels = len(real), len(levels(min(real.shape[2:])))
        self._real = self._patches(real)
        self.floor = self(other[: len(real)])
        """The distance between two sets of real images."""

    def __call__(self, images: Tensor) -> float:
        """Of N images, (N, C, H, W) uint8."""
        found = self._patches(images)
        return fmean(_distance(found, self._real, level, self.DIRECTIONS) for level in range(self._levels))

    def _patches(self, images: Tensor) -> Tensor:
        most = NUMBERS // (self._levels * images.shape[1] * PATCH**2 * len(images))
        return patches(images, self._levels, max(1, min(PER_IMAGE, PATCHES // 2 // len(images), most)), RULER)


def levels(side: int) -> list[int]:
    """Shorter sides of the pyramid's levels, halved while the next is at least `SMALLEST_LEVEL`."""
    sides = [side]
    while sides[-1] // 2 >= SMALLEST_LEVEL:
        sides.append(sides[-1] // 2)
    return sides


def pyramid(images: Tensor, count: int) -> list[Tensor]:
    """Laplacian pyramid (Burt and Adelson 1983): band-pass levels from fine to coarse, the last one low-pass.

    Images are (N, C, H, W) float, H and W divisible by 2 ** (count - 1); the levels, upsampled, sum up to them.
    """
    found = [images]
    for _ in range(count - 1):
        smaller = _blur(found[-1], 1.0)[:, :, ::2, ::2]
        larger = torch.zeros_like(found[-1])
        larger[:, :, ::2, ::2] = smaller
        found[-1] = found[-1] - _blur(larger, 4.0)
        found.append(smaller)
    return found


def _blur(images: Tensor, gain: float) -> Tensor:
    """By the row 1 4 6 4 1 and then by the column, which is faster than a convolution of so few channels."""
    weights = [weight * math.sqrt(gain) / 16 for weight in (1, 4, 6, 4, 1)]
    blurred = F.pad(images, (2, 2, 2, 2), mode="reflect")
    for side in (3, 2):
        shifted = [blurred.narrow(side, place, images.shape[side]) for place in range(len(weights))]
        blurred = weights[0] * shifted[0]
        for weight, pixels in zip(weights[1:], shifted[1:], strict=True):
            blurred.add_(pixels, alpha=weight)
    return blurred


def patches(images: Tensor, count: int, per_image: int, seed: int) -> Tensor:
    """Square patches of every level at random places: (N, levels, per_image, C, 7, 7) float32, of (N, C, H, W) uint8.

    They lie at the same places in each set, which takes the places' noise out of the comparison.
    """
    random = generator(seed, "swd/places")
    found = []
    for part in slices(len(images), images[0].numel()):
        per_level = []
        for level in pyramid(to_unit(images[part]), count):
            windows = level.unfold(2, PATCH, 1).unfold(3, PATCH, 1)  # (n, C, rows, columns, 7, 7), a view
            size = len(level), per_image
            row, column = (torch.randint(side, size, generator=random) for side in windows.shape[2:4])
            per_level.append(windows[torch.arange(size[0])[:, None], :, row, column])
        found.append(torch.stack(per_level, dim=1))
    return torch.cat(found)


def _distance(a: Tensor, b: Tensor, level: int, directions: int) -> float:
    return SCALE * sliced_wasserstein(_normalised(a, level), _normalised(b, level), RULER, directions)


def _normalised(descriptors: Tensor, level: int) -> Tensor:
    """One level's patches as rows, mean 0 and deviation 1 per channel over the whole set, as in the paper."""
    chosen = descriptors[:, level].flatten(0, 1)
    chosen = chosen - chosen.mean((0, 2, 3), keepdim=True)
    deviation = chosen.square().mean((0, 2, 3), keepdim=True).sqrt()
    return chosen.div_(deviation.clamp_min(1e-8)).flatten(1)


def sliced_wasserstein(a: Tensor, b: Tensor, seed: int, count: int = DIRECTIONS) -> float:
    """Mean over random unit directions of the 1-Wasserstein distance between the projections (Rabin et al. 2011);
    of (N, D) floats each, one row per point. Projections are rounded to 65,534 steps between their ends.
    """
    directions = torch.randn(a.shape[1], count, generator=generator(seed, "swd/directions"), dtype=a.dtype)
    directions /= directions.norm(dim=0)

    def distance(part: slice) -> float:
        projected = [directions[:, part].T @ points.T for points in (a, b)]
        ends = [torch.aminmax(x, dim=1, keepdim=True) for x in projected]
        low, high = torch.minimum(ends[0].min, ends[1].min), torch.maximum(ends[0].max, ends[1].max)
        step = ((high - low) / GRID).clamp_min(torch.finfo(a.dtype).tiny)
        steps = [x.sub_(low).div_(step).sub_(GRID // 2).round_().to(torch.int16).numpy() for x in projected]
        x, y = (np.sort(one, axis=1, kind="stable") for one in steps)  # a radix sort
        apart = np.abs(np.subtract(x, y, dtype=np.int32)).mean(axis=1, dtype=np.float64)
        return float(apart @ step[:, 0].double().numpy())

    with ThreadPoolExecutor(torch.get_num_threads()) as pool:  # numpy sorts on one core and lets others run
        return sum(pool.map(distance, slices(count, len(a), SORTED))) / count
