"""Each reader of a file that anybody may have made: good files, how they are spoilt, what reading one may raise."""

import contextlib
import gzip
import io
import json
import pickle
import shutil
import sys
import tarfile
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch

from wgan.config.image_form import Form
from wgan.config.resolve import load_config, resolve
from wgan.config.schema import TrainConfig
from wgan.data import array_store, named_sets
from wgan.data.archive import locating
from wgan.data.decode import Undecodable, decode_file
from wgan.data.image_folder import Unusable, scan
from wgan.data.image_set import Data, ImageSet
from wgan.networks.pretrained import load_generator
from wgan.reporting.gallery import write_index
from wgan.reporting.report import write_report
from wgan.runs import run_dir
from wgan.runtime.distributed import open_ranks
from wgan.training.loop import Training
from wgan.utils.errors import UserError

TESTS = Path(__file__).parents[1]
sys.path += [str(Path(__file__).parent), str(TESTS), str(TESTS / "reporting")]
import mutate  # noqa: E402 - beside this file
from image_files import HOSTILE, encoded, hostile_bytes, picture  # noqa: E402
from made_runs import make_run  # noqa: E402

KEPT = TESTS / "kept" / "0.1.0"
RUN = "neighbour"


@dataclass(frozen=True)
class Target:
    """One reader.

    Attributes:
        files: the content of good files, and of some bad ones.
        spoil: makes an input of them.
        read: reads an input, in a folder that the target keeps for itself, as the program does.
        allowed: what `read` may raise: what a user sees as one clear line.
        share: of all inputs: cheap readers get more.
    """

    files: Callable[[], Sequence[bytes]]
    spoil: mutate.Mutate
    read: Callable[[Path, bytes], object]
    allowed: tuple[type[Exception], ...] = (UserError,)
    share: int = 1


def _texts(*patterns: str) -> Callable[[], Sequence[bytes]]:
    return cache(lambda: [path.read_bytes() for pattern in patterns for path in sorted(TESTS.parent.glob(pattern))])


def _yaml(folder: Path, content: bytes) -> None:
    path = folder / "input.yaml"
    path.write_bytes(content)
    load_config(path)


def _named(name: str) -> Callable[[Path, bytes], object]:
    """A file of another run, read for the index and for that run's page."""

    def read(folder: Path, content: bytes) -> None:
        if not (folder / RUN).exists():
            make_run(folder, RUN, steps=100, every=100)
        path, good = folder / RUN / name, None
        if path.exists():
            good = path.read_bytes()
        path.write_bytes(content)
        try:
            write_index(folder)
            with contextlib.suppress(UserError):  # a training writes the report of its own run alone
                write_report(folder / RUN)
        finally:
            path.write_bytes(good) if good is not None else path.unlink()

    return read


@cache
def _good(name: str) -> list[bytes]:
    with tempfile.TemporaryDirectory() as scratch:
        made = [make_run(Path(scratch), RUN, steps=100, every=100, warnings=["a", "b"]), KEPT / "out" / "digits"]
        found = [run / name for run in [*made, *(KEPT / "out").iterdir()]]
        return [path.read_bytes() for path in found if path.is_file()]


def _own_run(name: str) -> Callable[[Path, bytes], object]:
    """A file of the run that a command is to go on with."""

    def read(folder: Path, content: bytes) -> None:
        values = {"arch": "WGAN-GP", "dataset": "mnist-5k", "image_size": 28, "number_channels": 1, "out": str(folder)}
        config = resolve({**values, "run": RUN, "num_steps": 5000})
        if not (folder / RUN).exists():
            make_run(folder, RUN, steps=100, every=100)
        (folder / RUN / name).write_bytes(content)
        run, _ = run_dir.find(config, "0123")
        run_dir.is_finished(run, config)

    return read


@cache
def _images() -> list[bytes]:
    small = picture(37, 29, 1)
    kinds: list[tuple[str, dict[str, Any]]] = [
        *(("PNG", {}), ("JPEG", {}), ("JPEG", {"progressive": True}), ("WEBP", {}), ("WEBP", {"lossless": True})),
        *(("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("BMP", {}), ("GIF", {}), ("PPM", {})),
    ]
    made = [encoded(small, kind, **options) for kind, options in kinds]
    made += [encoded(small.convert(mode), "PNG") for mode in ("L", "P", "1", "RGBA", "LA", "I;16")]
    made += [encoded(small.convert(mode), "TIFF") for mode in ("CMYK", "LAB", "YCbCr", "RGBA")]
    made.append(encoded(picture(300, 280), "JPEG", progressive=True))
    return made + [content for name in HOSTILE if len(content := hostile_bytes(name)) < 20_000]


def _image(folder: Path, content: bytes) -> None:
    path = folder / "image.png"
    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as where folders are decoded
        found = decode_file(path, Form(3, 16, 16)).pixels
    assert found.shape == (3, 16, 16)


def _image_files(rng: Random, files: Sequence[bytes]) -> bytes:
    return mutate.png_chunks(rng, files) if rng.random() < 0.3 else mutate.binary(rng, files)


def _cache(name: str) -> Callable[[Path, bytes], object]:
    shape = (1, 28, 28)
    kept = next((KEPT / "cache" / "folders").glob("*/*"))

    def read(folder: Path, content: bytes) -> None:
        place = folder / "28x1"
        place.mkdir(exist_ok=True)
        for path in kept.iterdir():
            shutil.copyfile(path, place / path.name)
        (place / name).write_bytes(content)
        store = array_store.open_store(place, shape)
        for found in (store, array_store.salvage(place, shape)):
            if found is not None:
                assert found.images.shape == (len(found.files), *shape)
                int(found.images.sum())
        growing = array_store.GrowingStore(place, store.files if store else [], shape)
        growing.close()

    return read


def _cache_files(name: str) -> Callable[[], Sequence[bytes]]:
    return cache(lambda: [path.read_bytes() for path in KEPT.glob(f"cache/folders/*/*/{name}")])


@cache
def _small_training() -> tuple[TrainConfig, Data]:
    config = resolve(
        {
            **{"arch": "WGAN-GP", "dataset": "mnist-5k", "image_size": 28, "number_channels": 1, "batch_size": 4},
            **{"gen_feature_maps": 2, "dis_feature_maps": 2, "latent_vector": 2, "precision": "fp32", "metrics": []},
            **{"num_steps": 3, "critic_its": 1, "log_every": 1},
        }
    )
    assert isinstance(config, TrainConfig)
    images = torch.randint(0, 256, (24, 1, 28, 28), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    return config, Data(ImageSet(images[4:]), ImageSet(images[:4]), (), "24 images", "0123")


def _trained(folder: Path, steps: int) -> None:
    """Open the training of this folder, from its newest checkpoint, take some steps and save."""
    config, data = _small_training()
    with open_ranks(config) as ranks:
        training = Training(config, run_dir.Run(folder / RUN), data, torch.device("cpu"), torch.float32, ranks)
        training.begin()
        state = training.state
        for step in range(state.step, min(3, state.step + steps)):
            metrics = training.trainer.critic_update(training.batches.batch(step), step)
            state.step += 1
            state.buffer.add(state.step, metrics)
        state.save("stopped")


@cache
def _checkpoints() -> list[bytes]:
    with tempfile.TemporaryDirectory() as scratch:
        _trained(Path(scratch), 1)
        return [path.read_bytes() for path in sorted(Path(scratch).glob(f"{RUN}/checkpoints/*.pt"))]


def _checkpoint(folder: Path, content: bytes) -> None:
    shutil.rmtree(folder / RUN, ignore_errors=True)
    place = folder / RUN / "checkpoints"
    place.mkdir(parents=True)
    (place / "last.pt").write_bytes(content)
    if sum(content[-64:]) % 2:  # every other time there is a good one before it
        (place / "step_00000001.pt").write_bytes(_checkpoints()[-1])
    _trained(folder, 1)


def _checkpoint_values(rng: Random, files: Sequence[bytes]) -> bytes:
    if rng.random() < 0.3:
        return mutate.binary(rng, files)
    if rng.random() < 0.3:
        return mutate.zip_entries(rng, files)
    return _resaved(rng, torch.load(io.BytesIO(rng.choice(files)), weights_only=True))


def _resaved(rng: Random, state: Any) -> bytes:
    """Other values in a file that is whole, tensors of other shapes, types and numbers among them."""
    strange = [
        torch.zeros(0),
        torch.zeros(3, 1),
        torch.full((2, 2), torch.nan),
        torch.tensor(1),
        torch.ones(2, 2).to_sparse(),
    ]
    strange += [torch.ones(4, dtype=torch.complex64), torch.zeros(1).expand(2**40), torch.zeros(2, dtype=torch.bool)]
    for _ in range(rng.choice((1, 1, 2))):
        state = mutate.tree(rng, state, strange)
    stream = io.BytesIO()
    with contextlib.suppress(UnicodeError, OverflowError, RecursionError):  # what torch itself does not write
        torch.save(state, stream)
    return stream.getvalue()


@cache
def _state_dicts() -> list[bytes]:
    shapes = {"main.0.weight": (4, 8, 4, 4), "main.3.weight": (8, 4, 4, 4), "main.6.weight": (4, 1, 4, 4)}
    norms = {"main.1": 8, "main.4": 4}
    weights = {name: torch.zeros(shape) for name, shape in shapes.items()}
    for name, width in norms.items():
        weights |= {f"{name}.{part}": torch.ones(width) for part in ("weight", "bias", "running_mean", "running_var")}
        weights[f"{name}.num_batches_tracked"] = torch.tensor(3)
    stream = io.BytesIO()
    torch.save(weights, stream)
    return [stream.getvalue(), *_checkpoints()]


def _state_dict(folder: Path, content: bytes) -> None:
    path = folder / "generator.pth"
    path.write_bytes(content)
    load_generator(path).sample(2)


@cache
def _idx_files() -> list[bytes]:
    images = bytes([0, 0, 8, 3]) + b"".join(n.to_bytes(4, "big") for n in (5, 28, 28)) + bytes(5 * 784)
    labels = bytes([0, 0, 8, 1]) + (5).to_bytes(4, "big") + bytes(range(5))
    return [images, labels, gzip.compress(images), gzip.compress(labels)]


def _idx(folder: Path, content: bytes) -> None:
    good = _idx_files()
    suffix = ".gz" if content[:2] == b"\x1f\x8b" else ""
    place = folder / "idx"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for part in ("train", "t10k"):
        (place / f"{part}-images-idx3-ubyte").write_bytes(good[0])
        (place / f"{part}-labels-idx1-ubyte").write_bytes(good[1])
    kind = "labels-idx1" if len(content) < 500 else "images-idx3"
    (place / f"train-{kind}-ubyte").unlink()
    (place / f"train-{kind}-ubyte{suffix}").write_bytes(content)
    named_sets.named_set("mnist", place)


@cache
def _archives() -> list[bytes]:
    """The same seven files as a zip and as tars, one of them without a suffix."""
    files = {f"{'ab'[i % 2]}/{i}{'.png' if i else ''}": encoded(picture(20, 18, i), "PNG") for i in range(7)}
    made = [io.BytesIO() for _ in range(4)]
    with zipfile.ZipFile(made[0], "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    for stream, mode in zip(made[1:], ("w", "w:gz", "w:xz"), strict=True):
        with tarfile.open(fileobj=stream, mode=mode) as tar:  # type: ignore[call-overload]
            for name, content in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return [stream.getvalue() for stream in made]


def _archive(folder: Path, content: bytes) -> None:
    kinds = {b"PK": ".zip", b"\x1f\x8b": ".tar.gz", b"\xfd7": ".tar.xz"}
    path = folder / f"images{kinds.get(content[:2], '.tar')}"
    path.write_bytes(content)
    files, _ = scan(path).chosen(None)
    with locating(path, folder / "cache") as locate:
        for file in files[:3]:
            with contextlib.suppress(Undecodable):
                decode_file(locate(file.name), Form(1, 28, 28))


@cache
def _batches() -> list[bytes]:
    batch = {
        b"data": np.zeros((4, 3072), np.uint8),
        b"labels": [0, 1, 2, 3],
        b"batch_label": b"x",
        b"filenames": [b"a"] * 4,
    }
    return [pickle.dumps(batch, protocol) for protocol in (3, 4, 2)]


def _cifar(folder: Path, content: bytes) -> None:
    place = folder / "cifar-10-batches-py"
    place.mkdir(exist_ok=True)
    for name in (*(f"data_batch_{index}" for index in range(1, 6)), "test_batch"):
        (place / name).write_bytes(_batches()[0])
    (place / "data_batch_2").write_bytes(content)
    named_sets.named_set("cifar10", folder)


def _jsons(name: str) -> Callable[[], Sequence[bytes]]:
    return lambda: [content for content in _good(name) if json.loads(content)]


NEIGHBOURS = {"config.yaml": mutate.text, "state.json": mutate.json_values, "metrics.json": mutate.json_values}

TARGETS: dict[str, Target] = {
    "yaml": Target(
        _texts("input.yaml", "configs/**/*.yaml", "tests/config/config_errors/*.yaml"), mutate.text, _yaml, share=12
    ),
    **{
        f"neighbour's {name}": Target(lambda name=name: _good(name), spoil, _named(name), ())  # type: ignore[misc]
        for name, spoil in NEIGHBOURS.items()
    },
    "neighbour's log.csv": Target(lambda: _good("log.csv"), mutate.cells, _named("log.csv"), ()),
    "neighbour's sample": Target(_images, _image_files, _named("samples/step_000100.png"), ()),
    "own config.yaml": Target(lambda: _good("config.yaml"), mutate.text, _own_run("config.yaml"), share=2),
    "own state.json": Target(_jsons("state.json"), mutate.json_values, _own_run("state.json"), share=2),
    "cache's journal": Target(_cache_files("chunks.jsonl"), mutate.json_lines, _cache("chunks.jsonl"), (), share=6),
    "cache's pixels": Target(_cache_files("images.npy"), mutate.binary, _cache("images.npy"), (), share=4),
    "checkpoint": Target(_checkpoints, _checkpoint_values, _checkpoint, share=1),
    "state_dict": Target(_state_dicts, _checkpoint_values, _state_dict, share=3),
    "image": Target(_images, _image_files, _image, (Undecodable,), share=40),
    "archive": Target(_archives, mutate.binary, _archive, (Unusable,), share=20),
    "idx file": Target(_idx_files, mutate.binary, _idx, (Unusable,), share=12),
    "CIFAR-10 batch": Target(_batches, mutate.binary, _cifar, (Unusable,), share=10),
}
