"""How a training shows that it lives: a bar on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tqdm import tqdm

from wgan.utils.console import progress_bar, say

SHOWN = {"critic_loss": "critic", "wasserstein_estimate": "W"}  # metrics on the bar, with their short names


class Progress:
    """Steps done, the latest metrics, images per second, time left; its `bar` is to be updated after each step."""

    def __init__(self, done: int, total: int) -> None:
        self.bar = progress_bar(total, done, "step", mininterval=0.2)

    def show(
        self, step: int, left: int, metrics: Mapping[str, float], images_per_second: float, batch_size: int
    ) -> None:
        """Show a new row of the log; `left`: the steps that are expected now."""
        self.bar.total = step + left  # the bar tells the time left by it
        parts = [f"{short} {metrics[name]:.3g}" for name, short in SHOWN.items() if name in metrics]
        parts.append(f"{images_per_second:,.0f} images/s")
        if self.bar.disable:
            time_left = tqdm.format_interval(left * batch_size / images_per_second)
            say(f"step {step}/{step + left}: {', '.join(parts)}, {time_left} left", stream=sys.stderr)
        else:
            self.bar.set_postfix_str(", ".join(parts), refresh=False)


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
