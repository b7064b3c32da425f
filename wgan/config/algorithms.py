"""The algorithms: where each stands and what its paper sets.

To add one: its file in wgan/trainers/, its entry in `ALGORITHMS`.
"""

from dataclasses import dataclass
from typing import Any

from wgan.config.schema import EvaluateConfig, GenerateConfig, JobConfig, TrainConfig


@dataclass(frozen=True)
class Algorithm:
    """One algorithm: where it stands and what its paper sets.

    Attributes:
        trainer: "module:Class".
        paper: its arXiv number.
        defaults: what the paper sets.
        own_keys: keys that no other algorithm looks at, unless it names them here too.
        penalises_gradient: its penalty takes the critic's gradient image by image; batch norm would couple the images.
    """

    trainer: str
    paper: str
    defaults: dict[str, Any]
    own_keys: frozenset[str] = frozenset()
    penalises_gradient: bool = False


ALGORITHMS: dict[str, Algorithm] = {
    "DCGAN": Algorithm(
        trainer="wgan.trainers.dcgan:DCGAN",
        paper="1511.06434",
        defaults={
            "optimizer": "adam",
            "learning_rate": 2e-4,
            "beta_adam": 0.5,
            "beta2_adam": 0.999,
            "batch_size": 128,
            "critic_its": 1,
            "critic_norm": "batch",
            "latent_vector": 100,
            "label_smoothing": 0.0,
        },
        own_keys=frozenset({"label_smoothing"}),
    ),
    "WGAN-CLIP": Algorithm(
        trainer="wgan.trainers.wgan_clip:WGANClip",
        paper="1701.07875",
        defaults={
            "optimizer": "rmsprop",
            "learning_rate": 5e-5,
            "beta_adam": 0.5,
            "beta2_adam": 0.999,
            "batch_size": 64,
            "critic_its": 5,
            "critic_norm": "batch",
            "latent_vector": 100,
            "clip_value": 0.01,
        },
        own_keys=frozenset({"clip_value"}),
    ),
    "WGAN-GP": Algorithm(
        trainer="wgan.trainers.wgan_gp:WGANGP",
        paper="1704.00028",
        defaults={
            "optimizer": "adam",
            "learning_rate": 1e-4,
            "beta_adam": 0.0,
            "beta2_adam": 0.9,
            "batch_size": 64,
            "critic_its": 5,
            "critic_norm": "none",
            "latent_vector": 128,
            "gp_lambda": 10.0,
        },
        own_keys=frozenset({"gp_lambda"}),
        penalises_gradient=True,
    ),
    "WGAN-DIV": Algorithm(
        trainer="wgan.trainers.wgan_div:WGANDiv",
        paper="1712.01026",
        defaults={
            "optimizer": "adam",
            "learning_rate": 2e-4,
            "beta_adam": 0.5,
            "beta2_adam": 0.999,
            "batch_size": 64,
            "critic_its": 5,
            "critic_norm": "none",
            "latent_vector": 100,
            "div_k": 2.0,
            "div_p": 6.0,
        },
        own_keys=frozenset({"div_k", "div_p"}),
        penalises_gradient=True,
    ),
}

MODELS: dict[str, type[JobConfig]] = {
    **dict.fromkeys(ALGORITHMS, TrainConfig),
    "Generator": GenerateConfig,
    "Evaluate": EvaluateConfig,
}
"""arch -> the keys of its job."""


def unused_keys(arch: str) -> frozenset[str]:
    """The keys that trainings have but `arch` does not look at."""
    every = frozenset[str]().union(*(algorithm.own_keys for algorithm in ALGORITHMS.values()))
    return every - (ALGORITHMS[arch].own_keys if arch in ALGORITHMS else frozenset())
