"""Few wide maps for small grey images: the networks of a widely copied WGAN for MNIST, at any size.

https://machinelearningmastery.com/how-to-code-a-wasserstein-generative-adversarial-network-wgan-from-scratch/
"""

import torch
from torch import nn

from wgan.networks.base import Critic, Generator, stages
from wgan.networks.conv import initialise
from wgan.networks.layers import Chain, Conv2d, ConvTranspose2d, Flatten, LeakyReLU, Linear, norm


class MnistGenerator(Generator):
    """A dense layer to the smallest map, transposed 4x4 convolutions, and a 7x7 convolution with tanh.

    All maps have the same number of channels. At 28 px with 128 feature maps: 128x7x7, 128x14x14, 128x28x28, 1x28x28.

    Args:
        latent_vector: size of a latent.
        image_size: side of an image, base * 2^n with a base of 4 to 7.
        number_channels: 1 (grey) or 3 (colour).
        feature_maps: channels of every hidden map.
        generator: draws the initial weights, normal with deviation 0.02.
    """

    def __init__(
        self,
        latent_vector: int,
        image_size: int,
        number_channels: int,
        feature_maps: int,
        generator: torch.Generator | None = None,
    ) -> None:
        base, doublings = stages(image_size)
        layers: list[nn.Module] = [Flatten(), Linear(latent_vector, feature_maps * base**2)]
        layers += [LeakyReLU(0.2, inplace=True), nn.Unflatten(1, (feature_maps, base, base))]
        for _ in range(doublings):
            layers += [ConvTranspose2d(feature_maps, feature_maps, 4, 2, 1, bias=False)]
            layers += [nn.BatchNorm2d(feature_maps), LeakyReLU(0.2, inplace=True)]
        layers += [Conv2d(feature_maps, number_channels, 7, 1, 3), nn.Tanh()]
        super().__init__(Chain(*layers), latent_vector)
        initialise(self, generator)


class MnistCritic(Critic):
    """4x4 convolutions of stride 2, each with a norm and LeakyReLU 0.2, then one dense layer.

    Args:
        image_size: side of an image, base * 2^n with a base of 4 to 7.
        number_channels: 1 (grey) or 3 (colour).
        feature_maps: channels of every map: 64 in the original.
        critic_norm: "none", "instance", "layer" or "batch"; the original's is batch.
        spectral_norm: see `Critic`.
        generator: draws the initial weights, normal with deviation 0.02.
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
        base, halvings = stages(image_size)
        layers: list[nn.Module] = []
        for level in range(halvings):
            before = feature_maps if level else number_channels
            layers += [Conv2d(before, feature_maps, 4, 2, 1, bias=critic_norm == "none")]
            layers += [*norm(critic_norm, feature_maps), LeakyReLU(0.2, inplace=True)]
        chain = Chain(*layers, Flatten(), Linear(feature_maps * base**2, 1))
        initialise(chain, generator)
        super().__init__(chain, spectral_norm)
