"""A sweep's page: which value is best, seen in samples, curves, metrics and a ranking."""

import csv
import io
import os
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import quote

from wgan.config.metrics import Metric, titles
from wgan.reporting.pages import CURVES, MAIN_CURVES, picture, render, shown, thinned_curves
from wgan.reporting.sweep_figures import contact_sheet, curves, metrics_against_values
from wgan.reporting.sweep_summary import Group, Place, group_runs, metric_keys, rank, ranking_metrics
from wgan.utils.atomic_io import write_text

_PICTURES = {
    "contact_sheet.png": (contact_sheet, "Samples: a row for each setting, a column for each step, the same latents"),
    "metrics.png": (metrics_against_values, "Metrics against the swept values"),
    "curves.png": (curves, "Curves of all runs"),
}
_MOST_CURVE_POINTS = 40_000


def write_sweep_report(folder: Path, runs: Mapping[Path, Mapping[str, Any]]) -> Path:
    """Write a sweep's pictures, its ranking and its page.

    In `folder`: contact_sheet.png, metrics.png, curves.png (each where there is something to draw), ranking.csv and
    sweep.html. Any of the runs may be unfinished; written again, the same runs give the same files.

    Args:
        folder: the sweep's own folder; the gallery above it finds the page.
        runs: run directory -> its swept keys and values, such as `{"gp_lambda": 1, "seed": 2}`, in the sweep's order.
            Runs that differ by `seed` alone are taken together.

    Returns:
        The page.

    Raises:
        ValueError: no runs.
    """
    if not runs:
        raise ValueError("a sweep has at least one run")
    groups = group_runs(runs)
    drawn = {name: title for name, (draw, title) in _PICTURES.items() if draw(groups, folder / name)}
    metrics, places = metric_keys(groups), rank(groups)
    write_text(folder / "ranking.csv", _as_csv(places, metrics))
    path = folder / "sweep.html"
    lines = _lines(groups)
    text = render(
        "sweep.html.j2",
        title=folder.resolve().name,
        pictures=[(title, picture(folder / name)) for name, title in drawn.items() if name != "curves.png"],
        metrics=list(zip(metrics, titles(metrics), strict=True)),
        ranking_metrics=ranking_metrics(metrics),
        rows=[_row(place, metrics, folder) for place in places],
        seeds=max(len(group.runs) for group in groups),
        has_curves=any(lines.values()),
        page={"curves": [{"title": CURVES[column], "lines": found} for column, found in lines.items() if found]},
    )
    write_text(path, text)
    return path


def _row(place: Place, metrics: Sequence[Metric], folder: Path) -> dict[str, Any]:
    return {
        "group": place.group,
        "mean_rank": place.mean_rank,
        "spreads": [place.group.spread(metric.key) for metric in metrics],
        "runs": [
            (run.state, shown(run.config.get("seed")), quote(Path(os.path.relpath(run.folder, folder)).as_posix()))
            for run in place.group.runs
        ],
    }


def _lines(groups: Sequence[Group]) -> dict[str, list[dict[str, Any]]]:
    """Each column's curves of all runs, thinned, for the page's scripts."""
    labelled = [(group.label, run.log) for group in groups for run in group.runs]
    most = max(50, _MOST_CURVE_POINTS // len(labelled))
    lines: dict[str, list[dict[str, Any]]] = {column: [] for column in MAIN_CURVES}
    for label, log in labelled:
        steps, found = thinned_curves(log, most)
        for column, values in found.items():
            lines[column].append({"name": label, "steps": steps, "values": values})
    return lines


def _as_csv(places: Sequence[Place], metrics: Sequence[Metric]) -> str:
    keys = list(places[0].group.values)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    names = [name for metric in metrics for name in (metric.key, f"{metric.key}_std")]
    writer.writerow(["place", *keys, "runs", "mean_rank", *names])
    for index, place in enumerate(places, 1):
        spreads = [place.group.spread(metric.key) for metric in metrics]
        pairs = [(spread.mean, spread.deviation) if spread else (None, None) for spread in spreads]
        values = [place.group.values[key] for key in keys]
        writer.writerow([index, *values, len(place.group.runs), place.mean_rank, *chain(*pairs)])
    return buffer.getvalue()
