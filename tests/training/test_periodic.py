"""Each task that comes at its interval, alone: when it is due, and what it does with the run's state."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from wgan.config.metrics import Metric
from wgan.config.resolve import resolve
from wgan.config.schema import TrainConfig
from wgan.metrics.report import Report
from wgan.runtime.distributed import ALONE
from wgan.training import periodic
from wgan.training.health import Watch
from wgan.training.metric_buffer import MetricBuffer
from wgan.training.periodic import Due, PeriodicTasks, due
from wgan.training.progress import Stopwatch
from wgan.training.state import Best
from wgan.utils.errors import Diverged
from wgan.utils.signals import Interruption

NOTHING = Due(row=False, metrics=False, samples=False, checkpoint=False)


def config(**keys: Any) -> TrainConfig:
    intervals = {"log_every": 3, "sample_every": 4, "checkpoint_every": 5, "num_steps": 12, "batch_size": 16}
    found = resolve({"arch": "WGAN-GP", "dataset": "mnist-5k", **intervals, **keys})
    assert isinstance(found, TrainConfig)
    return found


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (1, NOTHING),
        (3, NOTHING._replace(row=True)),
        (4, NOTHING._replace(samples=True)),
        (5, NOTHING._replace(checkpoint=True)),
        (7, NOTHING._replace(row=True, metrics=True, checkpoint=True)),
    ],
)
def test_each_task_has_its_interval_and_metrics_bring_a_row_and_a_checkpoint(step: int, expected: Due) -> None:
    assert due(config(metrics_every=7), step, last=False) == expected


def test_everything_is_due_at_the_end_and_metrics_on_the_way_only_where_they_are_asked_for() -> None:
    assert due(config(metrics_every=7), 11, last=True) == Due(True, True, True, True)
    assert due(config(metrics_every=0), 11, last=True) == Due(True, False, True, True)
    assert not due(config(metrics_every=7), 0, last=False).metrics, "nothing was trained yet"


class State(SimpleNamespace):
    """As much of a run's state as the tasks use."""

    def require_finite(self, broken: tuple[int, str, float] | None) -> None:
        if broken:
            raise Diverged(str(broken))

    def warn(self, warnings: list[str]) -> None:
        self.warned = [*self.warned, *warnings]


def tasks(report: Report | None = None, **keys: Any) -> PeriodicTasks:
    log = SimpleNamespace(rows=[], append=lambda row: log.rows.append(row))
    state: Any = State(
        config=config(**keys), ranks=ALONE, trainer=None, step=3, num_steps=12, row_seconds=0.0, best=None
    )
    state.buffer, state.watch, state.stopwatch, state.log, state.warned = MetricBuffer(), Watch(), Stopwatch(), log, []
    state.gauge = SimpleNamespace(row=dict)
    state.stopwatch.start()
    samples: Any = SimpleNamespace(real=torch.eye(4), metrics=lambda _: {"exact_w1": 2.0}, evaluate=lambda _: report)
    return PeriodicTasks(state, SimpleNamespace(epoch=lambda step: step / 10), samples, None, None)  # type: ignore[arg-type]


def test_a_row_holds_the_means_since_the_last_one_and_empties_the_buffer() -> None:
    one, shown = tasks(), []
    progress: Any = SimpleNamespace(show=lambda step, left, means, *_: shown.append((step, left, means)))
    for step, loss in ((1, 1.0), (2, 2.0), (3, 6.0)):
        one.state.buffer.add(step, {"critic_loss": torch.tensor(loss)})
    one.write_row(progress, Interruption(), measured=False)
    (row,) = one.state.log.rows  # type: ignore[union-attr]
    assert {name: row[name] for name in ("step", "epoch", "critic_loss", "exact_w1")} == {
        "step": 3, "epoch": 0.3, "critic_loss": 3.0, "exact_w1": 2.0,
    }  # fmt: skip
    assert not one.state.buffer
    assert shown == [(3, 9, {"critic_loss": 3.0, "exact_w1": 2.0})]


def test_no_row_is_written_of_what_is_not_finite() -> None:
    one = tasks()
    one.state.buffer.add(3, {"critic_loss": torch.tensor(torch.inf)})
    with pytest.raises(Diverged, match="critic_loss"):
        one.write_row(None, Interruption(), measured=False)  # type: ignore[arg-type]
    assert one.state.log.rows == []  # type: ignore[union-attr]


def test_the_best_is_kept_until_a_better_one_comes() -> None:
    def measured(value: float, best: Best | None) -> Best | None:
        one = tasks(Report((Metric("coverage", "coverage", "", value, "higher"),)))
        one.state.best = best
        assert one.evaluate(Interruption()) == {"coverage": value}
        return one.state.best

    first = measured(0.5, None)
    assert first == Best("coverage", -0.5, 3, 0.5)
    assert measured(0.4, first) is first
    assert measured(0.6, first) == Best("coverage", -0.6, 3, 0.6)


@contextmanager
def clock(seconds: float) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stopwatch, "read", lambda _: seconds)
        yield


@pytest.mark.parametrize(("minutes", "left"), [(None, 9), (1, 3), (0.5, 0), (60, 9)])
def test_the_steps_left_are_those_that_the_minutes_have_room_for(minutes: float | None, left: int) -> None:
    one = tasks(max_minutes=minutes, batch_size=100)
    with clock(30.0):
        assert periodic.steps_left(one.state, images_per_second=10.0) == left
        assert one.time_is_over() is (minutes == 0.5)
