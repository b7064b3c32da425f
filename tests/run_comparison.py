"""Whether two runs are the same, bit by bit."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from wgan.runs import checkpoint

TIMED = {"images_per_second"}
"""Columns of log.csv that tell how fast the machine was."""
SAME_BYTES = ["samples/*.png", "real_fake_grid.png", "training.gif", "metrics_report.out"]
SAME_BYTES_OF_IMAGES = ["interpolation.png", "nearest_neighbours.png"]
"""Runs on points in the plane have none."""
SAME_STATE = [
    "step",
    "window",
    "log_rows",
    "best",
    "watch",
    "gauge",
    "config",
    "shape",
    "fingerprint",
    "setting",
    "trainer",
]


def differences(one: Path, other: Path) -> list[str]:
    """What differs between two finished runs that were started from the same YAML but for `out` and `run`."""
    found = [f"unfinished file {path}" for run in (one, other) for path in run.rglob(".*.tmp*")]
    states = [checkpoint.load(run / "checkpoints" / "last.pt") for run in (one, other)]
    for state in states:
        state["config"] |= {"out": "", "run": ""}
    found += [key for name in SAME_STATE for key in _unequal(states[0][name], states[1][name], name)]
    if log_rows(one) != log_rows(other):
        found.append(f"log.csv: {log_rows(one)} is not {log_rows(other)}")
    for pattern in (*SAME_BYTES, *SAME_BYTES_OF_IMAGES):
        files = [{path.name: path.read_bytes() for path in run.glob(pattern)} for run in (one, other)]
        missing = not files[0] and pattern in SAME_BYTES
        if missing or files[0].keys() != files[1].keys():
            found.append(f"{pattern}: {sorted(files[0])} is not {sorted(files[1])}")
        found += [f"{pattern}: {name}" for name in files[0] if files[0][name] != files[1].get(name)]
    metrics = [json.loads((run / "metrics.json").read_text()) | {"seconds": None} for run in (one, other)]
    return found + (["metrics.json"] if metrics[0] != metrics[1] else [])


def log_rows(run: Path) -> list[dict[str, str]]:
    """The rows of log.csv without what depends on the machine's speed."""
    with (run / "log.csv").open(newline="") as file:
        return [{name: cell for name, cell in row.items() if name not in TIMED} for row in csv.DictReader(file)]


def _unequal(one: Any, other: Any, name: str) -> Iterator[str]:
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        if one.dtype != other.dtype or one.shape != other.shape or _bytes(one) != _bytes(other):
            yield name
    elif isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for key in one:
            yield from _unequal(one[key], other[key], f"{name}.{key}")
    elif isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other):
        for index, pair in enumerate(zip(one, other, strict=True)):
            yield from _unequal(*pair, f"{name}.{index}")
    elif one != other:
        yield f"{name}: {one} is not {other}"


def _bytes(tensor: torch.Tensor) -> bytes:
    return tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes() if tensor.dim() else str(tensor).encode()
