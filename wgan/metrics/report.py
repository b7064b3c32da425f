"""What an evaluation found: metrics with their noise and their real-against-real value, as a table and as JSON."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby, zip_longest
from operator import itemgetter
from typing import ClassVar

from wgan.config.metrics import Metric
from wgan.utils.text import printable


@dataclass(frozen=True)
class Report:
    """All metrics of one evaluation, or of one group of them."""

    metrics: tuple[Metric, ...] = ()  # in the order of the table
    notes: tuple[str, ...] = ()  # what a reader of the numbers must know: what was left out and why, repeated images
    class_counts: tuple[tuple[str, int, int], ...] = ()  # images the classifier sees in each: (name, generated, real)
    seconds: dict[str, float] = field(default_factory=dict)  # what each group cost
    confusion: tuple[tuple[int, ...], ...] = ()  # for each class asked for, how many images the classifier sees in each

    def values(self) -> dict[str, float]:
        """Key to value: the columns an evaluation adds to the log."""
        return {metric.key: metric.value for metric in self.metrics}

    def as_dict(self) -> dict[str, object]:
        """For metrics.json: numbers are finite, and a bound that was not computed is null.

        All is mappings, so that `pandas.read_json` opens it as a table with a row for each name.
        """
        return {
            "metrics": {metric.key: metric.as_json() for metric in self.metrics},
            "class_counts": {name: {"generated": fake, "real": real} for name, fake, real in self.class_counts},
            "notes": {str(number): note for number, note in enumerate(self.notes, 1)},
            "seconds": {group: round(seconds, 2) for group, seconds in self.seconds.items()},
        }

    HEADER: ClassVar = ("Metric", "generated", "95 % interval", "real", "better")

    def rows(self) -> list[tuple[str, ...]]:
        """For people: the cells of each metric under `HEADER`; "real" is the metric between two sets of real images."""
        words = {"higher": "higher", "lower": "lower", "real": "as real"}
        return [(m.name, number(m.value), interval(m), number(m.real), words[m.better]) for m in self.metrics]

    def as_table(self) -> str:
        """For people: a section per kind of comparison, the real-against-real value beside each metric.

        Nothing at all where nothing was computed.
        """
        return paragraphs(
            table(self.HEADER, self.rows(), [metric.section for metric in self.metrics]),
            table(("Class", "generated", "real"), self.class_counts),
            [f"Note: {note}" for note in self.notes],
        )


def finite(metrics: Iterable[Metric]) -> tuple[tuple[Metric, ...], tuple[str, ...]]:
    """Keep the metrics that are numbers; a note for each that is none."""
    every = tuple(metrics)
    kept = tuple(f for f in every if all(math.isfinite(x) for x in (f.value, f.real, f.low, f.high) if x is not None))
    return kept, tuple(f"{f.name} ({f.key}) is not a finite number and was left out." for f in every if f not in kept)


def number(value: float | None) -> str:
    """Four significant digits, at most four decimals; a dash where there is no value."""
    if value is None:
        return "-"
    return f"{value:.{min(4, max(0, 3 - math.floor(math.log10(abs(value)))))}f}" if value else "0"


def interval(metric: Metric) -> str:
    """`12.51 .. 12.75`, or a dash."""
    return "-" if metric.low is None or metric.high is None else f"{number(metric.low)} .. {number(metric.high)}"


def paragraphs(*blocks: Sequence[str]) -> str:
    """Blocks of lines with an empty line between them; empty ones are left out."""
    return "\n\n".join("\n".join(map(printable, block)) for block in blocks if block) + "\n" * any(blocks)


def table(header: Sequence[str], rows: Sequence[Sequence[object]], sections: Sequence[str] = ()) -> list[str]:
    """Lines of a plain table: first column left, the others right aligned, a line above each new section.

    No lines where there are no rows.
    """
    if not rows:
        return []
    first, *others = (max(len(str(cell)) for cell in column) for column in zip(header, *rows, strict=True))

    def line(row: Sequence[object]) -> str:
        return "  ".join([f"{row[0]:{first}}", *(f"{c!s:>{w}}" for c, w in zip(row[1:], others, strict=True))]).rstrip()

    lines = [line(header), "-" * len(line(header))]
    for section, group in groupby(zip_longest(sections, rows), key=itemgetter(0)):
        if section:
            lines += [""] * (len(lines) > 2) + [f"[{section}]"]
        lines += [line(row) for _, row in group]
    return lines
