"""The loop: batches -> trainer -> log -> samples -> checkpoints. One for all algorithms, on CPUs and accelerators."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import torch

from wgan.config.constraints import num_steps_of
from wgan.config.resolve import to_yaml
from wgan.config.schema import TrainConfig
from wgan.data.batches import Batches
from wgan.data.image_set import Data
from wgan.reporting.tensorboard import EventFiles
from wgan.runs import checkpoint
from wgan.runs.csv_log import LogFile, NoLog, Row, Window, first_not_finite
from wgan.runs.run_dir import Run
from wgan.runtime.distributed import Ranks
from wgan.trainers.build import build_trainer
from wgan.training import finalize, limits, resume
from wgan.training.environment import device_name, setting, versions
from wgan.training.evaluator import samples_of
from wgan.training.health import Watch, saturation, spread
from wgan.training.progress import Progress, Stopwatch
from wgan.training.resume import first_broken
from wgan.training.space import require_space
from wgan.utils import faults, malloc
from wgan.utils.atomic_io import remove_unfinished, write_text
from wgan.utils.console import detail, say, warn
from wgan.utils.errors import Diverged, RunFault, UserError
from wgan.utils.signals import Interrupted, Interruption

if TYPE_CHECKING:
    from wgan.metrics.report import Report  # its libraries take seconds to import


class Best(NamedTuple):
    """What best.pt holds.

    Attributes:
        figure: the key of the one that chose it.
        badness: of `finalize.judgement`.
        step: the critic updates done.
        value: the figure; None in checkpoints of older versions.
    """

    figure: str
    badness: float
    step: int
    value: float | None = None


class Training:
    """One run under way: what the loop's parts share.

    Attributes:
        step: critic updates done.
        num_steps: critic updates in all; fewer once `max_minutes` are over.
        saved: the newest checkpoint's step and rows of the log; None while there is none.
        run_started: whether the run's directory is ours, and taken up.
    """

    def __init__(
        self, config: TrainConfig, run: Run, images: Data, device: torch.device, dtype: torch.dtype, ranks: Ranks
    ) -> None:
        self.config, self.run, self.images = config, run, images
        self.device, self.dtype, self.ranks = device, dtype, ranks
        self.num_steps = num_steps_of(config, len(images.train))
        self.samples = samples_of(config, images)
        self.step, self.row_seconds = 0, 0.0
        self.stopwatch = Stopwatch()
        self.saved: tuple[int, int] | None = None
        self.run_started = False
        self.best: Best | None = None
        self.reports: dict[int, Report] = {}  # the latest alone
        self.window, self.watch, self.pages = Window(), Watch(), finalize.Pages(run)
        self.log: LogFile | NoLog
        self.events: EventFiles | None = None
        self.started = str(run.read_state().get("started", _now()))

    @property
    def seconds(self) -> float:
        """Time spent training, over all processes that worked on this run."""
        return self.stopwatch.read()

    def begin(self) -> None:
        """Build the networks, take up the newest checkpoint, open the log; check that the disk will do."""
        config, real = self.config, self.images.train.images
        self.trainer = build_trainer(config, real.shape[1:], self.device, self.dtype, self.ranks)
        place = self.ranks.rank, self.ranks.world_size
        self.batches = Batches(real, config.batch_size, config.seed, self.device, *place)
        self.real_spread = spread(self.samples.real)
        found = self.ranks.broadcast_from_rank0(self._open_directory)
        if not self.ranks.is_rank0:
            self.log = NoLog(found["log_rows"] if found else 0)
            if found:
                self.trainer.load_state_dict(found["trainer"])
        if found:
            self._resume(found, self.log.begun)
        self._write_state("running")
        self.run_started = True

    def _open_directory(self) -> dict[str, Any] | None:
        """Make the run's directory ready; the checkpoint to go on from, if there is one."""
        self.samples.require()
        for folder in (self.run.directory, self.run.samples, self.run.checkpoints):
            folder.mkdir(parents=True, exist_ok=True)
            remove_unfinished(folder)
        found = resume.newest_checked(self.run.checkpoints, self.trainer, self.images.fingerprint)
        step, rows = (found["step"], found["log_rows"]) if found else (0, 0)
        shape = tuple(self.images.train.images.shape[1:])
        require_space(self.config, self.trainer, shape, self.num_steps - step, self.run.checkpoints)
        write_text(self.run.config, to_yaml(self.config))
        self.log = LogFile(self.run.log, step, rows)
        if self.config.tensorboard:
            self.events = EventFiles(self.run.directory, self.config.model_dump(mode="json"), step)
        return found

    def run_to_end(self, interruption: Interruption) -> None:
        """Train, then write the results; or save, when a signal asks for it."""
        with suppress(Interrupted):
            self.loop(interruption)
            with self.stopwatch.paused(), self.ranks.at_once(interruption):
                if self.ranks.is_rank0:
                    report = finalize.write(self.run, self.samples, self.trainer, self.reports.get(self.step))
                    if self.events and not self.config.metrics_every:  # else they came with the last row
                        self.events.metrics(self.step, report.values())
        self.save("stopped" if interruption.signal else "finished")
        if not self.ranks.is_rank0:
            return
        self.pages.draw(last=True)
        if self.events:
            self.events.close()
        if interruption.signal:
            say(f"Saved at step {self.step} of {self.num_steps}. The same command goes on from there.")
        else:
            finalize.announce(self.run)

    def loop(self, interruption: Interruption) -> None:
        """Train until the last step or a signal."""
        shape = self.images.train.images.shape[1:]
        limit = self.ranks.world_size * limits.images_per_second(self.config, shape, self.device, self.dtype)
        self.stopwatch.start()
        with Progress(self.step, self.num_steps, limit) as progress:
            while True:
                self._write_what_is_due(progress, interruption)  # after a restart, also what the stop cut off
                if self.step >= self.num_steps or self.ranks.stopping(interruption):
                    break
                real = self.batches.batch(self.step)
                figures = self.trainer.critic_update(real, self.step)
                if (self.step + 1) % self.config.critic_its == 0:
                    figures |= self.trainer.generator_update(len(real), self.step)
                self.step += 1
                self.window.add(self.step, figures)
                progress.advance()

    def save(self, state: str) -> None:
        """Write a checkpoint, unless this step has one, and the state."""
        self.log.make_durable()
        if self.saved != (self.step, self.log.count):
            self.trainer.sync_buffers_and_verify()
            self._warn(self.watch.weights(self.step, saturation(self.trainer.critic)))
            content = self._content()
            if broken := first_not_finite(content["window"]) or first_broken(self.step, content["trainer"]):
                self._diverged(*broken)  # before broken weights replace good ones
            if self.ranks.is_rank0:
                self._write_checkpoint(content)
            self.saved = self.step, self.log.count
        self._write_state(state)

    def _write_checkpoint(self, content: Mapping[str, Any]) -> None:
        if self.best and self.best.step == self.step:
            checkpoint.save_best(self.run.checkpoints, content)
        before = self.saved[0] if self.saved else None
        path = checkpoint.save(self.run.checkpoints, content, before, self.config.keep_checkpoints)
        detail(f"step {self.step}: {path}")

    @contextmanager
    def faults_explained(self) -> Iterator[None]:
        """Turn what a machine can do to a training into one line that says what to do."""
        try:
            yield
        except UserError as error:
            self._note_failure("diverged" if isinstance(error, Diverged) else "failed", str(error))
            raise
        except Exception as error:
            explanation = faults.explained(error, self.config.batch_size, device_name(self.device), self.run.directory)
            self._note_failure("failed", explanation or repr(error))
            if explanation is None:
                raise
            raise RunFault(f"{explanation} {self._safe()}") from error

    def _write_what_is_due(self, progress: Progress, interruption: Interruption) -> None:
        config, step = self.config, self.step
        if step > 0 and step % config.log_every == 0 and self._time_is_over():
            self.num_steps = step
        last = step == self.num_steps
        measured = bool(config.metrics_every) and step > 0 and (last or step % config.metrics_every == 0)
        if self.window and (last or measured or step % config.log_every == 0):
            self._write_row(progress, interruption, measured)
        with self.stopwatch.paused():
            if self.ranks.is_rank0 and (last or step % config.sample_every == 0):
                self._draw_samples()
            if last or measured or step % config.checkpoint_every == 0:
                self.save("running")
                if self.ranks.is_rank0:
                    self.pages.draw(last=False)

    def _time_is_over(self) -> bool:
        """Whether the training has had its minutes, on the first rank's clock."""
        minutes = self.config.max_minutes
        return minutes is not None and self.ranks.broadcast_from_rank0(lambda: self.seconds) >= 60 * minutes

    def _steps_left(self, images_per_second: float) -> int:
        """How many there will be at this speed, if the training's minutes have room for no more."""
        steps = self.num_steps - self.step
        if self.config.max_minutes is None:
            return steps
        seconds = max(0.0, 60 * self.config.max_minutes - self.seconds)
        return min(steps, math.ceil(seconds * images_per_second / self.config.batch_size))

    def _write_row(self, progress: Progress, interruption: Interruption, measured: bool) -> None:
        """Read the window from the device, refuse what is not finite, write a row."""
        figures = self.ranks.mean(self.window.read())
        if broken := first_not_finite(figures):
            self._diverged(*broken)
        seconds = self.seconds - self.row_seconds
        with self.stopwatch.paused():
            cheap = self.samples.figures(self.trainer)
            metrics = self._measure(interruption) if measured else {}
        self.window.clear()
        self.row_seconds += seconds
        speed = len(figures["critic_loss"]) * self.config.batch_size / seconds
        means = {name: math.fsum(value for _, value in kept) / len(kept) for name, kept in figures.items()}
        row = {"step": self.step, "epoch": self.batches.epoch(self.step), **means, "images_per_second": speed, **cheap}
        self.log.append(row | metrics)
        if self.events:
            self.events.row(self.step, row)
            self.events.metrics(self.step, metrics)
        left = self._steps_left(speed)
        progress.show(self.step, self.step + left, means, speed, left * self.config.batch_size / speed)
        self._warn(self.watch.row(row | metrics))

    def _measure(self, interruption: Interruption) -> dict[str, float]:
        """The metrics of this step; is it the best so far? A signal cuts them off, and a restart repeats them."""
        start = time.perf_counter()
        with self.ranks.at_once(interruption):
            report = self.samples.evaluate(self.trainer) if self.ranks.is_rank0 else None
        if report is None:
            return {}
        malloc.give_back()
        cost = time.perf_counter() - start
        say(f"step {self.step}: metrics in {cost:.1f} s ({self.seconds:.0f} s of training before)")
        judged = finalize.judgement(report, self.config.best_metric)
        if judged is None and self.config.best_metric:
            say(f"step {self.step}: {self.config.best_metric}, which chooses best.pt, could not be computed")
        if judged and (self.best is None or self.best.figure != judged[0] or judged[1] < self.best.badness):
            self.best = Best(*judged, self.step, report.values()[judged[0]])
        self.reports = {self.step: report}
        return report.values()

    def _draw_samples(self) -> None:
        grid = self.run.sample_grid(self.step)
        shown = self.samples.draw(self.trainer, grid)
        detail(f"step {self.step}: {grid}")
        if self.events:
            self.events.grid(self.step, grid)
        self._warn(self.watch.samples(self.step, spread(shown) / max(self.real_spread, 1e-9)))

    def _content(self) -> dict[str, Any]:
        """All that a training goes on from."""
        return {
            "step": self.step,
            "seconds": self.seconds,
            "row_seconds": self.row_seconds,
            "window": self.ranks.mean(self.window.read()),
            "log_rows": self.log.count,
            "watch": self.watch.state_dict(),
            "best": self.best and tuple(self.best),  # a checkpoint holds plain values alone
            "config": self.config.model_dump(mode="json"),
            "shape": list(self.batches.images.shape[1:]),
            "fingerprint": self.images.fingerprint,
            "setting": setting(self.trainer),
            "trainer": self.trainer.state_dict(),
        }

    def _resume(self, state: Mapping[str, Any], rows: Sequence[Row]) -> None:
        self.step, self.best = state["step"], state["best"] and Best(*state["best"])
        self.stopwatch, self.row_seconds = Stopwatch(state["seconds"]), state["row_seconds"]
        self.window.restore(state["window"], self.device)
        self.watch.load_state_dict(state["watch"], rows)
        self.saved = self.step, state["log_rows"]
        if lost := state["log_rows"] - len(rows):
            warn(f"{self.run.log}: {lost} of its {state['log_rows']} rows are gone")

    def _diverged(self, step: int, quantity: str, value: float) -> NoReturn:
        raise Diverged(
            f"Diverged: {quantity} became {value} at step {step}. {self._safe()} Try a smaller learning_rate, another "
            "weight of the constraint (gp_lambda, div_k, clip_value), or precision: fp32."
        )

    def _safe(self) -> str:
        """What is left to go on from."""
        if self.saved is None:
            return "No checkpoint had been written yet."
        return f"The checkpoint of step {self.saved[0]} is whole: {self.run.checkpoints / checkpoint.LAST}."

    def _warn(self, warnings: Sequence[str]) -> None:
        for warning in warnings:
            warn(warning)
        if warnings:
            self._write_state("running")

    def _write_state(self, state: str, **more: Any) -> None:
        if not self.ranks.is_rank0:
            return
        self.run.write_state(
            state=state,
            step=self.step,
            num_steps=self.num_steps,
            best=self.best and {"step": self.best.step, "figure": self.best.figure, "value": self.best.value},
            warnings=[*self.config.warnings, *self.watch.warnings],
            started=self.started,
            written=_now(),
            seconds=round(self.seconds, 3),
            device=device_name(self.device),
            precision=str(self.dtype).removeprefix("torch."),
            versions=versions(),
            **more,
        )

    def _note_failure(self, state: str, problem: str) -> None:
        if not self.run_started:  # what stands there is as it was
            return
        with suppress(Exception):  # what failed may fail here too; the fault itself is what must be told
            self._write_state(state, problem=problem)
            if self.ranks.is_rank0:
                self.pages.draw(last=True)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
