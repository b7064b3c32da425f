"""Other projects' names for keys and algorithms, and what their values mean here."""

from collections.abc import Iterator, Mapping
from typing import Any

from wgan.config.diagnostics import Problem, squashed

ARCHS = {"wgan": "WGAN-GP"}
"""Accepted as they stand. What configs/seeds/000_wgan_gp.yaml comes from calls its WGAN-GP "WGAN"."""

ARCH_HINTS = {
    "hingegan": "the hinge loss is that of arch: SNGAN",
    "gan": "the non-saturating GAN is arch: DCGAN",
    "wganweightclipping": "weight clipping is arch: WGAN-CLIP",
    "wgancp": "weight clipping is arch: WGAN-CLIP",
    "wgandivergence": "the Wasserstein divergence is arch: WGAN-DIV",
    "wganlp": "the one-sided penalty is arch: WGAN-GP with one_sided: true (arXiv:1709.08894)",
    "generate": "images are sampled by arch: Generator",
    "sample": "images are sampled by arch: Generator",
    "evaluation": "metrics are computed by arch: Evaluate",
}

_OTHERS = {
    "learning_rate": "lr lrg",
    "critic_learning_rate": "lrd lrcritic",
    "num_epochs": "epochs nepochs",
    "num_steps": "steps iterations maxiter",
    "critic_its": "ncritic ndis criticiters",
    "gp_lambda": "lambda lambdagp gradientpenalty",
    "clip_value": "clip weightclip",
    "beta_adam": "beta1",
    "beta2_adam": "beta2",
    "latent_vector": "zdim nz latentdim",
    "gen_feature_maps": "ngf",
    "dis_feature_maps": "ndf",
    "number_channels": "nc channels",
    "image_size": "resolution size",
    "loader_workers": "workers numworkers",
    "n_gpu": "ngpu gpus device",
    "path": "dataroot datadir data folder",
    "out": "output outputdir",
    "run": "name",
    "seed": "manualseed",
    "ema_decay": "ema",
    "arch": "model algorithm",
    "batch_size": "bs",
    "critic_norm": "norm",
    "precision": "amp",
    "classes": "labels",
    "quantity": "n numimages",
}
KEY_HINTS = {other: ours for ours, others in _OTHERS.items() for other in others.split()}
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
