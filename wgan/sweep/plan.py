"""The runs of a sweep, each with a directory of its own; their images, prepared once."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from wgan.config.constraints import num_steps_of
from wgan.config.datasets import POINT_SETS
from wgan.config.resolve import combinations, load_config
from wgan.config.schema import TrainConfig, form_of
from wgan.runs import run_dir
from wgan.runs.run_dir import Run
from wgan.utils.console import detail, say
from wgan.utils.errors import InputError

SWEEP_YAML = "sweep.yaml"  # in the sweep's folder: what was asked for
NO_SWEEP = {"parallel": 1, "cpus": 0, "executor": "local"}
"""The sweep's own keys at their defaults: a run's configuration does not say where it trained, nor beside what."""


@dataclass(frozen=True)
class SweepRun:
    """One run of a sweep."""

    chosen: Mapping[str, Any]  # the swept keys with this run's values
    config: TrainConfig  # every key; `run` names its directory
    run: Run
    yaml: Path  # the configuration for the run's process

    @property
    def name(self) -> str:
        return self.config.run

    @property
    def failure(self) -> Path:
        """Where its state stands if it fails before it has a directory that could say so; beside `yaml`."""
        return self.yaml.with_suffix(".json")

    @property
    def output(self) -> Path:
        """What the run's processes printed."""
        return self.run.directory / "output.txt"


def folder(config: TrainConfig) -> Path:
    """Where what belongs to no single run stands, beside the runs: out/digits-sweep-gp_lambda-seed.

    Where another sweep stands there, out/digits-sweep-gp_lambda-seed-2, ...: no sweep replaces the pages of another.
    """
    name = "-".join([config.run, "sweep", *(config.sweep or {})])[: run_dir.LONGEST_NAME]
    return next(found for one in run_dir.numbered(name) if _takes_up(config, found := config.out / one))


def _takes_up(config: TrainConfig, place: Path) -> bool:
    """Whether no sweep stands there, or one of the same settings all of whose runs are in this one too."""
    path = place / SWEEP_YAML
    if not os.path.lexists(path):
        return True
    try:
        saved = load_config(path) if path.is_file() else None  # to read a pipe would wait for whoever writes to it
    except InputError:
        return False
    if not isinstance(saved, TrainConfig) or run_dir.differing_keys(saved, config):
        return False
    before, now = saved.sweep or {}, config.sweep or {}
    return before.keys() == now.keys() and all(value in now[key] for key in before for value in before[key])


def plan(config: TrainConfig) -> list[SweepRun]:
    """The runs of a sweep in the order of its keys. The same sweep always finds the same directories."""
    planned: dict[Run, SweepRun] = {}
    own = folder(config)
    for chosen, single in combinations(config):
        alone = single.model_copy(update=NO_SWEEP)
        name = run_dir.named(config.run, chosen)
        names = run_dir.numbered(name)  # long ones are cut short, and may be equal
        places = (run_dir.find(alone.model_copy(update={"run": one})) for one in names)
        run, found = next(place for place in places if place[0] not in planned)
        planned[run] = SweepRun(chosen, found, run, own / f"{found.run}.yaml")
    return list(planned.values())


class Length(NamedTuple):
    """How much a run has to do."""

    steps: int  # critic updates
    beside: float  # seconds that it takes for metrics and pictures, roughly


def prepare(pending: Sequence[SweepRun]) -> dict[str, Length]:
    """Decode or download the images before the runs need them, each set once; each run's name with its length.

    Raises:
        InputError: images are missing or cannot be used.
    """
    images: dict[tuple[object, ...], tuple[int, int]] = {}  # of each set, to train on and held out
    lengths = {}
    for one in pending:
        config = one.config
        seed = config.seed if config.dataset in POINT_SETS else None  # points are drawn, images are not
        key = (config.path, config.dataset, config.classes, form_of(config), seed)
        # both load torch, which a sweep that is finished does without
        from wgan.training.estimate import other_seconds

        if key not in images:
            from wgan.data.load import load_data

            found = load_data(config)
            say(found.description)
            for skipped in found.skipped:
                detail(f"left out: {skipped}")
            images[key] = len(found.train), len(found.held_out)
        train, held_out = images[key]
        steps = num_steps_of(config, train)
        lengths[one.name] = Length(steps, other_seconds(config, held_out, steps))
    return lengths
