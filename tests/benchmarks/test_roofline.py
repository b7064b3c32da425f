"""The count of an update's arithmetic, against a count by hand."""

import pytest

from benchmarks.roofline import flops_per_image
from wgan.config.resolve import resolve
from wgan.config.schema import TrainConfig


def config(arch: str, **keys: object) -> TrainConfig:
    resolved = resolve({"arch": arch, "dataset": "cifar10", "image_size": 64, "latent_vector": 100, **keys})
    assert isinstance(resolved, TrainConfig)
    return resolved


CRITIC = [
    2 * 16 * a * b * side**2 for a, b, side in ((3, 64, 32), (64, 128, 16), (128, 256, 8), (256, 512, 4), (512, 1, 1))
]
GENERATOR = [
    2 * 16 * a * b * s**2 for a, b, s in ((100, 512, 1), (512, 256, 4), (256, 128, 8), (128, 64, 16), (64, 3, 32))
]


@pytest.mark.parametrize(
    ("arch", "penalty"), [("WGAN-GP", 4), ("WGAN-DIV", 4), ("WGAN-CLIP", 0), ("DCGAN", 0), ("R3GAN", 6)]
)
@pytest.mark.parametrize("critic_its", [1, 5])
def test_the_arithmetic_of_seed_000s_networks(arch: str, penalty: int, critic_its: int) -> None:
    c, g = sum(CRITIC), sum(GENERATOR)
    expected = g + (6 + penalty) * c - 2 * CRITIC[0] + (3 * g + (3 if arch == "R3GAN" else 2) * c) / critic_its
    assert flops_per_image(config(arch, critic_its=critic_its), (3, 64, 64)) == pytest.approx(expected)


def test_the_critic_at_64_px_takes_13_gflop_for_a_batch_of_64() -> None:
    assert 64 * sum(CRITIC) == pytest.approx(13.3e9, rel=0.02)


def test_every_network_is_counted() -> None:
    for network in ("conv", "resnet", "dense"):
        assert flops_per_image(config("WGAN-GP", network=network), (3, 64, 64)) > 1e7
