import gzip
import io
import os
import pickle
import struct
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision

from wgan.data import named_sets as module
from wgan.data.image_folder import Unusable
from wgan.data.named_sets import named_set

IDX_NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def idx(values: np.ndarray) -> bytes:
    return struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape) + values.tobytes()


@pytest.fixture
def mnist_files() -> dict[str, bytes]:
    """60 training and 20 test images with their labels."""
    draw = np.random.default_rng(0)
    return {
        name: idx(
            draw.integers(
                0,
                256 if "images" in name else 10,
                (60 if "train" in name else 20,) + ((28, 28) if "images" in name else ()),
                np.uint8,
            )
        )
        for name in IDX_NAMES
    }


def cifar_batch(seed: int, count: int = 30) -> bytes:
    draw = np.random.default_rng(seed)
    return pickle.dumps(
        {b"data": draw.integers(0, 256, (count, 3072), np.uint8), b"labels": draw.integers(0, 10, count).tolist()}
    )


def cifar_files() -> dict[str, bytes]:
    names = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    return {name: cifar_batch(seed) for seed, name in enumerate(names)}


def write(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network, and nothing that Debian's packages may have put on this machine."""

    def refusing(*_: object, **__: object) -> None:
        raise RuntimeError("Error downloading file:\nname resolution failed")

    for name in ("MNIST", "FashionMNIST", "CIFAR10"):
        monkeypatch.setattr(torchvision.datasets, name, refusing)
    monkeypatch.setitem(module.SETS, "fashion-mnist", replace(module.SETS["fashion-mnist"], elsewhere=()))


@pytest.mark.parametrize("place", [".", "MNIST/raw"])
@pytest.mark.parametrize("compressed", [True, False])
def test_mnist_is_read_from_where_it_lies(
    place: str, compressed: bool, mnist_files: dict[str, bytes], tmp_path: Path
) -> None:
    packed = {f"{name}.gz": gzip.compress(content) for name, content in mnist_files.items()}
    write(tmp_path / place, packed if compressed else mnist_files)
    train, held_out = named_set("mnist", tmp_path)
    assert (train.images.shape, held_out.images.shape) == ((60, 1, 28, 28), (20, 1, 28, 28))
    assert train.images.numpy().tobytes() == mnist_files["train-images-idx3-ubyte"][16:]
    assert train.labels is not None
    assert train.labels.tolist() == list(mnist_files["train-labels-idx1-ubyte"][8:])
    assert train.class_names == tuple("0123456789")


def test_torchvision_reads_the_same_from_the_same_files(mnist_files: dict[str, bytes], tmp_path: Path) -> None:
    write(tmp_path / "MNIST/raw", mnist_files)
    ours = named_set("mnist", tmp_path)
    for part, theirs in zip(ours, (torchvision.datasets.MNIST(tmp_path, train=t) for t in (True, False)), strict=True):
        assert torch.equal(part.images[:, 0], theirs.data)
        assert torch.equal(part.labels, theirs.targets)


@pytest.mark.parametrize("packed", [True, False])
def test_cifar10_is_read_from_its_archive_or_its_folder(packed: bool, tmp_path: Path) -> None:
    files = cifar_files()
    if packed:
        with tarfile.open(tmp_path / "cifar-10-python.tar.gz", "w:gz") as tar:
            for name, content in files.items():
                member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    else:
        write(tmp_path / "cifar-10-batches-py", files)
    train, held_out = named_set("cifar10", tmp_path)
    assert (train.images.shape, held_out.images.shape) == ((150, 3, 32, 32), (30, 3, 32, 32))
    second = pickle.loads(files["data_batch_2"])
    assert (train.images[30:60].flatten(1).numpy() == second[b"data"]).all()
    assert train.labels is not None
    assert train.labels[30:60].tolist() == second[b"labels"]
    assert len(train.class_names) == 10


class _Opener:
    """Unpickling it would make a folder."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.target),)


def test_a_foreign_cifar_file_runs_no_code(tmp_path: Path) -> None:
    files = cifar_files() | {"data_batch_3": pickle.dumps({b"data": _Opener(tmp_path / "made"), b"labels": []})}
    write(tmp_path / "cifar-10-batches-py", files)
    with pytest.raises(Unusable, match=r"data_batch_3 is no batch of CIFAR-10 .*mkdir has no place in a data set"):
        named_set("cifar10", tmp_path)
    assert not (tmp_path / "made").exists()


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(
    ("name", "files", "place"),
    [
        ("mnist", "t10k-labels-idx1-ubyte.gz", "MNIST/raw"),
        ("fashion-mnist", "train-images-idx3-ubyte.gz", "FashionMNIST/raw"),
        ("cifar10", "cifar-10-python.tar.gz", ""),
    ],
)
def test_offline_one_line_says_which_files_go_where(name: str, files: str, place: str, tmp_path: Path) -> None:
    with pytest.raises(Unusable) as refusal:
        named_set(name, tmp_path)
    text = str(refusal.value)
    assert "\n" not in text
    assert text.startswith(f"dataset: {name} is not on this machine and cannot be downloaded (Error downloading file).")
    assert files in text
    assert f"into {tmp_path / place}," in text
    assert "`dataset: mnist-5k`" in text


@pytest.mark.usefixtures("offline")
def test_fashion_mnist_is_found_where_debian_puts_it(
    mnist_files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Path("/usr/share/datasets/fashion-mnist") == module._DEBIAN
    debian = replace(module.SETS["fashion-mnist"], elsewhere=(tmp_path / "debian",))
    monkeypatch.setitem(module.SETS, "fashion-mnist", debian)
    write(tmp_path / "debian", {f"{name}.gz": gzip.compress(content) for name, content in mnist_files.items()})
    train, _ = named_set("fashion-mnist", tmp_path / "empty")
    assert len(train) == 60
    assert train.class_names[9] == "ankle boot"


@pytest.mark.optional
@pytest.mark.skipif(not module._DEBIAN.is_dir(), reason="Debian's package dataset-fashion-mnist is not installed")
def test_debian_s_fashion_mnist_is_the_real_one(tmp_path: Path) -> None:
    train, held_out = named_set("fashion-mnist", tmp_path)
    assert (len(train), len(held_out)) == (60_000, 10_000)
    assert train.labels is not None
    assert train.labels.bincount().tolist() == [6000] * 10
    assert train.images.float().mean().item() / 255 == pytest.approx(0.2860, abs=1e-4)  # the mean everyone quotes


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda content: content[:-5], "is truncated"),
        (lambda content: content[:6], "is no idx file"),
        (lambda content: b"\0\0\x0d\x03" + content[4:], "is no idx file"),
        (lambda _: b"<html>404</html>", "is no idx file"),
        (lambda _: b"", "is no idx file"),
    ],
)
def test_damaged_idx_files_are_refused(
    change: object, reason: str, mnist_files: dict[str, bytes], tmp_path: Path
) -> None:
    mnist_files["train-images-idx3-ubyte"] = change(mnist_files["train-images-idx3-ubyte"])
    write(tmp_path, mnist_files)
    with pytest.raises(Unusable, match=f"train-images-idx3-ubyte {reason}"):
        named_set("mnist", tmp_path)


def test_a_damaged_archive_is_refused(mnist_files: dict[str, bytes], tmp_path: Path) -> None:
    packed = {f"{name}.gz": gzip.compress(content) for name, content in mnist_files.items()}
    packed["t10k-images-idx3-ubyte.gz"] = packed["t10k-images-idx3-ubyte.gz"][:500]
    write(tmp_path, packed)
    with pytest.raises(Unusable, match=r"t10k-images-idx3-ubyte\.gz cannot be read"):
        named_set("mnist", tmp_path)
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(b"no archive")
    with pytest.raises(Unusable, match=r"cifar-10-python\.tar\.gz is damaged"):
        named_set("cifar10", tmp_path)


def test_labels_that_do_not_match_the_images_are_refused(mnist_files: dict[str, bytes], tmp_path: Path) -> None:
    mnist_files["train-labels-idx1-ubyte"] = idx(np.zeros(59, np.uint8))
    write(tmp_path, mnist_files)
    with pytest.raises(Unusable, match="60 images for 59 labels"):
        named_set("mnist", tmp_path)
