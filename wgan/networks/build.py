"""The networks by their names. A trainer never asks which kind it holds."""

from collections.abc import Sequence

from wgan.config.schema import TrainConfig
from wgan.networks.base import Critic, Generator, ShapedCritic, ShapedGenerator
from wgan.networks.conv import ConvCritic, ConvGenerator
from wgan.networks.dense import DenseCritic, DenseGenerator
from wgan.networks.mnist import MnistCritic, MnistGenerator
from wgan.networks.resnet import ResNetCritic, ResNetGenerator
from wgan.utils import rng

NETWORKS: dict[str, tuple[type[ShapedGenerator], type[ShapedCritic]]] = {
    "conv": (ConvGenerator, ConvCritic),
    "resnet": (ResNetGenerator, ResNetCritic),
    "mnist": (MnistGenerator, MnistCritic),
    "dense": (DenseGenerator, DenseCritic),
}


def build_generator(config: TrainConfig, shape: Sequence[int]) -> Generator:
    """The generator that the YAML describes, with initial weights that depend on the seed alone.

    Args:
        config: `network`, `latent_vector`, `gen_feature_maps`, `seed`.
        shape: of one sample: (C, H, W), or (2,) for points in the plane (dense networks only).
    """
    kind, _ = NETWORKS[config.network]
    random = rng.generator(config.seed, "generator weights")
    return kind(config.latent_vector, shape, config.gen_feature_maps, random)


def build_critic(config: TrainConfig, shape: Sequence[int]) -> Critic:
    """The critic that the YAML describes, with initial weights that depend on the seed alone.

    Args:
        config: `network`, `dis_feature_maps`, `critic_norm`, `spectral_norm`, `seed`.
        shape: of one sample: (C, H, W), or (2,) for points in the plane (dense networks only).
    """
    _, kind = NETWORKS[config.network]
    random = rng.generator(config.seed, "critic weights")
    return kind(shape, config.dis_feature_maps, config.critic_norm, config.spectral_norm, random)
