"""What a constraint does in the depth of a critic."""

import pytest
import torch
from torch import nn

from wgan.metrics.toy_2d import gradient_norms_by_depth, weights_of
from wgan.networks.base import Critic
from wgan.networks.layers import Chain, LeakyReLU, Linear


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_the_gradient_changes_by_the_weights_factor_at_each_layer(factor: float) -> None:
    """Layers that multiply positive numbers by a factor: |df/dh| behind layer l of L is factor^(L - l)."""
    layers = [Linear(2, 2, bias=False) for _ in range(4)]
    last = Linear(2, 1, bias=False)
    for layer in layers:
        nn.init.eye_(layer.weight)
        layer.weight.data.mul_(factor)
    nn.init.ones_(last.weight)
    critic = Critic(Chain(*[part for layer in layers for part in (layer, LeakyReLU(0.2))], last))
    norms = gradient_norms_by_depth(critic, torch.rand(10, 2) + 0.1)
    assert norms == pytest.approx([2**0.5 * factor**k for k in (3, 2, 1, 0)])


def test_all_weights_and_no_biases_are_shown() -> None:
    critic = Critic(Chain(Linear(2, 3), LeakyReLU(0.2), Linear(3, 1)))
    assert weights_of(critic).shape == (2 * 3 + 3,)
