"""Reads a run's log.csv as it stands: empty cells, and a last line that is still being written."""

import csv
from collections.abc import Sequence
from math import isfinite, nan
from pathlib import Path

Columns = dict[str, list[float]]
"""Column name -> one float for each row; NaN where the cell is empty or no number."""


def read_log(path: Path) -> Columns:
    """Read log.csv into columns of equal length; a missing or empty file gives no columns.

    A row that is shorter than the header is the one being written, and is left out.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return {}
    rows = list(csv.reader(text.splitlines()))
    if not rows:
        return {}
    header, *body = rows
    body = [row for row in body if len(row) == len(header)]
    return {name: [_number(row[index]) for row in body] for index, name in enumerate(header)}


def has_numbers(values: Sequence[float]) -> bool:
    """Whether a column holds any finite figure at all."""
    return any(isfinite(value) for value in values)


def smoothed(values: Sequence[float], span: int) -> list[float]:
    """Exponential moving average with the start's bias removed (as in Adam, arXiv:1412.6980, section 3).

    Args:
        values: the raw figures; what is not finite is skipped and stays NaN.
        span: about how many rows the average looks back on; 1 leaves the values alone.
    """
    keep = 1 - 2 / (span + 1)
    total = weight = 0.0
    result = []
    for value in values:
        if isfinite(value):
            total = keep * total + (1 - keep) * value
            weight = keep * weight + (1 - keep)
            result.append(total / weight)
        else:
            result.append(nan)
    return result


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return nan
