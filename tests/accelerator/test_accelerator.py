"""Everything that decides about a GPU: `python -m pytest tests/accelerator` on a machine that has one.

Elsewhere it is skipped. `ON_CPU=1 python -m pytest tests/accelerator` rehearses on the CPU what does not ask about the
device itself.
"""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from commands import run_fresh, write_yaml
from torch import Tensor

from wgan.config.algorithms import ALGORITHMS
from wgan.config.resolve import resolve
from wgan.config.schema import TrainConfig
from wgan.data.batches import Batches
from wgan.runs import checkpoint
from wgan.runtime.device import set_up_arithmetic
from wgan.trainers.base import Trainer, build_trainer
from wgan.utils.rng import Draws

CPU = torch.device("cpu")
REHEARSAL = os.environ.get("ON_CPU") == "1"
PRESENT = torch.accelerator.device_count() if torch.accelerator.is_available() else 0
DEVICE = (torch.accelerator.current_accelerator() if PRESENT else None) or CPU
NEEDS_CUDA = pytest.mark.skipif(DEVICE.type != "cuda", reason="asks CUDA's own counters")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.optional,
    pytest.mark.skipif(not PRESENT and not REHEARSAL, reason="this machine has no accelerator that PyTorch can use"),
]


@pytest.fixture(autouse=True)
def _exact_products() -> Iterator[None]:
    set_up_arithmetic(config("WGAN-GP", precision="fp32"))
    yield
    set_up_arithmetic(config("WGAN-GP"))


def config(arch: str, **keys: Any) -> TrainConfig:
    small = {"dataset": "mnist-5k", "image_size": 32, "number_channels": 3, "batch_size": 16, "latent_vector": 16}
    resolved = resolve({"arch": arch, **small, "gen_feature_maps": 16, "dis_feature_maps": 16, "critic_its": 1, **keys})
    assert isinstance(resolved, TrainConfig)
    return resolved


class CpuDraws(Draws):
    """The numbers that the CPU draws, on any device: the two draw different ones from one seed."""

    def _drawn(self, draw: Callable[..., Tensor], purpose: str, step: int, rows: int, shape: tuple[int, ...]) -> Tensor:
        there = Draws(self.seed, CPU, self.rank, self.world_size)._drawn(draw, purpose, step, rows, shape)
        return there.to(self.device)


def trainer_on(device: torch.device, chosen: TrainConfig, dtype: torch.dtype = torch.float32) -> Trainer:
    torch.manual_seed(0)
    trainer = build_trainer(chosen, (chosen.number_channels, 32, 32), device, dtype)
    trainer.draws = CpuDraws(chosen.seed, device)
    return trainer


def images(count: int, channels: int = 3) -> Tensor:
    smooth = torch.randn(count, channels, 8, 8, generator=torch.Generator().manual_seed(1))
    return torch.nn.functional.interpolate(smooth, scale_factor=4, mode="bilinear").tanh()


def train(trainer: Trainer, steps: range) -> list[dict[str, float]]:
    found = []
    real = images(16, trainer.config.number_channels).to(trainer.device)
    for step in steps:
        metrics = trainer.critic_update(real, step) | trainer.generator_update(16, step, real)
        found.append({name: float(value) for name, value in metrics.items()})
    return found


@pytest.mark.parametrize("network", ["conv", "resnet", "mnist", "dense"])
@pytest.mark.parametrize("arch", ALGORITHMS)
def test_three_updates_are_those_of_the_cpu(arch: str, network: str) -> None:
    norm = {"critic_norm": "none"} if network == "dense" else {}
    chosen = config(arch, network=network, augment=["flip", "translation", "color", "cutout"], optimizer="rmsprop")
    chosen = chosen.model_copy(update=norm)  # RMSprop: Adam's first step is the gradient's sign, whatever its size
    here, there = (train(trainer_on(device, chosen), range(3)) for device in (CPU, DEVICE))
    for one, other in zip(here, there, strict=True):
        assert one.keys() == other.keys()
        for name in one:
            assert other[name] == pytest.approx(one[name], rel=2e-3, abs=2e-4), name


@pytest.mark.parametrize("arch", ALGORITHMS)
def test_bfloat16_follows_float32(arch: str) -> None:
    steps = range(20)
    exact, rounded = (
        train(trainer_on(DEVICE, config(arch, learning_rate=1e-4), dtype), steps)
        for dtype in (torch.float32, torch.bfloat16)
    )
    for name in exact[-1]:
        assert rounded[-1][name] == pytest.approx(exact[-1][name], rel=0.2, abs=0.2), name


@pytest.mark.parametrize("arch", ALGORITHMS)
def test_a_stopped_run_goes_on_with_the_same_bits(arch: str, tmp_path: Path) -> None:
    keys = {"arch": arch, "n_gpu": min(PRESENT, 1), "deterministic": True, "metrics": [], "checkpoint_every": 3}
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    status = run_fresh(write_yaml(whole, **keys, num_steps=8))
    assert status.returncode == 0, status.stderr
    for steps in (4, 8):
        status = run_fresh(write_yaml(halves, **keys, num_steps=steps))
        assert status.returncode == 0, status.stderr
    one, other = (checkpoint.load(folder / "out/run/checkpoints/last.pt")["trainer"] for folder in (whole, halves))
    for part in ("generator", "critic", "ema"):
        for name, tensor in one[part].items():
            assert torch.equal(tensor, other[part][name]), (part, name)
    state = json.loads((whole / "out/run/state.json").read_text())
    assert (state["device"] == torch.cuda.get_device_name()) if DEVICE.type == "cuda" else state["device"]


@NEEDS_CUDA
@pytest.mark.parametrize("arch", ALGORITHMS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_no_step_waits_for_the_device(arch: str, dtype: torch.dtype) -> None:
    chosen = config(arch, augment=["flip", "translation", "color", "cutout"], dequantise=True)
    trainer = build_trainer(chosen, (3, 32, 32), DEVICE, dtype)
    batches = Batches(((images(64) + 1) * 127.5).byte(), 16, 0, DEVICE)
    for step in range(6):
        if step == 3:  # cuDNN has chosen its kernels, the optimisers have their state
            torch.cuda.set_sync_debug_mode("error")
        try:
            real = batches.batch(step)
            trainer.critic_update(real, step)
            trainer.generator_update(16, step, real)
        finally:
            torch.cuda.set_sync_debug_mode("default") if step == 5 else None
    torch.cuda.set_sync_debug_mode("default")


@NEEDS_CUDA
@pytest.mark.parametrize("arch", ALGORITHMS)
def test_memory_is_the_same_after_500_steps(arch: str) -> None:
    trainer = trainer_on(DEVICE, config(arch))
    train(trainer, range(20))
    before, peak = torch.cuda.memory_allocated(), torch.cuda.max_memory_reserved()
    train(trainer, range(20, 520))
    assert torch.cuda.memory_allocated() <= before + 2**16
    assert torch.cuda.max_memory_reserved() <= peak + 2**21


@NEEDS_CUDA
def test_batches_that_do_not_fit_the_device_are_pinned_and_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    bytes_of_images = torch.randint(0, 256, (100, 3, 32, 32), dtype=torch.uint8)
    there = Batches(bytes_of_images, 16, 0, DEVICE)
    monkeypatch.setattr("wgan.data.batches.capacity", lambda _: 1)
    ahead = Batches(bytes_of_images, 16, 0, DEVICE)
    assert (there.placement, ahead.placement) == ("device", "ahead")
    for step in range(10):
        assert torch.equal(there.batch(step).cpu(), ahead.batch(step).cpu())


@pytest.mark.skipif(PRESENT < 2, reason="this machine has fewer than two accelerators")
@pytest.mark.parametrize("arch", ALGORITHMS)
def test_two_devices_train_what_one_trains(arch: str, tmp_path: Path) -> None:
    keys = {"arch": arch, "network": "dense", "critic_norm": "none", "metrics": [], "deterministic": True}
    states = []
    for count in (1, 2):
        status = run_fresh(write_yaml(tmp_path / str(count), **keys, n_gpu=count), timeout=600)
        assert status.returncode == 0, status.stderr
        states.append(checkpoint.load(tmp_path / str(count) / "out/run/checkpoints/last.pt")["trainer"]["ema"])
    for name, tensor in states[0].items():
        assert torch.allclose(tensor, states[1][name], rtol=1e-3, atol=1e-5), name
