"""What every source of data gives: images, labels, and the images held out for the metrics."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from wgan.config.image_form import Form
from wgan.data.image_folder import Skipped, class_indices, held_out_count
from wgan.utils.rng import generator


@dataclass(frozen=True)
class ImageSet:
    """Images as they stay until they reach the device."""

    images: Tensor  # (N, C, H, W) uint8, in memory or memory-mapped; for the 2-D toys (N, 2) float32
    labels: Tensor | None = None  # (N,) int64, indices into `class_names`; None where the source has no classes
    class_names: tuple[str, ...] = ()  # one for each label; empty without labels

    def __len__(self) -> int:
        return len(self.images)

    @property
    def class_counts(self) -> dict[str, int]:
        """How many images each class has, in the order of `class_names`; empty without labels."""
        if self.labels is None:
            return {}
        counts = torch.bincount(self.labels, minlength=len(self.class_names)).tolist()
        return dict(zip(self.class_names, counts, strict=True))

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
    fingerprint: str  # equal for equal images; a resumed training compares it
    file_fingerprint: str = ""  # equal for the same files and settings: what older versions' checkpoints hold instead


def hold_out(images: Tensor, count: int, order: Tensor | None = None) -> tuple[Tensor, Tensor, int]:
    """Rows to train on, rows held out, no image on both sides; and how many images equal an earlier one.

    Held out are the first `count` images in `order`; where some equal others, as many (or slightly more) of those
    before a later place as equal none behind it; none if all are equal. Behind that place is what to train on.

    Of `images`, (N, ...) of any type, those are equal whose bytes are; `count` is below N; `order` is a permutation of
    the rows, (N,), None as they lie.
    """
    first, place = _first_equal(images), torch.arange(len(images))
    order = place if order is None else order
    of_image = first[order]
    last = torch.zeros_like(place).scatter_reduce(0, of_image, place, "amax")[of_image]  # where its last copy stands
    ends = last[last < len(images) - 1].sort().values[:count]
    cut = int(ends[-1]) + 1 if len(ends) else 0
    return order[cut:], order[:cut][last[:cut] < cut], int((first != place).sum())


def _first_equal(images: Tensor) -> Tensor:
    """(N,) for each image, the first row that equals it."""
    pixels = images.flatten(1).numpy().view(np.uint8)
    some = np.ascontiguousarray(pixels[:, :: max(1, pixels.shape[1] // 64)])  # whoever differs here needs no hash
    _, group, sizes = np.unique(some.view(f"V{some.shape[1]}").ravel(), return_inverse=True, return_counts=True)
    first, seen = np.arange(len(images)), dict[bytes, int]()
    for row in np.flatnonzero(sizes[group] > 1).tolist():
        first[row] = seen.setdefault(hashlib.blake2b(pixels[row].tobytes(), digest_size=16).digest(), row)
    return torch.from_numpy(first)


def split(images: ImageSet) -> tuple[ImageSet, ImageSet]:
    """(train, held_out): the same images are held out in every run, whatever its seed."""
    order = torch.randperm(len(images), generator=generator(0, "held out"))
    train, held_out, _ = hold_out(images.images, held_out_count(len(images)), order)
    return images[train], images[held_out]


def select(images: ImageSet, classes: Sequence[int | str] | None) -> ImageSet:
    """The images of some classes, relabelled 0, 1, ... in the order of `class_names`. None keeps all.

    Raises:
        Unusable: one of `classes` is no class of the set.
    """
    if classes is None:
        return images
    wanted = torch.tensor(class_indices(classes, images.class_names))  # sorted
    assert images.labels is not None  # class_indices refuses sets without labels
    rows = torch.isin(images.labels, wanted).nonzero().squeeze(1)
    labels = torch.searchsorted(wanted, images.labels[rows])
    return ImageSet(images.images[rows], labels, tuple(images.class_names[i] for i in wanted.tolist()))


def relabelled(labels: Tensor | None, names: Sequence[str], others: Sequence[str]) -> Tensor | None:
    """Labels of `names` as labels of `others`; None where these do not have all of them."""
    if labels is None or not {*names} <= {*others}:
        return None
    return torch.tensor([others.index(name) for name in names])[labels]


def fit(images: Tensor, form: Form) -> Tensor:
    """Whole sets, (N, C, H, W) uint8, C 1 or 3, brought to the run's form as decode.py does for files.

    Resized bicubically with antialiasing, rounded and clipped to uint8 as Pillow does, but cropped to whole pixels.
    Colour made grey is luma of ITU-R BT.601, as Pillow's "L"; grey made colour is a view of one channel.
    """
    if images.shape[1] == 3 and form.channels == 1:
        weights = torch.tensor([19595, 38470, 7471], dtype=torch.int32).view(1, 3, 1, 1)  # 2^16 (0.299, 0.587, 0.114)
        luma = ((part * weights).sum(1, keepdim=True) + 0x8000 >> 16 for part in images.split(1024))
        images = torch.cat([part.to(torch.uint8) for part in luma])
    height, width = images.shape[2:]
    shown, (across, down) = form.placed(width, height)
    columns, rows = (max(1, round(side)) for side in shown)
    left, top = (width - columns) // 2, (height - rows) // 2
    images = images[:, :, top : top + rows, left : left + columns]
    if (rows, columns) != (down, across):
        images = F.interpolate(images, size=(down, across), mode="bicubic", antialias=True)
    left, top = (form.width - across) // 2, (form.height - down) // 2
    if (down, across) != (form.height, form.width):
        images = F.pad(images, (left, form.width - across - left, top, form.height - down - top), value=255)
    return images.expand(-1, form.channels, -1, -1)


def to_float(samples: Tensor) -> Tensor:
    """(N, C, H, W) uint8 to float32 in [-1, 1], what is float already as it is."""
    return samples if samples.is_floating_point() else samples.float() / 127.5 - 1
