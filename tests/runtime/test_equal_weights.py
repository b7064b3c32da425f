"""Any number of ranks computes what one process computes: the weights after some updates, in double precision.

The networks have no batch norm, which would see each rank's images by themselves. One process must agree with 2 and 4
ranks on batches, latents, interpolation, augmentation, penalties, optimisers, clipping, average and metrics.
"""

import copy
from typing import Any

import pytest
import torch
from ranks_at_work import in_ranks
from torch import Tensor

from wgan.config.algorithms import ALGORITHMS
from wgan.config.resolve import resolve
from wgan.config.schema import TrainConfig
from wgan.data.batches import Batches
from wgan.networks.build import build_critic, build_generator
from wgan.runtime.distributed import ALONE, Ranks
from wgan.trainers.base import Trainer, build_trainer

pytestmark = pytest.mark.slow

ARCHS = [*ALGORITHMS]
SHAPE = (1, 28, 28)
CLASSES = {"frog": 30, "newt": 13, "toad": 7}
LABELS = torch.tensor([label for label, count in enumerate(CLASSES.values()) for _ in range(count)])
IMAGES = torch.randint(0, 256, (50, *SHAPE), dtype=torch.uint8, generator=torch.Generator().manual_seed(3))
VARIANTS: dict[str, dict[str, Any]] = {
    "conv": {"network": "conv"},
    "conv, accumulate 2": {"network": "conv", "accumulate": 2},
    "dense, augmented, accumulate 2": {"network": "dense", "accumulate": 2, "augment": ["flip", "color", "cutout"]},
    "double backward": {"network": "resnet", "critic_norm": "instance"},
    "spectral": {"network": "conv", "spectral_norm": True},
    "dequantised, larger batch of the generator": {"network": "resnet32", "dequantise": True, "gen_batch_size": 16},
    "conditional": {"conditional": True, "accumulate": 2, "gen_batch_size": 16},
    "conditional, even": {"conditional": True, "network": "resnet", "class_balance": "even"},
}
RUNS = [(arch, "conv") for arch in ARCHS] + [("DCGAN", "conv, accumulate 2"), ("WGAN-GP", "conv, accumulate 2")]
RUNS += [("WGAN-GP", "double backward"), ("WGAN-DIV", "spectral"), ("WGAN-GP", "dense, augmented, accumulate 2")]
RUNS += [("WGAN-GP", "dequantised, larger batch of the generator")]
RUNS += [("WGAN-GP", "conditional"), ("DCGAN", "conditional"), ("R3GAN", "conditional, even")]


def updates(variant: str) -> int:
    """Of the critic; every second one is followed by one of the generator."""
    return 20 if variant == "conv" else 6


def settings(arch: str, variant: str) -> TrainConfig:
    small = {"dataset": "mnist-5k", "image_size": 28, "number_channels": 1, "batch_size": 8, "latent_vector": 5}
    small |= {"gen_feature_maps": 2, "dis_feature_maps": 2, "critic_its": 2, "critic_norm": "none", "seed": 7}
    config = resolve({"arch": arch, **small, **VARIANTS[variant]})
    assert isinstance(config, TrainConfig)
    return config


def double_trainer(config: TrainConfig, ranks: Ranks) -> Trainer:
    """With the generator of a dense network, which has no batch norm; or with one whose batch norm sees no batch."""
    torch.manual_seed(1)  # spectral norm draws its first vectors from the global generator
    classes = CLASSES if config.conditional else {}
    trainer = build_trainer(config, SHAPE, torch.device("cpu"), ranks=ranks, classes=classes)
    generator = build_generator(config, SHAPE, classes).eval()
    if not classes:
        generator = build_generator(config.model_copy(update={"gen_network": "dense"}), SHAPE)
    kind, critic = type(trainer), build_critic(config, SHAPE, classes)
    return kind(config, generator.double(), critic.double(), torch.device("cpu"), torch.float64, ranks)


def train(trainer: Trainer, steps: range) -> list[dict[str, float]]:
    """The metrics of this rank's images, step by step."""
    config, ranks = trainer.config, trainer.ranks
    even, of_rank = config.class_balance == "even", (config.seed, "cpu", ranks.rank, ranks.world_size)
    batches = Batches(IMAGES, config.batch_size, *of_rank, LABELS, even)
    kept = []
    for step in steps:
        real = batches.batch(step).double()
        sizes = config.batch_size, config.gen_batch_size
        labels, others = (batches.labels(step, size) if config.conditional else None for size in sizes)
        metrics = trainer.critic_update(real, step, labels)
        if (step + 1) % config.critic_its == 0:
            metrics |= trainer.generator_update(config.gen_batch_size // ranks.world_size, step, real, others)
        kept.append({name: float(metric) for name, metric in metrics.items()})
    return kept


def all_variants(ranks: Ranks) -> dict[tuple[str, str], tuple[dict[str, Tensor], list[dict[str, float]]]]:
    results = {}
    for arch, variant in RUNS:
        trainer = double_trainer(settings(arch, variant), ranks)
        metrics = train(trainer, range(updates(variant)))
        trainer.sync_buffers_and_verify()
        results[arch, variant] = weights(trainer), metrics
    return results


def weights(trainer: Trainer) -> dict[str, Tensor]:
    networks = {"generator": trainer.generator, "critic": trainer.critic, "ema": trainer.ema.model}
    return {f"{name}.{key}": value for name, net in networks.items() for key, value in net.state_dict().items()}


@pytest.fixture(scope="module")
def by_world_size() -> dict[int, list[Any]]:
    return {1: [all_variants(ALONE)], 2: in_ranks(2, all_variants), 4: in_ranks(4, all_variants)}


@pytest.mark.parametrize(("arch", "variant"), RUNS)
def test_the_weights_after_many_updates_do_not_depend_on_the_number_of_ranks(
    by_world_size: dict[int, list[Any]], arch: str, variant: str
) -> None:
    alone, _ = by_world_size[1][0][arch, variant]
    before = weights(double_trainer(settings(arch, variant), ALONE))
    moved = {name.split(".")[0] for name in alone if not torch.equal(alone[name], before[name])}
    assert moved == {"generator", "critic", "ema"}
    for world_size in (2, 4):
        for rank in by_world_size[world_size]:
            shared, _ = rank[arch, variant]
            for name, expected in alone.items():
                assert torch.allclose(shared[name], expected, rtol=0, atol=1e-9), (world_size, name)


@pytest.mark.parametrize("world_size", [2, 4])
def test_all_ranks_hold_the_same_bits(by_world_size: dict[int, list[Any]], world_size: int) -> None:
    first, *others = by_world_size[world_size]
    for other in others:
        for run, (expected, _) in first.items():
            assert all(torch.equal(expected[name], value) for name, value in other[run][0].items()), run


@pytest.mark.parametrize("world_size", [2, 4])
def test_the_metrics_of_the_batch_are_the_means_of_the_ranks(
    by_world_size: dict[int, list[Any]], world_size: int
) -> None:
    for run, (_, metrics) in by_world_size[1][0].items():
        for step, expected in enumerate(metrics):
            for name, value in expected.items():
                parts = [rank[run][1][step][name] for rank in by_world_size[world_size]]
                assert sum(parts) / world_size == pytest.approx(value, rel=1e-8, abs=1e-9), (run, step, name)
                assert len(set(parts)) > 1, "each rank saw other images"


def resumed(ranks: Ranks, state: dict[str, Any]) -> dict[str, Tensor]:
    trainer = double_trainer(settings("WGAN-GP", "conv"), ranks)
    trainer.load_state_dict(copy.deepcopy(state))  # optimisers go on in the very tensors they are given
    train(trainer, range(10, 20))
    return weights(trainer)


def half(ranks: Ranks) -> dict[str, Any]:
    trainer = double_trainer(settings("WGAN-GP", "conv"), ranks)
    train(trainer, range(10))
    return trainer.state_dict()


def test_a_state_of_four_ranks_goes_on_in_one_two_or_four(by_world_size: dict[int, list[Any]]) -> None:
    state = in_ranks(4, half)[0]
    expected, _ = by_world_size[1][0]["WGAN-GP", "conv"]
    for ends in ([resumed(ALONE, state)], in_ranks(2, resumed, state), in_ranks(4, resumed, state)):
        for end in ends:
            for name, value in expected.items():
                assert torch.allclose(end[name], value, rtol=0, atol=1e-9), (len(ends), name)
