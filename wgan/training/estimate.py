"""How long a training will take here: some updates are timed, of networks that are thrown away."""

import time
from collections.abc import Sequence

import torch

from wgan.config.schema import TrainConfig
from wgan.networks.base import Classes
from wgan.runtime.device import Precision, set_up_arithmetic
from wgan.trainers.base import build_trainer
from wgan.utils import malloc

WARM_UP, MOST_SECONDS = 2, 1.5  # rounds of critic_its updates that are not counted; what the timing takes at most
METRIC_SECONDS = {
    "classifier": 60,
    "cas": 120,
    "inception": 240,
    "swd": 4,
    "prdc": 10,
    "mmd": 11,
    "emd": 6,
    "paired": 3,
}
"""Of one core, for 1,000 images of 28 px of each kind (docs/metrics.md): rough, since other sizes cost otherwise; the
classifier's is that of training it, once."""
BESIDE = 8.0  # seconds of the start, of grids on the way and of the last pictures, of small images


def seconds_per_step(
    config: TrainConfig, shape: Sequence[int], classes: Classes, device: torch.device, precision: Precision
) -> float:
    """Of a critic update with its share of the generator's, on images of this shape: (C, H, W), or (2,) for points."""
    set_up_arithmetic(config)
    if device.type == "cpu":
        malloc.keep_freed()
    trainer = build_trainer(config, shape, device, precision.dtype, classes=classes)
    real = 2 * torch.rand(config.batch_size, *shape, device=device) - 1
    sizes = config.batch_size, config.gen_batch_size
    labels, asked = (torch.arange(size, device=device) % len(classes) if classes else None for size in sizes)
    step, since, begun = 0, 0.0, time.perf_counter()
    while step <= WARM_UP * config.critic_its or time.perf_counter() - begun < MOST_SECONDS:
        for _ in range(config.critic_its):
            trainer.critic_update(real, step, labels)
            step += 1
        trainer.generator_update(config.gen_batch_size, step, real, asked)
        if device.type != "cpu":
            torch.accelerator.synchronize(device)
        if step == WARM_UP * config.critic_its:
            since = time.perf_counter()
    return (time.perf_counter() - since) / (step - WARM_UP * config.critic_its)


def other_seconds(config: TrainConfig, images: int, steps: int) -> float:
    """Roughly, of what is no training: the evaluations, by the images of each kind, and the pictures."""
    evaluations = max(1, steps // config.metrics_every) if config.metrics_every else 1
    each = [METRIC_SECONDS[group] * (1 if group == "classifier" else evaluations) for group in config.metrics]
    return BESIDE + sum(each) * min(2_048, images) / 1_000 / max(1, torch.get_num_threads())
