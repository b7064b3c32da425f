"""What a training takes, before its first step: its networks layer by layer, memory, disk. `--check` shows the same."""

import math
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from wgan.config.algorithms import ALGORITHMS
from wgan.config.schema import TrainConfig
from wgan.networks.base import NO_CLASSES, Classes, Critic, Generator
from wgan.networks.build import build_critic, build_generator
from wgan.utils.errors import InputError
from wgan.utils.system import address_space, free_memory

GRID = 64  # images in a sample grid
SPARE = 2**27
"""Bytes that libraries map in the first steps (stacks of threads, kernels); where they cannot, some crash."""


class Layer(NamedTuple):
    """One layer of a network."""

    name: str  # where it stands in the network
    kind: str  # its class
    shape: tuple[int, ...]  # of its output for one image
    weights: int  # how many numbers training changes in it

    def __str__(self) -> str:
        return f"  {self.name:24}{self.kind:22}{' x '.join(map(str, self.shape)):>18}{self.weights:>14,}"


def meta_networks(config: TrainConfig, shape: Sequence[int], classes: Classes = NO_CLASSES) -> tuple[Generator, Critic]:
    """Both networks that a configuration describes, on the device "meta", where they take no memory.

    `shape` is that of one sample: (C, H, W), or (2,) for points in the plane; `classes` as for `build_generator`.
    """
    with torch.device("meta"):
        return build_generator(config, shape, classes), build_critic(config, shape, classes)


def layers(network: nn.Module, shape: Sequence[int]) -> list[Layer]:
    """The layers of a network on the device "meta", in the order in which they run; `shape` is that of one input."""
    found: list[Layer] = []

    def note(module: nn.Module, _: object, output: torch.Tensor, name: str) -> None:
        kind = type(module).__name__.removeprefix("Parametrized")  # spectral normalisation's prefix
        found.append(Layer(name, kind, tuple(output.shape[1:]), sum(weight.numel() for weight in module.parameters())))

    for name, module in network.named_modules():
        inner = {child for child, _ in module.named_children()}
        if inner <= {"parametrizations"} and "parametrizations" not in name:
            module.register_forward_hook(partial(note, name=name))
    with torch.no_grad():
        network(torch.empty(2, *shape, device="meta"), torch.empty(2, dtype=torch.int64, device="meta"))
    return found


def layer_table(title: str, network: Sequence[Layer]) -> list[str]:
    """A network's layers as lines, below how many parameters they have."""
    return [f"\n{title}: {weights(network):,} parameters", *map(str, network)]


def weights(network: Sequence[Layer]) -> int:
    """All numbers that training changes."""
    return sum(layer.weights for layer in network)


def memory(config: TrainConfig, generator: Sequence[Layer], critic: Sequence[Layer], dtype: torch.dtype) -> int:
    """Bytes on the device while training, roughly.

    Weights, gradients, moments and average, and the maps that a backward pass needs: the critic's of real and
    generated images, with a gradient penalty of the images between them and of their gradient too; or, in a generator
    update, of both networks. The backward pass holds about as much again at its peak.
    """
    parts = max(config.n_gpu, 1) * config.accumulate
    generator_maps, critic_maps = (sum(math.prod(layer.shape) for layer in network) for network in (generator, critic))
    passes = 4 if ALGORITHMS[config.arch].penalises_gradient else 2
    maps = max(passes * critic_maps * config.batch_size, (generator_maps + critic_maps) * config.gen_batch_size)
    return 4 * (5 * weights(generator) + 4 * weights(critic)) + 2 * maps // parts * dtype.itemsize


def checkpoint_bytes(generator: nn.Module, critic: nn.Module) -> int:
    """Bytes of a checkpoint: both networks, the generator's average, two moments of each weight."""
    kept = [tensor for network in (generator, generator, critic) for tensor in network.state_dict().values()]
    moments = [*generator.parameters(), *critic.parameters()] * 2
    return sum(tensor.numel() * tensor.element_size() for tensor in (*kept, *moments))


def disk(config: TrainConfig, generator: nn.Module, critic: nn.Module, shape: Sequence[int], steps: int) -> int:
    """Bytes on the disk, roughly: the checkpoints that are kept, the one being written, the best, the sample grids.

    `shape` is that of one sample; `steps` are those that are still to be trained.
    """
    checkpoints = config.keep_checkpoints + 1 + bool(config.metrics_every)
    grids = max(steps, 0) // config.sample_every + 1  # a byte for each value: PNG hardly compresses untrained samples
    return checkpoints * checkpoint_bytes(generator, critic) + grids * GRID * math.prod(shape)


def require_address_space() -> None:
    """Raise a MemoryError where the process may map so little more (`ulimit -v`) that the first step would crash."""
    if address_space() is not None and free_memory() < SPARE:
        raise MemoryError


def require_disk(config: TrainConfig, need: int, checkpoints: Path) -> None:
    """Compare what a training will come to take, by `disk`, with the free space.

    Checkpoints that stand in the run's folder of them already are part of the need.

    Raises:
        InputError: the disk is too full.
    """
    need -= sum(path.lstat().st_size for path in checkpoints.glob("*.pt"))
    existing = next(folder for folder in (checkpoints, *checkpoints.absolute().parents) if folder.is_dir())
    free = shutil.disk_usage(existing).free
    if need > free:
        raise InputError(
            f"{config.where('out')}: the training will take about {need / 1e9:.3g} GB, and {free / 1e9:.3g} GB are "
            "free there: free some space, choose another disk, a smaller keep_checkpoints, or a larger sample_every"
        )
