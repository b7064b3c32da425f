"""What a training runs on and what its numbers depend on, for people and for checkpoints."""

import platform

import torch

import wgan
from wgan.trainers.base import Trainer


def device_name(device: torch.device) -> str:
    """For people: "CPU (2 threads)", "NVIDIA H100"."""
    if device.type == "cpu":
        return f"CPU ({torch.get_num_threads()} threads)"
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def parameters(trainer: Trainer) -> str:
    """Sizes of both networks, for people."""
    generator, critic = (sum(p.numel() for p in n.parameters()) for n in (trainer.generator, trainer.critic))
    return f"generator {generator / 1e6:.2f} M parameters, critic {critic / 1e6:.2f} M"


def versions() -> dict[str, str]:
    """Of what computes the numbers."""
    return {"wgan": wgan.__version__, "torch": str(torch.__version__), "python": platform.python_version()}


def setting(trainer: Trainer) -> dict[str, str]:
    """What another value of may change a training's numbers, if only in their last bits."""
    precision = str(trainer.dtype).removeprefix("torch.")
    return {**versions(), "device": device_name(trainer.device), "precision": precision}
