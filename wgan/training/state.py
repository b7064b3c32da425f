"""What a training goes on from: what a checkpoint holds, how it is written, checked and taken up again; state.json."""

import math
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from wgan.config.constraints import num_steps_of
from wgan.config.resolve import to_yaml
from wgan.config.schema import TrainConfig
from wgan.data.image_set import Data
from wgan.networks.base import NO_CLASSES, floating_tensors
from wgan.networks.pretrained import take_weights
from wgan.runs import checkpoint
from wgan.runs.csv_log import LogFile, NoLog
from wgan.runs.run_dir import Run
from wgan.runtime.device import device_name
from wgan.runtime.distributed import Ranks, named_tensors
from wgan.trainers.base import Trainer
from wgan.training import resources
from wgan.training.health import Watch, saturation
from wgan.training.metric_buffer import MetricBuffer, first_not_finite
from wgan.training.overfitting import OverfittingGauge
from wgan.training.progress import Stopwatch
from wgan.utils.atomic_io import make_folder, remove_unfinished, write_text
from wgan.utils.console import detail, say, warn
from wgan.utils.errors import Diverged, InputError, first_line, is_out_of_memory
from wgan.utils.version import __version__

REQUIRED_FIELDS = {"step": int, "log_rows": int, "seconds": float, "row_seconds": float, "window": dict, "watch": dict}
"""What a checkpoint holds beside the trainer's state, and what the loop relies on."""
MAX_STEPS = 10**9  # what `num_steps` takes


class Best(NamedTuple):
    """What best.pt holds."""

    metric: str  # the key of the one that chose it
    score: float  # its `Metric.score_for_ranking`, lower is better
    step: int  # critic updates done
    value: float | None = None  # of the metric; None in checkpoints of older versions


class TrainingState:
    """How far a run is, and its files: checkpoints, log.csv, state.json."""

    trainer: Trainer
    log: LogFile | NoLog

    def __init__(
        self, config: TrainConfig, run: Run, data: Data, device: torch.device, dtype: torch.dtype, ranks: Ranks
    ) -> None:
        self.config, self.run, self.data = config, run, data
        self.device, self.dtype, self.ranks = device, dtype, ranks
        self.classes = data.train.class_counts if config.conditional else NO_CLASSES
        self.step = 0  # critic updates done
        self.num_steps = num_steps_of(config, len(data.train))  # fewer once `max_minutes` are over
        self.stopwatch = Stopwatch()  # the training's seconds, over all processes that worked on this run
        self.row_seconds = 0.0  # of these, up to the log's last row
        self.buffer, self.watch = MetricBuffer(), Watch()  # of the steps since that row; of all
        self.gauge = OverfittingGauge(data, config)
        self.best: Best | None = None
        self.ended_early = False  # by `patience`
        self.saved: tuple[int, int] | None = None  # the newest checkpoint's step and rows of the log
        self.run_started = False  # the lock is held and the state restored: only then is state.json ours to write
        self.started = str(run.read_state().get("started", _now()))

    def open(self, trainer: Trainer) -> None:
        """Make the run's directory ready, and go on from its newest checkpoint, if there is one."""
        self.trainer = trainer
        found = self.ranks.broadcast_from_rank0(self._open_directory)
        if not self.ranks.is_rank0:
            self.log = NoLog(found["log_rows"] if found else 0)
            if found:
                trainer.load_state_dict(found["trainer"])
        if found:
            self._restore(found)
        elif self.config.start_from:
            self.ranks.broadcast_([t for network in trainer.networks.values() for t in floating_tensors(network)])

    def save(self, status: str) -> None:
        """Write a checkpoint, unless this step has one, and state.json."""
        self.log.make_durable()
        if self.saved != (self.step, self.log.count):
            self.trainer.sync_buffers_and_verify()
            self.warn(self.watch.weights(self.step, saturation(self.trainer.critic)))
            content = self._content()
            self.require_finite(first_not_finite(content["window"]) or _first_broken(self.step, content["trainer"]))
            if self.ranks.is_rank0:
                if self.best and self.best.step == self.step:
                    checkpoint.save_best(self.run.checkpoints, content)
                before = self.saved[0] if self.saved else None
                path = checkpoint.save(self.run.checkpoints, content, before, self.config.keep_checkpoints)
                detail(f"step {self.step}: {path}")
            self.saved = self.step, self.log.count
        self.write_json(status)

    def require_finite(self, broken: tuple[int, str, float] | None) -> None:
        """Raise `Diverged` where something, (step, name, value), is broken, before it replaces good weights."""
        if broken:
            raise Diverged(
                "Diverged: {1} became {2} at step {0}. ".format(*broken) + f"{self.last_good()} Try a smaller "
                "learning_rate, another weight of the constraint (gp_lambda, div_k, clip_value), or precision: fp32."
            )

    def last_good(self) -> str:
        """What is left to go on from, for people."""
        if self.saved is None:
            return "No checkpoint had been written yet."
        return f"The checkpoint of step {self.saved[0]} is whole: {self.run.checkpoints / checkpoint.LAST}."

    def warn(self, warnings: Sequence[str]) -> None:
        """Show them, and write them into state.json, which `watch` has noted them for."""
        for warning in warnings:
            warn(warning)
        if warnings:
            self.write_json("running")

    def write_json(self, status: str, **more: Any) -> None:
        """Replace state.json, for people and for the pages: a resumed training does not read it."""
        if not self.ranks.is_rank0:
            return
        self.run.write_state(
            state=status,
            step=self.step,
            num_steps=self.num_steps,
            best=self.best and {name: getattr(self.best, name) for name in ("step", "metric", "value")},
            ended_early=self.ended_early,
            warnings=[*self.config.warnings, *self.watch.warnings],
            course=self.watch.course.as_json(),
            started=self.started,
            images=self.data.fingerprint,
            written=_now(),
            seconds=round(self.stopwatch.read(), 3),
            **_machine(self.device, self.dtype),
            versions=_versions(),
            **more,
        )

    def _open_directory(self) -> dict[str, Any] | None:
        """What rank 0 does alone; the checkpoint to go on from, if there is one."""
        for folder in (self.run.samples, self.run.checkpoints):
            make_folder(folder)
        for folder in (self.run.directory, self.run.samples, self.run.checkpoints):
            remove_unfinished(folder)
        found = load_newest(self.run.checkpoints, self.trainer, self.data)
        if not found and self.config.start_from:
            left = take_weights(self.config.start_from, self.trainer.networks)
            rest = f"; these do not fit, and begin anew: {', '.join(left)}" if left else ""
            say(f"The weights are those of {self.config.start_from}{rest}")
        step, rows = (found["step"], found["log_rows"]) if found else (0, 0)
        networks, shape = (self.trainer.generator, self.trainer.critic), self.data.train.images.shape[1:]
        need = resources.disk(self.config, *networks, shape, self.num_steps - step)
        resources.require_disk(self.config, need, self.run.checkpoints)
        write_text(self.run.config, to_yaml(self.config))
        self.log = LogFile(self.run.log, step, rows)
        return found

    def _content(self) -> dict[str, Any]:
        """A checkpoint: tensors and plain values alone."""
        return {
            "step": self.step,
            "seconds": self.stopwatch.read(),
            "row_seconds": self.row_seconds,
            "window": self.ranks.average_metrics(self.buffer.read()),
            "log_rows": self.log.count,
            "watch": self.watch.state_dict(),
            "gauge": self.gauge.state(),
            "best": self.best and tuple(self.best),
            "config": self.config.model_dump(mode="json"),
            "shape": list(self.data.train.images.shape[1:]),
            "classes": dict(self.classes),
            "fingerprint": self.data.fingerprint,
            "setting": _setting(self.trainer),
            "trainer": self.trainer.state_dict(),
        }

    def _restore(self, content: Mapping[str, Any]) -> None:
        """Take up all but the trainer's part of `_content`."""
        self.step, self.best = content["step"], content["best"] and Best(*content["best"])
        self.stopwatch, self.row_seconds = Stopwatch(content["seconds"]), content["row_seconds"]
        self.buffer.restore(content["window"], self.device)
        self.watch.load_state_dict(content["watch"], self.log.begun)
        if "gauge" in content:  # which checkpoints of older versions do not have
            self.gauge.restore(content["gauge"], self.step)
            self.trainer.augment_p = self.gauge.probability
        self.saved = self.step, content["log_rows"]
        if lost := content["log_rows"] - len(self.log.begun):
            warn(f"{self.run.log}: {lost} of its {content['log_rows']} rows are gone")


def load_newest(folder: Path, trainer: Trainer, data: Data) -> dict[str, Any] | None:
    """Load a run's newest whole checkpoint into its trainer, checked: its shapes, its images, its numbers.

    Those that are damaged, or hold what no run can go on from, are set aside, with a warning, and the one before is
    taken. It returns what the checkpoint holds, None where there is none.

    Raises:
        InputError: no checkpoint is left of several; or the newest is of other images or another version.
    """

    def take_up(content: dict[str, Any], path: Path) -> None:
        try:
            if content["format"] != checkpoint.FORMAT:
                raise InputError(f"{path}: was written by another version of this tool")
            if content["fingerprint"] not in (data.fingerprint, data.file_fingerprint):
                raise InputError(
                    f"{path}: was trained on other images than those that are there now. Restore them, or give this "
                    "run another name (run:)"
                )
            if trainer.generator.classes != content.get("classes", NO_CLASSES):
                raise InputError(f"{path}: was trained on other classes than those that there are now")
            _require_sound(content)
            _load(trainer, content["trainer"])
            MetricBuffer().restore(content["window"], trainer.device)
            Watch().load_state_dict(content["watch"], ())
            if "gauge" in content:
                OverfittingGauge(data, trainer.config).restore(content["gauge"], content["step"])
        except Exception as error:  # of a file that anybody can have made, reading may say anything
            if isinstance(error, InputError) or is_out_of_memory(error):
                raise
            raise checkpoint.Damaged(f"{path}: is no checkpoint of this run ({first_line(error)})") from error

    found = checkpoint.newest(folder, set_aside=True, check=take_up)
    if found is None:
        return None
    content, _, damaged = found
    for line in damaged:
        warn(line)
    before = content["setting"]
    for name, value in _setting(trainer).items():
        if value != before.get(name):
            warn(f"{name} was {before.get(name)}, now it is {value}: the numbers may differ from here on")
    return content


def _require_sound(content: Mapping[str, Any]) -> None:
    """Refuse a checkpoint of the right form that holds numbers which no training writes."""
    if wrong := [name for name, kind in REQUIRED_FIELDS.items() if type(content[name]) is not kind]:
        raise TypeError(f"{wrong[0]} is no {REQUIRED_FIELDS[wrong[0]].__name__}")
    step, rows, best = content["step"], content["log_rows"], content["best"]
    if not 0 <= rows <= step <= MAX_STEPS:
        raise ValueError(f"it says step {step} and {rows} rows of the log")
    times = content["seconds"], content["row_seconds"]
    if not all(0 <= seconds < math.inf for seconds in times):
        raise ValueError(f"it says {times[0]} and {times[1]} seconds")
    if best is not None and not (
        isinstance(best, tuple | list) and 0 <= Best(*best).step <= step and math.isfinite(Best(*best).score)
    ):
        raise ValueError(f"its best is {best}")
    if broken := first_not_finite(content["window"]) or _first_broken(step, content["trainer"]):
        raise ValueError(f"{broken[1]} is {broken[2]}")
    if not content["setting"].keys() >= {"device", "precision"}:
        raise KeyError("setting")


def _load(trainer: Trainer, content: dict[str, Any]) -> None:
    """The weights and moments of a checkpoint; the optimisers' other numbers are the configuration's."""
    optimizers = trainer.generator_optimizer, trainer.critic_optimizer
    kept = [[{k: v for k, v in group.items() if k != "params"} for group in o.param_groups] for o in optimizers]
    trainer.load_state_dict(content)
    _require_matching(*optimizers)
    for optimizer, groups in zip(optimizers, kept, strict=True):
        for group, numbers in zip(optimizer.param_groups, groups, strict=True):
            group.update(numbers)


def _require_matching(*optimizers: torch.optim.Optimizer) -> None:
    """Refuse moments that are not their weights': torch loads anything, and fails in the first step, or starts anew."""
    for optimizer in optimizers:
        expected = sum(len(group["params"]) for group in optimizer.param_groups)
        if len(optimizer.state) not in (0, expected):
            raise ValueError(f"moments of {len(optimizer.state)} of {expected} weights")
        names = dict.fromkeys(name for moments in optimizer.state.values() for name in moments)
        for weight, moments in optimizer.state.items():
            for name in names:
                moment = moments.get(name)
                if not isinstance(moment, Tensor) or (moment.dim() and moment.shape != weight.shape):
                    found = tuple(moment.shape) if isinstance(moment, Tensor) else moment
                    raise ValueError(f"{name} is {found} for a weight of {tuple(weight.shape)}")


def _first_broken(step: int, state: Mapping[str, Any]) -> tuple[int, str, float] | None:
    """(step, name, value) of the first tensor that is not finite; None if all are. Waits for the device once."""
    named = dict(named_tensors(state))
    if not named:
        return None
    device = max((tensor.device for tensor in named.values()), key=lambda found: found.type != "cpu")
    finite = torch.stack([tensor.isfinite().all().to(device) for tensor in named.values()]).tolist()
    for (name, tensor), good in zip(named.items(), finite, strict=True):
        if not good:
            return step, name, float(tensor[~tensor.isfinite()][0])
    return None


def _versions() -> dict[str, str]:
    """Of what computes the numbers."""
    return {"wgan": __version__, "torch": str(torch.__version__), "python": platform.python_version()}


def _machine(device: torch.device, dtype: torch.dtype) -> dict[str, str]:
    return {"device": device_name(device), "precision": str(dtype).removeprefix("torch.")}


def _setting(trainer: Trainer) -> dict[str, str]:
    """What another value of may change a training's numbers, if only in their last bits."""
    return _versions() | _machine(trainer.device, trainer.dtype)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
