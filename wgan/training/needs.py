"""What a training takes, from its configuration alone: networks layer by layer, memory, disk. Computes nothing."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn

from wgan.config.algorithms import ALGORITHMS
from wgan.config.schema import TrainConfig
from wgan.networks.build import build_critic, build_generator


class Layer(NamedTuple):
    """One layer of a network.

    Attributes:
        name: where it stands in the network.
        kind: its class.
        shape: of its output for one image.
        weights: how many numbers training changes in it.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    weights: int

    def __str__(self) -> str:
        return f"  {self.name:24}{self.kind:22}{' x '.join(map(str, self.shape)):>18}{self.weights:>14,}"


def networks(config: TrainConfig, shape: Sequence[int]) -> tuple[list[Layer], list[Layer]]:
    """The layers of the generator and of the critic that a configuration describes.

    Args:
        config: the run's keys.
        shape: of one sample: (C, H, W), or (2,) for points in the plane.
    """
    with torch.device("meta"):
        generator, critic = build_generator(config, shape), build_critic(config, shape)
    return layers(generator, (config.latent_vector,)), layers(critic, shape)


def layers(network: nn.Module, shape: Sequence[int]) -> list[Layer]:
    """A network's layers in the order in which they run.

    Args:
        network: on the device "meta", where tensors have a shape and no content.
        shape: of one input.
    """
    found: list[Layer] = []

    def watch(name: str, module: nn.Module) -> None:
        def note(_: nn.Module, __: object, output: torch.Tensor) -> None:
            kind = type(module).__name__.removeprefix("Parametrized")  # spectral normalisation's prefix
            weights = sum(weight.numel() for weight in module.parameters())
            found.append(Layer(name, kind, tuple(output.shape[1:]), weights))

        module.register_forward_hook(note)

    for name, module in network.named_modules():
        inner = {child for child, _ in module.named_children()}
        if inner <= {"parametrizations"} and "parametrizations" not in name:
            watch(name, module)
    with torch.no_grad():
        network(torch.empty(2, *shape, device="meta"))
    return found


def weights(network: Sequence[Layer]) -> int:
    """All numbers that training changes."""
    return sum(layer.weights for layer in network)


def disk(generator: Sequence[Layer], critic: Sequence[Layer], keep: int) -> int:
    """Bytes of `keep` checkpoints: weights and two moments of both networks, the generator's average; float32."""
    return keep * 4 * (4 * weights(generator) + 3 * weights(critic))


def memory(config: TrainConfig, generator: Sequence[Layer], critic: Sequence[Layer], dtype: torch.dtype) -> int:
    """Bytes on the device while training, roughly.

    Weights, gradients, moments and average, and the maps that a backward pass needs: the critic's of real and
    generated images, with a gradient penalty of the images between them and of their gradient too; or, in a generator
    update, of both networks. The backward pass holds about as much again at its peak.
    """
    part = config.batch_size // (max(config.n_gpu, 1) * config.accumulate)
    generator_maps, critic_maps = (sum(math.prod(layer.shape) for layer in network) for network in (generator, critic))
    passes = 4 if ALGORITHMS[config.arch].penalises_gradient else 2
    maps = max(passes * critic_maps, generator_maps + critic_maps) * part * dtype.itemsize
    return 4 * (5 * weights(generator) + 4 * weights(critic)) + 2 * maps
