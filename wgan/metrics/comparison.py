"""Two evaluations against the same real images, side by side: what differs, and whether that is more than noise."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from wgan.config.metrics import Metric
from wgan.metrics.report import Report, number, paragraphs, table

HEADER = ("Metric", "A", "B", "noise", "real", "better")
"""A dash under the last: neither by more than the noise of the difference."""


@dataclass(frozen=True)
class Difference:
    """One metric of two sets, both compared with the same real images: differences are clearer than `noise` says."""

    first: Metric
    second: Metric
    noise: float | None  # of the difference, by the 95 % intervals; None where there are none
    better: int | None  # 0 or 1, the set that is better by more than noise; None if neither is

    def as_json(self) -> dict[str, object]:
        """Its entry in metrics.json, under the metric's key."""
        values = {"first": self.first.value, "second": self.second.value, "noise": self.noise, "better": self.better}
        return {"name": self.first.name, "section": self.first.section, "real": self.first.real, **values}

    def row(self) -> tuple[str, ...]:
        """For people: its cells under `HEADER`."""
        numbers = map(number, (self.first.value, self.second.value, self.noise, self.first.real))
        return self.first.name, *numbers, "-" if self.better is None else "AB"[self.better]


def differences(first: Report, second: Report) -> tuple[Difference, ...]:
    """The metrics that both reports have, in the first one's order."""
    others = {metric.key: metric for metric in second.metrics}
    return tuple(_difference(metric, others[metric.key]) for metric in first.metrics if metric.key in others)


def _difference(a: Metric, b: Metric) -> Difference:
    end_a, end_b = (a.high, b.low) if b.value > a.value else (a.low, b.high)
    noise = None if end_a is None or end_b is None else math.hypot(end_a - a.value, end_b - b.value)
    apart = a.score_for_ranking - b.score_for_ranking
    better = None if noise is None or abs(apart) <= noise else int(apart > 0)
    return Difference(a, b, noise, better)


def comparison_table(names: Sequence[str], first: Report, second: Report) -> str:
    """Side by side for people; `names` are what the two sets, compared with the same real images, are called."""
    found = differences(first, second)
    counts = zip(first.class_counts, second.class_counts, strict=False)  # none where one has not been classified
    notes = [f"Note: {note}" for note in first.notes if note in second.notes]
    for letter, mine, others in (("A", first.notes, second.notes), ("B", second.notes, first.notes)):
        notes += [f"Note on {letter}: {note}" for note in mine if note not in others]
    return paragraphs(
        [f"{letter}: {name}" for letter, name in zip("AB", names, strict=True)],
        table(HEADER, [d.row() for d in found], [d.first.section for d in found]),
        table(("Class", "A", "B", "real"), [(name, a, b, real) for (name, a, real), (_, b, _) in counts]),
        notes,
    )


def comparison_dict(names: Sequence[str], first: Report, second: Report) -> dict[str, object]:
    """Side by side for programs, as `Report.as_dict`."""
    sets = zip("AB", names, (first, second), strict=True)
    return {
        "fakes": {letter: {"name": name, **report.as_dict()} for letter, name, report in sets},
        "differences": {d.first.key: d.as_json() for d in differences(first, second)},
    }
