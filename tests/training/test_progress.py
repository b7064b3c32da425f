"""What the bar and the lines say of the time, at the width of a terminal."""

import io
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from wgan.training import progress
from wgan.training.progress import FIRST_STEPS, TIMED_STEPS, Progress, expected, fitting


def test_fields_are_dropped_from_the_end_and_never_cut() -> None:
    parts = ["1,514 images/s", "W 2.1", "critic -3.2"]
    assert fitting(parts, 80) == "1,514 images/s, W 2.1, critic -3.2"
    assert fitting(parts, len("1,514 images/s, W 2.1, critic -3.2, ")) == "1,514 images/s, W 2.1, critic -3.2"
    assert fitting(parts, len("1,514 images/s, W 2.1, critic -3.2")) == "1,514 images/s, W 2.1"
    assert fitting(parts, 10) == ""


@pytest.mark.parametrize(
    ("each", "steps", "most", "lines"),
    [
        (0.02, 5000, None, ["About 2 min: 20 ms a step"]),
        (0.02, 100, None, ["About 2 s: 20 ms a step"]),
        (0.02, 100_000, 405, ["About 7 min, which max_minutes allows: 20 ms a step"]),
        (0.02, 5000, 405, ["About 2 min: 20 ms a step"]),
    ],
)
def test_the_time_is_that_of_the_steps_or_what_max_minutes_leaves(
    each: float, steps: int, most: float | None, lines: list[str]
) -> None:
    assert expected(each, steps, most) == lines


def test_days_are_warned_of_unless_max_minutes_ends_them() -> None:
    first, warning = expected(1.0, 300_000)
    assert first == "About 3 d 11 h: 1 s a step"
    assert warning.startswith("warning: that is more than a day")
    assert len(expected(1.0, 300_000, 600)) == 1


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    found = SimpleNamespace(now=100.0)
    monkeypatch.setattr(progress.time, "perf_counter", lambda: found.now)
    return found


def test_how_long_it_takes_is_said_once_and_without_the_first_steps(
    clock: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = Progress(0, 1000)
    for step in range(1, 200):
        clock.now += 5.0 if step <= FIRST_STEPS else 0.25
        shown.stepped(step)
    left = 1000 - FIRST_STEPS - TIMED_STEPS
    assert capsys.readouterr().err == f"About {round(left * 0.25 / 60)} min: 250 ms a step\n"


@pytest.mark.parametrize("total", [5_000, 1_000_000])
def test_the_bar_fits_80_columns_with_its_end(total: int, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(progress.sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "80")
    shown = Progress(0, total)
    shown.bar.dynamic_ncols, shown.bar.ncols = None, 80
    metrics = {"critic_loss": -123.456, "wasserstein_estimate": 123.456}
    shown.show(total // 2, total // 2, metrics, 12_345.0, 32)
    shown.bar.n = total // 2
    line = str(shown.bar)
    shown.bar.close()
    assert len(line) <= 80
    assert "12,345 images/s, W 123" in line
    assert line.endswith(("critic -123", "W 123"))
    assert " 50%|" in line
