"""The networks by their names. A trainer never asks which kind it holds."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import nn

from wgan.config.schema import TrainConfig
from wgan.networks import architectures as kinds
from wgan.networks.base import NO_CLASSES, Classes, Critic, Generator
from wgan.networks.layers import ACTIVATIONS, Chain, ConditionalBatchNorm2d, Layers, Projection, Residual
from wgan.utils import rng
from wgan.utils.errors import InputError

# Initial weights are drawn from one generator in the order of the layers; biases begin at zero.
WEIGHTED = nn.Conv2d | nn.ConvTranspose2d | nn.Linear


def dcgan_init_(network: nn.Module, generator: torch.Generator | None) -> None:
    """Normal with deviation 0.02, around 0 and, for batch norm's gains, around 1 (DCGAN, arXiv:1511.06434, sec. 4)."""
    for layer in network.modules():
        if isinstance(layer, WEIGHTED | nn.BatchNorm2d) and layer.weight is not None:
            nn.init.normal_(layer.weight, float(isinstance(layer, nn.BatchNorm2d)), 0.02, generator=generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def he_init_(network: nn.Module, generator: torch.Generator | None) -> None:
    """Normal with deviation sqrt(2 / inputs) (He et al., arXiv:1502.01852); batch norm's gains begin at 1."""
    for layer in network.modules():
        if isinstance(layer, WEIGHTED):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


PUBLISHED = partial(kinds.resnet_generator, published=True)
Kind = tuple[Callable[..., Layers], Callable[..., Layers], Callable[[nn.Module, torch.Generator | None], None]]
NETWORKS: dict[str, Kind] = {
    "conv": (kinds.conv_generator, kinds.conv_critic, dcgan_init_),
    "plain": (partial(kinds.conv_generator, plain=True), kinds.conv_critic, he_init_),  # for `gen_network`
    "resnet": (kinds.resnet_generator, kinds.resnet_critic, he_init_),  # he: near WGAN-GP's code
    "resnet32": (partial(PUBLISHED, constant=True), partial(kinds.resnet_critic, constant=True), he_init_),
    "resnet64": (PUBLISHED, kinds.resnet64_critic, he_init_),
    "mnist": (kinds.mnist_generator, kinds.mnist_critic, dcgan_init_),
    "dense": (kinds.dense_generator, kinds.dense_critic, he_init_),
}


def build_generator(config: TrainConfig, shape: Sequence[int], classes: Classes = NO_CLASSES) -> Generator:
    """The generator that the YAML describes; its initial weights depend on the seed alone. See `new_generator`."""
    random = rng.generator(config.seed, "generator weights")
    return new_generator(config.gen_network, config.latent_vector, shape, config.gen_feature_maps, random, classes)


def build_critic(config: TrainConfig, shape: Sequence[int], classes: Classes = NO_CLASSES) -> Critic:
    """The critic that the YAML describes; its initial weights depend on the seed alone. See `new_generator`."""
    random = rng.generator(config.seed, "critic weights")
    norm, activation = config.critic_norm, config.critic_activation
    sizes = config.network, shape, config.dis_feature_maps
    critic = new_critic(*sizes, norm, config.spectral_norm, random, activation, classes)
    begins = [place for place, layer in enumerate(critic.main) if isinstance(layer, WEIGHTED | Residual | Projection)]
    if config.freeze_critic >= len(begins):
        most = f"this critic has {len(begins)} layers: hold at most {len(begins) - 1}"
        raise InputError(f"{config.where('freeze_critic')}: {most}")
    critic.main[: begins[config.freeze_critic]].requires_grad_(False)
    return critic


def new_generator(
    network: str,
    latent_vector: int,
    shape: Sequence[int],
    feature_maps: int,
    random: torch.Generator | None = None,
    classes: Classes = NO_CLASSES,
) -> Generator:
    """A generator with fresh weights, drawn from `random`; `network` is one of `NETWORKS`.

    `shape` is a sample's: (C, H, W), C 1 (grey) or 3 (colour), H and W a base of 4 to 7 times the same 2^n. Dense
    networks take any, and (2,) for points in the plane. How `feature_maps` set the layers' widths, each network's
    layers say. With `classes` it makes the one that is asked for, in its batch norm.
    """
    generator, _, init_ = NETWORKS[network]
    batch_norm = partial(ConditionalBatchNorm2d, classes=len(classes)) if classes else nn.BatchNorm2d
    layers = Chain(*generator(latent_vector, shape, feature_maps, batch_norm))
    init_(layers, random)
    return Generator(layers, latent_vector, classes)


def new_critic(
    network: str,
    shape: Sequence[int],
    feature_maps: int,
    critic_norm: str = "none",
    spectral_norm: bool = False,
    random: torch.Generator | None = None,
    activation: str = "leaky",
    classes: Classes = NO_CLASSES,
) -> Critic:
    """A critic with fresh weights; sizes and `classes` as for `new_generator`; `critic_norm` as for `layers.norm`."""
    _, critic, init_ = NETWORKS[network]
    *body, score = critic(shape, feature_maps, critic_norm, ACTIVATIONS[activation])
    layers = Chain(*body, Projection(score, len(classes)) if classes else score)
    init_(layers, random)  # before spectral norm, which computes weights from what it is given
    return Critic(layers, spectral_norm)
