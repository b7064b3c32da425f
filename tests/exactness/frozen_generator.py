"""A critic trained against a generator that stays as it is: what its estimate converges to."""

import torch
from torch import Tensor, nn

from wgan.config.resolve import resolve
from wgan.config.schema import TrainConfig
from wgan.networks.base import Critic, Generator
from wgan.networks.layers import Chain, Flatten, Linear
from wgan.trainers.base import Trainer, build_trainer

BATCH = 256


def plane_trainer(arch: str, **keys: object) -> Trainer:
    """A trainer for points in the plane, with a critic of three small hidden layers."""
    settings = {"arch": arch, "dataset": "8gaussians", "latent_vector": 2, "dis_feature_maps": 8, "batch_size": BATCH}
    config = resolve({**settings, **keys})
    assert isinstance(config, TrainConfig)
    return build_trainer(config, (2,), torch.device("cpu"))


class Standard(Generator):
    """Gives its latents: a standard normal in the plane."""

    def __init__(self) -> None:
        super().__init__(Chain(Flatten()), 2)


class Origin(Generator):
    """Gives (0, 0), whatever its latents."""

    def __init__(self) -> None:
        layer = Linear(2, 2)
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
        super().__init__(Chain(Flatten(), layer), 2)


def linear_critic() -> Critic:
    """f(x) = w.x + b, always with the same start."""
    layer = Linear(2, 1)
    nn.init.constant_(layer.weight, 0.5)
    return Critic(Chain(Flatten(), layer))


def converge(trainer: Trainer, real: Tensor, steps: int) -> dict[str, float]:
    """Train the critic alone, and give each figure's mean over the last tenth of the steps.

    The learning rate falls in the last half, so that the figures settle.
    """
    optimizer, kept = trainer.critic_optimizer, []
    rate = optimizer.param_groups[0]["lr"]
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = rate * min(1.0, 2 * (1 - step / steps) + 0.02)
        start = step * BATCH % max(1, len(real) - BATCH)
        figures = trainer.critic_update(real[start : start + BATCH], step)
        if step >= 0.9 * steps:
            kept.append({name: float(value) for name, value in figures.items()})
    return {name: sum(row[name] for row in kept) / len(kept) for name in kept[0]}
