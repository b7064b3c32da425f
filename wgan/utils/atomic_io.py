"""Writing files so that nobody ever meets half of one; reading those that anybody may have put there."""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from wgan.utils.system import flush_file, flush_folder

_MARK = ".tmp"


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


def read_regular(path: Path, limit: int) -> bytes:
    """The bytes of a regular file.

    Raises:
        OSError: as `open_regular`, or it has more than `limit` bytes.
    """
    with open_regular(path) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise OSError(errno.EFBIG, f"larger than {limit:,} bytes", str(path))
    return content


def remove_unfinished(folder: Path) -> None:
    """Remove what processes that were killed while writing left in `folder`, which nobody else may be writing to."""
    for path in folder.glob(f".*{_MARK}*"):
        path.unlink(missing_ok=True)
