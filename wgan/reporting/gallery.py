"""out/index.html: all runs below a folder in one table, to sort, filter and compare. Never imports torch."""

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from wgan.config.algorithms import ALGORITHMS
from wgan.config.metrics import in_order, ranking_keys, titles
from wgan.reporting.pages import CURVES, MAIN_CURVES, format_number, link, link_if_there, render, shown, thinned_curves
from wgan.reporting.pictures import Picture, first_images, to_webp
from wgan.reporting.report import renew_if_killed
from wgan.reporting.run_record import RunRecord, find_runs, find_sweeps, read_run
from wgan.utils.atomic_io import write_text
from wgan.utils.errors import UserError, reason

_MOST_CURVE_POINTS = 60_000  # of each column over all runs: bounds the page
_OPEN_KEYS = 3  # that are shown at first, beside those that are swept; the others wait in the menu
_THUMBNAIL = 144, 72  # pixels
_REFRESH_SECONDS = 30


class RunRow(NamedTuple):
    """A run in a table."""

    run: RunRecord
    settings: dict[str, str]  # each key, and `data`, with its value as the YAML has it
    thumbnail: Picture | None  # the newest grid's first images
    for_scripts: dict[str, Any]  # what comparing runs needs: where the grids lie, thinned curves

    def assignments(self, keys: Iterable[str]) -> list[str]:
        """`gp_lambda=1` for each of the keys that the run's YAML has."""
        return [f"{key}={self.settings[key]}" for key in keys if key in self.run.config]


class Column(NamedTuple):
    """A key or a metric, in one table."""

    name: str  # for people; the same in all tables
    key: str
    swept: bool = False
    open: bool = False  # shown at first; the others wait in the menu
    best: Path | None = None  # the run that is best in a metric that ranks


class Table(NamedTuple):
    """The runs of a sweep, or those of one set of images that belong to none."""

    title: str
    page: Path | None  # the sweep's own
    rows: list[RunRow]
    keys: list[Column]  # in which the runs differ
    metrics: list[Column]
    same: list[str]  # what all of them changed in the same way


def write_index(out: Path) -> Path:
    """Write `index.html` from all trainings below `out` as they stand now, and return its path.

    Runs of a sweep that have not begun are in it too. The tables, small pictures and thinned curves are in the page;
    sample grids are shown from where they lie.
    """
    sweeps = find_sweeps(out)
    planned = {folder: (yaml, sweep) for sweep in sweeps for folder, yaml in sweep.planned.items()}
    folders = sorted({*find_runs(out), *planned})
    points = max(60, min(400, _MOST_CURVE_POINTS // max(1, len(folders))))
    rows = [_read(folder, out, points, planned[folder][0] if folder in planned else None) for folder in folders]
    evaluations = [row.for_scripts for row in rows if row.run.config.get("arch") == "Evaluate"]
    rows = [row for row in rows if str(row.run.config.get("arch", "WGAN-GP")) in ALGORITHMS or row.run.problems]
    grouped: dict[tuple[str, Path | None], list[RunRow]] = {}
    for row in rows:
        sweep = planned[row.run.folder][1] if row.run.folder in planned else None
        grouped.setdefault((row.run.data if sweep is None else "", sweep and sweep.folder), []).append(row)
    swept: dict[Path | None, Sequence[str]] = {None: [], **{sweep.folder: sweep.keys for sweep in sweeps}}
    tables = [_table(out, data, folder, swept[folder], found) for (data, folder), found in grouped.items()]
    tables.sort(key=lambda table: (table.rows[0].run.data, table.page is not None, table.title))
    states = dict(sorted(Counter(row.run.state for row in rows).items()))
    told = {"data", "arch", *(key for row in rows for key in row.run.changed)}
    for row in rows:
        row.for_scripts["settings"] = {key: value for key, value in row.settings.items() if key in told}
        row.for_scripts["metrics"] = {m.key: format_number(m.value) for m in row.run.metrics.values()}
    page = {
        "runs": [row.for_scripts for table in tables for row in table.rows],
        "curves": [{"column": column, "title": CURVES[column]} for column in MAIN_CURVES],
        "openKeys": _OPEN_KEYS,
        "refreshSeconds": _REFRESH_SECONDS if states.keys() & {"running", "pending"} else 0,
    }
    text = render(
        "index.html.j2",
        page=page,
        tables=tables,
        count_runs=len(rows),
        keys=dict.fromkeys(column.name for table in tables for column in table.keys),
        metrics=dict.fromkeys(column.name for table in tables for column in table.metrics),
        states=states,
        evaluations=evaluations,
        sweeps=sorted([*out.glob("sweep.html"), *out.glob("*/sweep.html")]),
        out=out,
        title=out.resolve().name or "Runs",
    )
    write_text(out / "index.html", text)
    return out / "index.html"


def _read(folder: Path, out: Path, points: int, planned: Path | None) -> RunRow:
    """A run that can be shown; of one whose files hold what no training writes, its name and what is wrong."""
    named: dict[str, Any] = {"name": folder.relative_to(out).as_posix(), "folder": link(folder, out)}
    named["page"] = link_if_there(folder / "report.html", out) or link_if_there(folder, out)
    try:
        run = read_run(folder, planned)
        with suppress(OSError, UserError):  # a page that is not there, or may not be written
            renew_if_killed(run)
        settings = {key: shown(value) for key, value in run.config.items()} | {"data": run.data}
        samples = [sample.step for sample in run.samples if sample.path.name == f"step_{sample.step:06d}.png"]
        steps, curves = thinned_curves(run.log, points)
        return RunRow(run, settings, _thumbnail(run), named | {"samples": samples, "steps": steps, "curves": curves})
    except Exception as error:  # whatever lies in one folder, the others are shown
        problem = f"cannot be shown: {reason(error)}"
        run = RunRecord(folder, {}, {}, "unknown", {}, {}, {}, (), (), (), 0.0, (problem,))
        return RunRow(run, {"data": ""}, None, named | {"samples": [], "steps": [], "curves": {}})


def _table(out: Path, data: str, folder: Path | None, swept: Sequence[str], rows: list[RunRow]) -> Table:
    """A table: swept keys first, then those that most runs change; the metrics that rank before the others."""
    changes = Counter(key for row in rows for key in row.run.changed)
    values = {key: {row.settings.get(key) for row in rows} for key in (*swept, "arch", "data", *changes)}
    differing = [key for key in values if len(values[key]) > 1]
    differing.sort(key=lambda key: (swept.index(key) if key in swept else len(swept), -changes[key]))
    keys = [Column(key, key, key in swept, key in swept or i < _OPEN_KEYS) for i, key in enumerate(differing)]

    found = in_order({key: metric for row in rows for key, metric in row.run.metrics.items()}.values())
    ranking = ranking_keys({metric.key for metric in found})
    configs = [row.run.config for row in rows]
    forms = {str((c.get("image_size"), c.get("fit", "crop"), c.get("number_channels"))) for c in configs}
    comparable = len(forms) == 1
    runs = [row.run for row in rows if comparable]
    metrics = [
        Column(title, m.key, open=m.key in ranking[:1], best=_best(runs, m.key) if m.key in ranking else None)
        for m, title in zip(found, titles(found), strict=True)
    ]
    same = set[str].intersection(*({*row.assignments(row.run.changed)} for row in rows)) if len(rows) > 1 else set()
    page = folder / "sweep.html" if folder else None
    title = folder.relative_to(out).as_posix() if folder else data
    return Table(title, page, rows, keys, metrics, sorted(same))


def _best(runs: Sequence[RunRecord], key: str) -> Path | None:
    """The run that is best in a metric, where at least two have it."""
    scores = [(run.metrics[key].score_for_ranking, run.folder) for run in runs if key in run.metrics]
    return min(scores)[1] if len(scores) > 1 else None


def _thumbnail(run: RunRecord) -> Picture | None:
    """The newest grid's first images as a small picture, pixel for pixel where they are small."""
    for sample in reversed(run.samples[-2:]):
        try:
            return _small(sample.path, sample.path.stat().st_mtime_ns)
        except OSError:
            continue  # gone or no image: the one before it
    return None


@lru_cache(maxsize=2000)
def _small(path: Path, _mtime_ns: int) -> Picture:
    """Made once for each version of a file, though the index is written again after each run of a sweep."""
    picture = first_images(path, *_THUMBNAIL)
    picture.thumbnail(_THUMBNAIL, Image.Resampling.BOX)
    return to_webp(picture, quality=80)
