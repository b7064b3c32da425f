"""How a training shows that it lives: a bar on a terminal, plain lines elsewhere; and how long it will take."""

import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate

from tqdm import tqdm

from wgan.utils.console import progress_bar, say
from wgan.utils.text import duration

SHOWN = {"wasserstein_estimate": "W", "critic_loss": "critic", "overfitting": "overfit"}  # on the bar, if they fit
BAR = "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} {remaining} left{postfix}"
_BAR_LEAST = 6  # columns of the bar itself
FIRST_STEPS, TIMED_STEPS = 3, 20  # the first are slower; then so many tell how long it will take
DAYS = 86_400.0


class Progress:
    """Steps done, time left, images per second, the latest metrics; `stepped` is to be called after each step.

    Args:
        done: critic updates of earlier processes.
        total: critic updates in all.
        most_seconds: that `max_minutes` leaves, if it is given.
    """

    def __init__(self, done: int, total: int, most_seconds: float | None = None) -> None:
        self.bar = progress_bar(total, done, "step", mininterval=0.2, bar_format=BAR)
        self._begun, self._most_seconds = done, most_seconds
        self._since = time.perf_counter()

    def stepped(self, step: int) -> None:
        """Move the bar; once, when it is known, say how long the training will take."""
        self.bar.update()
        if step == self._begun + FIRST_STEPS:
            self._since = time.perf_counter()
        elif step == self._begun + FIRST_STEPS + TIMED_STEPS:
            each = (time.perf_counter() - self._since) / TIMED_STEPS
            say(*expected(each, int(self.bar.total or step) - step, self._most_seconds), stream=sys.stderr)

    def show(
        self, step: int, left: int, metrics: Mapping[str, float], images_per_second: float, batch_size: int
    ) -> None:
        """Show a new row of the log; `left`: the steps that are expected now."""
        self.bar.total = step + left  # the bar tells the time left by it
        parts = [f"{images_per_second:,.0f} images/s"]
        parts += [f"{short} {metrics[name]:.3g}" for name, short in SHOWN.items() if name in metrics]
        if self.bar.disable:
            time_left = tqdm.format_interval(left * batch_size / images_per_second)
            say(f"step {step}/{step + left}: {time_left} left, {', '.join(parts)}", stream=sys.stderr)
        else:
            room = (self.bar.ncols or shutil.get_terminal_size().columns) - _BAR_LEAST
            room -= len(f"100%|| {step + left}/{step + left} 00:00:00 left, ")
            self.bar.set_postfix_str(fitting(parts, room), refresh=False)


def fitting(parts: Sequence[str], room: int) -> str:
    """As many of the parts, from the first, as so many columns hold."""
    return ", ".join(parts[: sum(length <= room for length in accumulate(len(part) + 2 for part in parts))])


def expected(seconds_each: float, steps: int, most_seconds: float | None = None) -> list[str]:
    """What to say of the time that so many more steps will take, and `max_minutes` leaves; metrics come after it."""
    seconds = seconds_each * steps
    cut = most_seconds is not None and most_seconds < seconds
    shown = duration(most_seconds if cut and most_seconds is not None else seconds)
    each = f"{1e3 * seconds_each:.3g} ms" if seconds_each < 1 else f"{seconds_each:.3g} s"
    lines = [f"About {shown}{', which max_minutes allows' * cut}: {each} a step"]
    if not cut and seconds > DAYS:
        lines.append("warning: that is more than a day. Fewer steps (num_steps, num_epochs), max_minutes or a GPU?")
    return lines


class Stopwatch:
    """Counts the seconds from `start` on, after those counted before, but for what happens in `paused`."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._counted = seconds
        self._since: float | None = None

    def start(self) -> None:
        self._since = time.perf_counter()

    def read(self) -> float:
        """The seconds so far; within `paused`, those before it."""
        return self._counted + (time.perf_counter() - self._since if self._since is not None else 0.0)

    @contextmanager
    def paused(self) -> Iterator[None]:
        self._counted, self._since = self.read(), None
        try:
            yield
        finally:
            self.start()
