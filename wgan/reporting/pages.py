"""HTML pages: templates whose every value is escaped, with styles and scripts inside, so that a page is one file."""

import base64
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import groupby
from math import floor, isfinite, log10
from pathlib import Path
from typing import Any, TypeVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from wgan.runs.csv_log import Columns, has_numbers
from wgan.utils.atomic_io import read_regular

Item = TypeVar("Item")
_HERE = Path(__file__).parent

CURVES = {  # column of log.csv -> its name for people, in the order of the pages
    "wasserstein_estimate": "Wasserstein estimate",
    "critic_loss": "Critic loss",
    "generator_loss": "Generator loss",
    "gradient_norm": "Gradient norm of the critic",
    "gradient_penalty": "Gradient penalty",
    "images_per_second": "Images per second",
}
MAIN_CURVES = ("wasserstein_estimate", "critic_loss", "generator_loss", "gradient_norm")
"""Those that plots and comparisons show."""


def render(template: str, **values: Any) -> str:
    """A page from a template of this package; text in `values` appears as text, whatever it holds."""
    text = _environment().get_template(template).render(**values)
    return text.encode("utf-8", errors="replace").decode("utf-8")  # names of files may hold what is no UTF-8


def static(name: str) -> Markup:
    """A style sheet or script of this package, to stand inside a page."""
    return Markup((_HERE / "static" / name).read_text(encoding="utf-8"))


def data_uri(content: bytes, kind: str) -> str:
    """Bytes as an address that needs no file: `data:image/png;base64,...`."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"


def read_png(path: Path) -> tuple[bytes, tuple[int, int]] | None:
    """A PNG's bytes and (width, height); None where it is gone or no PNG."""
    try:
        content = read_regular(path, 2**28)
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            return content, image.size
    except (OSError, Image.DecompressionBombError, SyntaxError, ValueError):
        return None


def picture(path: Path) -> dict[str, Any] | None:
    """A PNG for a page: `src`, `width` and `height`; None where it is gone or no PNG."""
    read = read_png(path)
    return {"src": data_uri(read[0], "png"), "width": read[1][0], "height": read[1][1]} if read else None


def format_number(value: float | None) -> str:
    """Four significant digits; a dash where there is no value."""
    if value is None or not isfinite(value):
        return "–"
    if value == 0 or not 1e-4 <= abs(value) < 1e7:
        return f"{value:.4g}"
    return f"{value:,.{min(6, max(0, 3 - floor(log10(abs(value)))))}f}"


def count(value: float) -> str:
    """12,000 for 12000."""
    return f"{value:,.0f}"


def duration(seconds: float) -> str:
    """`45 s`, `12 min`, `3 h 20 min`, `2 d 3 h`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def moment(timestamp: float) -> str:
    """A time as ISO 8601 in UTC, which scripts read and people too."""
    return datetime.fromtimestamp(timestamp, UTC).isoformat(timespec="seconds")


def shown(value: object) -> str:
    """A key's value as one writes it in YAML: 0.0002, true, [flip, cutout]; a dash for none."""
    match value:
        case None:
            return "–"
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:.10g}"
        case list() | tuple():
            return f"[{', '.join(map(shown, value))}]"
        case dict():
            return "; ".join(f"{key}: {shown(item)}" for key, item in value.items())
    return str(value)


def clean(values: Iterable[float]) -> list[float | None]:
    """Numbers for a page's scripts: five significant digits, None where there is no number (JSON knows no NaN)."""
    return [float(f"{value:.5g}") if isfinite(value) else None for value in values]


def thinned(items: Sequence[Item], most: int) -> list[Item]:
    """At most `most` items, evenly spread, with the first and the last."""
    if len(items) <= most:
        return list(items)
    return [items[round(index * (len(items) - 1) / (most - 1))] for index in range(most)]


def thinned_curves(log: Columns, most: int) -> tuple[list[float | None], dict[str, list[float | None]]]:
    """For a page's scripts: the steps of at most `most` rows, and the main curves that have numbers, by column."""
    rows = thinned(range(len(log.get("step", []))), most)
    kept = [column for column in MAIN_CURVES if has_numbers(log.get(column, []))]
    steps, *curves = (clean(log[column][row] for row in rows) if rows else [] for column in ("step", *kept))
    return steps, dict(zip(kept, curves, strict=True))


def _in_order(items: Iterable[Any], attribute: str) -> list[tuple[Any, list[Any]]]:
    return [(key, list(group)) for key, group in groupby(items, key=lambda item: getattr(item, attribute))]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["static"] = static
    environment.filters.update(
        number=format_number, count=count, duration=duration, moment=moment, value=shown, groupby_in_order=_in_order
    )
    return environment
