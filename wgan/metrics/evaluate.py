"""Numbers that tell which run is better: `evaluate` compares generated images with real ones."""

import time
from collections.abc import Sequence
from pathlib import Path
from pkgutil import resolve_name

import torch
from torch import Tensor

from wgan.config.metrics import GROUPS
from wgan.config.schema import EvaluateConfig, TrainConfig
from wgan.data.image_set import Data, ImageSet
from wgan.metrics.images import EvaluationInputs, LeftOut
from wgan.metrics.inception import load_network
from wgan.metrics.report import Report, finite
from wgan.utils.console import doing
from wgan.utils.errors import InputError


def require(groups: Sequence[str], inception_weights: Path | None) -> None:
    """Look at what `evaluate` will read, while there is nothing to lose yet: a second or two, where it reads a file.

    Raises:
        InputError: `inception_weights` is asked for and is no file of these weights.
    """
    if "inception" in groups and inception_weights is not None:
        load_network(inception_weights)


def evaluate_as(
    config: TrainConfig | EvaluateConfig, fake: Tensor, data: Data, device: torch.device, asked: Tensor | None = None
) -> Report:
    """`evaluate` with a configuration's metrics, seed and files."""
    files = {"cache": config.cache, "inception_weights": config.inception_weights}
    return evaluate(fake, data.held_out, data.train, config.metrics, config.seed, device, asked=asked, **files)


def evaluate(
    fake: Tensor,  # (N, C, H, W) uint8 generated images; 256 or more
    held_out: ImageSet,  # real images that no generator was trained on, of the same shape
    train: ImageSet,  # the real images it was trained on; also the second real set of the real-against-real values
    groups: Sequence[str],  # names out of `GROUPS`; each is computed once, however often it is named
    seed: int,  # of which images are paired, and of the bootstrap; distances do not depend on it
    device: torch.device | str,  # where to compute
    *,
    asked: Tensor | None = None,  # (N,) int64, the class, a label of `train`, that was asked for of each of `fake`
    cache: Path | None = None,  # a folder that keeps the classifier trained on `train`; None trains it anew
    inception_weights: Path | None = None,  # torch-fidelity's file; None lets it look for one, or download it
) -> Report:
    """Compare generated with real images. A function of the images, `groups` and `seed` alone.

    Raises:
        InputError: an unknown group, or images of different shapes.
    """
    shapes = {tuple(images.shape[1:]) for images in (fake, held_out.images, train.images)}
    if len(shapes) > 1:
        raise InputError(f"metrics: the images differ in shape (channels, height, width): {sorted(shapes)}")
    inputs = EvaluationInputs(fake, held_out, train, seed, device, asked, cache, inception_weights)
    found: dict[str, Report] = {}
    seconds: dict[str, float] = {}
    for group in groups:
        if group not in GROUPS:
            raise InputError(f"metrics: there is no group {group!r}; the groups are {', '.join(GROUPS)}")
    for group in (group for group in GROUPS if group in groups):
        start = time.perf_counter()
        with doing(f"measuring {group}"):
            try:
                found[group] = resolve_name(GROUPS[group])(inputs)
            except LeftOut as reason:
                found[group] = Report(notes=(f"{group} {reason}",))
        seconds[group] = time.perf_counter() - start
    metrics, unusable = finite(metric for report in found.values() for metric in report.metrics)
    notes = tuple(note for report in found.values() for note in report.notes)
    counts = tuple(count for report in found.values() for count in report.class_counts)
    confusion = tuple(row for report in found.values() for row in report.confusion)
    return Report(metrics, notes + unusable, counts, seconds, confusion)
