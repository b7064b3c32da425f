"""The runs of a sweep, each with a directory of its own; their images, prepared once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wgan.config.constraints import num_steps_of
from wgan.config.datasets import POINT_SETS
from wgan.config.resolve import combinations
from wgan.config.schema import TrainConfig
from wgan.runs import run_dir
from wgan.runs.run_dir import Run
from wgan.utils.console import detail, say

NO_SWEEP = {"parallel": 1, "cpus": 0, "executor": "local"}
"""The sweep's own keys at their defaults: a run's configuration does not say where it trained, nor beside what."""
OUTPUT = "output.txt"
"""In a run's directory: what its processes printed."""


@dataclass(frozen=True)
class SweepRun:
    """One run of a sweep.

    Attributes:
        chosen: the values of the swept keys.
        config: every key; `run` names its directory.
        run: the directory.
        yaml: the configuration for the run's process.
    """

    chosen: Mapping[str, Any]
    config: TrainConfig
    run: Run
    yaml: Path

    @property
    def name(self) -> str:
        return self.config.run

    @property
    def output(self) -> Path:
        return self.run.directory / OUTPUT


def folder(config: TrainConfig) -> Path:
    """Where what belongs to no single run stands, beside the runs: out/digits-sweep-gp_lambda-seed."""
    name = "-".join([config.run, "sweep", *(config.sweep or {})])
    return config.out / name[: run_dir.LONGEST_NAME]


def plan(config: TrainConfig) -> list[SweepRun]:
    """The runs of a sweep in the order of its keys. The same sweep always finds the same directories."""
    planned: dict[Run, SweepRun] = {}
    for chosen, single in combinations(config):
        alone = single.model_copy(update=NO_SWEEP)
        name = run_dir.named(config.run, chosen)
        run, found = run_dir.find(alone.model_copy(update={"run": name}))
        count = 1
        while run in planned:  # long names are cut short, and may then be equal
            count += 1
            run, found = run_dir.find(alone.model_copy(update={"run": f"{name}-{count}"}))
        planned[run] = SweepRun(chosen, found, run, folder(config) / f"{found.run}.yaml")
    return list(planned.values())


def prepare(pending: Sequence[SweepRun]) -> dict[str, int]:
    """Decode or download the images before the runs need them, each set once.

    Returns:
        Each run's name with its length in steps.

    Raises:
        InputError: images are missing or cannot be used.
    """
    images: dict[tuple[object, ...], int] = {}
    lengths = {}
    for one in pending:
        config = one.config
        seed = config.seed if config.dataset in POINT_SETS else None  # points are drawn, images are not
        key = (config.path, config.dataset, config.classes, config.image_size, config.number_channels, seed)
        if key not in images:
            from wgan.data.load import load_data  # loads torch, which a sweep that is finished does without

            found = load_data(config)
            say(found.description)
            for skipped in found.skipped:
                detail(f"left out: {skipped}")
            images[key] = len(found.train)
        lengths[one.name] = num_steps_of(config, images[key])
    return lengths
