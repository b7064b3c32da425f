"""Two evaluations against the same real images, side by side: what differs, and whether that is more than noise."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from wgan.config.metrics import Metric
from wgan.metrics.report import Report, number, paragraphs, table


@dataclass(frozen=True)
class Difference:
    """One metric of two sets of generated images.

    Attributes:
        key, name, section: as of the metric.
        first, second: its values.
        noise: a difference up to this is within the 95 % intervals; infinite where there are none. The sets share the
            real images they are compared with, which makes true differences clearer than this allows for.
        real: its value between two sets of real images.
        better: 0 or 1, the set that is better by more than noise; None if neither is.
    """

    key: str
    name: str
    section: str
    first: float
    second: float
    noise: float
    real: float | None
    better: int | None


def differences(first: Report, second: Report) -> tuple[Difference, ...]:
    """The metrics that both reports have, in the first one's order."""
    others = {metric.key: metric for metric in second.metrics}
    return tuple(_difference(metric, others[metric.key]) for metric in first.metrics if metric.key in others)


def _difference(a: Metric, b: Metric) -> Difference:
    noise = math.hypot(_towards(a, b.value), _towards(b, a.value))
    scores = [metric.score_for_ranking for metric in (a, b)]
    better = None if abs(scores[0] - scores[1]) <= noise else int(scores[1] < scores[0])
    return Difference(a.key, a.name, a.section, a.value, b.value, noise, a.real, better)


def _towards(metric: Metric, other: float) -> float:
    """How far the interval reaches from the value towards another one."""
    end = metric.high if other > metric.value else metric.low
    return math.inf if end is None else abs(end - metric.value)


def comparison_table(names: tuple[str, str], first: Report, second: Report) -> str:
    """Side by side for people.

    Args:
        names: what the two sets are called.
        first: the report of the first set.
        second: the report of the second, against the same real images.
    """
    short = ("A", "B")
    found = differences(first, second)
    header = ("Metric", *short, "B - A", "noise", "real vs real", "better beyond noise")
    rows = [
        (
            d.name,
            number(d.first),
            number(d.second),
            number(d.second - d.first),
            number(d.noise) if math.isfinite(d.noise) else "-",
            number(d.real),
            "-" if d.better is None else short[d.better],
        )
        for d in found
    ]
    counts = zip(first.class_counts, second.class_counts, strict=False)  # none where one has not been classified
    return paragraphs(
        [f"{letter}: {name}" for letter, name in zip(short, names, strict=True)],
        table(header, rows, [d.section for d in found]),
        table(("Class", *short, "real"), [(n, str(a), str(b), str(r)) for (n, a, r), (_, b, _) in counts]),
        _notes(first.notes, second.notes),
    )


def _notes(first: Sequence[str], second: Sequence[str]) -> list[str]:
    shared = [f"Note: {note}" for note in first if note in second]
    own = [
        f"Note on {k}: {n}"
        for k, mine, others in (("A", first, second), ("B", second, first))
        for n in mine
        if n not in others
    ]
    return shared + own


def comparison_dict(names: tuple[str, str], first: Report, second: Report) -> dict[str, object]:
    """Side by side for programs, as `Report.as_dict`; noise without intervals is null."""
    found = [asdict(d) | {"noise": d.noise if math.isfinite(d.noise) else None} for d in differences(first, second)]
    return {
        "fakes": {
            letter: {"name": name, **report.as_dict()}
            for letter, name, report in zip("AB", names, (first, second), strict=True)
        },
        "differences": {str(d.pop("key")): d for d in found},
    }
