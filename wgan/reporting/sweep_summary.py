"""What a sweep found: runs grouped by their swept values, seeds taken together, and the groups ranked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from wgan.config.metrics import Metric, in_order, ranking_keys
from wgan.reporting.pages import format_number, shown
from wgan.reporting.run_record import RunRecord, read_run


@dataclass(frozen=True)
class Spread:
    """A metric over the seeds of one combination: `12.31 ± 0.2`."""

    mean: float
    deviation: float | None  # standard deviation; None of a single seed
    values: tuple[float, ...]  # one for each seed that has it

    def __str__(self) -> str:
        deviation = "" if self.deviation is None else f" ± {format_number(self.deviation)}"
        return format_number(self.mean) + deviation


@dataclass(frozen=True)
class Group:
    """The runs of one combination of swept values; they differ by their seed alone.

    Attributes:
        values: swept key -> value, without the seed.
        runs: as many as there are seeds, in the sweep's order.
    """

    values: Mapping[str, Any]
    runs: tuple[RunRecord, ...]

    @property
    def label(self) -> str:
        """`gp_lambda = 1, critic_its = 5`."""
        return ", ".join(f"{key} = {shown(value)}" for key, value in self.values.items())

    def metrics(self, key: str) -> list[Metric]:
        """A metric in each run that has it."""
        return [metric for run in self.runs for metric in run.metrics if metric.key == key]

    def spread(self, key: str) -> Spread | None:
        """A metric over the seeds; None where no run has it."""
        values = tuple(metric.value for metric in self.metrics(key))
        return Spread(fmean(values), stdev(values) if len(values) > 1 else None, values) if values else None


@dataclass(frozen=True)
class Place:
    """A group's place in the ranking."""

    group: Group
    mean_rank: float | None  # 1 is best; averaged over the metrics that rank, None without metrics


def group_runs(runs: Mapping[Path, Mapping[str, Any]]) -> list[Group]:
    """Read the runs of a sweep and take those together that differ by their seed alone.

    Args:
        runs: run directory -> its swept keys and values, in the sweep's order. Where only `seed` is swept, each seed
            is a group of its own.
    """
    alone = all(set(values) <= {"seed"} for values in runs.values())
    grouped: dict[str, tuple[dict[str, Any], list[RunRecord]]] = {}
    for folder, values in runs.items():
        kept = {key: value for key, value in values.items() if alone or key != "seed"}
        grouped.setdefault(repr(sorted(kept.items())), (kept, []))[1].append(read_run(folder))
    return [Group(values, tuple(records)) for values, records in grouped.values()]


def metric_keys(groups: Sequence[Group]) -> list[Metric]:
    """One example of each metric of the sweep, those that rank first."""
    found: dict[str, Metric] = {}
    for group in groups:
        for run in group.runs:
            for metric in run.metrics:
                found.setdefault(metric.key, metric)
    return in_order(found.values())


def ranking_metrics(metrics: Sequence[Metric]) -> list[Metric]:
    """The metrics that rank, the most telling first."""
    found = {metric.key: metric for metric in metrics}
    return [found[key] for key in ranking_keys(found)]


def rank(groups: Sequence[Group]) -> list[Place]:
    """The groups from the best to the worst, by the mean of their ranks; groups without metrics last."""
    ranks: dict[int, list[float]] = {index: [] for index in range(len(groups))}
    for metric in ranking_metrics(metric_keys(groups)):
        scores = {
            index: fmean(one.score_for_ranking for one in group.metrics(metric.key))
            for index, group in enumerate(groups)
            if group.metrics(metric.key)
        }
        for index, score in scores.items():
            better, equal = (sum(other < score for other in scores.values()), sum(o == score for o in scores.values()))
            ranks[index].append(better + (equal + 1) / 2)
    places = [Place(group, fmean(ranks[index]) if ranks[index] else None) for index, group in enumerate(groups)]
    return sorted(places, key=lambda place: float("inf") if place.mean_rank is None else place.mean_rank)
