"""The trainer of each algorithm: a file in this folder and an entry in `wgan.config.algorithms.ALGORITHMS`."""

from collections.abc import Sequence
from importlib import import_module

import torch

from wgan.config.algorithms import ALGORITHMS
from wgan.config.schema import TrainConfig
from wgan.runtime.distributed import ALONE, Ranks
from wgan.trainers.base import Trainer


def build_trainer(
    config: TrainConfig,
    shape: Sequence[int],
    device: torch.device,
    dtype: torch.dtype = torch.float32,
    ranks: Ranks = ALONE,
) -> Trainer:
    """The trainer that `arch` names, with fresh networks; its arguments are `Trainer`'s."""
    module, _, name = ALGORITHMS[config.arch].trainer.partition(":")
    trainer: type[Trainer] = getattr(import_module(module), name)
    return trainer(config, shape, device, dtype, ranks)
