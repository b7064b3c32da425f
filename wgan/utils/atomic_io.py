"""Writing files so that a reader, a crash or a full disk never meets half of one."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wgan.utils.system import flush_file, flush_folder

_MARK = ".tmp"


@contextmanager
def replacing(path: Path, durable: bool = False) -> Iterator[Path]:
    """Give a temporary path beside `path`; when the block ends well, it becomes `path` in one rename.

    Args:
        path: the file to write; its folder is made if it is missing.
        durable: flush the file and its folder to the disk before returning (checkpoints; a power cut keeps them).

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


def remove_unfinished(folder: Path) -> None:
    """Remove what processes that were killed while writing left in `folder`, which nobody else may be writing to."""
    for path in folder.glob(f".*{_MARK}*"):
        path.unlink(missing_ok=True)
