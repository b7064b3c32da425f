"""Few wide maps for small grey images: the networks of a widely copied WGAN for MNIST, at any size.

https://machinelearningmastery.com/how-to-code-a-wasserstein-generative-adversarial-network-wgan-from-scratch/
"""

from collections.abc import Sequence

from torch import nn

from wgan.networks.base import stages
from wgan.networks.layers import Conv2d, ConvTranspose2d, Flatten, Layers, LeakyReLU, Linear, norm


def mnist_generator(latent_vector: int, shape: Sequence[int], feature_maps: int) -> Layers:
    """A dense layer to the smallest map, transposed 4x4 convolutions, and a 7x7 convolution with tanh.

    All maps have `feature_maps` channels. At 28 px with 128 feature maps: 128x7x7, 128x14x14, 128x28x28, 1x28x28.
    """
    number_channels, side, _ = shape
    base, doublings = stages(side)
    yield from (Flatten(), Linear(latent_vector, feature_maps * base**2), LeakyReLU(0.2, inplace=True))
    yield nn.Unflatten(1, (feature_maps, base, base))
    for _ in range(doublings):
        yield ConvTranspose2d(feature_maps, feature_maps, 4, 2, 1, bias=False)
        yield from (nn.BatchNorm2d(feature_maps), LeakyReLU(0.2, inplace=True))
    yield from (Conv2d(feature_maps, number_channels, 7, 1, 3), nn.Tanh())


def mnist_critic(shape: Sequence[int], feature_maps: int, critic_norm: str) -> Layers:
    """4x4 convolutions of stride 2, each with a norm (the original: batch) and LeakyReLU 0.2, then one dense layer.

    All maps have `feature_maps` channels: 64 in the original.
    """
    number_channels, side, _ = shape
    base, halvings = stages(side)
    for before in [number_channels, *[feature_maps] * (halvings - 1)]:
        yield Conv2d(before, feature_maps, 4, 2, 1, bias=critic_norm == "none")
        yield from (*norm(critic_norm, feature_maps), LeakyReLU(0.2, inplace=True))
    yield from (Flatten(), Linear(feature_maps * base**2, 1))
