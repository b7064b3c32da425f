"""Pages that follow what is under way: drawn again and again, at a bounded cost."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from wgan.reporting.curves import learning_curve, loss_plot
from wgan.reporting.gallery import write_index
from wgan.reporting.pages import attempt
from wgan.reporting.report import write_report
from wgan.reporting.sweep_report import draw_figures, write_sweep_page
from wgan.runs.run_dir import Run

MAX_COST = 0.003  # of the time, for each page: with the three of a training, under 1 % of it
WARM = 1 / 4  # of the first drawing's cost the next will have too: that one loads templates and makes small pictures


class LivePage:
    """A page or picture that is drawn anew when its last drawing has taken at most `MAX_COST` of the time since then.

    So the more there is to draw, the rarer it is drawn: 30 ms every 10 s, 0.7 s every 4 minutes.
    """

    def __init__(self, path: Path, draw: Callable[[], object], first_cost: float = 0.0) -> None:
        """`first_cost`: what the first drawing may take, in seconds: it waits as if another had just taken that."""
        self.path, self._draw = path, draw
        self._drawn, self._cost, self._warm = time.perf_counter(), first_cost, WARM

    def is_due(self) -> bool:
        """Whether it may be drawn now."""
        return self._cost <= MAX_COST * (time.perf_counter() - self._drawn)

    def draw(self) -> None:
        """Draw it, due or not."""
        start = time.perf_counter()
        try:
            self._draw()
        finally:
            self._drawn = time.perf_counter()
            self._cost, self._warm = self._warm * (self._drawn - start), 1


def draw_all(pages: Sequence[LivePage], whether_due_or_not: bool = False) -> None:
    """Draw the pages that are due, or all of them; one that fails costs a warning."""
    attempt({page.path: page.draw for page in pages if whether_due_or_not or page.is_due()})


class Pages:
    """The pages of a run: its curves, the index of all runs, report.html."""

    def __init__(self, run: Run) -> None:
        folder, out = run.directory, run.directory.parent
        plot, curve = folder / "loss_plot.png", folder / "learning_curve.png"
        index, report = out / "index.html", folder / "report.html"
        self._pages = [  # the report last: `pages_are_current` looks at it alone, and it links to an index that exists
            LivePage(plot, partial(loss_plot, run.log, plot), first_cost=1.0),
            LivePage(curve, partial(learning_curve, folder, curve), first_cost=1.0),
            LivePage(index, partial(write_index, out)),
            LivePage(report, partial(write_report, folder)),
        ]

    def draw(self, last: bool) -> None:
        """Draw them from what stands in the run's directory: the `last` time all of them, else those that are due."""
        draw_all(self._pages, last)


def sweep_pages(folder: Path, runs: Mapping[Path, Mapping[str, Any]]) -> tuple[LivePage, LivePage, LivePage]:
    """The figures of a sweep, the index of all runs and the sweep's page; `runs` as `group_runs` takes them."""
    index = folder.parent / "index.html"
    return (
        LivePage(folder / "contact_sheet.png", partial(draw_figures, folder, runs), first_cost=3.0),
        LivePage(index, partial(write_index, folder.parent)),
        LivePage(folder / "sweep.html", partial(write_sweep_page, folder, runs)),  # links to the index, if there is one
    )


def pages_are_current(run: Run) -> bool:
    """Whether the pages were drawn after the run ended."""
    report = run.directory / "report.html"
    return report.exists() and report.stat().st_mtime_ns >= run.state.stat().st_mtime_ns
