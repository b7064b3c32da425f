"""The layers of each kind of network, from the shape of its samples; at any size.

conv      strided convolutions: DCGAN's generator and discriminator (arXiv:1511.06434, sec. 3; fig. 1)
resnet    residual networks in the manner of WGAN-GP's (arXiv:1704.00028, appendix C)
resnet32  those of its code for CIFAR-10, gan_cifar_resnet.py: all maps of one width
resnet64  those of its code for 64 px, gan_64x64.py, and of WGAN-div's
mnist     few wide maps for small grey images: the networks of a widely copied WGAN for MNIST,
          https://machinelearningmastery.com/how-to-code-a-wasserstein-generative-adversarial-network-wgan-from-scratch/
dense     fully connected networks: those of WGAN-GP's toy experiments (arXiv:1704.00028, sec. 4 and its code)
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import nn

from wgan.networks.base import stages, widths
from wgan.networks.layers import (
    Activation,
    AvgPool2d,
    Chain,
    Conv2d,
    ConvFromLatent,
    ConvToScalar,
    ConvTranspose2d,
    Flatten,
    Layers,
    LeakyReLU,
    Linear,
    MeanPool2d,
    ReLU,
    Residual,
    norm,
)

BatchNorm = Callable[[int], nn.BatchNorm2d]
"""Makes the generator's batch norm for so many channels."""
DEPTH = 3
"""Hidden layers of dense networks, as in the paper's toy networks."""
WIDTH = 8
"""Each of them has this many units for each feature map: 512 with the default of 64, the paper's number."""


def conv_generator(
    latent_vector: int, shape: Sequence[int], feature_maps: int, batch_norm: BatchNorm, plain: bool = False
) -> Layers:
    """Transposed 4x4 convolutions with batch norm and ReLU, the last with tanh.

    At 64 px with 128 feature maps: 1024x4x4, 512x8x8, 256x16x16, 128x32x32, 3x64x64. The last hidden map has
    `feature_maps` channels, each smaller map twice as many, at most 16 times. The state's names (main.0.weight, ...)
    are those of PyTorch's DCGAN example, so weights trained there load here. A `plain` one has no batch norm, and as
    many channels everywhere (WGAN, arXiv:1701.07875, fig. 6).
    """
    number_channels, height, width = shape
    channels = [feature_maps] * len(widths(height, 1)) if plain else widths(height, feature_maps)[::-1]
    yield ConvFromLatent(latent_vector, channels[0], stages(height, width)[:2], bias=False)
    for before, after in pairwise([*channels, number_channels]):
        yield from [] if plain else [batch_norm(before)]
        yield from (ReLU(inplace=True), ConvTranspose2d(before, after, 4, 2, 1, bias=False))
    yield nn.Tanh()


def conv_critic(shape: Sequence[int], feature_maps: int, critic_norm: str, activation: Activation) -> Layers:
    """4x4 convolutions of stride 2, then one number.

    At 64 px with 64 feature maps: 64x32x32, 128x16x16, 256x8x8, 512x4x4, 1. The first map has `feature_maps` channels,
    each smaller map twice as many, at most 16 times. A norm stands after every convolution but the first and the last;
    a convolution that a norm follows has no bias.
    """
    number_channels, height, width = shape
    channels = widths(height, feature_maps)
    yield from (Conv2d(number_channels, channels[0], 4, 2, 1), activation(inplace=True))
    for before, after in pairwise(channels):
        yield Conv2d(before, after, 4, 2, 1, bias=critic_norm == "none")
        yield from (*norm(critic_norm, after), activation(inplace=True))
    yield ConvToScalar(channels[-1], 1, stages(height, width)[:2])


def resnet_generator(
    latent_vector: int,
    shape: Sequence[int],
    feature_maps: int,
    batch_norm: BatchNorm,
    published: bool = False,
    constant: bool = False,
) -> Layers:
    """A residual block for each doubling of the map, then batch norm, ReLU, a 3x3 convolution and tanh.

    The largest map has `feature_maps` channels, each smaller map twice as many, at most 16 times; with `constant` all
    have as many. The code that was `published` has a convolution in each shortcut, also where the width stays.
    """
    number_channels, height, width = shape
    channels = [feature_maps] * stages(height, height)[2] if constant else widths(height, feature_maps)[::-1]
    yield ConvFromLatent(latent_vector, channels[0], stages(height, width)[:2], bias=False)
    for before, after in pairwise([channels[0], *channels]):
        body = [batch_norm(before), ReLU(inplace=True), nn.Upsample(scale_factor=2), Conv2d(before, after, 3, 1, 1)]
        body += [batch_norm(after), ReLU(inplace=True), Conv2d(after, after, 3, 1, 1)]
        shortcut = [Conv2d(before, after, 1)] if published or before != after else []
        yield Residual(Chain(*body), Chain(*shortcut, nn.Upsample(scale_factor=2)))
    yield from (batch_norm(channels[-1]), ReLU(inplace=True))
    yield from (Conv2d(channels[-1], number_channels, 3, 1, 1), nn.Tanh())


def resnet_critic(
    shape: Sequence[int], feature_maps: int, critic_norm: str, activation: Activation, constant: bool = False
) -> Layers:
    """A residual block for each halving of the map, then the mean over pixels and one dense layer.

    The first map has `feature_maps` channels, each smaller map twice as many, at most 16 times; with `constant` all
    have as many, and in place of the last halving two blocks keep the map: 8x8 at 32 px. A norm stands before each
    activation but the first and the last.
    """
    number_channels, height, _ = shape
    channels = [feature_maps] * (stages(height, height)[2] - 1) if constant else widths(height, feature_maps)
    body = [Conv2d(number_channels, channels[0], 3, 1, 1), activation(inplace=True)]
    body += [Conv2d(channels[0], channels[0], 3, 1, 1), AvgPool2d(2)]
    yield Residual(Chain(*body), Chain(AvgPool2d(2), Conv2d(number_channels, channels[0], 1)))
    for before, after in pairwise(channels):
        yield _block(before, after, after, critic_norm, activation)
    for _ in range(2 * constant):
        yield _block(feature_maps, feature_maps, feature_maps, critic_norm, activation, halve=False)
    yield from (activation(inplace=True), MeanPool2d(), Linear(channels[-1], 1))


def resnet64_critic(shape: Sequence[int], feature_maps: int, critic_norm: str, activation: Activation) -> Layers:
    """With 64 feature maps at 64 px: 64x64x64, 128x32x32, 256x16x16, 512x8x8, 512x4x4, 1. The code has layer norm."""
    number_channels, height, width = shape
    channels = widths(height, feature_maps)
    yield Conv2d(number_channels, feature_maps, 3, 1, 1)
    for before, after in pairwise([*channels, channels[-1]]):
        yield _block(before, before, after, critic_norm, activation)
    yield from (Flatten(), Linear(channels[-1] * math.prod(stages(height, width)[:2]), 1))


def _block(
    before: int, within: int, after: int, critic_norm: str, activation: Activation, halve: bool = True
) -> Residual:
    """Two convolutions, each after norm and activation; then the map is halved, or stays, as its width does."""
    pool = [AvgPool2d(2)] if halve else []
    # not in place: without a norm before it, it is given what the shortcut reads too
    body = [*norm(critic_norm, before), activation(), Conv2d(before, within, 3, 1, 1)]
    body += [*norm(critic_norm, within), activation(inplace=True), Conv2d(within, after, 3, 1, 1)]
    # pooling before the 1x1 convolution gives the same numbers for a quarter of the work
    shortcut = [*pool, Conv2d(before, after, 1)] if halve else []
    return Residual(Chain(*body, *pool), Chain(*shortcut))


def mnist_generator(latent_vector: int, shape: Sequence[int], feature_maps: int, batch_norm: BatchNorm) -> Layers:
    """A dense layer to the smallest map, transposed 4x4 convolutions, and a 7x7 convolution with tanh.

    All maps have `feature_maps` channels. At 28 px with 128 feature maps: 128x7x7, 128x14x14, 128x28x28, 1x28x28.
    """
    number_channels, height, width = shape
    first = feature_maps, *stages(height, width)[:2]
    yield from (Flatten(), Linear(latent_vector, math.prod(first)), LeakyReLU(0.2, inplace=True))
    yield nn.Unflatten(1, first)
    for _ in range(stages(height, height)[2]):
        yield ConvTranspose2d(feature_maps, feature_maps, 4, 2, 1, bias=False)
        yield from (batch_norm(feature_maps), LeakyReLU(0.2, inplace=True))
    yield from (Conv2d(feature_maps, number_channels, 7, 1, 3), nn.Tanh())


def mnist_critic(shape: Sequence[int], feature_maps: int, critic_norm: str, activation: Activation) -> Layers:
    """4x4 convolutions of stride 2, each with a norm (the original: batch) and activation, then one dense layer.

    All maps have `feature_maps` channels: 64 in the original.
    """
    number_channels, height, width = shape
    for before in [number_channels, *[feature_maps] * (stages(height, height)[2] - 1)]:
        yield Conv2d(before, feature_maps, 4, 2, 1, bias=critic_norm == "none")
        yield from (*norm(critic_norm, feature_maps), activation(inplace=True))
    yield from (Flatten(), Linear(feature_maps * math.prod(stages(height, width)[:2]), 1))


def dense_generator(latent_vector: int, shape: Sequence[int], feature_maps: int, _batch_norm: BatchNorm) -> Layers:
    """Three hidden layers with ReLU; images end in tanh, points in the plane do not."""
    units = [latent_vector, *[WIDTH * feature_maps] * DEPTH]
    yield Flatten()
    for before, after in pairwise(units):
        yield from (Linear(before, after), ReLU(inplace=True))
    yield Linear(units[-1], math.prod(shape))
    if len(shape) == 3:
        yield from (nn.Tanh(), nn.Unflatten(1, tuple(shape)))


def dense_critic(shape: Sequence[int], feature_maps: int, _critic_norm: str, activation: Activation) -> Layers:
    """Three hidden layers. No norm: the configuration refuses one."""
    units = [math.prod(shape), *[WIDTH * feature_maps] * DEPTH]
    yield Flatten()
    for before, after in pairwise(units):
        yield from (Linear(before, after), activation(inplace=True))
    yield Linear(units[-1], 1)
