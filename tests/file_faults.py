"""Makes the n-th change to the files below a folder fail, or kills the process there.

Python tells its audit hooks of every opening, renaming, removing and making of a folder before it happens, from
whichever library it comes; what a hook raises is what the caller sees. Flushing to the disk is not among them and is
wrapped. So every change is counted that a training makes to its results.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from errno import ENOSPC
from pathlib import Path
from typing import Any

WRITING = os.O_WRONLY | os.O_RDWR
PATH_OF = {"os.rename": 1, "os.remove": 0, "os.mkdir": 0}
"""Which argument of an event names the file that changes."""

Act = Callable[[int, str, Path], None]


@dataclass
class Changes:
    """The changes below a folder, in turn.

    Attributes:
        folder: what lies elsewhere is not looked at.
        act: called with the number of each change, what it is, and the file, before it happens.
        seen: (event, the file's name) so far.
    """

    folder: Path
    act: Act
    seen: list[tuple[str, str]] = field(default_factory=list)

    def note(self, event: str, path: Path) -> None:
        made_already = event == "os.mkdir" and path.is_dir()
        if self.folder in path.parents and path.name != ".lock" and not made_already:
            self.seen.append((event, path.name))
            self.act(len(self.seen) - 1, event, path)


_watching: Changes | None = None
_installed = False


@contextmanager
def watched(changes: Changes) -> Iterator[Changes]:
    """Within the block, `changes` hears of every change."""
    global _watching, _installed
    if not _installed:
        sys.addaudithook(_hook)  # nothing can remove it
        _installed = True
    fsync = os.fsync
    _watching, os.fsync = changes, _noted_fsync
    try:
        yield changes
    finally:
        _watching, os.fsync = None, fsync


def failing(error: int, number: int) -> Act:
    """Let this change and, as a full disk or a lost right does, all later ones fail with an errno."""

    def act(index: int, event: str, path: Path) -> None:
        if index >= number and event != "os.remove":
            raise OSError(error, os.strerror(error), str(path))

    return act


def filling(number: int) -> Act:
    """Let the disk be full for the content of the file that this change opens: the system itself refuses the bytes.

    The file is there already, new and empty, as `replacing` makes it.
    """

    def act(index: int, event: str, path: Path) -> None:
        if index == number:
            path.unlink()
            path.symlink_to("/dev/full")
        elif index > number and event != "os.remove":
            raise OSError(ENOSPC, os.strerror(ENOSPC), str(path))

    return act


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching is None or not (event == "open" or event in PATH_OF):
        return
    name = arguments[PATH_OF.get(event, 0)]
    if isinstance(name, str | bytes | os.PathLike) and (event != "open" or arguments[2] & WRITING):
        _tell(event, Path(os.fsdecode(name)))


def _noted_fsync(descriptor: int) -> None:
    _tell("fsync", Path(f"/proc/self/fd/{descriptor}").readlink())


def _tell(event: str, path: Path) -> None:
    global _watching
    changes, _watching = _watching, None  # what `note` does itself is no change
    assert changes is not None
    try:
        changes.note(event, path)
    finally:
        _watching = changes
