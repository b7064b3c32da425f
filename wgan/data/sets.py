"""What every source of data gives: images, labels, and the images held out for the metrics."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from wgan.errors import InputError
from wgan.randomness import generator


@dataclass(frozen=True)
class ImageSet:
    """Images as they stay until they reach the device.

    Attributes:
        images: (N, C, H, W) uint8, in memory or memory-mapped; for the 2-D toys (N, 2) float32.
        labels: (N,) int64, indices into `class_names`; None where the source has no classes.
        class_names: one name for each label; empty without labels.
    """

    images: Tensor
    labels: Tensor | None = None
    class_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows: Tensor | slice) -> "ImageSet":
        """The set with these rows only: a view for a slice, a copy for a tensor of indices."""
        labels = None if self.labels is None else self.labels[rows]
        return replace(self, images=self.images[rows], labels=labels)


@dataclass(frozen=True)
class Skipped:
    """A file that gave no image."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{printable(self.path)}: {self.reason}"


@dataclass(frozen=True)
class Data:
    """What a training needs to know of its data.

    Attributes:
        train: what the critic sees.
        held_out: what it never sees, disjoint from `train`: the metrics compare with it.
        skipped: files that gave no image, each with its reason.
        description: one line for the screen.
        fingerprint: equal for equal data (files and settings): a resumed training can notice that its data changed.
    """

    train: ImageSet
    held_out: ImageSet
    skipped: tuple[Skipped, ...]
    description: str
    fingerprint: str


class Unusable(InputError):
    """The data a key of the YAML asks for cannot be used.

    Attributes:
        key: the key.
        problem: what is wrong and what to do.
    """

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key}: {problem}")
        self.key, self.problem = key, problem


def held_out_count(total: int) -> int:
    """How many of `total` images are held out: a tenth, at least 256 and at most 10,000; a quarter of small sets.

    The two rules meet at 1,024 images. A set of one image keeps it for training.
    """
    if total < 1024:
        return max(total // 4, min(total - 1, 1))
    return min(max(total // 10, 256), 10_000)


def split(images: ImageSet) -> tuple[ImageSet, ImageSet]:
    """(train, held_out), drawn once and for all: the same images are held out in every run, whatever its seed."""
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
    kept = torch.isin(images.labels, torch.tensor(wanted))
    relabelled = torch.full((len(images.class_names),), -1)
    relabelled[wanted] = torch.arange(len(wanted))
    chosen = images[kept.nonzero().squeeze(1)]
    assert chosen.labels is not None
    names = tuple(images.class_names[i] for i in wanted)
    return ImageSet(chosen.images, relabelled[chosen.labels], names)


def class_indices(classes: Sequence[int | str], class_names: Sequence[str]) -> list[int]:
    """Indices, sorted, of the classes a user named: each a name (a folder called 3 may be written 3) or an index.

    Raises:
        Unusable: one of them is unknown, or the set has no classes at all.
    """
    if not class_names:
        raise Unusable(
            "classes",
            "these images have no classes. A folder has them where every image lies in one of at least two "
            "sub-folders, each named after its class. Drop the key to train on all images.",
        )
    found = set()
    for wanted in classes:
        if str(wanted) in class_names:
            found.add(class_names.index(str(wanted)))
        elif isinstance(wanted, int) and 0 <= wanted < len(class_names):
            found.add(wanted)
        else:
            shown = ", ".join(map(printable, class_names[:20])) + (", ..." if len(class_names) > 20 else "")
            raise Unusable("classes", f"{printable(str(wanted))} is not one of this set's classes: {shown}.")
    return sorted(found)


def fit(images: Tensor, size: int, channels: int) -> Tensor:
    """Whole sets brought to the size and channels of the run, as decode.py does for files.

    Args:
        images: (N, C, H, W) uint8, H = W, C 1 or 3.
        size: height and width wanted; bicubic with antialiasing, rounded and clipped to uint8 as Pillow does.
        channels: 1 (luma of ITU-R BT.601, as Pillow's "L") or 3.

    Returns:
        (N, channels, size, size) uint8. Grey made colour is a view: its three channels share one memory.
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


def printable(name: Path | str) -> str:
    """A file's name fit for a line on a screen: bytes that are no UTF-8 and control characters become escapes."""
    text = str(name).encode("utf-8", "backslashreplace").decode()
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
