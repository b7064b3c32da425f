"""Strided convolutions: DCGAN's generator and discriminator (arXiv:1511.06434, sec. 3; fig. 1), at any size."""

import itertools
from collections.abc import Sequence

from torch import nn

from wgan.networks.base import stages, widths
from wgan.networks.layers import Conv2d, ConvFromLatent, ConvToScalar, ConvTranspose2d, Layers, LeakyReLU, ReLU, norm


def conv_generator(latent_vector: int, shape: Sequence[int], feature_maps: int) -> Layers:
    """Transposed 4x4 convolutions with batch norm and ReLU, the last with tanh.

    At 64 px with 128 feature maps: 1024x4x4, 512x8x8, 256x16x16, 128x32x32, 3x64x64. The last hidden map has
    `feature_maps` channels, each smaller map twice as many, at most 16 times. The state's names (main.0.weight, ...)
    are those of PyTorch's DCGAN example, so weights trained there load here.
    """
    number_channels, side, _ = shape
    channels = widths(side, feature_maps)[::-1]
    yield ConvFromLatent(latent_vector, channels[0], stages(side)[0], bias=False)
    for before, after in itertools.pairwise([*channels, number_channels]):
        yield from (nn.BatchNorm2d(before), ReLU(inplace=True))
        yield ConvTranspose2d(before, after, 4, 2, 1, bias=False)
    yield nn.Tanh()


def conv_critic(shape: Sequence[int], feature_maps: int, critic_norm: str) -> Layers:
    """4x4 convolutions of stride 2 with LeakyReLU 0.2, then one number.

    At 64 px with 64 feature maps: 64x32x32, 128x16x16, 256x8x8, 512x4x4, 1. The first map has `feature_maps` channels,
    each smaller map twice as many, at most 16 times. A norm stands after every convolution but the first and the last;
    a convolution that a norm follows has no bias.
    """
    number_channels, side, _ = shape
    channels = widths(side, feature_maps)
    yield from (Conv2d(number_channels, channels[0], 4, 2, 1), LeakyReLU(0.2, inplace=True))
    for before, after in itertools.pairwise(channels):
        yield Conv2d(before, after, 4, 2, 1, bias=critic_norm == "none")
        yield from (*norm(critic_norm, after), LeakyReLU(0.2, inplace=True))
    yield ConvToScalar(channels[-1], 1, stages(side)[0])
