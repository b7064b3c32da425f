"""Generators and critics. A trainer never asks which kind it holds."""

from collections.abc import Sequence

from wgan.config.schema import TrainConfig
from wgan.networks.base import Critic, Generator, at_least_float32
from wgan.networks.conv import ConvCritic, ConvGenerator
from wgan.networks.dense import DenseCritic, DenseGenerator
from wgan.networks.mnist import MnistCritic, MnistGenerator
from wgan.networks.resnet import ResNetCritic, ResNetGenerator
from wgan.utils.rng import generator as randomness

__all__ = ["Critic", "Generator", "at_least_float32", "build_critic", "build_generator"]


def build_generator(config: TrainConfig, shape: Sequence[int]) -> Generator:
    """The generator that the YAML describes, with initial weights that depend on the seed alone.

    Args:
        config: `network`, `latent_vector`, `gen_feature_maps`, `seed`.
        shape: of one sample: (C, H, W), or (2,) for points in the plane (dense networks only).
    """
    weights = randomness(config.seed, "generator weights")
    if config.network == "dense":
        return DenseGenerator(config.latent_vector, shape, config.gen_feature_maps, weights)
    kind = {"conv": ConvGenerator, "resnet": ResNetGenerator, "mnist": MnistGenerator}[config.network]
    channels, side, _ = shape
    return kind(config.latent_vector, side, channels, config.gen_feature_maps, weights)


def build_critic(config: TrainConfig, shape: Sequence[int]) -> Critic:
    """The critic that the YAML describes, with initial weights that depend on the seed alone.

    Args:
        config: `network`, `dis_feature_maps`, `critic_norm`, `spectral_norm`, `seed`.
        shape: of one sample: (C, H, W), or (2,) for points in the plane (dense networks only).
    """
    weights = randomness(config.seed, "critic weights")
    if config.network == "dense":
        return DenseCritic(shape, config.dis_feature_maps, config.spectral_norm, weights)
    kind = {"conv": ConvCritic, "resnet": ResNetCritic, "mnist": MnistCritic}[config.network]
    channels, side, _ = shape
    return kind(side, channels, config.dis_feature_maps, config.critic_norm, config.spectral_norm, weights)
