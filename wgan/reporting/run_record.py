"""What a run's directory says, read as it stands: a run that has just begun, goes on, was killed or is finished.

Never imports torch: the gallery reads hundreds of runs.
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from wgan.config.algorithms import ALGORITHMS
from wgan.config.metrics import Metric, finite_number
from wgan.config.resolve import resolve
from wgan.config.schema import FOLLOWING
from wgan.reporting.verdict import Course, verdict
from wgan.runs.csv_log import Columns, read_log
from wgan.runs.run_dir import Run
from wgan.utils.atomic_io import read_regular
from wgan.utils.errors import InputError, first_line

STATES = ("running", "finished", "stopped", "diverged", "failed")  # that a training writes into state.json
_MOST_VALUES = 100_000  # in such a file
_MOST_FOLDERS, _DEEPEST = 10_000, 5  # that are searched for runs
_PLACES = {"arch", "path", "dataset", "out", "run", "cache", "config_version", "sweep", "parallel"}
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's is ten times faster, and not everywhere


class Sample(NamedTuple):
    """A PNG with the grid of the fixed latents, after so many steps."""

    step: int
    path: Path


class Sweep(NamedTuple):
    """What a sweep's folder says."""

    folder: Path
    keys: Sequence[str]  # that are swept, in the YAML's order
    planned: Mapping[Path, Path]  # each run's directory -> the configuration that it was or will be begun with


@dataclass(frozen=True)
class RunRecord:
    """All that a report needs of one run. What is missing on the disk is empty here."""

    folder: Path
    config: Mapping[str, Any]  # every key with its value, as in config.yaml
    changed: Mapping[str, Any]  # the keys that differ from the algorithm's defaults -> the default
    state: str  # one of `STATES`, "interrupted", "pending", or "unknown" where state.json says something else
    facts: Mapping[str, Any]  # all of state.json: step, num_steps, best, warnings, started, seconds, versions, device
    log: Columns
    metrics: Mapping[str, Metric]  # those of metrics.json by their keys, in its order
    class_counts: Sequence[tuple[str, int, int]]  # (class, generated, real): images of each that a classifier sees
    notes: Sequence[str]  # what the evaluation notes about the metrics
    samples: Sequence[Sample]  # in the order of their steps
    updated: float  # when the directory was last written to, in seconds since 1970
    problems: Sequence[str]  # files that are there and cannot be read, and why

    @property
    def step(self) -> int:
        """The last step known: of state.json, else of the log or the samples."""
        logged = [_integer(step) for step in self.log.get("step", [])[-1:]]
        return max([_integer(self.facts.get("step")), *logged, *(sample.step for sample in self.samples[-1:])])

    @property
    def num_steps(self) -> int | None:
        """How many steps the run shall take, where state.json says so."""
        return _integer(self.facts.get("num_steps")) or None

    @property
    def seconds(self) -> float | None:
        """How long it has trained, where state.json says so; of a run under way till the log's last row."""
        seconds = finite_number(self.facts.get("seconds"))
        if seconds is not None and self.state in ("running", "interrupted"):
            seconds += max(0.0, self.updated - _modified(self.folder / "state.json"))
        return seconds if seconds is not None and 0 <= seconds < 1e12 else None

    @property
    def warnings(self) -> list[str]:
        """What the training warned of."""
        given = self.facts.get("warnings")
        return [one if isinstance(one, str) else json.dumps(one) for one in given] if isinstance(given, list) else []

    @property
    def verdict(self) -> list[str]:
        """How good its images are, and whether they still get better, in a few lines, first if patience ended it."""
        said = verdict(self.metrics, Course.from_json(self.facts.get("course")))
        early = f"Ended at step {self.step:,}, no better for long: checkpoints/best.pt is the one to take ({self.best})"
        return [early, *said] if self.facts.get("ended_early") is True else said

    @property
    def best(self) -> str:
        """Which step best.pt holds and why: `step 500, swd 12.31`; empty where there is none."""
        best = self.facts.get("best")
        if not isinstance(best, dict):
            return ""
        value = finite_number(best.get("value"))
        metric = best.get("metric", best.get("figure"))  # its name in runs of older versions
        return f"step {_integer(best.get('step'))}, {metric}" + (f" {value:.4g}" if value is not None else "")

    @property
    def data(self) -> str:
        """What it was trained on: the set's name or the folder."""
        name = self.config.get("dataset") or self.config.get("path") or ""
        classes = self.config.get("classes")
        return f"{name} {classes}" if classes else str(name)


def read_run(folder: Path, planned: Path | None = None) -> RunRecord:
    """Read a run's directory; files that are missing or half written leave their part of the record empty.

    `planned` is the configuration with which a sweep begins the run, and tells of it until the run has its own; the
    JSON file of that name says why it could not begin.
    """
    if planned is None or os.path.lexists(folder / "config.yaml"):
        configuration, state = folder / "config.yaml", folder / "state.json"
    else:
        configuration, state = planned, planned.with_suffix(".json")
    problems: list[str] = []
    config, facts, evaluation = (_mapping(path, problems) for path in (configuration, state, folder / "metrics.json"))
    log: Columns = {}
    try:
        log = read_log(folder / "log.csv")
    except OSError as error:
        problems.append(f"log.csv cannot be read: {error.strerror}")
    samples: list[Sample] = []
    try:
        samples = find_samples(folder)
    except OSError as error:
        problems.append(f"samples/ cannot be read: {error.strerror}")
    try:
        changed = changed_keys(config)
    except InputError as error:
        changed = {}
        problems.append(f"config.yaml cannot be read: {first_line(error)}")
    metrics = evaluation.get("metrics", evaluation.get("figures"))  # their name in runs of older versions
    metrics, notes, classes = (
        found if isinstance(found, dict) else {}
        for found in (metrics, evaluation.get("notes"), evaluation.get("class_counts"))
    )
    counted = [(name, counts) for name, counts in classes.items() if isinstance(counts, dict)]
    return RunRecord(
        folder=folder,
        config=config,
        changed=changed,
        state=_state(folder, facts, begun=bool(log or samples)),
        facts=facts,
        log=log,
        metrics={key: metric for key, entry in metrics.items() if (metric := Metric.from_json(key, entry))},
        class_counts=[(name, _integer(c.get("generated")), _integer(c.get("real"))) for name, c in counted],
        notes=list(map(str, notes.values())),
        samples=samples,
        updated=max(_modified(folder / name) for name in ("config.yaml", "state.json", "log.csv", "metrics.json")),
        problems=tuple(problems),
    )


def _state(folder: Path, facts: Mapping[str, Any], begun: bool) -> str:
    """What state.json says, but for a run that was killed: it says "running" for ever, and nobody holds its lock."""
    told = facts.get("state")
    if told not in STATES:
        return "unknown" if begun or facts else "running" if Run(folder).is_locked() else "pending"
    return "interrupted" if told == "running" and Run(folder).is_locked() is False else str(told)


def find_runs(out: Path) -> list[Path]:
    """All directories below `out` that hold a config.yaml, in the order of their names; runs are not searched inside.

    `out` may be a home directory: hidden ones, those deeper than five levels and all after ten thousand are left out.
    """
    found = []
    for name, folders, files in islice(os.walk(out), _MOST_FOLDERS):
        folders.sort()
        if "config.yaml" in files and Path(name) != out:
            found.append(Path(name))
            folders.clear()
        elif len(Path(name).relative_to(out).parts) >= _DEEPEST:
            folders.clear()
        else:
            folders[:] = [folder for folder in folders if not folder.startswith(".")]
    return sorted(found)


def find_sweeps(out: Path) -> list[Sweep]:
    """The sweeps whose runs lie in `out`, in the order of their folders' names."""
    found = []
    for path in sorted(out.glob("*/sweep.yaml")):
        swept = _mapping(path, []).get("sweep")
        planned = {out / one.stem: one for one in path.parent.glob("[!.]*.yaml") if one != path}
        found.append(Sweep(path.parent, list(swept) if isinstance(swept, dict) else [], planned))
    return found


def find_samples(folder: Path) -> list[Sample]:
    """The sample grids of a run in the order of their steps."""
    paths = (folder / "samples").glob("step_*.png")
    named = ((re.fullmatch(r"step_(\d{1,15})\.png", path.name), path) for path in paths)
    return sorted(Sample(int(match[1]), path) for match, path in named if match)


def changed_keys(config: Mapping[str, Any]) -> dict[str, Any]:
    """The keys whose values differ from what the algorithm's paper and the keys' own defaults give, with that default.

    Left out: where images and results lie, and what follows from another key (the generator's batch where it equals the
    critic's; num_epochs where num_steps is given).
    """
    arch = str(config.get("arch"))
    if arch not in ALGORITHMS:
        return {}
    usual = _defaults(arch, str(config.get("dataset") or ""))
    ignored = set(_PLACES)
    ignored |= {key for key, followed in FOLLOWING.items() if config.get(key) == config.get(followed)}
    if config.get("num_epochs") is None:
        ignored.add("num_epochs")
    return {key: usual[key] for key in usual if key in config and key not in ignored and config[key] != usual[key]}


@cache
def _defaults(arch: str, dataset: str) -> dict[str, Any]:
    given = {"arch": arch} | ({"dataset": dataset} if dataset else {"path": "images"})
    return resolve(given).model_dump(mode="json")


def _mapping(path: Path, problems: list[str]) -> dict[str, Any]:
    """A YAML or JSON file's mapping; empty where the file is missing or no mapping."""
    try:
        text = read_regular(path).decode("utf-8")
        value = json.loads(text) if path.suffix == ".json" else yaml.load(text, Loader=_LOADER)
    except FileNotFoundError:
        return {}
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        problem = f"cannot be read: {' '.join(str(error).split())}"
    else:
        if isinstance(value, dict) and _is_small(value):
            return {str(key): item for key, item in value.items()}
        many = isinstance(value, dict)
        problem = f"holds more than {_MOST_VALUES:,} values" if many else "holds no mapping of keys to values"
    problems.append(f"{path.name} {problem}")
    return {}


def _is_small(value: object) -> bool:
    """Whether it holds few enough values to be shown: ten aliases of ten aliases of ... take few lines in YAML."""
    left, pending = _MOST_VALUES, [value]
    while pending and left > 0:
        left -= 1
        item = pending.pop()
        if isinstance(item, dict | list):
            pending.extend(item.values() if isinstance(item, dict) else item)
            left -= len(item)
    return left > 0


def _integer(value: object) -> int:
    return int(finite_number(value) or 0)


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
