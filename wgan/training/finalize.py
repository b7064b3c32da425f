"""What a finished run leaves for people and programs: metrics and pictures."""

import json
from functools import partial

from wgan.config.metrics import Metric, ranking_keys
from wgan.metrics.report import Report
from wgan.reporting.animation import training_gif
from wgan.reporting.pages import attempt
from wgan.reporting.plots import confusion_chart
from wgan.reporting.run_record import find_samples, read_run
from wgan.runs.checkpoint import BEST
from wgan.runs.run_dir import Run
from wgan.trainers.base import Trainer
from wgan.training.evaluator import Samples
from wgan.utils.atomic_io import write_text
from wgan.utils.console import doing, say


def write(run: Run, samples: Samples, trainer: Trainer, report: Report | None) -> Report:
    """Write all that is written once, after the last step; return the metrics: `report` where they are known."""
    gif, compare = run.directory / "training.gif", partial(samples.compare, trainer, run.directory)
    draw = partial(training_gif, find_samples(run.directory), gif)
    with doing("drawing pictures"):
        attempt({run.directory / "real_fake_grid.png": compare, gif: draw})
    report = report or samples.evaluate(trainer)
    write_text(run.directory / "metrics.json", json.dumps(report.as_dict(), indent=2) + "\n")
    write_text(run.directory / "metrics_report.out", report.as_table())
    if report.confusion:
        chart, names = run.directory / "confusion.png", [name for name, _, _ in report.class_counts]
        attempt({chart: partial(confusion_chart, names, report.confusion, chart)})
    return report


def choosing_metric(report: Report, key: str | None = None) -> Metric | None:
    """The metric that chooses the best checkpoint: `key`, or the most telling one; None where it was not computed."""
    found = {metric.key: metric for metric in report.metrics}
    return found.get(key) if key else next((found[key] for key in ranking_keys(found)), None)


def announce(run: Run) -> None:
    """The metrics and where to look."""
    if table := (run.directory / "metrics_report.out").read_text(encoding="utf-8"):
        say(*table.split("\n"))
    record = read_run(run.directory)
    say(*record.verdict)
    if record.best:
        say(f"Best:    {run.checkpoints / BEST} ({record.best})")
    for sample in find_samples(run.directory)[-1:]:
        say(f"Samples: {sample.path}")
    say(f"Report:  {run.directory / 'report.html'}", f"All results: {run.directory}/")
