"""What an evaluation found: figures with their noise and their real-against-real value, as a table and as JSON."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

Direction = Literal["higher", "lower", "real"]  # "real": the nearer to the real-against-real value the better


@dataclass(frozen=True)
class Figure:
    """One number about the generated images.

    Attributes:
        key: its name in metrics.json and log.csv, such as `nearest_psnr`.
        name: its name for people.
        section: the heading it stands under; says what was compared with what.
        value: the figure.
        better: where better lies.
        real: the same figure between two disjoint sets of real images: what a perfect generator would reach.
        low, high: ends of the 95 % interval of `value`, where one was computed.
    """

    key: str
    name: str
    section: str
    value: float
    better: Direction
    real: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Found:
    """What one group of metrics found; the attributes are those of `Report`."""

    figures: tuple[Figure, ...] = ()
    notes: tuple[str, ...] = ()
    class_counts: tuple[tuple[str, int, int], ...] = ()


@dataclass(frozen=True)
class Report:
    """All figures of one evaluation.

    Attributes:
        figures: in the order of the table.
        notes: what a reader of the numbers must know: what was left out and why, repeated images.
        class_counts: for each class, how many images the classifier sees in it: (name, generated, real).
        seconds: what each group cost.
    """

    figures: tuple[Figure, ...]
    notes: tuple[str, ...] = ()
    class_counts: tuple[tuple[str, int, int], ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)

    def values(self) -> dict[str, float]:
        """Key to value: the columns an evaluation adds to the log."""
        return {figure.key: figure.value for figure in self.figures}

    def as_dict(self) -> dict[str, object]:
        """For metrics.json: numbers are finite, and a bound that was not computed is null.

        All is mappings, so that `pandas.read_json` opens it as a table with a row for each name.
        """
        return {
            "figures": {
                figure.key: {
                    "name": figure.name,
                    "section": figure.section,
                    "value": figure.value,
                    "real": figure.real,
                    "low": figure.low,
                    "high": figure.high,
                    "better": figure.better,
                }
                for figure in self.figures
            },
            "class_counts": {name: {"generated": fake, "real": real} for name, fake, real in self.class_counts},
            "notes": {str(number): note for number, note in enumerate(self.notes, 1)},
            "seconds": {group: round(seconds, 2) for group, seconds in self.seconds.items()},
        }

    def as_table(self) -> str:
        """For people: a section per kind of comparison, the real-against-real value beside each figure.

        Nothing at all where nothing was computed.
        """
        header = ("Metric", "generated", "95 % interval", "real vs real", "better")
        rows = [
            (figure.name, number(figure.value), interval(figure), number(figure.real), WORDS[figure.better])
            for figure in self.figures
        ]
        counts = [(name, str(fake), str(real)) for name, fake, real in self.class_counts]
        return paragraphs(
            table(header, rows, [figure.section for figure in self.figures]),
            table(("Class", "generated", "real"), counts),
            [f"Note: {note}" for note in self.notes],
        )


WORDS: dict[Direction, str] = {"higher": "higher", "lower": "lower", "real": "as real vs real"}


def finite(figures: Iterable[Figure]) -> tuple[tuple[Figure, ...], tuple[str, ...]]:
    """Keep the figures that are numbers; a note for each that is none."""
    every = tuple(figures)
    kept = tuple(f for f in every if all(math.isfinite(x) for x in (f.value, f.real, f.low, f.high) if x is not None))
    return kept, tuple(f"{f.name} ({f.key}) is not a finite number and was left out." for f in every if f not in kept)


def number(value: float | None) -> str:
    """Four significant digits, at most four decimals; a dash where there is no value."""
    if value is None:
        return "-"
    return f"{value:.{min(4, max(0, 3 - math.floor(math.log10(abs(value)))))}f}" if value else "0"


def interval(figure: Figure) -> str:
    """`12.51 .. 12.75`, or a dash."""
    return "-" if figure.low is None or figure.high is None else f"{number(figure.low)} .. {number(figure.high)}"


def paragraphs(*blocks: Sequence[str]) -> str:
    """Blocks of lines with an empty line between them; empty ones are left out."""
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n" * any(blocks)


def table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]], sections: Sequence[str] | None = None) -> list[str]:
    """Lines of a plain table: first column left, the others right aligned, a line above each new section.

    No lines where there are no rows.
    """
    if not rows:
        return []
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]

    def line(row: tuple[str, ...]) -> str:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        return "  ".join(cells).rstrip()

    lines = [line(header), "-" * len(line(header))]
    for index, row in enumerate(rows):
        if sections and (index == 0 or sections[index] != sections[index - 1]):
            lines += ([""] if index else []) + [f"[{sections[index]}]"]
        lines.append(line(row))
    return lines
