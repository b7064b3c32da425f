"""Images on their way into the metrics: subsets drawn without history, and uint8 to float [0, 1]."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from wgan.utils.rng import generator


class Labelled(Protocol):
    """What the metrics ask of a set of images; `wgan.data.ImageSet` is one.

    Attributes:
        images: (N, C, H, W) uint8.
        labels: (N,) int64, or None.
        class_names: one name per label.
    """

    @property
    def images(self) -> Tensor: ...
    @property
    def labels(self) -> Tensor | None: ...
    @property
    def class_names(self) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class EvaluationInputs:
    """What a group of metrics is given; a group returns its metrics and notes.

    Attributes:
        fake: (N, C, H, W) uint8 generated images.
        held_out: real images that no generator was trained on.
        train: the real images the generator was trained on.
        seed: what is drawn (pairs, projections, resamples).
        device: where to compute.
        cache: a folder that keeps the classifier trained on `train`; None trains it anew.
        inception_weights: torch-fidelity's weights file; None lets it look for one, or download it.
    """

    fake: Tensor
    held_out: Labelled
    train: Labelled
    seed: int
    device: torch.device | str = "cpu"
    cache: Path | None = None
    inception_weights: Path | None = None


def to_unit(images: Tensor, device: torch.device | str = "cpu") -> Tensor:
    """(N, C, H, W) uint8 to float32 in [0, 1] on `device`, the range of all metrics."""
    return images.to(device).float() / 255


def draw(count: int, size: int, seed: int, purpose: str) -> Tensor:
    """`count` indices into a set of `size`, without repetition while they last, then from further permutations.

    Returns:
        (count,) int64, a function of the arguments alone.
    """
    permutations = (torch.randperm(size, generator=generator(seed, purpose, k)) for k in range(-(-count // size)))
    return torch.cat(list(permutations))[:count]


def slices(count: int, width: int, numbers: int = 1 << 22) -> Iterator[slice]:
    """Cut `count` rows of `width` numbers into slices of about `numbers` numbers: what bounds the memory."""
    step = max(1, numbers // max(width, 1))
    return (slice(start, min(start + step, count)) for start in range(0, count, step))
