"""The roofline: the arithmetic that an update needs, and the machine's best rate of convolutions."""

import time
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from wgan.config.algorithms import ALGORITHMS
from wgan.config.schema import TrainConfig
from wgan.networks.build import build_critic, build_generator

MEASURED = ((64, 32), (128, 16), (256, 8))
"""Channels and sides of the convolutions that are measured: those of the critic at 64 px."""


def flops_per_image(config: TrainConfig, shape: Sequence[int]) -> float:
    """Floating point operations that one critic update needs for each image, with its part of the generator's.

    Counted in forward passes of the critic C and of the generator G (a multiply-add is two operations). The critic's
    update: the generator's forward G; the critic on real and on fake, forward, data and weight gradients, 6 C, but for
    the first layer's data gradients; a penalty's forward, input gradient and second-order pass 4 C. Each
    `critic_its`-th is followed by the generator's: its forward and both gradients 3 G, and the critic's forward and
    data gradient 2 C.
    """
    with torch.device("meta"):
        generator = _forward_flops(build_generator(config, shape), torch.empty(2, config.latent_vector))
        critic = _forward_flops(build_critic(config, shape), torch.empty(2, *shape))
    g, c = sum(generator), sum(critic)
    critic_update = g + 6 * c - 2 * critic[0]
    generator_update = 3 * g + 2 * c
    if config.arch == "R3GAN":  # both kinds are penalised, by the forward pass of their scores; it scores real ones
        return critic_update + 6 * c + (generator_update + c) / config.critic_its
    if ALGORITHMS[config.arch].penalises_gradient:
        critic_update += 4 * c
    return critic_update + generator_update / config.critic_its


def _forward_flops(network: nn.Module, x: Tensor) -> list[float]:
    """Operations of a network's products and convolutions, in the order of their running, for one image."""
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        network(x)
    root = type(network).__name__
    counts = counter.get_flop_counts()
    named = {name.removeprefix(f"{root}."): sum(by_operator.values()) for name, by_operator in counts.items()}
    products = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)  # with spectral norm they have children of their own
    layers = {name for name, module in network.named_modules() if isinstance(module, products)}
    return [flops / len(x) for name, flops in named.items() if name in layers and flops]


def convolution_rate(device: torch.device, dtype: torch.dtype) -> float:
    """The best rate of the device's convolutions, in operations per second: 4x4, stride 2, forward, channels last."""
    best = 0.0
    for channels, side in MEASURED:
        x = torch.randn(128, channels, side, side, device=device, dtype=dtype)
        weight = torch.randn(2 * channels, channels, 4, 4, device=device, dtype=dtype)
        x, weight = (t.contiguous(memory_format=torch.channels_last) for t in (x, weight))
        flops = 2.0 * len(x) * (side // 2) ** 2 * weight.numel()
        with torch.inference_mode():
            for _ in range(6):
                start = time.perf_counter()
                y = F.conv2d(x, weight, None, 2, 1)
                y[0, 0, 0, 0].item()  # waits for the device
                best = max(best, flops / (time.perf_counter() - start))
    return best
