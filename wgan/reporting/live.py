"""The pages of a run under way."""

import time

from wgan.reporting.curves import loss_plot
from wgan.reporting.gallery import refresh_index
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
        loss_plot(self.run.log, self.run.directory / "loss_plot.png")
        if last:
            refresh_index(self.run.directory.parent)
        write_report(self.run.directory)  # last: `pages_are_current` looks at it alone
        self._drawn = time.perf_counter()
        self._cost = self._drawn - start


def pages_are_current(run: Run) -> bool:
    """Whether the pages were drawn after the run ended."""
    report = run.directory / "report.html"
    return report.exists() and report.stat().st_mtime_ns >= run.state.stat().st_mtime_ns
