"""Writing files so that nobody ever meets half of one; reading those that anybody may have put there."""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from wgan.utils.errors import InputError
from wgan.utils.system import WINDOWS, flush_file, flush_folder
from wgan.utils.text import printable

_MARK = ".tmp"
SMALL_FILE = 2**22  # bytes that a YAML or JSON file has at most


@contextmanager
def replacing(path: Path, durable: bool = False) -> Iterator[Path]:
    """Give a temporary path beside `path`; when the block ends well, it becomes `path` in one rename.

    Its folder is made if it is missing. `durable` flushes both to the disk before returning: a power cut keeps them.

    Raises:
        OSError: as the file system gives it; `path` is then as it was before, and the temporary file is gone.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(6)}{_MARK}{path.suffix}")  # Pillow looks at the suffix
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))  # new: no link, no file of others
    try:
        yield temporary
        if durable:
            flush_file(temporary)
        temporary.replace(path)
        if durable:
            flush_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str, durable: bool = False) -> None:
    """Write `text` as UTF-8 to `path`, whole or not at all."""
    with replacing(path, durable) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def open_regular(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file for reading, which anybody may have put there.

    Raises:
        OSError: it cannot be read, or is a folder, or a pipe or a device, which opening or reading might wait for.
    """
    file = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, "no regular file", str(path))
    with os.fdopen(file, "rb") as opened:
        yield opened


def read_regular(path: Path, limit: int = SMALL_FILE) -> bytes:
    """The bytes of a regular file.

    Raises:
        OSError: as `open_regular`, or it has more than `limit` bytes.
    """
    with open_regular(path) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise OSError(errno.EFBIG, f"larger than {limit:,} bytes", str(path))
    return content


def make_folder(path: Path) -> None:
    """Make a folder, or find one in which files may be renamed and removed; those above it may be links (other disks).

    Raises:
        InputError: it is a link or no folder, or belongs to neither this user, nor root, nor the owner of that above.
    """
    with suppress(FileExistsError):
        path.mkdir(parents=True)
    found = path.lstat()
    own = WINDOWS or os.getuid() == 0 or found.st_uid in (0, os.getuid(), path.parent.stat().st_uid)
    if not (own and stat.S_ISDIR(found.st_mode)):
        problem = "is a link or a file, and no folder" if own else "belongs to another user"
        raise InputError(f"{printable(path)}: {problem}: rename or remove it, or files of others could be lost")


def remove_links(path: Path) -> None:
    """Remove what stands for a file that will be changed in place and is a link to another, or a pipe."""
    if path.is_symlink() or not path.is_file() or path.stat().st_nlink > 1:
        path.unlink(missing_ok=True)


def remove_unfinished(folder: Path) -> None:
    """Remove what processes that were killed while writing left in `folder`, which nobody else may be writing to."""
    for path in folder.glob(f".*.{'[0-9a-f]' * 12}{_MARK}*"):
        path.unlink(missing_ok=True)
