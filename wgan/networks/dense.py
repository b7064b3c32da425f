"""Fully connected networks: those of WGAN-GP's toy experiments (arXiv:1704.00028, sec. 4 and its code)."""

import itertools
import math
from collections.abc import Sequence

from torch import nn

from wgan.networks.layers import Flatten, Layers, LeakyReLU, Linear, ReLU

DEPTH = 3
"""Hidden layers, as in the paper's toy networks."""
WIDTH = 8
"""A hidden layer has this many units for each feature map: 512 with the default of 64, the paper's number."""


def dense_generator(latent_vector: int, shape: Sequence[int], feature_maps: int) -> Layers:
    """Three hidden layers with ReLU; images end in tanh, points in the plane do not."""
    units = [latent_vector, *[WIDTH * feature_maps] * DEPTH]
    yield Flatten()
    for before, after in itertools.pairwise(units):
        yield from (Linear(before, after), ReLU(inplace=True))
    yield Linear(units[-1], math.prod(shape))
    if len(shape) == 3:
        yield from (nn.Tanh(), nn.Unflatten(1, tuple(shape)))


def dense_critic(shape: Sequence[int], feature_maps: int, critic_norm: str) -> Layers:  # noqa: ARG001
    """Three hidden layers with LeakyReLU 0.2. No norm: the configuration refuses one."""
    units = [math.prod(shape), *[WIDTH * feature_maps] * DEPTH]
    yield Flatten()
    for before, after in itertools.pairwise(units):
        yield from (Linear(before, after), LeakyReLU(0.2, inplace=True))
    yield Linear(units[-1], 1)
