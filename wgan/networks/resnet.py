"""Residual networks: WGAN-GP's for CIFAR-10 and LSUN (arXiv:1704.00028, appendix C and its code), at any size."""

import itertools
from collections.abc import Sequence

from torch import nn

from wgan.networks.base import stages, widths
from wgan.networks.layers import (
    AvgPool2d,
    Chain,
    Conv2d,
    ConvFromLatent,
    Layers,
    LeakyReLU,
    Linear,
    MeanPool2d,
    ReLU,
    Residual,
    norm,
)


def resnet_generator(latent_vector: int, shape: Sequence[int], feature_maps: int) -> Layers:
    """A residual block for each doubling of the map, then batch norm, ReLU, a 3x3 convolution and tanh.

    The largest map has `feature_maps` channels, each smaller map twice as many, at most 16 times.
    """
    number_channels, side, _ = shape
    channels = widths(side, feature_maps)[::-1]
    yield ConvFromLatent(latent_vector, channels[0], stages(side)[0], bias=False)
    for before, after in itertools.pairwise([channels[0], *channels]):
        body = [nn.BatchNorm2d(before), ReLU(inplace=True), nn.Upsample(scale_factor=2), Conv2d(before, after, 3, 1, 1)]
        body += [nn.BatchNorm2d(after), ReLU(inplace=True), Conv2d(after, after, 3, 1, 1)]
        shortcut = [] if before == after else [Conv2d(before, after, 1)]
        yield Residual(Chain(*body), Chain(*shortcut, nn.Upsample(scale_factor=2)))
    yield from (nn.BatchNorm2d(channels[-1]), ReLU(inplace=True))
    yield from (Conv2d(channels[-1], number_channels, 3, 1, 1), nn.Tanh())


def resnet_critic(shape: Sequence[int], feature_maps: int, critic_norm: str) -> Layers:
    """A residual block for each halving of the map, then the mean over pixels and one dense layer.

    The first map has `feature_maps` channels, each smaller map twice as many, at most 16 times. A norm stands before
    each activation but the first.
    """
    number_channels, side, _ = shape
    channels = widths(side, feature_maps)
    body = [Conv2d(number_channels, channels[0], 3, 1, 1), LeakyReLU(0.2, inplace=True)]
    body += [Conv2d(channels[0], channels[0], 3, 1, 1), AvgPool2d(2)]
    yield Residual(Chain(*body), Chain(AvgPool2d(2), Conv2d(number_channels, channels[0], 1)))
    for before, after in itertools.pairwise(channels):
        # not in place: without a norm before it, it is given what the shortcut reads too
        body = [*norm(critic_norm, before), LeakyReLU(0.2), Conv2d(before, after, 3, 1, 1)]
        body += [*norm(critic_norm, after), LeakyReLU(0.2, inplace=True)]
        body += [Conv2d(after, after, 3, 1, 1), AvgPool2d(2)]
        # pooling before the 1x1 convolution gives the same numbers for a quarter of the work
        yield Residual(Chain(*body), Chain(AvgPool2d(2), Conv2d(before, after, 1)))
    yield from (LeakyReLU(0.2, inplace=True), MeanPool2d(), Linear(channels[-1], 1))
