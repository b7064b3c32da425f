"""HTML pages: templates whose every value is escaped, with styles and scripts inside, so that a page is one file."""

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from math import floor, isfinite, log10
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from wgan.config.docs import written
from wgan.runs.csv_log import Columns, has_numbers
from wgan.utils.console import warn
from wgan.utils.errors import reason
from wgan.utils.text import duration, printable

Item = TypeVar("Item")
_HERE = Path(__file__).parent
_warn_once = cache(warn)  # pages are drawn again and again while a run trains

CURVES = {  # column of log.csv -> its name for people, in the order of the pages
    "wasserstein_estimate": "Wasserstein estimate",
    "critic_loss": "Critic loss",
    "generator_loss": "Generator loss",
    "critic_real": "Critic's mean scores, generator loss",
    "gradient_norm": "Gradient norm of the critic",
    "gradient_penalty": "Gradient penalty",
    "overfitting": "Overfitting of the critic",
    "images_per_second": "Images per second",
}
LINES = {  # column -> what is drawn in its plot, with a name for each line
    "wasserstein_estimate": {"wasserstein_estimate": "estimate", "exact_w1": "exact W1"},
    "critic_real": {
        "critic_real": "critic on real",
        "critic_fake": "critic on generated",
        "generator_loss": "generator",
    },
    "overfitting": {"overfitting": "overfitting", "augment_p": "augment: auto"},
}
MAIN_CURVES = ("wasserstein_estimate", "critic_loss", "generator_loss", "gradient_norm")  # of runs side by side


def render(template: str, **values: Any) -> str:
    """A page from a template of this package; text in `values` appears as text, whatever it holds."""
    return _ENVIRONMENT.get_template(template).render(**values)


def attempt(makers: Mapping[Path, Callable[[], object]]) -> None:
    """Make pages and pictures: one that fails costs a warning, and not the run that it shows."""
    failed: dict[str, list[str]] = {}
    for path, make in makers.items():
        try:
            make()
        except Exception as error:
            failed.setdefault(reason(error), []).append(str(path))
    for why, paths in failed.items():
        _warn_once(f"{', '.join(paths)}: not brought up to date: {why}")


def static(name: str) -> Markup:
    """A style sheet or script of this package, to stand inside a page."""
    return Markup((_HERE / "static" / name).read_text(encoding="utf-8"))


def link(target: Path, folder: Path) -> str:
    """A file's address as seen from a page in `folder`."""
    return quote(os.fsencode(Path(os.path.relpath(target, folder)).as_posix()))


def link_if_there(target: Path, folder: Path) -> str | None:
    """The same where the file is there now: a page has no link that leads nowhere."""
    return link(target, folder) if os.path.exists(target) else None  # noqa: PTH110 - Path.exists raises on no access


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


def moment(timestamp: float) -> str:
    """A time as ISO 8601 in UTC, which scripts read and people too."""
    return datetime.fromtimestamp(timestamp, UTC).isoformat(timespec="seconds")


def shown(value: object) -> str:
    """A key's value as one writes it in YAML: 0.0002, true, [flip, cutout]; a dash for none."""
    return "–" if value is None else printable(written(value))


def clean(values: Iterable[float]) -> list[float | None]:
    """Numbers for a page's scripts: five significant digits, None where there is no number (JSON knows no NaN)."""
    return [float(f"{value:.5g}") if isfinite(value) else None for value in values]


def thinned(items: Sequence[Item], most: int) -> list[Item]:
    """At most `most` items, evenly spread, with the first and the last."""
    if len(items) <= most:
        return list(items)
    return [items[round(index * (len(items) - 1) / (most - 1))] for index in range(most)]


def lines_of(log: Columns, column: str) -> dict[str, str]:
    """The columns that a plot of one shows, where they hold numbers, with their names; one alone needs none."""
    lines = {key: name for key, name in LINES.get(column, {column: ""}).items() if has_numbers(log.get(key, []))}
    return lines if len(lines) > 1 else dict.fromkeys(lines, "")


def thinned_curves(log: Columns, most: int) -> tuple[list[float | None], dict[str, list[float | None]]]:
    """For a page's scripts: the steps of at most `most` rows, and the main curves that have numbers, by column."""
    rows = thinned(range(len(log.get("step", []))), most)
    kept = [column for column in MAIN_CURVES if has_numbers(log.get(column, []))]
    steps, *curves = (clean(log[column][row] for row in rows) if rows else [] for column in ("step", *kept))
    return steps, dict(zip(kept, curves, strict=True))


def _plain(value: Any) -> Any:
    """A value of a page, the text in it without control characters."""
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return printable(value) if isinstance(value, str | Path) and not isinstance(value, Markup) else value


_TEMPLATES = FileSystemLoader(_HERE / "templates")
_ENVIRONMENT = Environment(
    loader=_TEMPLATES, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_plain
)
_ENVIRONMENT.policies["json.dumps_function"] = lambda value, **options: json.dumps(_plain(value), **options)
_ENVIRONMENT.globals["static"] = static
_ENVIRONMENT.filters |= {"number": format_number, "count": count, "duration": duration, "moment": moment}
_ENVIRONMENT.filters |= {"value": shown, "link_if_there": link_if_there}
