"""Strided convolutions: DCGAN's generator and discriminator (arXiv:1511.06434, sec. 3; fig. 1), at any size."""

import itertools

import torch
from torch import nn

from wgan.networks.base import Critic, Generator, stages, widths
from wgan.networks.layers import Chain, Conv2d, ConvFromLatent, ConvToScalar, ConvTranspose2d, LeakyReLU, ReLU, norm


class ConvGenerator(Generator):
    """Transposed 4x4 convolutions with batch norm and ReLU, the last with tanh.

    At 64 px with 128 feature maps: 1024x4x4, 512x8x8, 256x16x16, 128x32x32, 3x64x64. The state's names (main.0.weight,
    ...) are those of PyTorch's DCGAN example, so weights trained there load here.

    Args:
        latent_vector: size of a latent.
        image_size: side of an image, base * 2^n with a base of 4 to 7.
        number_channels: 1 (grey) or 3 (colour).
        feature_maps: channels of the last hidden map; each smaller map has twice as many, at most 16 times.
        generator: draws the initial weights, normal with deviation 0.02 (DCGAN, sec. 4).
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
        for i, width in enumerate(channels):
            last = i + 1 == len(channels)
            layers += [nn.BatchNorm2d(width), ReLU(inplace=True)]
            layers += [ConvTranspose2d(width, number_channels if last else channels[i + 1], 4, 2, 1, bias=False)]
        super().__init__(Chain(*layers, nn.Tanh()), latent_vector)
        initialise(self, generator)


class ConvCritic(Critic):
    """4x4 convolutions of stride 2 with LeakyReLU 0.2, then one number.

    At 64 px with 64 feature maps: 64x32x32, 128x16x16, 256x8x8, 512x4x4, 1. A norm stands after every convolution but
    the first and the last; a convolution that a norm follows has no bias.

    Args:
        image_size: side of an image, base * 2^n with a base of 4 to 7.
        number_channels: 1 (grey) or 3 (colour).
        feature_maps: channels of the first map; each smaller map has twice as many, at most 16 times.
        critic_norm: "none", "instance", "layer" or "batch".
        spectral_norm: see `Critic`.
        generator: draws the initial weights, normal with deviation 0.02 (DCGAN, sec. 4).
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
        base, _ = stages(image_size)
        channels = widths(image_size, feature_maps)
        layers: list[nn.Module] = [Conv2d(number_channels, channels[0], 4, 2, 1), LeakyReLU(0.2, inplace=True)]
        for narrow, wide in itertools.pairwise(channels):
            layers += [
                Conv2d(narrow, wide, 4, 2, 1, bias=critic_norm == "none"),
                *norm(critic_norm, wide),
                LeakyReLU(0.2, inplace=True),
            ]
        chain = Chain(*layers, ConvToScalar(channels[-1], 1, base))
        initialise(chain, generator)
        super().__init__(chain, spectral_norm)


def initialise(network: nn.Module, generator: torch.Generator | None) -> None:
    """DCGAN's initial weights (sec. 4): deviation 0.02, around 0 for convolutions and 1 for batch norm's gains."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(layer.weight, 0.0, 0.02, generator=generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, 0.02, generator=generator)
            nn.init.zeros_(layer.bias)
