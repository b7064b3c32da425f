"""How far a sweep is, read from its runs' logs: a bar on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Mapping, Sequence
from statistics import fmean

from tqdm import tqdm

from wgan.runs.csv_log import last_step
from wgan.sweep.plan import Length, SweepRun
from wgan.utils.console import progress_bar, say

LOOK_EVERY = 1.0  # seconds between looks at the logs
LINE_EVERY = 30.0  # seconds between plain lines
BAR = "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}{postfix}"


class SweepProgress:
    """Steps done and time left, over the `pending` runs, of which `parallel` train at once, and the `finished` ones."""

    def __init__(
        self, pending: Sequence[SweepRun], lengths: Mapping[str, Length], finished: int, parallel: float
    ) -> None:
        self.logs = {one.name: one.run.log for one in pending}
        self.steps_of = {name: length.steps for name, length in lengths.items()}
        self.beside = fmean(length.beside for length in lengths.values()) if lengths else 0.0
        self.runs, self.parallel = len(pending) + finished, parallel
        self.finished, self.failed = finished, 0
        self.full: dict[str, float] = {}  # name -> when its last step was first seen, of runs that have not ended
        self.left = {one.name for one in pending}  # that have not ended
        self.measured: list[float] = []  # what runs that have ended took after it, in seconds
        self.begun = self.looked = time.monotonic()
        self.before = self.steps()
        self.bar = progress_bar(sum(self.steps_of.values()), self.before, "step", bar_format=BAR)

    def steps(self) -> int:
        """Steps done in all runs that were pending."""
        done = {name: min(last_step(self.logs[name]), steps) for name, steps in self.steps_of.items()}
        for name in done:
            if done[name] == self.steps_of[name] and name in self.left:
                self.full.setdefault(name, time.monotonic())
        return sum(done.values())

    def ended(self, name: str, problem: str | None) -> None:
        """Count a run that has ended, and print it; the steps a failed one did not do leave the total."""
        self.finished += problem is None
        self.failed += problem is not None
        if problem:
            self.steps_of[name] = min(last_step(self.logs[name]), self.steps_of[name])
        elif name in self.full:
            self.measured.append(time.monotonic() - self.full[name])
        self.full.pop(name, None)
        self.left.discard(name)
        say(f"{name}: {f'failed: {problem}' if problem else 'finished'}", stream=sys.stderr)
        self.looked = 0.0

    def show(self) -> None:
        """Renew the bar or print a line, when one is due; to be called often."""
        now = time.monotonic()
        if now - self.looked < (LINE_EVERY if self.bar.disable else LOOK_EVERY):
            return
        self.looked = now
        steps, total = self.steps(), sum(self.steps_of.values())
        runs = f"{self.finished} of {self.runs} runs finished" + (f", {self.failed} failed" if self.failed else "")
        left = self.seconds_left(steps - self.before, total - steps, now - self.begun)
        time_left = f"{tqdm.format_interval(left)} left" if left else ""
        if self.bar.disable:
            say(", ".join(filter(None, [runs, f"step {steps:,} of {total:,}", time_left])), stream=sys.stderr)
        else:
            self.bar.n, self.bar.total = steps, total
            self.bar.set_postfix_str(", ".join(filter(None, [time_left, runs])))

    def seconds_left(self, done: int, left: int, seconds: float) -> float | None:
        """How long `left` steps take when `done` took `seconds`, with all runs' metrics; None before it is known."""
        if done <= 0:
            return None
        beside = fmean(self.measured) if self.measured else self.beside
        since = {name: time.monotonic() - full for name, full in self.full.items()}
        each = max(0.0, seconds * self.parallel - sum(self.measured) - sum(since.values())) / done
        rest = sum(max(0.0, beside - since.get(name, 0.0)) for name in self.left)
        return (left * each + rest) / self.parallel
