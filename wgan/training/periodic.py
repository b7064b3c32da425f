"""What happens between two steps, each in its interval: a row of the log, metrics, samples, a checkpoint, the pages."""

import math
import time
from functools import partial
from typing import NamedTuple

from wgan.config.schema import TrainConfig
from wgan.data.batches import Batches
from wgan.metrics.report import Report
from wgan.reporting.live import Pages
from wgan.reporting.tensorboard import EventFiles
from wgan.training.evaluator import Samples
from wgan.training.finalize import choosing_metric
from wgan.training.health import spread
from wgan.training.metric_buffer import first_not_finite
from wgan.training.progress import Progress
from wgan.training.state import Best, TrainingState
from wgan.utils import malloc
from wgan.utils.console import detail, say
from wgan.utils.signals import Interruption


class Due(NamedTuple):
    """Which tasks a step calls for."""

    row: bool
    metrics: bool
    samples: bool
    checkpoint: bool


def due(config: TrainConfig, step: int, last: bool) -> Due:
    """The tasks after so many critic updates; `last`: there will be no more of them.

    Metrics come with a row, where they stand, and with a checkpoint, which may be the best so far.
    """
    metrics = bool(config.metrics_every) and step > 0 and (last or step % config.metrics_every == 0)
    return Due(
        row=last or metrics or step % config.log_every == 0,
        metrics=metrics,
        samples=last or step % config.sample_every == 0,
        checkpoint=last or metrics or step % config.checkpoint_every == 0,
    )


LEAST_APART = 100  # critic updates between two notes of the samples' distance


def is_noted(step: int, sample_every: int) -> bool:
    """Whether the distance of a grid's samples is: of the first 15, then of ever fewer, 8 while their number doubles.

    So that it costs little however often grids are drawn.
    """
    number, between = divmod(step, max(1, -(-LEAST_APART // sample_every)) * sample_every)
    return number > 0 and between == 0 and number % (1 << max(0, number.bit_length() - 4)) == 0


class PeriodicTasks:
    """The tasks of one run. All ranks call them alike; what is measured, drawn and written, rank 0 does alone."""

    def __init__(
        self, state: TrainingState, batches: Batches, samples: Samples, pages: Pages, events: EventFiles | None
    ) -> None:
        self.state, self.batches, self.samples, self.pages, self.events = state, batches, samples, pages, events
        self.config, self.ranks, self.trainer = state.config, state.ranks, state.trainer
        self.real_spread = spread(samples.real)
        self.reports: dict[int, Report] = {}  # step -> its metrics; the latest alone

    def run_due(self, progress: Progress, interruption: Interruption) -> None:
        """Do what is due at the present step."""
        state, config = self.state, self.config
        if state.gauge.is_due(state.step):
            measure = partial(state.gauge.measure, self.trainer, state.step)
            state.gauge.add(state.step, self.ranks.broadcast_from_rank0(measure))
            self.trainer.augment_p = state.gauge.probability
        if state.step > 0 and state.step % config.log_every == 0 and self.time_is_over():
            state.num_steps = state.step
        now = due(config, state.step, last=state.step == state.num_steps)
        if now.row and state.buffer:  # empty where a checkpoint came after the row
            self.write_row(progress, interruption, now.metrics)
        if now.metrics and state.step < state.num_steps and self.patience_is_over():
            say(f"step {state.step}: ends here: none was better than best.pt for {config.patience} updates (patience)")
            state.num_steps, state.ended_early = state.step, True
            now = due(config, state.step, last=True)
        with state.stopwatch.paused():
            if now.samples and self.ranks.is_rank0:
                self.draw_samples()
            if now.checkpoint:
                state.save("running")
            if any(now) and self.ranks.is_rank0:
                self.pages.draw(last=False)

    def time_is_over(self) -> bool:
        """Whether the training has had its minutes, on rank 0's clock."""
        minutes = self.config.max_minutes
        return minutes is not None and self.ranks.broadcast_from_rank0(self.state.stopwatch.read) >= 60 * minutes

    def patience_is_over(self) -> bool:
        """Whether the metric that chooses best.pt has not improved for `patience` critic updates, as rank 0 knows."""
        patience, best = self.config.patience, self.state.best
        over = best is not None and self.state.step - best.step >= patience
        return patience > 0 and self.ranks.broadcast_from_rank0(lambda: over)

    def write_row(self, progress: Progress, interruption: Interruption, measured: bool) -> None:
        """Read the buffer, refuse what is not finite, write a row (none if a signal cuts metrics off)."""
        state = self.state
        metrics = self.ranks.average_metrics(state.buffer.read())
        state.require_finite(first_not_finite(metrics))
        seconds = state.stopwatch.read() - state.row_seconds
        with state.stopwatch.paused():
            cheap = self.samples.metrics(self.trainer) | state.gauge.row()
            evaluated = self.evaluate(interruption) if measured else {}
        state.buffer.clear()
        state.row_seconds += seconds
        speed = len(metrics["critic_loss"]) * self.config.batch_size / seconds
        means = {name: math.fsum(value for _, value in kept) / len(kept) for name, kept in metrics.items()}
        epoch = self.batches.epoch(state.step)
        row = {"step": state.step, "epoch": epoch, **means, "images_per_second": speed, **cheap}
        state.log.append(row | evaluated)
        if self.events:
            self.events.row(state.step, row)
            self.events.metrics(state.step, evaluated)
        progress.show(state.step, steps_left(state, speed), means | cheap, speed, self.config.batch_size)
        state.warn(state.watch.row(row | evaluated))

    def evaluate(self, interruption: Interruption) -> dict[str, float]:
        """The metrics of this step; is it the best so far? A signal cuts them off, and a restart repeats them."""
        state, start = self.state, time.perf_counter()
        with self.ranks.abortable(interruption):
            report = self.samples.evaluate(self.trainer) if self.ranks.is_rank0 else None
        if report is None:
            return {}
        malloc.give_back()
        cost = time.perf_counter() - start
        say(f"step {state.step}: metrics in {cost:.1f} s ({state.stopwatch.read():.0f} s of training before)")
        chosen = choosing_metric(report, self.config.best_metric)
        if chosen is None and (self.config.best_metric or self.config.patience):
            say(f"step {state.step}: {self.config.best_metric or 'a metric'} to choose best.pt could not be computed")
        best = state.best
        if chosen and (not best or best.metric != chosen.key or chosen.score_for_ranking < best.score):
            state.best = Best(chosen.key, chosen.score_for_ranking, state.step, chosen.value)
        self.reports = {state.step: report}
        return report.values()

    def draw_samples(self) -> None:
        """Write the grid of the fixed latents, and look whether the samples have collapsed."""
        state, grid = self.state, self.state.run.sample_grid(self.state.step)
        shown = self.samples.draw(self.trainer, grid)
        detail(f"step {state.step}: {grid}")
        if self.events:
            self.events.grid(state.step, grid)
            if state.step == 0 and self.samples.real.dim() == 4:
                self.events.real(self.samples.real)
        state.warn(state.watch.samples(state.step, spread(shown) / max(self.real_spread, 1e-9)))
        if is_noted(state.step, self.config.sample_every):
            state.watch.course = self.samples.follow(self.trainer, state.step, state.watch.course)


def steps_left(state: TrainingState, images_per_second: float) -> int:
    """How many there will be at this speed, if the training's minutes have room for no more."""
    steps = state.num_steps - state.step
    if state.config.max_minutes is None:
        return steps
    seconds = max(0.0, 60 * state.config.max_minutes - state.stopwatch.read())
    return min(steps, math.ceil(seconds * images_per_second / state.config.batch_size))
