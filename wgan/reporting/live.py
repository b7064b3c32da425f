"""The pages of a run under way."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from wgan.reporting.curves import learning_curve, loss_plot
from wgan.reporting.gallery import write_index
from wgan.reporting.pages import attempt
from wgan.reporting.report import write_report
from wgan.runs.run_dir import Run

MAX_COST = 0.05  # of a run's time: curves and pages are drawn anew when that has taken at most so much of it


class Pages:
    """The curves and report.html of a run under way, and the index of all runs; first drawn after some 20 seconds."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._drawn, self._cost = time.perf_counter(), 1.0

    def draw(self, last: bool) -> None:
        """Draw them from what stands in the run's directory; before the end of a training, only while that is cheap."""
        start = time.perf_counter()
        if not last and self._cost > MAX_COST * (start - self._drawn):
            return
        folder, out = self.run.directory, self.run.directory.parent
        plot, index = folder / "loss_plot.png", out / "index.html"
        curve = folder / "learning_curve.png"
        makers: dict[Path, Callable[[], object]] = {
            plot: partial(loss_plot, self.run.log, plot),
            curve: partial(learning_curve, folder, curve),
        }
        if last:
            makers[index] = partial(write_index, out)
        makers[folder / "report.html"] = partial(write_report, folder)  # last: `pages_are_current` looks at it alone
        attempt(makers)
        self._drawn = time.perf_counter()
        self._cost = self._drawn - start


def pages_are_current(run: Run) -> bool:
    """Whether the pages were drawn after the run ended."""
    report = run.directory / "report.html"
    return report.exists() and report.stat().st_mtime_ns >= run.state.stat().st_mtime_ns
