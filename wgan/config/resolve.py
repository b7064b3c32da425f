"""YAML -> Config: reading, every default filled in, every problem found at once; and other values for the same file."""

import itertools
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from wgan.config import aliases, constraints, sweep_grid, yaml_file
from wgan.config.algorithms import ALGORITHMS, MODELS
from wgan.config.datasets import NAMED_SETS, POINT_SETS
from wgan.config.diagnostics import Place, Problem, Source, from_pydantic, quoted, squashed
from wgan.config.schema import FOLLOWING, Config, JobConfig, TrainConfig, json_schemas, value_type
from wgan.utils.errors import InputError
from wgan.utils.text import printable
from wgan.utils.version import __version__

AnyConfig = TypeVar("AnyConfig", bound=JobConfig)
CACHE_BELOW_OUT = ".cache"
LENGTHS = {"num_steps": "num_epochs", "num_epochs": "num_steps"}  # two keys for one thing
Check = Callable[[JobConfig], Iterable[Problem]]
"""Looks beyond a configuration, at the machine (`wgan.preflight`); the rooms below know nothing of it."""


def load_config(path: Path, overrides: Sequence[str] = (), check: Check = lambda _: ()) -> Config:
    """Read a YAML file, with `key=value` as `--set` gives them; the last one wins.

    `check` looks at what else there is before any work, also for each run of a sweep; at nothing where a finished run's
    config.yaml is read, whose images may be gone.

    Raises:
        InputError: all that is wrong, one line each: `input.yaml:14: gp_lambda: must be at least 0, got -10`.
    """
    source = yaml_file.read(_content(path), str(path))
    for assignment in overrides:
        _override(source, assignment)
    return _configuration(source, check)


def resolve(values: Mapping[str, Any]) -> Config:
    """A configuration from a mapping of keys, every default filled in; errors are those of `load_config`."""
    return _configuration(Source(dict(values)))


def with_values(config: AnyConfig, changes: Mapping[str, Any]) -> AnyConfig:
    """The configuration that the same file with other values for some keys would give.

    Defaults follow: with another learning_rate, critic_learning_rate moves along where the file did not give it. Errors
    are those of `load_config`.
    """
    source = config._source
    changed = _configuration(Source({**source.values, **changes}, source.name, dict(source.lines)))
    assert isinstance(changed, type(config)), "another arch is another job"
    return changed


def combinations(config: TrainConfig) -> Iterator[tuple[dict[str, Any], TrainConfig]]:
    """The runs of a sweep, in the order of its keys, the last key changing fastest; ({}, config) where there is none.

    Each is what was set, and the configuration with it, `sweep` removed.
    """
    sweep = config.sweep or {}
    for values in itertools.product(*sweep.values()):
        chosen = dict(zip(sweep, values, strict=True))
        yield chosen, with_values(config, {**chosen, "sweep": None}) if sweep else config


def to_yaml(config: JobConfig) -> str:
    """Every key with its value, runnable again."""
    head = f"{yaml_file.WRITTEN_BY} {__version__}: every key with its value. Runs again as it is.\n"
    return head + yaml_file.write(config.model_dump(mode="json"))


def _content(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise InputError(f"{path}: is a directory; give the YAML file")
        if str(path) == "-":
            return sys.stdin.buffer.read(yaml_file.MAX_BYTES + 1)
        with path.open("rb") as file:
            return file.read(yaml_file.MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file{'' if path.is_absolute() else f' in {Path.cwd()}'}") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{os.fspath(path)!r}: cannot be read: {reason}") from error


def _override(source: Source, assignment: str) -> None:
    """Take `key=value` from the command line; lists and mappings are written as in YAML, `classes=[3, 5]`."""
    key, equals, text = (part.strip() for part in assignment.partition("="))
    if not key or not equals:
        raise InputError(f"--set {printable(assignment)}: must be key=value, such as --set gp_lambda=1")
    source.texts = {place: written for place, written in source.texts.items() if place[0] != key}
    if text.startswith(("[", "{")):
        given = yaml_file.read(f"{key}: {text}".encode(), f"--set {key}")
        source.values[key] = given.values[key]
        source.texts |= given.texts
    else:
        source.values[key] = yaml_file.scalar(text)
        source.texts[(key,)] = text
    source.overridden.add(key)
    other = LENGTHS.get(key)
    if other in source.values and other not in source.overridden and source.values[key] is not None:
        source.values[other] = None  # one length: that of the command line


def _configuration(source: Source, check: Check = lambda _: ()) -> Config:
    """The configuration, or an InputError with a line for each error, in the file's order."""
    config, problems = _resolved(source, check)
    errors = []
    for place, line in source.duplicates:
        twice = f"{printable('.'.join(map(str, place)))}: given twice, first in line {source.line(place)}"
        errors.append((line, f"{source.name}:{line}: {twice}"))
    errors += [(source.line(p.place), source.located(p)) for p in problems if not p.warning]
    if errors or config is None:
        raise InputError("\n".join(message for _, message in sorted(errors, key=lambda error: error[0])))
    warned = sorted((p for p in problems if p.warning), key=lambda p: source.line(p.place))
    source.warnings = tuple(map(source.located, warned))
    config._source = source
    assert isinstance(config, Config)
    return config


def _resolved(source: Source, check: Check) -> tuple[JobConfig | None, list[Problem]]:
    """Fill in defaults and check everything that needs neither a device nor an image's content.

    The source's values become those of the keys that its arch has, read as their types want them. Wrong ones count as
    not given, so that the other checks can still run.
    """
    problems: list[Problem] = []
    values = dict(source.values)
    arch = _arch(values.pop("arch", None), problems)
    assumed = arch or next(iter(ALGORITHMS))  # keys mean the same to all that train
    model = MODELS[assumed]
    if arch == "Generator" and "path" in values and "checkpoint" not in values:
        values["checkpoint"] = values.pop("path")  # configs/seeds/000's name for it
        source.rename("path", "checkpoint")
    values = _known(values, arch, model, problems)
    values = {"arch": assumed} | _read(values, model, source.texts, problems)
    _name_dataset(values, source)
    source.values = values
    if assumed in ALGORITHMS:
        source.defaults = FOLLOWING | {key: ALGORITHMS[assumed].source(key) for key in _paper(assumed)}

    complete = _defaults(values) | values
    refused = {str(problem.place[0]) for problem in problems if not problem.warning}
    for key, field in model.model_fields.items():
        if field.is_required() and key not in complete:
            if key not in refused:
                problems.append(Problem((key,), f"missing: {' '.join(str(field.description).split())}"))
            arch = None  # nothing more can be said
    if arch is None:
        return None, problems
    config = model.model_validate(complete)

    sweep = config.sweep if isinstance(config, TrainConfig) else None
    meaningless = refused | set(sweep or ())
    found = constraints.violations(config, values.keys(), saved="config_version" in values)
    problems += _meaningful(found, meaningless)
    meaningless |= {str(problem.place[0]) for problem in problems if not problem.warning}
    problems += _meaningful(check(config), meaningless)
    if sweep is not None:

        def attempt(changes: Mapping[str, Any]) -> list[Problem]:
            """What there is to say of one run of the sweep."""
            kept = {key: value for key, value in values.items() if key not in sweep_grid.OF_THE_SWEEP}
            return _resolved(Source(kept | dict(changes)), check)[1]

        problems += sweep_grid.violations(sweep, tuple(problems), attempt)
    return config, problems


def _meaningful(found: Iterable[Problem], meaningless: Set[str]) -> list[Problem]:
    """Without what rests on values that are wrong themselves, or that each run of a sweep replaces."""
    return [problem for problem in found if not meaningless & {problem.place[0], *problem.involves}]


def _arch(value: Any, problems: list[Problem]) -> str | None:
    """The arch under its own name; None, and a problem, where there is no such arch."""
    if value is None:
        problems.append(Problem(("arch",), f"missing: one of {', '.join(MODELS)}"))
        return None
    arch = aliases.arch_named(value, MODELS)
    if arch is None:
        after = aliases.unknown_arch(value, MODELS)
        problems.append(Problem(("arch",), f"must be one of {', '.join(MODELS)}, got {quoted(value)}{after}"))
    return arch


def _known(
    values: Mapping[str, Any], arch: str | None, model: type[JobConfig], problems: list[Problem]
) -> dict[str, Any]:
    """The values of keys that the arch has; each other key becomes a problem."""
    elsewhere = {key for other in MODELS.values() for key in other.model_fields}
    for key, value in values.items():
        if key in model.model_fields:
            continue
        if key == "<<":
            problems.append(Problem((key,), "mappings are not merged here: write its keys out"))
        elif key not in elsewhere:
            problems.append(Problem((key,), aliases.unknown_key(key, value, model.model_fields)))
        elif arch:
            problems.append(Problem((key,), f"not used by arch {arch}", warning=True))
    return {key: value for key, value in values.items() if key in model.model_fields}


def _read(
    values: Mapping[str, Any], model: type[JobConfig], texts: Mapping[Place, str], problems: list[Problem]
) -> dict[str, Any]:
    """The values as their keys' types want them, without null; those that cannot be read become problems."""
    read = {}
    for key, value in values.items():
        if found := list(aliases.misread(key, value)):
            problems += found
            continue
        try:
            read[key] = value_type(model, key).validate_python(value, context=(key, texts))
        except ValidationError as error:
            problems += from_pydantic(error, key, value, json_schemas(model)[key], texts)
    return {key: value for key, value in read.items() if value is not None}


def _name_dataset(values: dict[str, Any], source: Source) -> None:
    """`path: mnist-5k` means the set of that name, unless there is a folder called so."""
    path = values.get("path")
    dataset = {squashed(name): name for name in NAMED_SETS}.get(squashed(str(path)))
    if path is not None and dataset and values.get("dataset") is None and not os.path.lexists(path):
        values["dataset"] = dataset
        del values["path"]
        source.rename("path", "dataset")


def _paper(arch: str) -> dict[str, Any]:
    """What the arch's paper sets, and what the others' set where it sets nothing, for the keys that only they use."""
    found: dict[str, Any] = {}
    for algorithm in (*ALGORITHMS.values(), ALGORITHMS[arch]):
        found |= algorithm.defaults
    return found


def _usual_cache(values: Mapping[str, Any]) -> Path:
    """In the home folder; below `out` where that takes no files, or there is none."""
    try:
        home = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
        if os.access(next(folder for folder in (home, *home.parents) if folder.exists()), os.W_OK):
            return home / "wgan"
    except (RuntimeError, StopIteration):
        pass
    return Path(values.get("out", "out")) / CACHE_BELOW_OUT


def _defaults(values: Mapping[str, Any]) -> dict[str, Any]:
    """What the paper and the other keys give where the user gave nothing; the rest stands in the schema."""
    arch = values["arch"]
    found: dict[str, Any] = {"cache": _usual_cache(values)} if arch != "Generator" else {}
    if arch not in ALGORITHMS:
        return found
    found |= _paper(arch)
    found["network"] = "dense" if values.get("dataset") in POINT_SETS else "conv"
    found |= {key: values.get(other, found[other]) for key, other in FOLLOWING.items()}
    if values.get("network", found["network"]) == "dense":
        found["critic_norm"] = "none"
    if values.get("num_epochs") is None and values.get("num_steps") is None:
        found["num_epochs"] = 25.0
    data = values.get("dataset") or Path(str(values.get("path") or "images")).resolve().name
    found["run"] = f"{arch.lower()}-{re.sub(r'[^A-Za-z0-9_.+-]+', '-', str(data))[:60]}"
    return found
