"""Other ways of writing the same configuration: other projects' names for keys and algorithms, and older versions'."""

from collections.abc import Iterator, Mapping
from typing import Any

from wgan.config.coercion import read_value
from wgan.config.diagnostics import Problem, squashed
from wgan.config.schema import CONFIG_VERSION

ARCHS = {"wgan": "WGAN-GP"}
"""Accepted as they stand. Seed 000 calls its WGAN-GP "WGAN"."""

ARCH_HINTS = {
    "sngan": "SNGAN is written arch: DCGAN with spectral_norm: true and critic_norm: none (arXiv:1802.05957, eq. 1)",
    "gan": "the non-saturating GAN is arch: DCGAN",
    "wganweightclipping": "weight clipping is arch: WGAN-CLIP",
    "wgancp": "weight clipping is arch: WGAN-CLIP",
    "wgandivergence": "the Wasserstein divergence is arch: WGAN-DIV",
    "generate": "images are sampled by arch: Generator",
    "sample": "images are sampled by arch: Generator",
    "evaluation": "metrics are computed by arch: Evaluate",
}

KEY_HINTS = {
    "lr": "learning_rate",
    "lrg": "learning_rate",
    "lrd": "critic_learning_rate",
    "lrcritic": "critic_learning_rate",
    "epochs": "num_epochs",
    "nepochs": "num_epochs",
    "steps": "num_steps",
    "iterations": "num_steps",
    "maxiter": "num_steps",
    "ncritic": "critic_its",
    "ndis": "critic_its",
    "criticiters": "critic_its",
    "lambda": "gp_lambda",
    "lambdagp": "gp_lambda",
    "gradientpenalty": "gp_lambda",
    "clip": "clip_value",
    "weightclip": "clip_value",
    "beta1": "beta_adam",
    "beta2": "beta2_adam",
    "zdim": "latent_vector",
    "nz": "latent_vector",
    "latentdim": "latent_vector",
    "ngf": "gen_feature_maps",
    "ndf": "dis_feature_maps",
    "nc": "number_channels",
    "channels": "number_channels",
    "resolution": "image_size",
    "size": "image_size",
    "workers": "loader_workers",
    "numworkers": "loader_workers",
    "ngpu": "n_gpu",
    "gpus": "n_gpu",
    "device": "n_gpu",
    "dataroot": "path",
    "datadir": "path",
    "data": "path",
    "folder": "path",
    "output": "out",
    "outputdir": "out",
    "name": "run",
    "manualseed": "seed",
    "ema": "ema_decay",
    "model": "arch",
    "algorithm": "arch",
    "bs": "batch_size",
    "norm": "critic_norm",
    "amp": "precision",
    "labels": "classes",
    "n": "quantity",
    "numimages": "quantity",
}
"""Squashed names that other projects use -> ours. Only a hint: a key is never renamed silently."""

RENAMED: dict[int, dict[str, str]] = {}
"""version -> old key -> the key's name from that version on. Version 1 is the first.

A key that a later version adds takes a default under which older runs stay what they were.
"""


_VERSION = {"type": "integer"}


def arch_named(value: Any, archs: Mapping[str, object]) -> str | None:
    """The arch that a user means: case, hyphens and underscores do not matter."""
    return ({squashed(name): name for name in archs} | ARCHS).get(squashed(str(value)))


def updated(values: dict[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """Keys written by an older version under their names of today, each said; a newer version's file is refused."""
    version, problems = read_value("config_version", values.get("config_version", CONFIG_VERSION), _VERSION, {})
    if problems or not isinstance(version, int) or version < 1:
        return values, []  # the key's own check says what is wrong with it
    if version > CONFIG_VERSION:
        said = f"version {version} was written by a newer release; this one reads up to {CONFIG_VERSION}: update it"
        return values | {"config_version": CONFIG_VERSION}, [Problem(("config_version",), said)]
    for since in range(version + 1, CONFIG_VERSION + 1):
        for old, new in RENAMED.get(since, {}).items():
            if old in values:
                values = {(new if key == old else key): value for key, value in values.items()}
                said = f"is called {new} since version {since} of the configuration; its value was taken over"
                problems.append(Problem((old,), said, warning=True))
    return values | ({"config_version": CONFIG_VERSION} if "config_version" in values else {}), problems


def misread(key: str, value: Any) -> Iterator[Problem]:
    """A value that means something else elsewhere."""
    if key == "learning_rate" and isinstance(value, int | float) and value >= 1:
        said = (
            f"must be above 0 and below 1, got {value:g}; where it was a factor for the critic's rate, "
            "set learning_rate (such as 1e-4) and critic_learning_rate, each as a rate of its own"
        )
        yield Problem(("learning_rate",), said)
    if key == "dataset" and isinstance(value, str) and "/" in value:
        yield Problem(("dataset",), f"must be the name of a set, got {value!r}; a folder of images is given as path")
