"""bfloat16 trains as float32 does, what must stay float32 stays, and no step waits for the device."""

import os
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from wgan.config.algorithms import ALGORITHMS
from wgan.config.resolve import resolve
from wgan.config.schema import TrainConfig
from wgan.data.batches import Batches
from wgan.data.load import load_data
from wgan.runtime.device import choose_precision, set_up_arithmetic
from wgan.trainers.base import Trainer, build_trainer

CPU = torch.device("cpu")


def config(**keys: Any) -> TrainConfig:
    small = {"arch": "WGAN-GP", "dataset": "mnist-5k", "image_size": 28, "number_channels": 1, "batch_size": 32}
    small |= {"gen_feature_maps": 8, "dis_feature_maps": 8, "latent_vector": 16, "learning_rate": 2e-3, "critic_its": 2}
    resolved = resolve({**small, **keys})
    assert isinstance(resolved, TrainConfig)
    return resolved


def estimates(dtype: torch.dtype, seed: int) -> Tensor:
    """The Wasserstein estimates of 250 updates on real digits."""
    chosen = config(seed=seed)
    images = load_data(chosen).train.images
    trainer = build_trainer(chosen, images.shape[1:], CPU, dtype)
    batches = Batches(images, chosen.batch_size, seed, CPU)
    found = []
    for step in range(250):
        real = batches.batch(step)
        found.append(trainer.critic_update(real, step)["wasserstein_estimate"])
        if (step + 1) % chosen.critic_its == 0:
            trainer.generator_update(chosen.batch_size, step, real)
    return torch.stack(found)


@pytest.mark.slow
def test_bfloat16_stays_within_the_spread_of_two_float32_seeds() -> None:
    one, other, rounded = estimates(torch.float32, 1), estimates(torch.float32, 2), estimates(torch.bfloat16, 1)
    spread = (one - other).abs().mean()
    assert (rounded - one).abs().mean() < spread
    assert (rounded.mean() - one.mean()).abs() < spread
    assert one.max() > 1.3 * one[-50:].mean(), "the runs are long enough to see the estimate rise and fall"


def test_weights_losses_norms_optimisers_and_average_are_float32() -> None:
    trainer = build_trainer(config(), (1, 28, 28), CPU, torch.bfloat16)
    real = torch.rand(32, 1, 28, 28)
    figures = trainer.critic_update(real, 0) | trainer.generator_update(32, 0, real)
    assert {name for name, figure in figures.items() if figure.dtype != torch.float32} == set()
    assert trainer.gradient_norm(torch.rand(4, 1, 28, 28)).dtype == torch.float32
    for network in (trainer.generator, trainer.critic, trainer.ema.model):
        assert {weights.dtype for weights in network.parameters()} == {torch.float32}
    for optimizer in (trainer.generator_optimizer, trainer.critic_optimizer):
        moments = [value for state in optimizer.state.values() for value in state.values() if isinstance(value, Tensor)]
        assert moments
        assert {moment.dtype for moment in moments} == {torch.float32}
    assert trainer.sample(torch.randn(2, 16)).dtype == torch.float32


class Reads(TorchDispatchMode):
    """Counts the reads of a number from the device: what `.item()`, `float()` and `if tensor:` do."""

    count = 0

    def __torch_dispatch__(self, operator: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += operator is torch.ops.aten._local_scalar_dense.default
        return operator(*args, **(kwargs or {}))


@pytest.mark.parametrize("arch", [*ALGORITHMS])
@pytest.mark.parametrize("augment", [(), ("flip", "translation", "color", "cutout")])
def test_no_update_reads_a_number_from_the_device(arch: str, augment: tuple[str, ...]) -> None:
    trainer: Trainer = build_trainer(config(arch=arch, augment=augment), (1, 28, 28), CPU)
    real = torch.rand(32, 1, 28, 28)
    with Reads() as reads:
        trainer.critic_update(real, 0)
        trainer.generator_update(32, 0, real)
    assert reads.count == 0
    with Reads() as reads:
        real.sum().item()
    assert reads.count == 1, "the counter counts"


@pytest.mark.parametrize(
    ("capabilities", "dtype"),
    [({"avx512_bf16": True}, torch.bfloat16), ({"amx_bf16": True}, torch.bfloat16), ({"avx2": True}, torch.float32)],
)
def test_auto_takes_bfloat16_where_the_cpu_multiplies_it(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], dtype: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert choose_precision(config(precision="auto"), CPU).dtype == dtype
    assert choose_precision(config(precision="fp32"), CPU).dtype == torch.float32
    assert choose_precision(config(precision="bf16"), CPU).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("capability", "dtype"), [((7, 5), torch.float32), ((8, 0), torch.bfloat16), ((9, 0), torch.bfloat16)]
)
def test_auto_takes_bfloat16_from_compute_capability_8_on(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], dtype: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    chosen = choose_precision(config(precision="auto"), torch.device("cuda", 0))
    assert chosen.dtype == dtype
    assert f"{capability[0]}.{capability[1]}" in chosen.reason


def test_deterministic_asks_every_library_for_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    try:
        set_up_arithmetic(config(deterministic=True))
        assert torch.are_deterministic_algorithms_enabled()
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
        assert not torch.backends.cudnn.allow_tf32
        trainer = build_trainer(config(augment=("translation", "cutout")), (1, 28, 28), CPU)
        real = torch.rand(32, 1, 28, 28)
        trainer.critic_update(real, 0)  # no operator of an update is without a deterministic form
        trainer.generator_update(32, 0, real)
    finally:
        set_up_arithmetic(config())
    assert not torch.are_deterministic_algorithms_enabled()
