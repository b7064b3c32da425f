"""Real digits in random order, and what spoils them: the ground the metrics are tested on."""

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

from wgan.data.image_set import ImageSet
from wgan.data.named_sets import mnist_5k


def random(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@cache
def digits(names: str = "0123456789") -> ImageSet:
    """All mnist-5k digits of these classes, shuffled; labels count from 0 in the order of `names`."""
    every = mnist_5k()
    order = torch.randperm(len(every.images), generator=random(1))
    wanted = torch.tensor([int(name) for name in names])
    order = order[torch.isin(every.labels[order], wanted)]
    labels = torch.searchsorted(wanted, every.labels[order])
    return ImageSet(every.images[order], labels, tuple(names))


def noisy(images: Tensor, deviation: float) -> Tensor:
    """Gaussian noise of this deviation, in grey values of 255."""
    return (images + deviation * torch.randn(images.shape, generator=random())).clamp(0, 255).round().byte()


def blurred(images: Tensor, sigma: float) -> Tensor:
    """Gaussian blur, sigma in pixels."""
    row = torch.exp(-(torch.arange(-6.0, 7.0) ** 2) / (2 * sigma**2))
    row /= row.sum()
    kernel = (row[:, None] * row).expand(images.shape[1], 1, 13, 13)
    return F.conv2d(images.float(), kernel, padding=6, groups=images.shape[1]).round().byte()


def random_pixels(count: int, channels: int, side: int, seed: int = 0) -> Tensor:
    """Images without any structure."""
    return torch.randint(0, 256, (count, channels, side, side), generator=random(seed), dtype=torch.uint8)
