"""A sweep's page: which value is best, seen in samples, curves, metrics and a ranking."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wgan.config.metrics import titles
from wgan.reporting.pages import CURVES, MAIN_CURVES, link_if_there, render, thinned_curves
from wgan.reporting.pictures import read_png
from wgan.reporting.sweep_figures import contact_sheet, curves, metrics_against_values, metrics_along_training
from wgan.reporting.sweep_summary import NOT_RANKED, Group, group_runs, metrics_of, rank, ranking_csv, ranking_metrics
from wgan.utils.atomic_io import write_text

_IN_PAGE = {
    "contact_sheet.png": "Samples: a row for each setting, a column for each step, the same latents",
    "metrics.png": "Metrics against the swept values",
    "metrics_along_training.png": "Metrics against the generator's updates and against time",
}
_FIGURES = {
    "contact_sheet.png": contact_sheet,
    "metrics.png": metrics_against_values,
    "metrics_along_training.png": metrics_along_training,
    "curves.png": curves,
}
_MOST_CURVE_POINTS = 40_000


def draw_figures(folder: Path, runs: Mapping[Path, Mapping[str, Any]]) -> None:
    """Draw a sweep's pictures, `_FIGURES`, from what stands in the runs' directories now, where there is something.

    Of `runs`, as `wgan.reporting.sweep_summary.group_runs` takes them, there is at least one; any may be unfinished.
    """
    groups = group_runs(runs, folder)
    for name, draw in _FIGURES.items():
        if not draw(groups, folder / name):
            (folder / name).unlink(missing_ok=True)  # it shows runs that are no longer there


def write_sweep_page(folder: Path, runs: Mapping[Path, Mapping[str, Any]]) -> Path:
    """Write ranking.csv and sweep.html, which the index finds, with the pictures that there are; return its path."""
    groups = group_runs(runs, folder)
    metrics, places = metrics_of(groups), rank(groups)
    states = Counter(run.state for group in groups for run in group.runs)
    write_text(folder / "ranking.csv", ranking_csv(places, metrics))
    text = render(
        "sweep.html.j2",
        folder=folder,
        title=folder.resolve().name,
        pictures={name: (title, picture) for name, title in _IN_PAGE.items() if (picture := read_png(folder / name))},
        metrics=list(zip(metrics, titles(metrics), strict=True)),
        ranking_metrics=ranking_metrics(metrics),
        not_ranked=NOT_RANKED,
        places=places,
        seeds=max(len(group.runs) for group in groups),
        states=dict(sorted(states.items())),
        index_link=link_if_there(folder.parent / "index.html", folder),
        page={"curves": _curves(groups), "refreshSeconds": 20 if states.keys() & {"running", "pending"} else 0},
    )
    write_text(folder / "sweep.html", text)
    return folder / "sweep.html"


def _curves(groups: Sequence[Group]) -> list[dict[str, Any]]:
    """Each column's curves of all runs, thinned, for the page's scripts."""
    labelled = [(group.label(), run.log) for group in groups for run in group.runs]
    most = max(50, _MOST_CURVE_POINTS // len(labelled))
    thinned = [(label, *thinned_curves(log, most)) for label, log in labelled]
    lines = {
        column: [{"name": label, "steps": steps, "values": of[column]} for label, steps, of in thinned if column in of]
        for column in MAIN_CURVES
    }
    return [{"title": CURVES[column], "lines": found} for column, found in lines.items() if found]
