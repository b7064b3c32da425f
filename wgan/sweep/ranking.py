"""A sweep's result in a few lines for the terminal: its values from the best to the worst."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wgan.config.metrics import titles
from wgan.reporting.pages import shown
from wgan.reporting.sweep_summary import group_runs, metric_keys, rank, ranking_metrics

COLUMNS = 4
"""Metrics shown; ranking.csv has all."""


def ranking(runs: Mapping[Path, Mapping[str, Any]]) -> str:
    """A table: the swept values and, of the metrics that rank them, the first few; mean ± deviation over the seeds.

    Args:
        runs: run directory -> its swept keys and values.
    """
    groups = group_runs(runs)
    metrics = ranking_metrics(metric_keys(groups))[:COLUMNS]
    rows = [["", *groups[0].values, *titles(metrics)]]
    for number, place in enumerate(rank(groups), 1):
        values = [str(place.group.spread(metric.key) or "–") for metric in metrics]
        rows.append([f"{number}." if metrics else "", *map(shown, place.group.values.values()), *values])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])
