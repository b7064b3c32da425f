"""The average of the generator's weights over its updates: steadier samples than the last weights give."""

import copy

import torch

from wgan.networks.base import Generator, floating_tensors


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
        torch._foreach_lerp_(floating_tensors(self.model), floating_tensors(generator), 1 - decay)
