"""How far a sweep is, read from its runs' logs: a bar on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Mapping, Sequence

from tqdm import tqdm

from wgan.runs.csv_log import last_step
from wgan.sweep.plan import SweepRun
from wgan.utils.console import progress_bar, say

LOOK_EVERY = 1.0  # seconds between looks at the logs
LINE_EVERY = 30.0  # seconds between plain lines


class SweepProgress:
    """Steps done and time left, over the `pending` runs of so many steps and those that are `finished`."""

    def __init__(self, pending: Sequence[SweepRun], lengths: Mapping[str, int], finished: int) -> None:
        self.logs = {one.name: one.run.log for one in pending}
        self.lengths = dict(lengths)
        self.runs = len(pending) + finished
        self.finished, self.failed = finished, 0
        self.begun = self.looked = time.monotonic()
        self.before = self.steps()
        self.bar = progress_bar(sum(self.lengths.values()), self.before, "step", smoothing=0)  # the logs grow by leaps

    def steps(self) -> int:
        """Steps done in all runs that were pending."""
        return sum(min(last_step(self.logs[name]), length) for name, length in self.lengths.items())

    def ended(self, name: str, problem: str | None) -> None:
        """Count a run that has ended, and print it; the steps a failed one did not do leave the total."""
        self.finished += problem is None
        self.failed += problem is not None
        if problem:
            self.lengths[name] = min(last_step(self.logs[name]), self.lengths[name])
        say(f"{name}: {f'failed: {problem}' if problem else 'finished'}", stream=sys.stderr)
        self.looked = 0.0

    def show(self) -> None:
        """Renew the bar or print a line, when one is due; to be called often."""
        now = time.monotonic()
        if now - self.looked < (LINE_EVERY if self.bar.disable else LOOK_EVERY):
            return
        self.looked = now
        steps, total = self.steps(), sum(self.lengths.values())
        runs = f"{self.finished} of {self.runs} runs finished" + (f", {self.failed} failed" if self.failed else "")
        if not self.bar.disable:
            self.bar.n, self.bar.total = steps, total
            self.bar.set_postfix_str(runs)
            return
        left = seconds_left(steps - self.before, total - steps, now - self.begun)
        time_left = f", {tqdm.format_interval(left)} left" if left and steps < total else ""
        say(f"{runs}, step {steps:,} of {total:,}{time_left}", stream=sys.stderr)


def seconds_left(done: int, left: int, seconds: float) -> float | None:
    """How long `left` steps take when `done` took `seconds`; None before anything is known."""
    return left * seconds / done if done > 0 else None
