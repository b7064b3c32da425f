"""What a run leaves for people and programs: metrics, pictures, pages."""

import json
import time
from typing import TYPE_CHECKING

from wgan.config.metrics import judging
from wgan.reporting.animation import training_gif
from wgan.reporting.curves import loss_plot
from wgan.reporting.gallery import write_index
from wgan.reporting.report import write_report
from wgan.reporting.run_record import find_samples, read_run
from wgan.runs.checkpoint import BEST
from wgan.runs.run_dir import Run
from wgan.trainers.base import Trainer
from wgan.training.evaluator import Samples
from wgan.utils.atomic_io import write_text
from wgan.utils.console import say

if TYPE_CHECKING:  # metrics imports libraries that take seconds
    from wgan.metrics.report import Report

PAGES_SHARE = 0.05
"""Curves and pages are drawn anew while a run trains when that has taken at most this share of the time."""


def write(run: Run, samples: Samples, trainer: Trainer, report: "Report | None") -> "Report":
    """Everything that is written once, after the last step: the GIF, the real/fake grid, the metrics.

    Args:
        run: where the files go.
        samples: what is shown and measured.
        trainer: holds the averaged generator.
        report: its metrics, where they are known already.

    Returns:
        The metrics.
    """
    samples.compare(trainer, run.directory)
    training_gif(sorted(run.samples.glob("step_*.png")), run.directory / "training.gif")
    report = report or samples.evaluate(trainer)
    write_text(run.directory / "metrics.json", json.dumps(report.as_dict(), indent=2) + "\n")
    write_text(run.directory / "metrics_report.out", report.as_table())
    return report


def judgement(report: "Report", figure: str | None = None) -> tuple[str, float] | None:
    """The name of the figure that chooses the best checkpoint, and a number that is smaller the better it is.

    Args:
        report: the metrics of one step.
        figure: the key of the one that shall choose; None: the first of those that rank runs.

    Returns:
        None where the report has no such figure.
    """
    figures = {found.key: found for found in report.figures}
    judges = judging(figures) if figure is None else [figure]
    if not judges or judges[0] not in figures:
        return None
    chosen = figures[judges[0]]
    if chosen.better == "real":
        return chosen.key, abs(chosen.value - (chosen.real or 0.0))
    return chosen.key, chosen.value if chosen.better == "lower" else -chosen.value


class Pages:
    """The curves and report.html of a run under way, and the index of all runs; first drawn after some 20 seconds."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._drawn, self._cost = time.perf_counter(), 1.0

    def draw(self, last: bool) -> None:
        """Draw them from what stands in the run's directory; before the end of a training, only while that is cheap."""
        start = time.perf_counter()
        if not last and self._cost > PAGES_SHARE * (start - self._drawn):
            return
        loss_plot(self.run.log, self.run.directory / "loss_plot.png")
        if last:
            write_index(self.run.directory.parent)
        write_report(self.run.directory)  # last: `pages_are_current` looks at it alone
        self._drawn = time.perf_counter()
        self._cost = self._drawn - start


def pages_are_current(run: Run) -> bool:
    """Whether the pages were drawn after the run ended."""
    report = run.directory / "report.html"
    return report.exists() and report.stat().st_mtime_ns >= run.state.stat().st_mtime_ns


def announce(run: Run) -> None:
    """The figures and where to look."""
    if table := (run.directory / "metrics_report.out").read_text(encoding="utf-8"):
        say(table)
    if best := read_run(run.directory).best:
        say(f"Best:    {run.checkpoints / BEST} ({best})")
    say(f"Samples: {find_samples(run.directory)[-1].path}")
    say(f"Report:  {run.directory / 'report.html'}\nAll results: {run.directory}/")
