"""Residual networks: WGAN-GP's for CIFAR-10 and LSUN (arXiv:1704.00028, appendix C and its code), at any size."""

import itertools

import torch
from torch import nn

from wgan.networks.base import Critic, Generator, stages, widths
from wgan.networks.dense import initialise
from wgan.networks.layers import (
    AvgPool2d,
    Chain,
    Conv2d,
    ConvFromLatent,
    LeakyReLU,
    Linear,
    MeanPool2d,
    ReLU,
    Residual,
    norm,
)


class ResNetGenerator(Generator):
    """A residual block for each doubling of the map, then batch norm, ReLU, a 3x3 convolution and tanh.

    Args:
        latent_vector: size of a latent.
        image_size: side of an image, base * 2^n with a base of 4 to 7.
        number_channels: 1 (grey) or 3 (colour).
        feature_maps: channels of the largest map; each smaller map has twice as many, at most 16 times.
        generator: draws the initial weights (He et al., arXiv:1502.01852, as in the paper's code).
    """

    def __init__(
        self,
        latent_vector: int,
        image_size: int,
        number_channels: int,
        feature_maps: int,
        generator: torch.Generator | None = None,
    ) -> None:
        base, _ = stages(image_size)
        channels = widths(image_size, feature_maps)[::-1]
        layers: list[nn.Module] = [ConvFromLatent(latent_vector, channels[0], base, bias=False)]
        for before, after in zip([channels[0], *channels], channels, strict=False):
            body = [nn.BatchNorm2d(before), ReLU(inplace=True), Upsample(), Conv2d(before, after, 3, 1, 1)]
            body += [nn.BatchNorm2d(after), ReLU(inplace=True), Conv2d(after, after, 3, 1, 1)]
            shortcut = [] if before == after else [Conv2d(before, after, 1)]
            layers += [Residual(Chain(*body), Chain(*shortcut, Upsample()))]
        layers += [nn.BatchNorm2d(channels[-1]), ReLU(inplace=True)]
        layers += [Conv2d(channels[-1], number_channels, 3, 1, 1), nn.Tanh()]
        super().__init__(Chain(*layers), latent_vector)
        initialise(self, generator)


class ResNetCritic(Critic):
    """A residual block for each halving of the map, then the mean over pixels and one dense layer.

    Args:
        image_size: side of an image, base * 2^n with a base of 4 to 7.
        number_channels: 1 (grey) or 3 (colour).
        feature_maps: channels of the first map; each smaller map has twice as many, at most 16 times.
        critic_norm: "none", "instance", "layer" or "batch"; before each activation but the first.
        spectral_norm: see `Critic`.
        generator: draws the initial weights (He et al., arXiv:1502.01852).
    """

    def __init__(
        self,
        image_size: int,
        number_channels: int,
        feature_maps: int,
        critic_norm: str = "none",
        spectral_norm: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        channels = widths(image_size, feature_maps)
        first = [
            Conv2d(number_channels, channels[0], 3, 1, 1),
            LeakyReLU(0.2, inplace=True),
            Conv2d(channels[0], channels[0], 3, 1, 1),
        ]
        layers: list[nn.Module] = [
            Residual(Chain(*first, AvgPool2d()), Chain(AvgPool2d(), Conv2d(number_channels, channels[0], 1)))
        ]
        for before, after in itertools.pairwise(channels):
            # not in place: without a norm before it, it is given what the shortcut reads too
            body = [*norm(critic_norm, before), LeakyReLU(0.2), Conv2d(before, after, 3, 1, 1)]
            body += [*norm(critic_norm, after), LeakyReLU(0.2, inplace=True)]
            body += [Conv2d(after, after, 3, 1, 1), AvgPool2d()]
            # pooling before the 1x1 convolution gives the same numbers for a quarter of the work
            layers += [Residual(Chain(*body), Chain(AvgPool2d(), Conv2d(before, after, 1)))]
        chain = Chain(*layers, LeakyReLU(0.2, inplace=True), MeanPool2d(), Linear(channels[-1], 1))
        initialise(chain, generator)
        super().__init__(chain, spectral_norm)


class Upsample(nn.Upsample):
    """Each pixel twice as wide and high; (N, C, H, W) -> (N, C, 2H, 2W)."""

    def __init__(self) -> None:
        super().__init__(scale_factor=2, mode="nearest")
