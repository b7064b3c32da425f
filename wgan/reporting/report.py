"""report.html: one run in one file that opens from a disk, without a server or a network."""

import io
import os
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import Any

from PIL import Image

from wgan.config.datasets import POINT_SETS
from wgan.reporting.pages import CURVES, clean, data_uri, moment, picture, read_png, render, shown, thinned
from wgan.reporting.run_record import RunRecord, Sample, read_run
from wgan.runs.csv_log import has_numbers
from wgan.utils.atomic_io import write_text

IMAGE_BYTES = 12_000_000
"""What the sample grids of a page take at most, before base64 adds a third."""
_MOST_SAMPLES, _FEWEST_SAMPLES = 200, 12
_FURTHER = {  # picture -> its alternative text, its caption
    "interpolation": (
        "Rows of generated images, each row from one latent vector to another",
        "From one latent vector to another: smooth changes speak against a generator that has learnt images by heart.",
    ),
    "nearest_neighbours": (
        "Rows of images: a generated one, then the training images nearest to it",
        "Generated images (first column) and the training images nearest to each, the most suspicious on top.",
    ),
}
_NO_CURVES = ("step", "epoch", "exact_w1")
_MOST_ROWS = 10_000
_REFRESH_SECONDS = 20


def write_report(run_dir: Path) -> Path:
    """Write `report.html` from what stands in a run's directory now: while it trains, or when it has ended.

    Samples are embedded as they are while they fit; else as WebP, and if need be fewer of them. The page of a run that
    goes on loads itself anew.

    Args:
        run_dir: the run's directory; any of its files may be missing or half written.

    Returns:
        The page.
    """
    run = read_run(run_dir)
    samples = _embedded(list(run.samples))
    rows = len(run.log.get("step", []))
    stride = max(1, -(-rows // _MOST_ROWS))
    curves = _curves(run, stride)
    page = {
        "samples": [{"step": sample["step"], "src": sample["src"]} for sample in samples],
        "steps": clean(run.log.get("step", [])[::stride]),
        "curves": curves,
        "updated": moment(run.updated),
        "refreshSeconds": _REFRESH_SECONDS if run.state == "running" else 0,
    }
    path = run_dir / "report.html"
    text = render(
        "report.html.j2",
        run=run,
        points=run.config.get("dataset") in POINT_SETS,
        page=page,
        samples=samples,
        left_out=len(run.samples) - len(samples),
        real_fake=picture(run_dir / "real_fake_grid.png"),
        further=[(found, *texts) for name, texts in _FURTHER.items() if (found := picture(run_dir / f"{name}.png"))],
        curves=curves,
        stride=stride,
        smoothing=max(1, min(100, rows // stride // 25)),
        changed=[(key, value) for key, value in run.config.items() if key in run.changed],
        usual=[(key, value) for key, value in run.config.items() if key not in run.changed],
        environment=_environment(run),
        index_link=_index_link(run),
        speed=_speed(run),
    )
    write_text(path, text)
    return path


def _curves(run: RunRecord, stride: int) -> list[dict[str, Any]]:
    """The log's columns, the known ones first, then what evaluations added; the exact distance over its estimate."""
    metrics = {
        metric.key: metric.name if metric.name == metric.key else f"{metric.name} ({metric.key})"
        for metric in run.metrics
    }
    others = {column: metrics.get(column, column) for column in run.log if column not in (*CURVES, *_NO_CURVES)}
    curves = []
    for column, title in (CURVES | others).items():
        over = {"wasserstein_estimate": "exact_w1"}.get(column, "")
        drawn = {name: run.log[name] for name in (column, over) if has_numbers(run.log.get(name, []))}
        if drawn:
            names = {"exact_w1": "exact W1", "wasserstein_estimate": "estimate"} if len(drawn) > 1 else {}
            lines = [{"name": names.get(name, ""), "values": clean(values[::stride])} for name, values in drawn.items()]
            curves.append({"title": title, "lines": lines})
    return curves


def _embedded(samples: list[Sample]) -> list[dict[str, Any]]:
    """As many grids as fit, with the first and the last."""
    read = ((sample, read_png(sample.path)) for sample in thinned(samples, _MOST_SAMPLES))
    whole = [(sample, found) for sample, found in read if found]
    if sum(len(content) for _, (content, _) in whole) > IMAGE_BYTES:
        whole = [(sample, _as_webp((sample.path, sample.path.stat().st_mtime_ns))) for sample, _ in whole]
    while (excess := sum(len(content) for _, (content, _) in whole) / IMAGE_BYTES) > 1 and len(whole) > _FEWEST_SAMPLES:
        whole = thinned(whole, max(_FEWEST_SAMPLES, min(len(whole) - 1, int(len(whole) / excess))))
    kind = {b"\x89PNG": "png", b"RIFF": "webp"}
    return [
        {"step": sample.step, "src": data_uri(content, kind[content[:4]]), "width": size[0], "height": size[1]}
        for sample, (content, size) in whole
    ]


@lru_cache(maxsize=_MOST_SAMPLES)
def _as_webp(version: tuple[Path, int]) -> tuple[bytes, tuple[int, int]]:
    """A grid of a certain time of modification, encoded once though the page is written again and again."""
    with Image.open(version[0]) as image:
        buffer = io.BytesIO()
        image.convert("RGB").save(buffer, "WEBP", quality=80, method=2)
        return buffer.getvalue(), image.size


def _environment(run: RunRecord) -> list[tuple[str, str]]:
    facts = {key: value for key, value in run.facts.items() if key not in ("state", "best", "warnings", "versions")}
    versions = run.facts.get("versions")
    rows = [(key.replace("_", " "), shown(value)) for key, value in facts.items()]
    if speed := _speed(run):
        rows.append(("images per second", f"{speed:,.0f} (median of log.csv)"))
    if isinstance(versions, dict):
        rows += [(str(name), shown(version)) for name, version in versions.items()]
    return [*rows, ("folder", str(run.folder))]


def _speed(run: RunRecord) -> float | None:
    """Images per second: the median over the log, which a pause or the first steps do not move."""
    measured = [speed for speed in run.log.get("images_per_second", []) if speed > 0]
    return median(measured) if measured else None


def _index_link(run: RunRecord) -> str | None:
    """The gallery's address as seen from the run, where config.yaml's `out` is above it."""
    out = Path(str(run.config.get("out", ""))).resolve()
    folder = run.folder.resolve()
    return Path(os.path.relpath(out / "index.html", folder)).as_posix() if out in folder.parents else None
