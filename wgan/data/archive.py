"""Archives of images, read in place: nothing is unpacked to where a member's name or a link would have it.

A tar that is compressed as a whole can only be read from its beginning on; it is unpacked, as one file without a name,
into the cache, from where it vanishes with the process.
"""

import io
import itertools
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from threading import Lock
from typing import Any, BinaryIO, NamedTuple, TypeAlias

from wgan.utils.atomic_io import make_folder

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2")
MOST_BYTES = 2**28  # of one member, which is held in memory
MOST_GROWTH, FREE_GROWTH = 100, 2**30  # a compressed tar of more times its bytes, beyond the free ones, is a bomb
CHUNK = 2**20  # bytes unpacked at a time
HEAD = 16  # the first bytes of a file tell what it is


class Member(NamedTuple):
    """A file in an archive."""

    size: int  # bytes
    stamp: int  # changes with the content: CRC-32 in a zip; time of the last change in a tar, nanoseconds
    place: Any  # a ZipInfo; in a tar the offset of the first byte
    head: bytes  # the first `HEAD` bytes, if the name has no suffix
    fault: str  # why it is not read, or nothing


class MemberFile(NamedTuple):
    """Opened as a Path is."""

    read: Callable[[], bytes]

    def open(self, _mode: str) -> BinaryIO:
        return io.BytesIO(self.read())


Locate: TypeAlias = Callable[[str], Path | MemberFile]


def is_archive(path: Path) -> bool:
    """Whether a file's name says so."""
    return path.name.lower().endswith(ARCHIVES) and path.is_file()


def members(path: Path) -> dict[str, Member]:
    """The files in an archive, without hidden ones, by their names below the folder that holds them all.

    What a damaged archive raises depends on the damage; a bomb raises ValueError.
    """
    found: dict[tuple[str, ...], Member] = {}
    for name, member in (_in_zip if zipfile.is_zipfile(path) else _in_tar)(path):
        parts = tuple(part for part in name.replace("\\", "/").split("/") if part not in ("", ".", ".."))
        if parts and not any(part.startswith(".") or part == "__MACOSX" for part in parts):
            found.setdefault(parts, member)
    levels = zip(*(parts[:-1] for parts in found), strict=False)  # as deep as the least deep file
    above = sum(1 for _ in itertools.takewhile(lambda level: len(set(level)) == 1, levels))
    return {"/".join(parts[above:]): member for parts, member in found.items()}


def _in_zip(path: Path) -> Iterator[tuple[str, Member]]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                head = b"" if Path(info.filename).suffix else archive.open(info).read(HEAD)
                yield info.filename, Member(info.file_size, info.CRC, info, head, _fault(info.file_size))


def _in_tar(path: Path) -> Iterator[tuple[str, Member]]:
    with tarfile.open(path, "r|*", tarinfo=_Header) as archive:
        for info in archive:
            if (end := info.offset_data + info.size) > max(MOST_GROWTH * path.stat().st_size, FREE_GROWTH):
                raise ValueError(f"it unpacks to {end:,} bytes: refused as a decompression bomb")
            fault = _fault(info.size) if info.isreg() and not info.issparse() else "no regular file"
            file = None if fault or Path(info.name).suffix else archive.extractfile(info)
            if not info.isdir():
                head = file.read(HEAD) if file else b""
                yield info.name, Member(info.size, int(info.mtime * 1e9), info.offset_data, head, fault)


class _Header(tarfile.TarInfo):
    """Of a tar's member. Long names and their like, members themselves, are read into memory: none is a megabyte."""

    def _proc_member(self, tar: tarfile.TarFile) -> Any:
        kinds = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
        if self.type in (*kinds, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK) and self.size > 2**20:
            raise ValueError(f"it has a name of {self.size:,} bytes: refused as a decompression bomb")
        return super()._proc_member(tar)  # type: ignore[misc]


def _fault(size: int) -> str:
    return f"more than {MOST_BYTES:,} bytes, in an archive" if size > MOST_BYTES else ""


@contextmanager
def locating(root: Path, cache: Path) -> Iterator[Locate]:
    """Within the block: the name of a file below a folder, or in an archive, to what opens it in any thread."""
    if not is_archive(root):
        yield root.joinpath
    elif zipfile.is_zipfile(root):
        known = members(root)
        with zipfile.ZipFile(root) as archive:
            yield lambda name: MemberFile(lambda: archive.read(known[name].place))
    else:
        make_folder(cache)
        known, lock = members(root), Lock()
        with tarfile.open(root, "r:*", tarinfo=_Header) as tar, TemporaryFile(dir=cache) as unpacked:
            stream: Any = tar.fileobj
            if not isinstance(stream, io.BufferedReader):  # but a decompressor
                stream.seek(0)
                end = max(member.place + member.size for member in known.values())  # whatever may follow there
                for start in range(0, end, CHUNK):
                    unpacked.write(stream.read(min(CHUNK, end - start)))
                stream = unpacked

            def read(member: Member) -> bytes:
                with lock:
                    stream.seek(member.place)
                    return bytes(stream.read(member.size))

            yield lambda name: MemberFile(lambda: read(known[name]))
