"""The 2-D distributions on which WGAN-GP shows what a critic learns (arXiv:1704.00028, section 4.1, figure 1b).

Centres, noise and scale are those of the paper's code (gan_toy.py, function inf_train_gen).
"""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from wgan.data.image_set import ImageSet
from wgan.utils.rng import generator

TRAIN_POINTS = 100_000
HELD_OUT_POINTS = 10_000


def toy(name: str, seed: int) -> tuple[ImageSet, ImageSet]:
    """(train, held_out): independent draws of (100,000, 2) and (10,000, 2) float32 from one of `TOYS`.

    The labels of the Gaussians are the index of the centre a point belongs to.
    """
    train, held_out = generator(seed, f"{name} train"), generator(seed, f"{name} held out")
    return TOYS[name](TRAIN_POINTS, train), TOYS[name](HELD_OUT_POINTS, held_out)


def eight_centres() -> Tensor:
    """(8, 2): on a circle of radius sqrt(2), the paper's 2 / 1.414, every 45 degrees from the x axis on."""
    angle = torch.arange(8) * (math.pi / 4)
    return torch.stack([angle.cos(), angle.sin()], dim=1) * 2 / 1.414


def twenty_five_centres() -> Tensor:
    """(25, 2): the grid {-4, -2, 0, 2, 4}^2 / 2.828."""
    side = torch.arange(-2.0, 3.0) * 2 / 2.828
    return torch.cartesian_prod(side, side)


def _gaussians(centres: Tensor, deviation: float, count: int, source: torch.Generator) -> ImageSet:
    """Equal shares of isotropic Gaussians."""
    labels = torch.randint(len(centres), (count,), generator=source)
    points = centres[labels] + deviation * torch.randn(count, 2, generator=source)
    return ImageSet(points, labels, tuple(map(str, range(len(centres)))))


def _swiss_roll(count: int, source: torch.Generator) -> ImageSet:
    """t (cos t, sin t), t uniform in [3 pi/2, 9 pi/2), with noise 0.25 in each coordinate, all over 7.5."""
    t = 1.5 * math.pi * (1 + 2 * torch.rand(count, generator=source))
    spiral = torch.stack([t * t.cos(), t * t.sin()], dim=1)
    return ImageSet((spiral + 0.25 * torch.randn(count, 2, generator=source)) / 7.5)


TOYS: dict[str, Callable[[int, torch.Generator], ImageSet]] = {
    "8gaussians": partial(_gaussians, eight_centres(), 0.02 / 1.414),
    "25gaussians": partial(_gaussians, twenty_five_centres(), 0.05 / 2.828),
    "swissroll": _swiss_roll,
}
