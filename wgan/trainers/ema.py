"""The average of the generator's weights over its updates: steadier samples than the last weights give."""

import copy

import torch
from torch import Tensor

from wgan.networks.base import Generator


class ExponentialMovingAverage:
    """A copy of a generator whose weights follow the original's slowly (arXiv:1806.04498).

    Args:
        generator: the original.
        decay: d in average = d * average + (1 - d) * weights, after each generator update; 0 copies. Early on the decay
            is (1 + n) / (10 + n) after n updates where that is smaller, so that a short run is not held back by the
            initial weights.
    """

    def __init__(self, generator: Generator, decay: float) -> None:
        self.decay = decay
        self.model = copy.deepcopy(generator).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, generator: Generator, updates: int) -> None:
        """Follow the generator after its `updates`-th update; batch norm's running statistics follow alike."""
        decay = min(self.decay, (1 + updates) / (10 + updates))
        torch._foreach_lerp_(self._numbers(self.model), self._numbers(generator), 1 - decay)

    @staticmethod
    def _numbers(network: Generator) -> list[Tensor]:
        return [t for t in (*network.parameters(), *network.buffers()) if t.is_floating_point()]
