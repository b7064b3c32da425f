"""The algorithms: where each stands, what its paper sets, and whose values fill the gaps.

To add one: its file in wgan/trainers/, its entry in `ALGORITHMS`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wgan.config.schema import EvaluateConfig, GenerateConfig, JobConfig, TrainConfig


@dataclass(frozen=True)
class Algorithm:
    """One algorithm: where it stands and what its paper sets."""

    trainer: str  # "module:Class"
    paper: str  # its arXiv number
    own: dict[str, Any]  # keys that no other algorithm looks at, unless it names them here too, with their defaults
    sets: dict[str, Any] = field(default_factory=dict)  # where it departs from `USUAL`
    penalises_gradient: bool = False  # image by image: batch norm in the critic would couple the images
    not_from_the_paper: Mapping[str, str] = field(
        default_factory=dict
    )  # source -> the keys whose default is from there

    @property
    def defaults(self) -> dict[str, Any]:
        """What the paper sets, and where it is silent, others."""
        return USUAL | self.sets | self.own

    def source(self, key: str) -> str:
        """Where the default of a key is from: "arXiv:1704.00028", or what is not the paper."""
        elsewhere = (source for source, keys in self.not_from_the_paper.items() if key in keys.split())
        return next(elsewhere, f"arXiv:{self.paper}")


USUAL: dict[str, Any] = {
    "optimizer": "adam",
    "learning_rate": 2e-4,
    "beta_adam": 0.5,
    "beta2_adam": 0.999,
    "batch_size": 64,
    "critic_its": 5,
    "critic_norm": "none",
    "latent_vector": 100,
    "spectral_norm": False,
}
"""What most of them set."""
ALGORITHMS: dict[str, Algorithm] = {
    "DCGAN": Algorithm(
        trainer="wgan.trainers.dcgan:DCGAN",
        paper="1511.06434",
        own={"label_smoothing": 0.0},
        sets={"batch_size": 128, "critic_its": 1, "critic_norm": "batch"},
        not_from_the_paper={"Adam's default (arXiv:1412.6980)": "beta2_adam"},
    ),
    "WGAN-CLIP": Algorithm(
        trainer="wgan.trainers.wgan_clip:WGANClip",
        paper="1701.07875",
        own={"clip_value": 0.01},
        sets={"optimizer": "rmsprop", "learning_rate": 5e-5, "critic_norm": "batch"},
        not_from_the_paper={"code of arXiv:1701.07875": "beta_adam beta2_adam critic_norm latent_vector"},
    ),
    "WGAN-GP": Algorithm(
        trainer="wgan.trainers.wgan_gp:WGANGP",
        paper="1704.00028",
        own={"gp_lambda": 10.0, "one_sided": False, "penalty_at": "line"},
        sets={"learning_rate": 1e-4, "beta_adam": 0.0, "beta2_adam": 0.9, "latent_vector": 128},
        penalises_gradient=True,
        not_from_the_paper={"code of arXiv:1704.00028": "batch_size latent_vector"},
    ),
    "WGAN-DIV": Algorithm(
        trainer="wgan.trainers.wgan_div:WGANDiv",
        paper="1712.01026",
        own={"div_k": 2.0, "div_p": 6.0, "penalty_at": "line"},
        penalises_gradient=True,
        not_from_the_paper={
            "code of arXiv:1712.01026": "optimizer learning_rate batch_size",
            "PyTorch-GAN's wgan_div.py": "beta_adam beta2_adam critic_its critic_norm latent_vector",
        },
    ),
    "SNGAN": Algorithm(
        trainer="wgan.trainers.sngan:SNGAN",
        paper="1802.05957",
        own={},
        sets={"beta_adam": 0.0, "beta2_adam": 0.9, "latent_vector": 128, "spectral_norm": True},
        not_from_the_paper={"code of arXiv:1802.05957": "batch_size critic_its learning_rate beta_adam latent_vector"},
    ),
    "R3GAN": Algorithm(
        trainer="wgan.trainers.r3gan:R3GAN",
        paper="2501.05441",
        own={"r3_gamma": 1.0},
        sets={"beta_adam": 0.0, "beta2_adam": 0.9, "batch_size": 256, "critic_its": 1, "latent_vector": 64},
        penalises_gradient=True,
        not_from_the_paper={
            "code of arXiv:2501.05441": "optimizer learning_rate beta_adam beta2_adam batch_size latent_vector r3_gamma"
        },
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
