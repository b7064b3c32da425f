"""How a training shows that it lives: a bar on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType

from tqdm import tqdm

from wgan.utils.console import say, shows_bar

SHOWN = {"critic_loss": "critic", "wasserstein_estimate": "W"}
"""Figures on the bar, with their short names."""


class Progress:
    """Steps done, the latest figures, images per second, time left.

    Args:
        done: steps that an earlier part of this training did.
        total: steps in all, as far as is known yet.
        limit: images per second if all arithmetic ran at the device's best rate (`wgan.limits`).
    """

    def __init__(self, done: int, total: int, limit: float) -> None:
        self.limit = limit
        self.has_bar = shows_bar()
        self.bar = tqdm(
            total=total, initial=done, unit="step", disable=not self.has_bar, dynamic_ncols=True, mininterval=0.2
        )

    def advance(self) -> None:
        self.bar.update()

    def show(
        self, step: int, total: int, figures: Mapping[str, float], images_per_second: float, seconds_left: float
    ) -> None:
        """The figures of a new row of the log; `total` as it is expected now."""
        self.bar.total = total  # the bar tells the time left by it
        parts = [f"{short} {figures[name]:.3g}" for name, short in SHOWN.items() if name in figures]
        parts += [f"{images_per_second:,.0f} images/s ({images_per_second / self.limit:.0%} of the limit)"]
        if self.has_bar:
            self.bar.set_postfix_str(", ".join(parts), refresh=False)
        else:
            left = tqdm.format_interval(seconds_left)
            say(f"step {step}/{total}: {', '.join(parts)}, {left} left", sys.stderr)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.bar.close()


class Stopwatch:
    """Counts the seconds from `start` on, but for what happens in `paused`.

    Args:
        seconds: counted before.
    """

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
