"""Initial weights, drawn from one generator in the order of the layers. Biases begin at zero."""

import torch
from torch import nn

WEIGHTED = nn.Conv2d | nn.ConvTranspose2d | nn.Linear


def dcgan_init_(network: nn.Module, generator: torch.Generator | None) -> None:
    """Normal with deviation 0.02, around 0 and, for batch norm's gains, around 1 (DCGAN, arXiv:1511.06434, sec. 4)."""
    for layer in network.modules():
        if isinstance(layer, WEIGHTED | nn.BatchNorm2d):
            nn.init.normal_(layer.weight, float(isinstance(layer, nn.BatchNorm2d)), 0.02, generator=generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def he_init_(network: nn.Module, generator: torch.Generator | None) -> None:
    """Normal with deviation sqrt(2 / inputs) (He et al., arXiv:1502.01852); batch norm's gains begin at 1."""
    for layer in network.modules():
        if isinstance(layer, WEIGHTED):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
