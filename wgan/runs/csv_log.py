"""log.csv: a row every `log_every` steps, written by the training and read by all who look at it."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from math import isfinite, nan
from pathlib import Path

from wgan.utils.atomic_io import open_regular, write_text

COLUMNS = (
    *("step", "epoch", "critic_loss", "generator_loss", "wasserstein_estimate"),
    *("gradient_penalty", "gradient_norm", "images_per_second", "critic_real", "critic_fake"),
)
OLDEST = COLUMNS[:8]  # those that logs of every version begin with
TAIL = 4096  # bytes at a log's end that hold at least one whole row

Row = dict[str, float]
Columns = dict[str, list[float]]  # name -> one float for each row; NaN where the cell is empty or no number


def read_log(path: Path) -> Columns:
    """Read log.csv into columns of equal length; a missing or empty file gives no columns.

    Left out are the last row while it is being written, and what has not as many cells as there are columns.
    """
    header, *rows = _whole_rows(path) or [[]]
    rows = [row for row in rows if len(row) == len(header)]
    return {name: [_number(row[index]) for row in rows] for index, name in enumerate(header)}


def last_step(path: Path) -> int:
    """The step of the last whole row, read without the rows before it; 0 before there is one."""
    with suppress(OSError):  # a run that cannot be read is no further than its start
        rows = _whole_rows(path, TAIL)
        return int(rows[-1][0]) if rows and rows[-1][0].isdecimal() else 0
    return 0


def has_numbers(values: Sequence[float]) -> bool:
    """Whether a column holds any finite number at all."""
    return any(isfinite(value) for value in values)


def _whole_rows(path: Path, tail: int | None = None) -> list[list[str]]:
    """The cells of all lines that have ended, or of those in the last `tail` bytes."""
    try:
        with open_regular(path) as file:
            if tail is not None:
                file.seek(max(0, file.seek(0, os.SEEK_END) - tail))
            text = file.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return []
    return [line.split(",") for line in text.rpartition("\n")[0].splitlines()]


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return nan


class LogFile:
    """log.csv, opened to go on after a checkpoint: later rows, of a stretch that will be trained again, are dropped.

    It is made with its header if it is missing or no log; `count` rows stood in it at the checkpoint of `step`.
    """

    def __init__(self, path: Path, step: int, count: int) -> None:
        self.path = path
        self.columns, rows = _rows_until(path, step)
        self.begun = rows[:count]  # empty cells left out
        self._rewrite(self.begun)

    def append(self, row: Mapping[str, float | int]) -> None:
        """Add a row at once, visible to whoever reads the file. A new metric becomes a new column, empty so far."""
        if new := [name for name in row if name not in self.columns]:
            rows = _rows_until(self.path, int(row["step"]))[1]
            self.columns = (*self.columns, *new)
            self._file.close()
            self._rewrite(rows)
        self._file.write(self._line(row))
        self._file.flush()
        self.count += 1

    def make_durable(self) -> None:
        """Bring the rows to the disk: a checkpoint must not outlive the rows before it."""
        os.fsync(self._file.fileno())

    def _rewrite(self, rows: list[Row]) -> None:
        write_text(self.path, ",".join(self.columns) + "\n" + "".join(map(self._line, rows)), durable=True)
        self.count = len(rows)
        self._file = self.path.open("a", encoding="utf-8", newline="")

    def _line(self, row: Mapping[str, float]) -> str:
        """Six digits, but for the step, which has all of its own; so what is read and written anew stays as it was."""
        cells = {name: f"{value:.0f}" if name == "step" else f"{value:.6g}" for name, value in row.items()}
        return ",".join(cells.get(name, "") for name in self.columns) + "\n"


class NoLog:
    """Stands for log.csv in the ranks that write none: counts its rows, of which the file begins with `count`."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.begun: list[Row] = []

    def append(self, row: Mapping[str, float | int]) -> None:
        self.count += 1

    def make_durable(self) -> None: ...


def _rows_until(path: Path, step: int) -> tuple[tuple[str, ...], list[Row]]:
    """The columns, and the rows up to `step` without their empty cells; what is no row of a training is left out."""
    log = read_log(path)
    if tuple(log)[: len(OLDEST)] != OLDEST:
        return COLUMNS, []
    rows: list[Row] = []
    newest = -1.0
    for values in zip(*log.values(), strict=True):
        row = {name: value for name, value in zip(log, values, strict=True) if isfinite(value)}
        if {"step", "critic_loss"} <= row.keys() and newest < row["step"] <= step:
            newest = row["step"]
            rows.append(row)
    return tuple(log), rows
