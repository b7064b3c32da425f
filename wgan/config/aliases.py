"""Other projects' names for keys and algorithms, and what their values mean here."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from wgan.config.diagnostics import Problem, closest, squashed

ARCHS = {"wgan": "WGAN-GP"}
"""Accepted as they stand. What configs/seeds/000_wgan_gp.yaml comes from calls its WGAN-GP "WGAN"."""

ARCH_HINTS = {
    "hingegan": "the hinge loss is that of arch: SNGAN",
    "gan": "the non-saturating GAN is arch: DCGAN",
    "wganweightclipping": "weight clipping is arch: WGAN-CLIP",
    "wgancp": "weight clipping is arch: WGAN-CLIP",
    "wgandivergence": "the Wasserstein divergence is arch: WGAN-DIV",
    "wganwc": "weight clipping is arch: WGAN-CLIP",
    "lsgan": "least squares are not among them",
    "sagan": "self-attention is not among them",
    "wganlp": "the one-sided penalty is arch: WGAN-GP with one_sided: true (arXiv:1709.08894)",
    "generate": "images are sampled by arch: Generator",
    "sample": "images are sampled by arch: Generator",
    "evaluation": "metrics are computed by arch: Evaluate",
}

_RENAMED = {
    "learning_rate": "lr lrg glr",
    "critic_learning_rate": "lrd lrcritic dlr",
    "num_epochs": "epochs nepochs niter",
    "num_steps": "steps iterations maxiter",
    "critic_its": "ncritic ndis criticiters criticiterations diters dupdatesperstep",
    "gp_lambda": "lambda lambdagp gradientpenalty",
    "clip_value": "clip weightclip clampupper clamplower wcbound",
    "div_k": "wdivkvalue k",
    "div_p": "wdivpvalue p",
    "beta_adam": "beta1 b1",
    "beta2_adam": "beta2 b2",
    "optimizer": "type",
    "latent_vector": "zdim nz latentdim",
    "gen_feature_maps": "ngf gconvdim featuresgen",
    "dis_feature_maps": "ndf dconvdim featurescritic",
    "number_channels": "nc channels imgchannels",
    "image_size": "resolution size imgsize",
    "batch_size": "bs",
    "loader_workers": "workers numworkers ncpu",
    "n_gpu": "ngpus gpus",
    "path": "dataroot datadir data folder datasetdir datafolderpath",
    "out": "output outputdir outf experiment imagesavepath",
    "run": "name",
    "seed": "manualseed",
    "ema_decay": "ema gemadecay",
    "spectral_norm": "applydsn",
    "critic_activation": "dactfn",
    "arch": "model algorithm mode advloss",
    "critic_norm": "norm",
    "network": "backbone",
    "precision": "amp mixedprecision",
    "classes": "labels",
    "sample_every": "sampleinterval",
    "log_every": "printevery",
    "checkpoint_every": "saveevery savemodel",
    "metrics_every": "evalevery",
    "quantity": "n numimages",
}
_ELSEWISE = {
    "usecuda cuda device": "n_gpu: 0 computes on the CPU, n_gpu: 1 on a GPU",
    "useconv": "true is network: conv, false is network: dense",
    "mlpg mlpd": "network: dense makes both networks of fully connected layers",
    "nobn": "critic_norm: none leaves it out of the critic; the generator keeps it",
    "adam": "true is optimizer: adam, false is optimizer: rmsprop",
    "dim": "the widths are gen_feature_maps and dis_feature_maps",
    "outputdim": "the size is set by image_size and number_channels",
    "totalsteps iters": "num_steps counts critic updates: critic_its for each of the generator's",
    "gupdatesperstep": "the generator has one update after critic_its of the critic's",
    "acmlsteps": "batch_size is the whole batch here, and accumulate splits it into so many parts",
    "applygema": "ema_decay: 0 takes no average",
    "applyrflip": "true is augment: [flip]",
    "applydiffaug": "true is augment: [color, translation, cutout]",
    "applygp": "the gradient penalty is that of arch: WGAN-GP",
    "applywc": "weight clipping is that of arch: WGAN-CLIP",
    "applyr1reg r1lambda": "a penalty at real images is that of arch: R3GAN, r3_gamma",
    "nclasses numclasses gcondmtd dcondmtd": "no label enters the training; classes chooses the images",
    "loadmodel loadlastcheckpoint netg netd": "a run goes on by itself when its YAML is run again",
    "checkpointgen checkpointcritic genweightpath discweightpath": "weights are saved in out/run/checkpoints/",
    "logs": "out/run/log.csv is always written; tensorboard: true adds event files",
}
_HINTS = {other: f"did you mean {ours}?" for ours, others in _RENAMED.items() for other in others.split()}
_HINTS |= {other: hint for others, hint in _ELSEWISE.items() for other in others.split()}
"""Squashed names that other projects use -> what to do. Only a hint: a key is never renamed silently.

The documents' own programs, PyTorch-GAN, PyTorch-StudioGAN, PyTorch's DCGAN example, WassersteinGAN and wgan-gp.
"""


def unknown_key(key: str, value: Any, known: Iterable[str]) -> str:
    """What to say of a key that no job has: another project's, a section, or one of `known` misspelt."""
    if isinstance(value, dict):
        return "unknown key; sections are not read: write its keys at the top level"
    near = closest(key, known)
    hint = _HINTS.get(squashed(key)) or (near and f"did you mean {near}?")
    return f"unknown key; {hint}" if hint else "unknown key"


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
