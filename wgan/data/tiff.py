"""The pages of a TIFF: a chain of directories, one for each image, which the header opens (TIFF 6.0, section 2)."""

import contextlib
import io
import struct
from pathlib import Path
from typing import BinaryIO

from wgan.data.archive import MemberFile

MOST_PAGES = 100_000  # of one file: a chain that is longer, or runs in a circle, ends there
_LAYOUTS = {  # first bytes -> byte order, where the first offset stands, offsets, counts of entries, bytes of an entry
    b"II*\0": ("<", 4, "I", "H", 12),
    b"MM\0*": (">", 4, "I", "H", 12),
    b"II+\0": ("<", 8, "Q", "Q", 20),  # BigTIFF
    b"MM\0+": (">", 8, "Q", "Q", 20),
}

_NEW_SUBFILE_TYPE, _DEPENDENT = 254, 0b101  # a tag, and its bits: a smaller version of another page; a mask


def page_offsets(file: BinaryIO) -> list[int]:
    """Where the directories of a TIFF's images lie, in bytes, up to the first damaged one; of anything else, none.

    Left out are smaller versions of another page and masks, by their NewSubfileType.
    """
    file.seek(0)
    if (layout := _LAYOUTS.get(file.read(4))) is None:
        return []
    order, at, kind, counts, entry = layout
    found: dict[int, bool] = {}  # offset -> whether an image of its own lies there

    def number(place: int, code: str) -> int:
        file.seek(place)
        read: int = struct.unpack(order + code, file.read(struct.calcsize(code)))[0]
        return read

    with contextlib.suppress(struct.error, OSError, OverflowError, ValueError):  # it ends, or points, beyond the file
        offset = number(at, kind)
        while offset and offset not in found and len(found) < MOST_PAGES:
            found[offset] = True  # also of a page that cannot be read: decoding it will say so
            entries = number(offset, counts)
            first = offset + struct.calcsize(counts)
            if not 0 < entries < 65_536:
                break
            tag = number(first, "H")  # the lowest comes first
            value = number(first + entry - struct.calcsize(kind), "I")
            following = number(first + entries * entry, kind)
            found[offset] = not (tag == _NEW_SUBFILE_TYPE and value & _DEPENDENT)
            offset = following
    return [offset for place, (offset, own) in enumerate(found.items()) if own or place == 0]


def pages_in(path: Path | MemberFile) -> list[int]:
    """`page_offsets` of a file by its name; none where it cannot be read."""
    with contextlib.suppress(Exception), path.open("rb") as file:  # a damaged archive raises anything
        return page_offsets(file)
    return []


def at_page(file: BinaryIO, offset: int) -> BinaryIO:
    """The same TIFF, of whose pages the one at `offset` comes first."""
    file.seek(0)
    order, at, kind, _, _ = _LAYOUTS[file.read(4)]
    file.seek(0)
    return _Spliced(file, at, struct.pack(order + kind, offset))  # type: ignore[return-value]


class _Spliced(io.RawIOBase):
    """A file with other bytes at one place. What reads by the descriptor (libtiff) is told the directory's place."""

    def __init__(self, file: BinaryIO, at: int, replacement: bytes) -> None:
        super().__init__()
        self._file, self._at, self._replacement = file, at, replacement

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def fileno(self) -> int:
        return self._file.fileno()

    def read(self, size: int | None = -1) -> bytes:
        start = self._file.tell()
        found = bytearray(self._file.read(-1 if size is None else size))
        for place, byte in enumerate(self._replacement, self._at - start):
            if 0 <= place < len(found):
                found[place] = byte
        return bytes(found)
