"""Checkpoints: saved whole or not at all, checked before they are believed, loaded without running code.

`checkpoints/last.pt` is the newest, `step_00001000.pt` those before it. All tensors lie in a zip file with a checksum
for each (torch.save's format), which is verified before anything is taken from it: `unzip -t` does the same.
"""

import errno
import os
import pickle
import zipfile
from collections.abc import Callable, Mapping
from io import BufferedWriter, FileIO
from pathlib import Path
from typing import IO, Any

import torch

from wgan.utils.atomic_io import open_regular, replacing
from wgan.utils.errors import InputError, first_line

LAST = "last.pt"
BEST = "best.pt"
FORMAT = 1
SHARED = 4
"""How many tensors may be views of the same numbers; this tool's own checkpoints have none."""

_OLD_FORMAT = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""What files of torch before 1.6 begin with, which hold no checksums; this tool wrote none of them."""
_NOT_A_FILE_SYSTEM_FAULT = (None, errno.EINVAL)  # what reading a damaged zip file raises


class Damaged(InputError):
    """The file is no whole checkpoint."""


def save(folder: Path, state: Mapping[str, Any], previous_step: int | None, keep: int) -> Path:
    """Make `state` the newest checkpoint; the one before it stays as `step_N.pt`.

    At every moment a whole checkpoint stands in the folder: the last one is renamed, never overwritten. The state holds
    tensors in plain containers; `previous_step` is that of the present last.pt, None if there is none; `keep` counts
    the new one too.

    Raises:
        OSError: the disk is full, or the folder cannot be written: the older checkpoints are as they were.
    """
    last = folder / LAST
    with replacing(last, durable=True) as temporary:
        _write(temporary, state)
        if previous_step is not None and last.exists() and keep > 1:
            last.replace(folder / f"step_{previous_step:08d}.pt")
    for old in _older(folder)[max(0, keep - 1) :]:
        old.unlink()
    return last


def save_best(folder: Path, state: Mapping[str, Any]) -> Path:
    """Make `state` the checkpoint that `keep` does not count: the best by the run's metric."""
    best = folder / BEST
    with replacing(best, durable=True) as temporary:
        _write(temporary, state)
    return best


def newest(
    folder: Path, *, set_aside: bool = False, check: Callable[[dict[str, Any], Path], None] = lambda *_: None
) -> tuple[dict[str, Any], Path, list[str]] | None:
    """The newest whole checkpoint: its state, its file, a line for each damaged one; None where the folder holds none.

    `set_aside` renames damaged ones to `*.damaged`, only for who holds the run's lock; `check` raises `Damaged` where a
    whole file holds what no run can go on from.

    Raises:
        InputError: there are checkpoints, and all are damaged; or one cannot be read.
    """
    damaged: list[str] = []
    for path in (folder / LAST, *_older(folder)):
        if not path.exists():  # last.pt is away for a moment while it is replaced
            continue
        try:
            content = load(path)
            check(content, path)
            return content, path, damaged
        except Damaged as error:
            moved = path.with_name(f"{path.name}.damaged")
            if set_aside:
                path.replace(moved)
            damaged.append(f"{error}{f': set aside as {moved.name}' if set_aside else ''}")
    if not damaged:
        return None
    no_more = f"{folder}: no whole checkpoint is left: remove the run's directory to start anew"
    raise InputError("\n".join([*damaged, no_more]))


def load(path: Path) -> dict[str, Any]:
    """Read one checkpoint into CPU memory, its checksums verified, without running any code from it.

    Raises:
        Damaged: it is not whole, or holds more than tensors and plain values.
        InputError: it is missing or cannot be read.
    """
    try:
        with open_regular(path) as file:
            return _read(file)
    except FileNotFoundError:
        raise InputError(f"{path}: no such checkpoint") from None
    except pickle.UnpicklingError:
        raise Damaged(f"{path}: not loaded, since it holds more than tensors and plain values") from None
    except Exception as error:  # of a file that anybody can have made, a reader may say anything
        if isinstance(error, OSError) and error.errno not in _NOT_A_FILE_SYSTEM_FAULT:
            raise InputError(f"{path}: cannot be read: {error.strerror}") from error
        raise Damaged(f"{path}: not a whole checkpoint ({first_line(error)})") from error


def _read(file: IO[bytes]) -> dict[str, Any]:
    size = os.fstat(file.fileno()).st_size
    if file.read(len(_OLD_FORMAT)) != _OLD_FORMAT:
        _require_whole(file, size)
    file.seek(0)
    state = torch.load(file, map_location="cpu", weights_only=True)
    if not isinstance(state, dict):
        raise ValueError("it holds no mapping")
    _require_proportion(state, size)
    return state


def _require_whole(file: IO[bytes], size: int) -> None:
    with zipfile.ZipFile(file) as archive:
        packed = [part.filename for part in archive.infolist() if part.compress_type != zipfile.ZIP_STORED]
        if packed:  # torch never compresses: a few bytes may claim to be gigabytes
            raise ValueError(f"{packed[0]} is compressed")
        if sum(part.file_size for part in archive.infolist()) > size:  # one content under many names
            raise ValueError("its parts overlap")
        broken = archive.testzip()
    if broken is not None:
        raise ValueError(f"the checksum of {broken} is wrong")


def _require_proportion(state: object, size: int) -> None:
    """Refuse what so small a file cannot hold: one number seen as terabytes, lists of lists of the same list."""
    pending, parts, claimed = [state], 0, 0
    while pending:
        part = pending.pop()
        parts += 1
        if isinstance(part, torch.Tensor):
            claimed += max(part.numel() * part.element_size(), part.untyped_storage().nbytes())
        elif isinstance(part, Mapping | list | tuple):
            pending.extend(part.values() if isinstance(part, Mapping) else part)
        if parts > size or claimed > SHARED * size:
            raise ValueError(f"it claims more than a file of {size:,} bytes can hold")


def _write(path: Path, state: Mapping[str, Any]) -> None:
    with _Remembering(FileIO(path, "w")) as file:
        try:
            torch.save({"format": FORMAT, **state}, file)
        except RuntimeError:
            if file.fault is not None:
                raise file.fault from None
            raise


class _Remembering(BufferedWriter):
    """A file that remembers why it could not be written: torch.save says only "unexpected pos 64 vs 0"."""

    fault: OSError | None = None

    def write(self, content: Any) -> int:
        try:
            return super().write(content)
        except OSError as error:
            self.fault = error
            raise


def _older(folder: Path) -> list[Path]:
    """The checkpoints before last.pt, newest first."""
    steps = {path.stem.removeprefix("step_"): path for path in folder.glob("step_*.pt")}
    return [steps[step] for step in sorted(filter(str.isdecimal, steps), key=int, reverse=True)]
