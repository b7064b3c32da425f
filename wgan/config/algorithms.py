"""The algorithms: where each stands and what its paper sets.

To add one: its file in wgan/trainers/, its entry in `ALGORITHMS`.
"""

from dataclasses import dataclass, field
from typing import Any

from wgan.config.schema import EvaluateConfig, GenerateConfig, JobConfig, TrainConfig


@dataclass(frozen=True)
class Algorithm:
    """One algorithm: where it stands and what its paper sets."""

    trainer: str  # "module:Class"
    paper: str  # its arXiv number
    own: dict[str, Any]  # keys that no other algorithm looks at, unless it names them here too, with their defaults
    sets: dict[str, Any] = field(default_factory=dict)  # where the paper departs from `USUAL`
    penalises_gradient: bool = False  # image by image: batch norm in the critic would couple the images

    @property
    def defaults(self) -> dict[str, Any]:
        """What the paper sets."""
        return USUAL | self.sets | self.own


USUAL: dict[str, Any] = {
    "optimizer": "adam",
    "learning_rate": 2e-4,
    "beta_adam": 0.5,
    "beta2_adam": 0.999,
    "batch_size": 64,
    "critic_its": 5,
    "critic_norm": "none",
    "latent_vector": 100,
}
"""What most of the papers set."""
ALGORITHMS: dict[str, Algorithm] = {
    "DCGAN": Algorithm(
        trainer="wgan.trainers.dcgan:DCGAN",
        paper="1511.06434",
        own={"label_smoothing": 0.0},
        sets={"batch_size": 128, "critic_its": 1, "critic_norm": "batch"},
    ),
    "WGAN-CLIP": Algorithm(
        trainer="wgan.trainers.wgan_clip:WGANClip",
        paper="1701.07875",
        own={"clip_value": 0.01},
        sets={"optimizer": "rmsprop", "learning_rate": 5e-5, "critic_norm": "batch"},
    ),
    "WGAN-GP": Algorithm(
        trainer="wgan.trainers.wgan_gp:WGANGP",
        paper="1704.00028",
        own={"gp_lambda": 10.0},
        sets={"learning_rate": 1e-4, "beta_adam": 0.0, "beta2_adam": 0.9, "latent_vector": 128},
        penalises_gradient=True,
    ),
    "WGAN-DIV": Algorithm(
        trainer="wgan.trainers.wgan_div:WGANDiv",
        paper="1712.01026",
        own={"div_k": 2.0, "div_p": 6.0},
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
    every = frozenset(key for algorithm in ALGORITHMS.values() for key in algorithm.own)
    return every - (ALGORITHMS[arch].own.keys() if arch in ALGORITHMS else set())
