"""What a sweep found: runs grouped by their swept values, seeds taken together, and the groups ranked."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from math import inf
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from wgan.config.metrics import Metric, in_order, ranking_keys, titles
from wgan.reporting.pages import format_number, shown
from wgan.reporting.run_record import RunRecord, read_run
from wgan.utils.text import spreadsheet_cell

NOT_RANKED = "Not ranked: these runs computed no metric that ranks, such as those of metrics: [swd, prdc]"
_COLUMNS = 4  # metrics that the terminal shows; ranking.csv has all


@dataclass(frozen=True)
class Spread:
    """A metric over the seeds of one combination: `12.31 ± 0.2`."""

    mean: float
    deviation: float | None  # standard deviation; None of a single seed
    values: Sequence[float]  # one for each seed that has it

    def __str__(self) -> str:
        deviation = "" if self.deviation is None else f" ± {format_number(self.deviation)}"
        return format_number(self.mean) + deviation


@dataclass(frozen=True)
class Group:
    """The runs of one combination of swept values; they differ by their seed alone."""

    values: Mapping[str, Any]  # swept key -> value, without the seed
    runs: Sequence[RunRecord]  # one for each seed, in the sweep's order
    mean_rank: float | None = None  # 1 is best; over the metrics that rank, None without any and before ranking

    def label(self, left_out: str = "", separator: str = ", ") -> str:
        """`gp_lambda = 1, critic_its = 5`."""
        return separator.join(f"{key} = {shown(value)}" for key, value in self.values.items() if key != left_out)

    def metrics(self, key: str) -> list[Metric]:
        """A metric in each run that has it."""
        return [run.metrics[key] for run in self.runs if key in run.metrics]

    def spread(self, key: str) -> Spread | None:
        """A metric over the seeds; None where no run has it."""
        values = [metric.value for metric in self.metrics(key)]
        return Spread(fmean(values), stdev(values) if len(values) > 1 else None, values) if values else None


def group_runs(runs: Mapping[Path, Mapping[str, Any]], folder: Path | None = None) -> list[Group]:
    """Read the runs of a sweep and take those together that differ by their seed alone.

    `runs` is run directory -> its swept keys and values, in the sweep's order. Where only `seed` is swept, each seed is
    a group of its own. The sweep's `folder` tells of those that have not begun.
    """
    alone = all(set(values) <= {"seed"} for values in runs.values())
    grouped: dict[str, tuple[dict[str, Any], list[RunRecord]]] = {}
    for run, values in runs.items():
        kept = {key: value for key, value in values.items() if alone or key != "seed"}
        record = read_run(run, folder and folder / f"{run.name}.yaml")
        grouped.setdefault(repr(sorted(kept.items())), (kept, []))[1].append(record)
    return [Group(values, records) for values, records in grouped.values()]


def metrics_of(groups: Sequence[Group]) -> list[Metric]:
    """One example of each metric of the sweep, those that rank first."""
    found = [metric for group in groups for run in group.runs for metric in run.metrics.values()]
    return in_order({metric.key: metric for metric in found}.values())


def ranking_metrics(metrics: Sequence[Metric]) -> list[Metric]:
    """The metrics that rank, the most telling first."""
    found = {metric.key: metric for metric in metrics}
    return [found[key] for key in ranking_keys(found)]


def rank(groups: Sequence[Group]) -> list[Group]:
    """The groups from the best to the worst, by the mean of their ranks; groups without metrics last."""
    ranks: list[list[float]] = [[] for _ in groups]
    for metric in ranking_metrics(metrics_of(groups)):
        measured = [[one.score_for_ranking for one in group.metrics(metric.key)] for group in groups]
        scores = [fmean(found) if found else None for found in measured]
        known = [score for score in scores if score is not None]
        for own, score in zip(ranks, scores, strict=True):
            if score is not None:
                own.append(sum(other < score for other in known) + (known.count(score) + 1) / 2)
    ranked = [replace(group, mean_rank=fmean(own) if own else None) for group, own in zip(groups, ranks, strict=True)]
    return sorted(ranked, key=lambda group: inf if group.mean_rank is None else group.mean_rank)


def ranking_table(runs: Mapping[Path, Mapping[str, Any]]) -> str:
    """For the terminal: the swept values, as `group_runs` takes them, from the best to the worst.

    Of the metrics that rank them, or of the others where none does, the first few are shown: mean ± deviation over the
    seeds.
    """
    places = rank(group_runs(runs))
    every = metrics_of(places)
    ranking = ranking_metrics(every)
    metrics = (ranking or every)[:_COLUMNS]
    rows = [["", *places[0].values, *titles(metrics)]]
    for number, group in enumerate(places, 1):
        values = [str(group.spread(metric.key) or "–") for metric in metrics]
        rows.append([f"{number}." if ranking else "", *map(shown, group.values.values()), *values])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:], *[NOT_RANKED] * bool(every and not ranking)])


def ranking_csv(places: Sequence[Group], metrics: Sequence[Metric]) -> str:
    """The same for programs: ranked groups, and each metric's mean and standard deviation."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    names = chain(*((metric.key, f"{metric.key}_std") for metric in metrics))
    writer.writerow(map(spreadsheet_cell, ["place", *places[0].values, "runs", "mean_rank", *names]))
    for number, group in enumerate(places, 1):
        spreads = [group.spread(metric.key) for metric in metrics]
        numbers = chain(*((spread.mean, spread.deviation) if spread else (None, None) for spread in spreads))
        place, values = "" if group.mean_rank is None else number, map(spreadsheet_cell, group.values.values())
        writer.writerow([place, *values, len(group.runs), group.mean_rank, *numbers])
    return buffer.getvalue()
