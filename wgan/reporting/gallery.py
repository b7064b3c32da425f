"""out/index.html: all runs below a folder in one table, to sort, filter and compare. Never imports torch."""

import io
import os
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from PIL import Image

from wgan.config.algorithms import ALGORITHMS
from wgan.config.metrics import in_order, titles
from wgan.reporting.pages import CURVES, MAIN_CURVES, data_uri, format_number, render, shown, thinned_curves
from wgan.reporting.run_record import RunRecord, find_runs, read_run
from wgan.reporting.sheets import corner
from wgan.utils.atomic_io import write_text
from wgan.utils.console import warn
from wgan.utils.errors import first_line
from wgan.utils.text import printable

_MOST_CURVE_POINTS = 60_000  # of each column over all runs: bounds the page
_OPEN_COLUMNS = 5  # of keys, and of metrics; the others wait in the menu
_REFRESH_SECONDS = 30


class Column(NamedTuple):
    """A column of the table that not every folder of runs has."""

    id: str
    title: str
    group: str  # "Settings" or "Metrics"
    open: bool  # shown before a user asks for it


class Cell(NamedTuple):
    """One value: the text, what it is sorted by, and whether to mark it."""

    text: str
    order: float | str
    marked: bool = False


def refresh_index(out: Path) -> None:
    """Write the index after a run: a fault of the page fails no training that is done.

    Raises:
        OSError: the page cannot be written.
    """
    try:
        write_index(out)
    except OSError:
        raise  # the disk that the run itself writes to
    except Exception as error:
        warn(f"{out / 'index.html'} is not brought up to date: {type(error).__name__}: {first_line(error)}")


def write_index(out: Path) -> Path:
    """Write `index.html` from all trainings below `out` as they stand now.

    The table, small pictures and thinned curves are in the page; sample grids are shown from where they lie.

    Returns:
        The page.
    """
    runs = [_read(folder, out) for folder in find_runs(out)]
    runs = [run for run in runs if str(run.config.get("arch", "WGAN-GP")) in ALGORITHMS or run.problems]
    keys = _telling_keys(runs)
    found = {metric.key: metric for run in runs for metric in run.metrics}
    ordered = in_order(found.values())
    metrics = [metric.key for metric in ordered]
    columns = [Column(f"key-{i}", key, "Settings", i < _OPEN_COLUMNS) for i, key in enumerate(keys)]
    columns += [Column(f"metric-{i}", title, "Metrics", i < _OPEN_COLUMNS) for i, title in enumerate(titles(ordered))]
    best = {
        key: min((m.score_for_ranking, run.folder) for run in runs for m in run.metrics if m.key == key)[1]
        for key in metrics
    }
    rows = [
        {
            "run": run,
            "name": _name(run, out),
            "link": _link(run, out) + ("/report.html" if _has_report(run) else "/"),
            "thumbnail": _thumbnail(run),
            "search": " ".join(
                [_name(run, out), run.data, run.state, *_settings(run, dict.fromkeys([*run.changed, *keys]))]
            ).lower(),
            "unseen": ", ".join(_settings(run, [key for key in keys[_OPEN_COLUMNS:] if key in run.changed])),
            "cells": [_setting(run, key) for key in keys] + [_metric(run, key, best[key]) for key in metrics],
        }
        for run in runs
    ]
    path = out / "index.html"
    states = {state: sum(run.state == state for run in runs) for state in sorted({run.state for run in runs})}
    page = {
        "runs": [_for_scripts(run, out, max(60, min(400, _MOST_CURVE_POINTS // max(1, len(runs))))) for run in runs],
        "curves": [{"column": column, "title": CURVES[column]} for column in MAIN_CURVES],
        "columns": [column.title for column in columns],
        "refreshSeconds": _REFRESH_SECONDS if states.get("running") else 0,
    }
    sweeps = [sweep.relative_to(out) for sweep in sorted([*out.glob("sweep.html"), *out.glob("*/sweep.html")])]
    text = render(
        "index.html.j2",
        page=page,
        rows=rows,
        columns=columns,
        shared=_shared(runs),
        states=states,
        sweeps=[(sweep.parent.as_posix(), quote(os.fsencode(sweep.as_posix()))) for sweep in sweeps],
        title=out.resolve().name or "Runs",
    )
    write_text(path, text)
    return path


def _read(folder: Path, out: Path) -> RunRecord:
    """A run that can be shown; of one whose files hold what no training writes, its name and what is wrong."""
    try:
        run = read_run(folder)
        for key in run.config:
            _setting(run, key)
        _for_scripts(run, out, 2)
        _thumbnail(run)
    except Exception as error:  # whatever lies in one folder, the others are shown
        problem = f"cannot be shown: {type(error).__name__}: {first_line(error)}"
        return RunRecord(folder, {}, {}, "unknown", {}, {}, (), (), (), (), 0.0, (problem,))
    return run


def _telling_keys(runs: Sequence[RunRecord]) -> list[str]:
    """The keys that tell runs apart, those that most runs change first."""
    changed = dict.fromkeys(key for run in runs for key in run.changed)
    values = {key: {shown(run.config[key]) for run in runs if key in run.config} for key in ("arch", *changed)}
    differing = [key for key, found in values.items() if len(found) > 1]
    if len({run.data for run in runs}) > 1:
        differing.append("data")
    return sorted(differing, key=lambda key: -sum(key in run.changed for run in runs))


def _shared(runs: Sequence[RunRecord]) -> str:
    """What all runs changed in the same way: said once, above the table."""
    known = [run for run in runs if run.config.get("arch")]
    texts = [set(_settings(run, run.changed)) for run in known]
    return ", ".join(sorted(set[str].intersection(*texts))) if len(known) > 1 else ""


def _settings(run: RunRecord, keys: Iterable[str]) -> list[str]:
    """`gp_lambda=1` for each of the keys that the run has."""
    return [f"{key}={shown(run.config[key])}" for key in keys if key in run.config]


def _setting(run: RunRecord, key: str) -> Cell:
    value = run.data if key == "data" else run.config.get(key)
    return Cell(shown(value), float(value) if isinstance(value, int | float) else shown(value), key in run.changed)


def _metric(run: RunRecord, key: str, best: Path) -> Cell:
    found = next((metric for metric in run.metrics if metric.key == key), None)
    return Cell(format_number(found.value), found.value, run.folder == best) if found else Cell("–", "")


def _for_scripts(run: RunRecord, out: Path, points: int) -> dict[str, Any]:
    """What comparing runs needs: where the grids lie, thinned curves."""
    steps, curves = thinned_curves(run.log, points)
    samples = [sample.step for sample in run.samples if sample.path.name == f"step_{sample.step:06d}.png"]
    return {
        "name": _name(run, out),
        "folder": _link(run, out),
        "samples": samples,
        "steps": steps,
        "curves": curves,
    }


def _has_report(run: RunRecord) -> bool:
    return os.path.exists(run.folder / "report.html")  # noqa: PTH110 - Path.exists raises where access is denied


def _name(run: RunRecord, out: Path) -> str:
    return printable(run.folder.relative_to(out).as_posix())


def _link(run: RunRecord, out: Path) -> str:
    return quote(os.fsencode(run.folder.relative_to(out).as_posix()))


def _thumbnail(run: RunRecord) -> str | None:
    """The newest grid's first images as a small picture."""
    for sample in reversed(run.samples[-2:]):
        try:
            return _small((sample.path, sample.path.stat().st_mtime_ns))
        except OSError:
            continue  # gone or no image: the one before it
    return None


@lru_cache(maxsize=2000)
def _small(version: tuple[Path, int]) -> str:
    """Made once for each version of a file, though the index is written again after each run of a sweep."""
    picture = corner(version[0], columns=4, rows=2)
    picture.thumbnail((144, 72), Image.Resampling.BOX)
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, "WEBP", quality=70, method=2)
    return data_uri(buffer.getvalue(), "webp")
