"""report.html: one run in one file that opens from a disk, without a server or a network."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import Any

from PIL import Image

from wgan.config.datasets import POINT_SETS
from wgan.reporting.pages import CURVES, clean, lines_of, link_if_there, moment, render, thinned
from wgan.reporting.pictures import Picture, read_png, to_webp
from wgan.reporting.run_record import RunRecord, Sample, read_run
from wgan.runs.csv_log import has_numbers
from wgan.utils.atomic_io import open_regular, write_text

IMAGE_BYTES = 12_000_000  # that the sample grids of a page take at most, before base64 adds a third
_MOST_SAMPLES, _FEWEST_SAMPLES = 200, 12
_PICTURES = ("learning_curve", "real_fake_grid", "interpolation", "nearest_neighbours", "confusion")
_NO_CURVES = ("step", "epoch", "exact_w1", "critic_fake", "overfitting_error", "augment_p")
_MOST_ROWS = 10_000
_HEAD = 50_000  # bytes of a page that hold its style sheet and its title
_REFRESH_SECONDS = 20


def write_report(run_dir: Path) -> Path:
    """Write `report.html` from what stands in a run's directory now: while it trains, or when it has ended.

    Samples are embedded as they are while they fit; else as WebP, and if need be fewer of them. The page of a run that
    goes on loads itself anew. Any file of the directory may be missing or half written.
    """
    run = read_run(run_dir)
    samples = _embedded(run.samples)
    rows = len(run.log.get("step", []))
    stride = max(1, -(-rows // _MOST_ROWS))
    curves = _curves(run, stride)
    page = {
        "samples": [{"step": step, "src": picture.src} for step, picture in samples],
        "steps": clean(run.log.get("step", [])[::stride]),
        "curves": curves,
        "updated": moment(run.updated),
        "refreshSeconds": _REFRESH_SECONDS if run.state == "running" else 0,
    }
    speeds = [speed for speed in run.log.get("images_per_second", []) if speed > 0]
    out, folder = Path(str(run.config.get("out", ""))).resolve(), run_dir.resolve()
    text = render(
        "report.html.j2",
        run=run,
        points=run.config.get("dataset") in POINT_SETS,
        page=page,
        samples=samples,
        pictures={name: read_png(run_dir / f"{name}.png") for name in _PICTURES},
        curves=curves,
        stride=stride,
        smoothing=max(1, min(100, rows // stride // 25)),
        index_link=link_if_there(out / "index.html", folder) if out in folder.parents else None,
        speed=median(speeds) if speeds else None,  # which a pause or the first steps do not move
    )
    write_text(run_dir / "report.html", text)
    return run_dir / "report.html"


def renew_if_killed(run: RunRecord) -> None:
    """Write the page of a run that was killed anew where it still says that the run goes on."""
    if run.state != "interrupted":
        return
    with open_regular(run.folder / "report.html") as file:
        stale = b'class="badge running"' in file.read(_HEAD)
    if stale:
        write_report(run.folder)


def _curves(run: RunRecord, stride: int) -> list[dict[str, Any]]:
    """The log's columns, the known ones first, then what evaluations added, as `LINES` puts them together."""
    metrics = {key: key if m.name == key else f"{m.name} ({key})" for key, m in run.metrics.items()}
    others = {column: metrics.get(column, column) for column in run.log if column not in (*CURVES, *_NO_CURVES)}
    curves = []
    for column, title in (CURVES | others).items():
        if has_numbers(run.log.get(column, [])):
            drawn = lines_of(run.log, column)
            lines = [{"name": name, "values": clean(run.log[key][::stride])} for key, name in drawn.items()]
            curves.append({"title": title, "lines": lines})
    return curves


def _embedded(samples: Sequence[Sample]) -> list[tuple[int, Picture]]:
    """The grids with their steps, as many as fit, with the first and the last."""
    read = [(sample, read_png(sample.path)) for sample in thinned(samples, _MOST_SAMPLES)]
    whole = [(sample, picture) for sample, picture in read if picture]
    if _bytes(whole) > IMAGE_BYTES:
        whole = [(sample, _smaller(sample.path, sample.path.stat().st_mtime_ns)) for sample, _ in whole]
    while (excess := _bytes(whole) / IMAGE_BYTES) > 1 and len(whole) > _FEWEST_SAMPLES:
        whole = thinned(whole, max(_FEWEST_SAMPLES, min(len(whole) - 1, int(len(whole) / excess))))
    return [(sample.step, picture) for sample, picture in whole]


def _bytes(embedded: Sequence[tuple[Sample, Picture]]) -> int:
    return sum(len(picture.content) for _, picture in embedded)


@lru_cache(maxsize=_MOST_SAMPLES)
def _smaller(path: Path, _mtime_ns: int) -> Picture:
    """A grid of a certain time of modification, encoded once though the page is written again and again."""
    with Image.open(path) as image:
        return to_webp(image, quality=80)
