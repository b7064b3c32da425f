"""The log of a training: figures stay on the device until a row of log.csv is due."""

import csv
import math
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from wgan.utils.atomic_io import write_text

COLUMNS = (
    "step",
    "epoch",
    "critic_loss",
    "generator_loss",
    "wasserstein_estimate",
    "gradient_penalty",
    "gradient_norm",
    "images_per_second",
)
CAUSES_FIRST = ("gradient_norm", "gradient_penalty", "wasserstein_estimate", "critic_loss", "generator_loss")
"""The order in which a step computes its figures: a norm that overflows makes the losses after it overflow."""

Row = dict[str, float]


class Window:
    """The figures of the steps since the last row.

    Adding is free of synchronisation; `read` waits for the device once.
    """

    def __init__(self) -> None:
        self._figures: dict[str, list[tuple[int, Tensor]]] = {}

    def __bool__(self) -> bool:
        return bool(self._figures)

    def add(self, step: int, figures: Mapping[str, Tensor]) -> None:
        """Keep the step's figures: numbers on the device, without a graph."""
        for name, figure in figures.items():
            self._figures.setdefault(name, []).append((step, figure))

    def read(self) -> dict[str, list[tuple[int, float]]]:
        """The figures by name, each with its step, in the order of time."""
        return {
            name: list(zip([step for step, _ in kept], torch.stack([t for _, t in kept]).tolist(), strict=True))
            for name, kept in self._figures.items()
        }

    def clear(self) -> None:
        self._figures = {}

    def restore(self, figures: Mapping[str, list[tuple[int, float]]], device: torch.device) -> None:
        """Take up what `read` gave before."""
        self._figures = {
            name: [(int(step), torch.tensor(value, dtype=torch.float32, device=device)) for step, value in kept]
            for name, kept in figures.items()
        }


def first_not_finite(figures: Mapping[str, list[tuple[int, float]]]) -> tuple[int, str, float] | None:
    """(step, name, value) of the figure that broke first; None while all are finite."""
    order = {name: rank for rank, name in enumerate(CAUSES_FIRST)}
    broken = [(step, name, value) for name, kept in figures.items() for step, value in kept if not math.isfinite(value)]
    return min(broken, key=lambda item: (item[0], order.get(item[1], len(order))), default=None)


class LogFile:
    """log.csv, opened to go on after a checkpoint: later rows, of a stretch that will be trained again, are dropped.

    Args:
        path: the file; made with its header if it is missing.
        step: of the checkpoint that the training goes on from.
        count: rows that stood in the file when that checkpoint was saved.

    Attributes:
        count: rows in the file.
        begun: the rows that stood there, empty cells left out.
    """

    def __init__(self, path: Path, step: int, count: int) -> None:
        self.path = path
        self.columns, rows = _read(path, step)
        del rows[count:]
        self.begun: list[Row] = [{name: float(cell) for name, cell in row.items() if cell} for row in rows]
        self._rewrite(rows)

    def append(self, row: Mapping[str, float | int]) -> None:
        """Add a row at once, visible to whoever reads the file. A new figure becomes a new column, empty so far."""
        if new := [name for name in row if name not in self.columns]:
            rows = _read(self.path, int(row["step"]))[1]
            self.columns = (*self.columns, *new)
            self.close()
            self._rewrite(rows)
        self._writer.writerow({name: f"{v:.6g}" if isinstance(v, float) else v for name, v in row.items()})
        self._file.flush()
        self.count += 1

    def make_durable(self) -> None:
        """Bring the rows to the disk: a checkpoint must not outlive the rows before it."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()

    def _rewrite(self, rows: list[dict[str, str]]) -> None:
        lines = [",".join(self.columns), *(",".join(row.get(name, "") for name in self.columns) for row in rows)]
        write_text(self.path, "\n".join(lines) + "\n", durable=True)
        self.count = len(rows)
        self._file = self.path.open("a", encoding="utf-8", newline="")
        self._writer = csv.DictWriter(self._file, self.columns, restval="", lineterminator="\n")


class NoLog:
    """Stands for log.csv in the ranks that write none: counts its rows.

    Args:
        count: rows that the file begins with.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.begun: list[Row] = []

    def append(self, row: Mapping[str, float | int]) -> None:
        self.count += 1

    def make_durable(self) -> None:
        """There is nothing to keep."""


def _read(path: Path, step: int) -> tuple[tuple[str, ...], list[dict[str, str]]]:
    """The columns, and the whole rows up to `step`; what is no row of ours is left out."""
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    header, *lines = [line.split(",") for line in text.splitlines()] or [[]]
    if tuple(header[: len(COLUMNS)]) != COLUMNS:
        return COLUMNS, []
    rows: list[dict[str, str]] = []
    newest = -1
    for cells in lines:
        row = dict(zip(header, cells, strict=False))
        if len(cells) == len(header) and all(map(_is_number, cells)) and newest < int(float(row["step"] or -1)) <= step:
            newest = int(float(row["step"]))
            rows.append(row)
    return tuple(header), rows


def _is_number(cell: str) -> bool:
    try:
        return not cell or math.isfinite(float(cell))
    except ValueError:
        return False
