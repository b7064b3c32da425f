"""What a run's directory says, read as it stands: a run that has just begun, goes on, was killed or is finished.

Never imports torch: the gallery reads hundreds of runs.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice, starmap
from pathlib import Path
from typing import Any

import yaml

from wgan.config.algorithms import ALGORITHMS
from wgan.config.metrics import Metric, finite_number
from wgan.config.resolve import resolve
from wgan.runs.csv_log import Columns, read_log
from wgan.utils.atomic_io import read_regular

STATES = ("running", "finished", "stopped", "diverged", "failed")
_LARGEST = 2**22  # bytes of a YAML or JSON file
_MOST_VALUES = 100_000  # in such a file
_MOST_FOLDERS, _DEEPEST = 10_000, 5  # that are searched for runs
_PLACES = {"arch", "path", "dataset", "out", "run", "cache", "config_version", "sweep", "parallel"}
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's is ten times faster, and not everywhere


@dataclass(frozen=True)
class Sample:
    """One grid of the fixed latents: the training step that it shows, and the PNG."""

    step: int
    path: Path


@dataclass(frozen=True)
class RunRecord:
    """All that a report needs of one run. What is missing on the disk is empty here.

    Attributes:
        folder: the run's directory.
        config: every key with its value, as in config.yaml.
        changed: the keys that differ from the algorithm's defaults -> the default.
        state: one of `STATES`, or "unknown" where state.json is missing or says something else.
        facts: the rest of state.json: step, num_steps, best, warnings, started, seconds, versions, device.
        log: the columns of log.csv.
        metrics: those of metrics.json, in its order.
        class_counts: (class, generated, real): how many images a classifier sees in each class.
        notes: what the evaluation notes about them.
        samples: the sample grids in the order of their steps.
        updated: when the directory was last written to, in seconds since 1970.
        problems: files that are there and cannot be read, and why.
    """

    folder: Path
    config: Mapping[str, Any]
    changed: Mapping[str, Any]
    state: str
    facts: Mapping[str, Any]
    log: Columns
    metrics: tuple[Metric, ...]
    class_counts: tuple[tuple[str, int, int], ...]
    notes: tuple[str, ...]
    samples: tuple[Sample, ...]
    updated: float
    problems: tuple[str, ...]

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
        """How long it has trained, where state.json says so."""
        seconds = finite_number(self.facts.get("seconds"))
        return seconds if seconds is not None and 0 <= seconds < 1e12 else None

    @property
    def warnings(self) -> list[str]:
        """What the training warned of."""
        given = self.facts.get("warnings")
        given = given if isinstance(given, list) else []
        return [item if isinstance(item, str) else json.dumps(item) for item in given]

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


def read_run(folder: Path) -> RunRecord:
    """Read a run's directory; files that are missing or half written leave their part of the record empty."""
    problems: list[str] = []
    config = _mapping(folder / "config.yaml", problems)
    facts = _mapping(folder / "state.json", problems)
    evaluation = _mapping(folder / "metrics.json", problems)
    try:
        log = read_log(folder / "log.csv")
    except OSError as error:
        log = {}
        problems.append(f"log.csv cannot be read: {error.strerror}")
    metrics = evaluation.get("metrics", evaluation.get("figures"))  # their name in runs of older versions
    notes, classes = evaluation.get("notes"), evaluation.get("class_counts")
    return RunRecord(
        folder=folder,
        config=config,
        changed=changed_keys(config),
        state=str(facts.get("state")) if facts.get("state") in STATES else "unknown",
        facts=facts,
        log=log,
        metrics=tuple(filter(None, starmap(Metric.from_json, metrics.items()))) if isinstance(metrics, dict) else (),
        class_counts=tuple(_class_counts(classes)) if isinstance(classes, dict) else (),
        notes=tuple(map(str, notes.values())) if isinstance(notes, dict) else (),
        samples=find_samples(folder),
        updated=max(_modified(folder / name) for name in ("config.yaml", "state.json", "log.csv", "metrics.json")),
        problems=tuple(problems),
    )


def find_runs(out: Path) -> list[Path]:
    """All directories below `out` that hold a config.yaml, in the order of their names; runs are not searched inside.

    Left out are directories that cannot be listed, hidden ones, those deeper than five levels, and what comes after ten
    thousand directories: `out` may be a home directory.
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


def find_samples(folder: Path) -> tuple[Sample, ...]:
    """The sample grids of a run in the order of their steps."""
    named = (
        (re.fullmatch(r"step_(\d{1,15})\.png", path.name), path) for path in (folder / "samples").glob("step_*.png")
    )
    return tuple(sorted((Sample(int(match[1]), path) for match, path in named if match), key=lambda s: s.step))


def changed_keys(config: Mapping[str, Any]) -> dict[str, Any]:
    """The keys whose values differ from what the algorithm's paper and the keys' own defaults give, with that default.

    Left out: where images and results lie, and what follows from another key (the critic's learning rate where it
    equals the generator's; num_epochs where num_steps is given).
    """
    arch = str(config.get("arch"))
    if arch not in ALGORITHMS:
        return {}
    usual = _defaults(arch, str(config.get("dataset") or ""))
    changed = {key: usual[key] for key in usual if key in config and key not in _PLACES and config[key] != usual[key]}
    if config.get("critic_learning_rate") == config.get("learning_rate"):
        changed.pop("critic_learning_rate", None)
    if config.get("num_epochs") is None:
        changed.pop("num_epochs", None)
    return changed


@cache
def _defaults(arch: str, dataset: str) -> dict[str, Any]:
    given = {"arch": arch} | ({"dataset": dataset} if dataset else {"path": "images"})
    return resolve(given).model_dump(mode="json")


def _mapping(path: Path, problems: list[str]) -> dict[str, Any]:
    """A YAML or JSON file's mapping; empty where the file is missing or no mapping."""
    try:
        text = read_regular(path, _LARGEST).decode("utf-8")
        value = json.loads(text) if path.suffix == ".json" else yaml.load(text, Loader=_LOADER)
    except FileNotFoundError:
        return {}
    except OSError as error:
        problems.append(f"{path.name} cannot be read: {error.strerror}")
        return {}
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        problems.append(f"{path.name} cannot be read: {' '.join(str(error).split())}")
        return {}
    if not isinstance(value, dict):
        problems.append(f"{path.name} holds no mapping of keys to values")
        return {}
    if not _is_small(value):
        problems.append(f"{path.name} holds more than {_MOST_VALUES:,} values")
        return {}
    return {str(key): item for key, item in value.items()}


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


def _class_counts(classes: dict[str, Any]) -> list[tuple[str, int, int]]:
    counted = ((name, counts) for name, counts in classes.items() if isinstance(counts, dict))
    return [(str(name), _integer(counts.get("generated")), _integer(counts.get("real"))) for name, counts in counted]


def _integer(value: object) -> int:
    return int(finite_number(value) or 0)


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
