"""An array of decoded images on disk that grows chunk by chunk, survives any interruption, and is checked before use.

    images.npy      (N, C, H, W) uint8; numpy.load reads it once it is complete
    chunks.jsonl    a line for each chunk, written after its pixels: the files, why some give no image, a checksum

Whether an array is complete, the name of its folder says (cache.py).
"""

import contextlib
import hashlib
import json
import math
import os
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from wgan.data.decode import SLIVER, Decoded, Undecodable
from wgan.data.image_folder import File
from wgan.utils.atomic_io import make_folder, open_regular, remove_links, write_text

VERIFIED_BYTES = 2**30
"""Checksums of a complete array are compared before use: of all chunks up to this size, above it of an evenly spread
part as large."""

_HEADER = 128  # bytes of images.npy before its pixels, for any number of uint8 images of any size
_LONGEST_LINE = 2**24  # bytes of chunks.jsonl: more than the longest names of a chunk's files take

RowShape = tuple[int, int, int]


@dataclass(frozen=True)
class Chunk:
    """Some files that follow each other."""

    files: tuple[File, ...]  # all of them, those without an image too
    failed: dict[str, Undecodable]  # image_name -> why it gives no image
    notes: dict[str, dict[str, int]] | None  # image_name -> Decoded.notes, where there are any; None: not known
    crc: int  # CRC-32 of the bytes of the others' images

    @property
    def rows(self) -> int:
        """Images it holds."""
        return len(self.files) - len(self.failed)

    def line(self) -> str:
        """Its line of chunks.jsonl."""
        failed = {name: str(reason) for name, reason in self.failed.items()}
        transient = [name for name, reason in self.failed.items() if reason.transient]
        entry = {"files": [astuple(file) for file in self.files], "failed": failed, "passing": transient}
        return json.dumps({**entry, "notes": self.notes, "crc": self.crc}) + "\n"


@dataclass(frozen=True)
class Store:
    """The images of an array that can be relied on."""

    images: Tensor  # (N, C, H, W) uint8, memory-mapped, read-only
    files: tuple[File, ...]  # which file each row shows
    failed: dict[File, Undecodable]  # the files that give no image -> the reason
    notes: dict[File, dict[str, int]]  # of the others, what their users may want to know: Decoded.notes
    content: str  # equal for equal images in equal order, wherever their files lie and whenever they were written


def open_store(folder: Path, row_shape: RowShape) -> Store | None:
    """The complete array in `folder`; None where there is none, or it is damaged."""
    chunks, complete = _intact_chunks(folder, row_shape, sample=True)
    return _store(folder, row_shape, chunks) if complete else None


def salvage(folder: Path, row_shape: RowShape) -> Store:
    """What can be relied on of an array, complete or not: all chunks up to the first damage."""
    return _store(folder, row_shape, _intact_chunks(folder, row_shape)[0])


class GrowingStore:
    """An array being written; opening it continues what an interrupted process left in `folder`.

    All `files` are taken in their order; `taken` of them are done.
    """

    def __init__(self, folder: Path, files: Sequence[File], row_shape: RowShape) -> None:
        make_folder(folder)
        self.files, self.row_shape = files, row_shape
        remove_links(folder / "images.npy")
        chunks, _ = _intact_chunks(folder, row_shape)
        self.taken, self.rows = sum(len(chunk.files) for chunk in chunks), sum(chunk.rows for chunk in chunks)
        (folder / "images.npy").touch()
        self.pixels = (folder / "images.npy").open("r+b")
        self.pixels.truncate(_HEADER + self.rows * math.prod(row_shape))
        self.pixels.seek(0, os.SEEK_END)
        write_text(folder / "chunks.jsonl", "".join(chunk.line() for chunk in chunks))
        self.journal = (folder / "chunks.jsonl").open("a", encoding="utf-8")

    def append(self, images: Sequence[Decoded | Undecodable]) -> None:
        """Add the images of the next files, or the reasons why they give none."""
        files = tuple(self.files[self.taken : self.taken + len(images)])
        named = [(file.image_name, image) for file, image in zip(files, images, strict=True)]
        failed = {name: image for name, image in named if isinstance(image, Undecodable)}
        notes = {name: image.notes for name, image in named if isinstance(image, Decoded) and image.notes}
        data = b"".join(image.pixels.tobytes() for image in images if isinstance(image, Decoded))
        chunk = Chunk(files, failed, notes, zlib.crc32(data))
        self.pixels.write(data)
        self.pixels.flush()
        self.journal.write(chunk.line())
        self.journal.flush()
        self.taken += len(files)
        self.rows += chunk.rows

    def finish(self) -> None:
        """Write the header that numpy.load needs, and flush all to the disk."""
        self.pixels.seek(0)
        fields = {"descr": "|u1", "fortran_order": False, "shape": (self.rows, *self.row_shape)}
        np.lib.format.write_array_header_1_0(self.pixels, fields)
        for file in (self.pixels, self.journal):
            file.flush()
            os.fsync(file.fileno())

    def close(self) -> None:
        """Close the files; what was appended stays for the next process."""
        self.pixels.close()
        self.journal.close()


def _intact_chunks(folder: Path, row_shape: RowShape, sample: bool = False) -> tuple[list[Chunk], bool]:
    """The chunks up to the first whose line or pixels are damaged, and whether they are all of the array."""
    chunks: list[Chunk] = []
    array, lines = folder / "images.npy", folder / "chunks.jsonl"  # by whomever: reading them may raise anything
    with contextlib.suppress(Exception), open_regular(array) as pixels, open_regular(lines) as journal:
        size, offset = os.fstat(pixels.fileno()).st_size, _HEADER
        every = 1 + size // VERIFIED_BYTES if sample else 1
        for number, line in enumerate(iter(lambda: journal.readline(_LONGEST_LINE), b"")):
            chunk = _chunk(line)
            length = chunk.rows * math.prod(row_shape)
            if not 0 <= length <= size - offset:
                return chunks, False
            if number % every == 0:
                pixels.seek(offset)
                data = pixels.read(length)
                if zlib.crc32(data) != chunk.crc or (chunk.notes is None and _is_dark(data, chunk)):
                    return chunks, False
            offset += length
            chunks.append(chunk)
        return chunks, offset == size
    return chunks, False


def _chunk(line: bytes) -> Chunk:
    entry = json.loads(line)
    files = tuple(File(str(name), *map(int, numbers)) for name, *numbers in entry["files"])
    notes = entry.get("notes")  # None: of a version that read fewer files, and some TIFFs otherwise
    if notes is None and any(file.may_have_pages for file in files):
        raise ValueError("to be decoded again")
    notes = notes and {name: {kind: int(number) for kind, number in found.items()} for name, found in notes.items()}
    failed = {n: Undecodable(why, notes is None or n in entry["passing"]) for n, why in dict(entry["failed"]).items()}
    names = {file.image_name for file in files}
    if len(names) != len(files) or not failed.keys() <= names:
        raise ValueError("its files and its failures do not fit together")
    return Chunk(files, failed, notes, int(entry["crc"]))


def _is_dark(data: bytes, chunk: Chunk) -> bool:
    """Whether an image may come from one of 16 bits that is worth a note: to be decoded again."""
    return bool((np.frombuffer(data, np.uint8).reshape(max(1, chunk.rows), -1).max(1, initial=0) < SLIVER // 256).any())


def _store(folder: Path, row_shape: RowShape, chunks: Sequence[Chunk]) -> Store:
    files = tuple(file for chunk in chunks for file in chunk.files if file.image_name not in chunk.failed)
    every = [(chunk, file, file.image_name) for chunk in chunks for file in chunk.files]
    failed = {file: chunk.failed[name] for chunk, file, name in every if name in chunk.failed}
    notes = {file: chunk.notes[name] for chunk, file, name in every if chunk.notes and name in chunk.notes}
    content = hashlib.blake2b(repr([(chunk.rows, chunk.crc) for chunk in chunks]).encode(), digest_size=8).hexdigest()
    if not files:  # an empty file cannot be mapped
        return Store(torch.empty((0, *row_shape), dtype=torch.uint8), files, failed, notes, content)
    with open_regular(folder / "images.npy") as file:  # "r", not "c": a private writable map may not exceed the memory
        pixels = np.memmap(file, np.uint8, "r", _HEADER, (len(files), *row_shape))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")  # nobody writes to data
        return Store(torch.from_numpy(pixels), files, failed, notes, content)
