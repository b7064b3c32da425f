"""What a job says, printed from one place: --quiet and --verbose hold for all, and no file's name moves the cursor."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import IO, Any, NoReturn

from tqdm import tqdm

from wgan.utils.text import printable


class Loudness(IntEnum):
    """How much is said."""

    QUIET = 0  # warnings and errors
    NORMAL = 1  # also what is done, its progress, its results
    VERBOSE = 2  # also every file that is written or left out


VARIABLE = "WGAN_LOUDNESS"
"""In the environment, so that it holds for the ranks of a training and the runs of a sweep too."""


def loudness() -> Loudness:
    """How much to say now."""
    name = os.environ.get(VARIABLE, "")
    return Loudness[name] if name in Loudness.__members__ else Loudness.NORMAL


@contextmanager
def at(chosen: Loudness | None) -> Iterator[None]:
    """Say so much within the block; None leaves it as it is."""
    before = os.environ.get(VARIABLE)
    if chosen is not None:
        os.environ[VARIABLE] = chosen.name
    try:
        yield
    finally:
        if before is not None:
            os.environ[VARIABLE] = before
        else:
            os.environ.pop(VARIABLE, None)


def progress_bar(total: int, done: int, unit: str, **options: Any) -> "tqdm[NoReturn]":
    """A bar on stderr, where that is a terminal that wants to hear of it; else `disable` is true and nothing is shown.

    `done` of the `total` units, such as "step", were there before; `options` are others of tqdm's.
    """
    hidden = not sys.stderr.isatty() or loudness() == Loudness.QUIET
    return tqdm(total=total, initial=done, unit=unit, disable=hidden, dynamic_ncols=True, **options)


@contextmanager
def doing(what: str) -> Iterator[None]:
    """Show on a terminal, until the block ends, what takes so long: "measuring swd ..."."""
    with progress_bar(1, 0, "", desc=what, bar_format="{desc} ...", leave=False) as bar:
        bar.refresh()
        yield


def say(*lines: str, stream: IO[str] | None = None) -> None:
    """What is done, and its results; on stdout, or on `stream`."""
    if loudness() > Loudness.QUIET:
        for line in lines:
            _print(line, stream or sys.stdout)


def detail(line: str) -> None:
    """What only --verbose shows; on stderr."""
    if loudness() > Loudness.NORMAL:
        _print(line, sys.stderr)


def warn(line: str) -> None:
    """What must not be missed; on stderr, always."""
    _print(f"warning: {line}", sys.stderr)


def error(found: Exception | str) -> None:
    """What is wrong with a YAML, or ends a job; may take several lines; on stderr, always."""
    for line in str(found).split("\n"):
        _print(line, sys.stderr)


def _print(line: str, stream: IO[str]) -> None:
    """Print a line that no progress bar runs over, at once.

    A terminal that has gone (a lost connection, `| head`) ends no training: the rest goes nowhere.
    """
    try:
        with tqdm.external_write_mode(file=stream):
            print(printable(line), file=stream, flush=True)
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
