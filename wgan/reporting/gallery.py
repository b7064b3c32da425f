"""out/index.html: all runs below a folder in one table, to sort, filter and compare. Never imports torch."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from wgan.config.algorithms import ALGORITHMS
from wgan.config.metrics import in_order, titles
from wgan.reporting.pages import CURVES, MAIN_CURVES, link, render, shown, thinned_curves
from wgan.reporting.pictures import corner, to_webp
from wgan.reporting.run_record import RunRecord, find_runs, read_run
from wgan.utils.atomic_io import write_text
from wgan.utils.errors import reason

_MOST_CURVE_POINTS = 60_000  # of each column over all runs: bounds the page
_OPEN_COLUMNS = 4  # of keys, and of metrics; the others wait in the menu
_REFRESH_SECONDS = 30


class RunRow(NamedTuple):
    """A run in the table."""

    run: RunRecord
    settings: dict[str, str]  # each key, and `data`, with its value as the YAML has it
    thumbnail: str | None  # the newest grid's first images
    for_scripts: dict[str, Any]  # what comparing runs needs: where the grids lie, thinned curves

    @property
    def address(self) -> str:
        """Of its report, where there is one, else of its folder."""
        has_report = os.path.exists(self.run.folder / "report.html")  # noqa: PTH110 - Path.exists raises on no access
        return f"{self.for_scripts['folder']}/{'report.html' if has_report else ''}"

    def assignments(self, keys: Iterable[str]) -> list[str]:
        """`gp_lambda=1` for each of the keys that the run's YAML has."""
        return [f"{key}={self.settings[key]}" for key in keys if key in self.run.config]


def write_index(out: Path) -> Path:
    """Write `index.html` from all trainings below `out` as they stand now, and return its path.

    The table, small pictures and thinned curves are in the page; sample grids are shown from where they lie.
    """
    folders = find_runs(out)
    points = max(60, min(400, _MOST_CURVE_POINTS // max(1, len(folders))))
    rows = [_read(folder, out, points) for folder in folders]
    rows = [row for row in rows if str(row.run.config.get("arch", "WGAN-GP")) in ALGORITHMS or row.run.problems]
    runs = [row.run for row in rows]
    metrics = in_order({key: metric for run in runs for key, metric in run.metrics.items()}.values())
    keys = _telling_keys(rows)
    states = dict(sorted(Counter(run.state for run in runs).items()))
    page = {
        "runs": [row.for_scripts for row in rows],
        "curves": [{"column": column, "title": CURVES[column]} for column in MAIN_CURVES],
        "columns": [*keys, *titles(metrics)],
        "refreshSeconds": _REFRESH_SECONDS if states.get("running") else 0,
    }
    text = render(
        "index.html.j2",
        page=page,
        rows=rows,
        keys=keys,
        metrics=list(zip(metrics, titles(metrics), strict=True)),
        best={metric.key: _best(runs, metric.key) for metric in metrics},
        open=_OPEN_COLUMNS,
        shared=_shared(rows),
        states=states,
        sweeps=sorted([*out.glob("sweep.html"), *out.glob("*/sweep.html")]),
        out=out,
        title=out.resolve().name or "Runs",
    )
    write_text(out / "index.html", text)
    return out / "index.html"


def _read(folder: Path, out: Path, points: int) -> RunRow:
    """A run that can be shown; of one whose files hold what no training writes, its name and what is wrong."""
    named: dict[str, Any] = {"name": folder.relative_to(out).as_posix(), "folder": link(folder, out)}
    try:
        run = read_run(folder)
        settings = {key: shown(value) for key, value in run.config.items()} | {"data": run.data}
        samples = [sample.step for sample in run.samples if sample.path.name == f"step_{sample.step:06d}.png"]
        steps, curves = thinned_curves(run.log, points)
        return RunRow(run, settings, _thumbnail(run), named | {"samples": samples, "steps": steps, "curves": curves})
    except Exception as error:  # whatever lies in one folder, the others are shown
        problem = f"cannot be shown: {reason(error)}"
        run = RunRecord(folder, {}, {}, "unknown", {}, {}, {}, (), (), (), 0.0, (problem,))
        return RunRow(run, {"data": ""}, None, named | {"samples": [], "steps": [], "curves": {}})


def _telling_keys(rows: Sequence[RunRow]) -> list[str]:
    """The keys that tell runs apart, those that most runs change first."""
    changes = Counter(key for row in rows for key in row.run.changed)
    values = {key: {row.settings[key] for row in rows if key in row.settings} for key in ("arch", *changes, "data")}
    return sorted((key for key, found in values.items() if len(found) > 1), key=lambda key: -changes[key])


def _shared(rows: Sequence[RunRow]) -> str:
    """What all runs changed in the same way: said once, above the table."""
    texts = [set(row.assignments(row.run.changed)) for row in rows if row.run.config.get("arch")]
    return ", ".join(sorted(set[str].intersection(*texts))) if len(texts) > 1 else ""


def _best(runs: Sequence[RunRecord], key: str) -> Path | None:
    """The run that is best in a metric, where at least two have it."""
    scores = [(run.metrics[key].score_for_ranking, run.folder) for run in runs if key in run.metrics]
    return min(scores)[1] if len(scores) > 1 else None


def _thumbnail(run: RunRecord) -> str | None:
    """The newest grid's first images as a small picture."""
    for sample in reversed(run.samples[-2:]):
        try:
            return _small(sample.path, sample.path.stat().st_mtime_ns)
        except OSError:
            continue  # gone or no image: the one before it
    return None


@lru_cache(maxsize=2000)
def _small(path: Path, _mtime_ns: int) -> str:
    """Made once for each version of a file, though the index is written again after each run of a sweep."""
    picture = corner(path, columns=4, rows=2)
    picture.thumbnail((144, 72), Image.Resampling.BOX)
    return to_webp(picture, quality=70).src
