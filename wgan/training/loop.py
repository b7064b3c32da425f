"""The loop: batches -> trainer -> metrics, and between the steps what is due. One for all algorithms and devices."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import partial

import torch

from wgan.config.schema import TrainConfig
from wgan.data.batches import Batches
from wgan.data.image_set import Data
from wgan.reporting.live import Pages
from wgan.reporting.pages import attempt
from wgan.reporting.tensorboard import FOLDER, EventFiles
from wgan.runs.run_dir import Run
from wgan.runtime.device import device_name
from wgan.runtime.distributed import Ranks
from wgan.trainers.base import build_trainer
from wgan.training import finalize
from wgan.training.evaluator import samples_of
from wgan.training.periodic import PeriodicTasks
from wgan.training.progress import Progress
from wgan.training.resources import require_address_space
from wgan.training.state import TrainingState
from wgan.utils.console import say
from wgan.utils.errors import Diverged, RunFault, UserError, explain
from wgan.utils.signals import Interrupted, Interruption, crashes_explained


class Training:
    """One run, from its start or its newest checkpoint to its results."""

    def __init__(
        self, config: TrainConfig, run: Run, data: Data, device: torch.device, dtype: torch.dtype, ranks: Ranks
    ) -> None:
        self.config, self.run, self.data, self.ranks = config, run, data, ranks
        self.state = TrainingState(config, run, data, device, dtype, ranks)
        self.samples, self.pages = samples_of(config, data), Pages(run)
        ranks.on_stall = partial(self._note_failure, "failed")

    def begin(self) -> None:
        """Build the networks, take up the newest checkpoint, open the log; check that the disk will do."""
        config, ranks, state, real = self.config, self.ranks, self.state, self.data.train
        require_address_space()
        shape, classes = real.images.shape[1:], state.classes
        self.trainer = build_trainer(config, shape, state.device, state.dtype, ranks, classes)
        of_rank, even = (state.device, ranks.rank, ranks.world_size), config.class_balance == "even"
        labels = real.labels if config.conditional or even else None
        self.batches = Batches(real.images, config.batch_size, config.seed, *of_rank, labels, even)
        if ranks.is_rank0:
            self.samples.require()
        state.open(self.trainer)
        events = None
        if config.tensorboard and ranks.is_rank0:
            events = EventFiles(self.run.directory, config.model_dump(mode="json"), state.step)
        self.tasks = PeriodicTasks(state, self.batches, self.samples, self.pages, events)
        state.write_json("running")
        state.run_started = True
        if ranks.is_rank0:
            self.pages.draw(last=False)  # the links that are named now lead somewhere

    def loop(self, interruption: Interruption) -> None:
        """Train until the last step or a signal."""
        state, sizes = self.state, (self.config.batch_size, self.config.gen_batch_size)
        state.stopwatch.start()
        minutes = self.config.max_minutes
        most_seconds = None if minutes is None else max(0.0, 60 * minutes - state.stopwatch.read())
        progress = Progress(state.step, max(state.step, state.num_steps), most_seconds)
        with progress.bar:
            while True:
                self.tasks.run_due(progress, interruption)  # on resume, redo what was due at this step
                if state.step >= state.num_steps or self.ranks.should_stop(interruption):
                    break
                self.trainer.set_rates(state.step, state.num_steps)
                real = self.batches.batch(state.step)
                labels, asked = (self.batches.labels(state.step, size) for size in sizes)
                metrics = self.trainer.critic_update(real, state.step, labels)
                if self.trainer.generator_is_due(state.step):
                    rows = self.config.gen_batch_size // self.ranks.world_size
                    metrics |= self.trainer.generator_update(rows, state.step, real, asked)
                state.step += 1
                state.buffer.add(state.step, metrics)  # stays on the device: reading it would wait for the step
                progress.stepped(state.step)

    def run_to_end(self, interruption: Interruption) -> None:
        """Train, then write the results; or save, when a signal asks for it."""
        state, events = self.state, self.tasks.events
        with suppress(Interrupted):
            self.loop(interruption)
            with state.stopwatch.paused(), self.ranks.abortable(interruption):
                if self.ranks.is_rank0:
                    known = self.tasks.reports.get(state.step)
                    report = finalize.write(self.run, self.samples, self.trainer, known)
                    if events and not self.config.metrics_every:  # else they came with the last row
                        events.metrics(state.step, report.values())
        state.save("stopped" if interruption.signal else "finished")
        if not self.ranks.is_rank0:
            return
        with suppress(Interrupted), nullcontext() if interruption.signal else interruption.abortable():
            self.pages.draw(last=True)  # what a signal cuts off, the next start draws
        if events:
            attempt({self.run.directory / FOLDER: events.close})
        if interruption.signal:
            say(f"Saved at step {state.step} of {state.num_steps}. The same command goes on from there.")
        else:
            with suppress(OSError):  # the run is finished, whoever takes its files away
                finalize.announce(self.run)

    @contextmanager
    def faults_explained(self) -> Iterator[None]:
        """Note a failure in state.json; turn what a machine can do to a training into one line that says what to do."""
        known = self.config.batch_size, device_name(self.state.device), self.run.directory
        try:
            with crashes_explained(lambda: f"{explain(MemoryError(), *known)} {self.state.last_good()}"):
                yield
        except UserError as error:
            self._note_failure("diverged" if isinstance(error, Diverged) else "failed", str(error))
            raise
        except Exception as error:
            explanation = explain(error, *known)
            self._note_failure("failed", explanation or repr(error))
            if explanation is None:
                raise
            raise RunFault(f"{explanation} {self.state.last_good()}") from error

    def _note_failure(self, status: str, problem: str) -> None:
        if not self.state.run_started:  # what stands there is as it was
            return
        with suppress(Exception):  # what failed may fail here too; the fault itself is what must be reported
            self.state.write_json(status, problem=problem)
            if self.ranks.is_rank0:
                self.pages.draw(last=True)
