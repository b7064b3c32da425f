"""Other projects' names for keys and algorithms, and what their values mean here."""

from collections.abc import Iterator, Mapping
from typing import Any

from wgan.config.diagnostics import Problem, squashed

ARCHS = {"wgan": "WGAN-GP"}
"""Accepted as they stand. What configs/seeds/000_wgan_gp.yaml comes from calls its WGAN-GP "WGAN"."""

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


def arch_named(value: Any, archs: Mapping[str, object]) -> str | None:
    """The arch that a user means: case, hyphens and underscores do not matter."""
    return ({squashed(name): name for name in archs} | ARCHS).get(squashed(str(value)))


def misread(key: str, value: Any) -> Iterator[Problem]:
    """A value that means something else elsewhere."""
    if key == "learning_rate" and isinstance(value, int | float) and not isinstance(value, bool) and value >= 1:
        message = (
            f"must be above 0 and below 1, got {value:g}; where it was a factor for the critic's rate, "
            "set learning_rate (such as 1e-4) and critic_learning_rate, each as a rate of its own"
        )
        yield Problem(("learning_rate",), message)
    if key == "dataset" and isinstance(value, str) and "/" in value:
        yield Problem(("dataset",), f"must be the name of a set, got {value!r}; a folder of images is given as path")
