"""Fully connected networks: those of WGAN-GP's toy experiments (arXiv:1704.00028, sec. 4 and its code)."""

import itertools
import math
from collections.abc import Sequence

import torch
from torch import nn

from wgan.networks.base import Critic, Generator
from wgan.networks.layers import Chain, Flatten, LeakyReLU, Linear, ReLU

DEPTH = 3
"""Hidden layers, as in the paper's toy networks."""
WIDTH = 8
"""A hidden layer has this many units for each feature map: 512 with the default of 64, the paper's number."""


class DenseGenerator(Generator):
    """Three hidden layers with ReLU; images end in tanh, points in the plane do not.

    Args:
        latent_vector: size of a latent.
        shape: of one sample: (C, H, W) or (2,).
        feature_maps: a hidden layer has eight times as many units.
        generator: draws the initial weights (He et al., arXiv:1502.01852, as in WGAN-GP's code).
    """

    def __init__(
        self, latent_vector: int, shape: Sequence[int], feature_maps: int, generator: torch.Generator | None = None
    ) -> None:
        units = [latent_vector, *[WIDTH * feature_maps] * DEPTH]
        layers: list[nn.Module] = [Flatten()]
        for fewer, more in itertools.pairwise(units):
            layers += [Linear(fewer, more), ReLU(inplace=True)]
        layers += [Linear(units[-1], math.prod(shape))]
        if len(shape) == 3:
            layers += [nn.Tanh(), nn.Unflatten(1, tuple(shape))]
        super().__init__(Chain(*layers), latent_vector)
        initialise(self, generator)


class DenseCritic(Critic):
    """Three hidden layers with LeakyReLU 0.2.

    Args:
        shape: of one sample: (C, H, W) or (2,).
        feature_maps: a hidden layer has eight times as many units.
        spectral_norm: see `Critic`.
        generator: draws the initial weights (He et al., arXiv:1502.01852).
    """

    def __init__(
        self,
        shape: Sequence[int],
        feature_maps: int,
        spectral_norm: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        units = [math.prod(shape), *[WIDTH * feature_maps] * DEPTH]
        layers: list[nn.Module] = [Flatten()]
        for before, after in itertools.pairwise(units):
            layers += [Linear(before, after), LeakyReLU(0.2, inplace=True)]
        chain = Chain(*layers, Linear(units[-1], 1))
        initialise(chain, generator)
        super().__init__(chain, spectral_norm)


def initialise(network: nn.Module, generator: torch.Generator | None) -> None:
    """He's initial weights for linear layers and convolutions, zero biases."""
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
