"""An array of decoded images on disk that grows chunk by chunk, survives any interruption, and is checked before use.

    images.npy      (N, C, S, S) uint8; numpy.load reads it once it is complete
    chunks.jsonl    a line for each chunk, written after its pixels: the files, why some give no image, a checksum

Whether an array is complete, the name of its folder says (cache.py).
"""

import contextlib
import hashlib
import json
import os
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wgan.data.decode import Undecodable
from wgan.data.image_folder import File
from wgan.utils.atomic_io import write_text

VERIFIED_BYTES = 2**30
"""Checksums of a complete array are compared before use: of all chunks up to this size, above it of an evenly spread
part as large."""

_HEADER = 128  # bytes of images.npy before its pixels

Pixels = NDArray[np.uint8]
RowShape = tuple[int, int, int]


@dataclass(frozen=True)
class Chunk:
    """Some files that follow each other.

    Attributes:
        files: all of them, those without an image too.
        failed: name -> why it gives no image.
        transient: those of `failed` that are worth another try: the fault lies with the machine.
        crc: CRC-32 of the bytes of the others' images.
    """

    files: tuple[File, ...]
    failed: dict[str, str]
    transient: tuple[str, ...]
    crc: int

    @property
    def rows(self) -> int:
        """Images it holds."""
        return len(self.files) - len(self.failed)

    def line(self) -> str:
        """Its line of chunks.jsonl."""
        entry = {"files": [astuple(file) for file in self.files], "failed": self.failed, "passing": self.transient}
        return json.dumps({**entry, "crc": self.crc}) + "\n"


@dataclass(frozen=True)
class Store:
    """The images of an array that can be relied on.

    Attributes:
        images: (N, C, S, S) uint8, memory-mapped, read-only.
        files: which file each row shows.
        failed: the files that give no image -> the reason.
        transient: those of `failed` that are worth another try.
        content: equal for equal images in equal order, wherever their files lie and whenever they were written.
    """

    images: Tensor
    files: tuple[File, ...]
    failed: dict[File, str]
    transient: frozenset[File]
    content: str


def open_store(folder: Path, row_shape: RowShape) -> Store | None:
    """The complete array in `folder`; None where there is none, or it is damaged."""
    try:
        with (folder / "images.npy").open("rb") as pixels:
            chunks = [_chunk(line) for line in (folder / "chunks.jsonl").read_text("utf-8").splitlines()]
            places = list(_places(chunks, row_shape))
            size = _HEADER + sum(length for _, length, _ in places)
            every = 1 + size // VERIFIED_BYTES
            if size != os.fstat(pixels.fileno()).st_size or not all(_intact(pixels, *p) for p in places[::every]):
                return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return _store(folder, row_shape, chunks)


def salvage(folder: Path, row_shape: RowShape) -> Store:
    """What can be relied on of an array, complete or not: all chunks up to the first damage."""
    try:
        with (folder / "images.npy").open("rb") as pixels:
            chunks = _intact_chunks(folder, pixels, row_shape)
    except OSError:
        chunks = []
    return _store(folder, row_shape, chunks)


class GrowingStore:
    """An array being written; opening it continues what an interrupted process left in `folder`.

    Args:
        folder: made if it is missing.
        files: all files, in the order they will be taken.
        row_shape: (C, S, S).

    Attributes:
        taken: how many of `files` are done.

    Raises:
        OSError: as the file system gives it; also by every method.
    """

    def __init__(self, folder: Path, files: Sequence[File], row_shape: RowShape) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.files, self.row_shape = files, row_shape
        (folder / "images.npy").touch()
        self.pixels = (folder / "images.npy").open("r+b")
        chunks = _intact_chunks(folder, self.pixels, row_shape)
        self.taken, self.rows = sum(len(chunk.files) for chunk in chunks), sum(chunk.rows for chunk in chunks)
        self.pixels.truncate(_HEADER + self.rows * int(np.prod(row_shape)))
        self.pixels.seek(0, os.SEEK_END)
        write_text(folder / "chunks.jsonl", "".join(chunk.line() for chunk in chunks))
        self.journal = (folder / "chunks.jsonl").open("a", encoding="utf-8")

    def append(self, images: Sequence[Pixels | Undecodable]) -> None:
        """Add the images of the next files, or the reasons why they give none."""
        files = tuple(self.files[self.taken : self.taken + len(images)])
        failed = {f.name: image for f, image in zip(files, images, strict=True) if isinstance(image, Undecodable)}
        data = b"".join(image.tobytes() for image in images if not isinstance(image, Undecodable))
        transient = tuple(name for name, reason in failed.items() if reason.transient)
        chunk = Chunk(files, {name: str(reason) for name, reason in failed.items()}, transient, zlib.crc32(data))
        self.pixels.write(data)
        self.pixels.flush()
        self.journal.write(chunk.line())
        self.journal.flush()
        self.taken += len(files)
        self.rows += chunk.rows

    def finish(self) -> None:
        """Write the header that numpy.load needs, and flush all to the disk."""
        self.pixels.seek(0)
        self.pixels.write(_npy_header((self.rows, *self.row_shape)))
        for file in (self.pixels, self.journal):
            file.flush()
            os.fsync(file.fileno())

    def close(self) -> None:
        """Close the files; what was appended stays for the next process."""
        self.pixels.close()
        self.journal.close()


def _chunk(line: str) -> Chunk:
    entry = json.loads(line)
    files = tuple(File(str(name), int(size), int(mtime_ns)) for name, size, mtime_ns in entry["files"])
    return Chunk(files, dict(entry["failed"]), tuple(entry["passing"]), int(entry["crc"]))


def _intact_chunks(folder: Path, pixels: BinaryIO, row_shape: RowShape) -> list[Chunk]:
    """The chunks up to the first whose line or pixels are damaged."""
    try:
        lines = (folder / "chunks.jsonl").read_text("utf-8").splitlines()
    except (OSError, ValueError):
        return []
    chunks: list[Chunk] = []
    with contextlib.suppress(ValueError, KeyError, TypeError):
        for line in lines:
            chunks.append(_chunk(line))
    intact = takewhile(lambda found: _intact(pixels, *found[1]), zip(chunks, _places(chunks, row_shape), strict=True))
    return [chunk for chunk, _ in intact]


def _places(chunks: Sequence[Chunk], row_shape: RowShape) -> Iterator[tuple[int, int, int]]:
    """(offset, length, CRC-32) of each chunk's pixels."""
    offset = _HEADER
    for chunk in chunks:
        length = chunk.rows * int(np.prod(row_shape))
        yield offset, length, chunk.crc
        offset += length


def _intact(pixels: BinaryIO, offset: int, length: int, crc: int) -> bool:
    pixels.seek(offset)
    data = pixels.read(length)
    return len(data) == length and zlib.crc32(data) == crc


def _store(folder: Path, row_shape: RowShape, chunks: Sequence[Chunk]) -> Store:
    files, failed, transient = [], {}, set()
    for chunk in chunks:
        for file in chunk.files:
            if file.name not in chunk.failed:
                files.append(file)
                continue
            failed[file] = chunk.failed[file.name]
            if file.name in chunk.transient:
                transient.add(file)
    images = _mapped(folder / "images.npy", (len(files), *row_shape))
    content = hashlib.blake2b(repr([(chunk.rows, chunk.crc) for chunk in chunks]).encode(), digest_size=8).hexdigest()
    return Store(images, tuple(files), failed, frozenset(transient), content)


def _mapped(path: Path, shape: tuple[int, ...]) -> Tensor:
    if shape[0] == 0:
        return torch.empty(shape, dtype=torch.uint8)  # an empty file cannot be mapped
    pixels = np.memmap(path, np.uint8, "r", _HEADER, shape)  # a private writable map may not exceed the memory
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")  # nobody writes to data
        return torch.from_numpy(pixels)


def _npy_header(shape: tuple[int, ...]) -> bytes:
    """Format 1.0 of numpy.lib.format, padded to a length that does not depend on the shape."""
    text = repr({"descr": "|u1", "fortran_order": False, "shape": shape})
    return np.lib.format.magic(1, 0) + struct.pack("<H", _HEADER - 10) + text.ljust(_HEADER - 11).encode() + b"\n"
