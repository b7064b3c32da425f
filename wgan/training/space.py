"""Whether the disk will do for a training, asked before it begins."""

import math
import shutil
from pathlib import Path

from wgan.config.schema import TrainConfig
from wgan.trainers.base import Trainer
from wgan.utils.errors import InputError

SAMPLES = 64
"""Images in a sample grid."""


def checkpoint_bytes(trainer: Trainer) -> int:
    """What a checkpoint takes: both networks, the generator's average, two moments of each weight."""
    trained = (trainer.generator, trainer.critic)
    kept = [tensor for network in (*trained, trainer.ema.model) for tensor in network.state_dict().values()]
    moments = [*(weights for network in trained for weights in network.parameters())] * 2
    return sum(tensor.numel() * tensor.element_size() for tensor in (*kept, *moments))


def require_space(config: TrainConfig, trainer: Trainer, shape: tuple[int, ...], steps: int, checkpoints: Path) -> None:
    """Compare what a training will come to take with the free space.

    Counted are the checkpoints that are kept, the one being written, the best, and the sample grids.

    Args:
        config: the run's keys.
        trainer: with the run's networks.
        shape: of one sample.
        steps: that are still to be trained.
        checkpoints: the folder of those that stand already.

    Raises:
        InputError: the disk is too full.
    """
    count = config.keep_checkpoints + 1 + bool(config.metrics_every)
    grids = steps // config.sample_every + 1  # a byte for each value: PNG hardly compresses untrained samples
    present = sum(path.stat().st_size for path in checkpoints.glob("*.pt"))
    need = count * checkpoint_bytes(trainer) + grids * SAMPLES * math.prod(shape) - present
    free = shutil.disk_usage(checkpoints).free
    if need > free:
        raise InputError(
            f"{config.where('out')}: the training will take about {need / 1e9:.3g} GB, and {free / 1e9:.3g} GB are "
            "free there: free some space, choose another disk, a smaller keep_checkpoints, or a larger sample_every"
        )
