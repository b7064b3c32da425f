"""What every source of data gives: images, labels, and the images held out for the metrics."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from wgan.data.image_folder import Skipped, class_indices, held_out_count
from wgan.utils.rng import generator


@dataclass(frozen=True)
class ImageSet:
    """Images as they stay until they reach the device."""

    images: Tensor  # (N, C, H, W) uint8, in memory or memory-mapped; for the 2-D toys (N, 2) float32
    labels: Tensor | None = None  # (N,) int64, indices into `class_names`; None where the source has no classes
    class_names: tuple[str, ...] = ()  # one name for each label; empty without labels

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows: Tensor | slice) -> "ImageSet":
        """The set with these rows only: a view for a slice, a copy for a tensor of indices."""
        labels = None if self.labels is None else self.labels[rows]
        return replace(self, images=self.images[rows], labels=labels)


@dataclass(frozen=True)
class Data:
    """What a training needs to know of its data."""

    train: ImageSet  # what the critic sees
    held_out: ImageSet  # what it never sees, disjoint from `train`: the metrics compare with it
    skipped: tuple[Skipped, ...]  # files that gave no image, each with its reason
    description: str  # one line for the screen
    fingerprint: str  # equal for equal files and settings; a resumed training compares it


def split(images: ImageSet) -> tuple[ImageSet, ImageSet]:
    """(train, held_out): the same images are held out in every run, whatever its seed."""
    order = torch.randperm(len(images), generator=generator(0, "held out"))
    count = held_out_count(len(images))
    return images[order[count:]], images[order[:count]]


def select(images: ImageSet, classes: Sequence[int | str] | None) -> ImageSet:
    """The images of some classes, relabelled 0, 1, ... in the order of `class_names`. None keeps all.

    Raises:
        Unusable: one of `classes` is no class of the set.
    """
    if classes is None:
        return images
    wanted = class_indices(classes, images.class_names)
    assert images.labels is not None  # class_indices refuses sets without labels
    rows, labels = torch.nonzero(images.labels[:, None] == torch.tensor(wanted), as_tuple=True)
    return ImageSet(images.images[rows], labels, tuple(images.class_names[i] for i in wanted))


def fit(images: Tensor, size: int, channels: int) -> Tensor:
    """Whole sets, (N, 1 or 3, H, H) uint8, to (N, channels, size, size) uint8, as decode.py does for files.

    Bicubic with antialiasing, rounded and clipped as Pillow does; one channel is the luma of ITU-R BT.601, as Pillow's
    "L". Grey made colour is a view: its three channels share one memory.
    """
    if images.shape[1] == 3 and channels == 1:
        weights = torch.tensor([19595, 38470, 7471], dtype=torch.int32).view(1, 3, 1, 1)  # 2^16 (0.299, 0.587, 0.114)
        luma = [
            ((part * weights).sum(1, keepdim=True) + 0x8000 >> 16).to(torch.uint8) for part in torch.split(images, 1024)
        ]
        images = torch.cat(luma)
    if images.shape[-1] != size:
        images = F.interpolate(images, size=(size, size), mode="bicubic", antialias=True)
    return images.expand(-1, channels, -1, -1)
