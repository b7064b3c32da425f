"""What a constraint does in the depth of a critic (WGAN-GP, arXiv:1704.00028, sec. 3 and figure 1b)."""

import torch
from torch import Tensor

from wgan.networks.base import Critic
from wgan.networks.layers import LeakyReLU, Linear


def gradient_norms_by_depth(critic: Critic, points: Tensor) -> list[float]:
    """How large a gradient arrives behind each hidden layer of a dense critic.

    Args:
        critic: a chain of dense layers and activations.
        points: (N, ...) where to look.

    Returns:
        The mean over the points of |df/dh|, h the output of a hidden layer; the layer next to the points first. It
        explodes or vanishes towards the first where the product of the weights does.
    """
    hidden: list[Tensor] = []
    x = points.detach().requires_grad_()
    for layer in critic.main:
        x = layer(x)
        if isinstance(layer, LeakyReLU):
            hidden.append(x)
    return [float(torch.linalg.vector_norm(g, dim=1).mean()) for g in torch.autograd.grad(x.sum(), hidden)]


def weights_of(critic: Critic) -> Tensor:
    """All weights of its dense layers, without the biases, (K,) on the CPU."""
    return torch.cat([m.weight.detach().flatten().cpu() for m in critic.modules() if isinstance(m, Linear)])
