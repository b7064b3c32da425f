"""From what a user gave to a configuration: every default filled in, every problem found at once."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from wgan.config import aliases, constraints, sweep_grid
from wgan.config.coercion import read_value
from wgan.config.constraints import Algorithm
from wgan.config.diagnostics import Problem, Schema, from_pydantic, nearest, shown, squashed
from wgan.config.schema import POINT_SETS, Keys, Source, TrainKeys
from wgan.config.source import Request
from wgan.config.yaml_file import Place
from wgan.utils.text import printable

Models = Mapping[str, type[Keys]]
Algorithms = Mapping[str, Algorithm]
Check = Callable[[Keys], Iterator[Problem]]


@dataclass(frozen=True)
class Resolution:
    """A configuration, or why there is none."""

    config: Keys | None
    problems: list[Problem]
    errors: list[str]


def resolved(request: Request, models: Models, algorithms: Algorithms, checks: Sequence[Check] = ()) -> Resolution:
    """Fill in defaults and check everything that needs neither a device nor an image's content.

    Args:
        request: what the user gave.
        models: arch -> the model of its keys.
        algorithms: the archs that train.
        checks: look beyond the configuration, at the file system; a later one may rest on what an earlier one refuses.
    """
    values, problems = aliases.updated(dict(request.values))
    arch = _arch(values, models, problems)
    assumed = arch or next(iter(algorithms))  # keys mean the same to all that train
    model = models[assumed]
    schemas = properties(model)
    values = _known(values, arch, request, schemas, models, problems)
    values = _read(values, request, schemas, problems) | {"arch": assumed}
    _name_dataset(values, request)
    given = dict(values)
    config = _validated(model, values, algorithms, schemas, request.texts, problems)

    if config is not None and arch:
        sweep = config.sweep if isinstance(config, TrainKeys) else None
        meaningless = {str(problem.place[0]) for problem in problems if not problem.warning} | set(sweep or ())
        problems += _meaningful(_rules(config, request, frozenset(given), algorithms), meaningless)
        for check in checks:
            found = _meaningful(check(config), meaningless)
            meaningless |= {str(problem.place[0]) for problem in found if not problem.warning}
            problems += found
        if sweep is not None:
            attempt = partial(_attempt, request, models, algorithms, checks)
            problems += sweep_grid.checked(sweep, tuple(algorithms), tuple(problems), attempt)
    return _located(request, config, given, problems, algorithms)


def _meaningful(found: Iterable[Problem], meaningless: Set[str]) -> list[Problem]:
    """Without what rests on values that are wrong themselves, or that each run of a sweep replaces."""
    return [problem for problem in found if not meaningless & {problem.place[0], *problem.involves}]


@cache
def properties(model: type[Keys]) -> dict[str, Schema]:
    """key -> its JSON schema without the null of optional keys, which becomes "nullable"."""
    plain: dict[str, Schema] = {}
    for key, schema in model.model_json_schema()["properties"].items():
        branches = [branch for branch in schema.get("anyOf", ()) if branch != {"type": "null"}]
        nullable = len(branches) < len(schema.get("anyOf", ()))
        flat = {name: part for name, part in schema.items() if name != "anyOf"} | branches[0] if nullable else schema
        plain[key] = {**flat, "nullable": nullable}
    return plain


def _arch(values: dict[str, Any], models: Models, problems: list[Problem]) -> str | None:
    """The arch under its own name; None, and a problem, where there is no such arch."""
    value = values.pop("arch", None)
    if value is None:
        problems.append(Problem(("arch",), f"missing: one of {', '.join(models)}"))
        return None
    arch = aliases.arch_named(value, models)
    if arch is None:
        near = nearest(value, models) if isinstance(value, str) else None
        hint = aliases.ARCH_HINTS.get(squashed(str(value)), f"did you mean {near}?" if near else "")
        said = f"must be one of {', '.join(models)}, got {shown(value)}"
        problems.append(Problem(("arch",), f"{said}; {hint}" if hint else said))
    return arch


def _known(
    values: Mapping[str, Any],
    arch: str | None,
    request: Request,
    schemas: Mapping[str, Schema],
    models: Models,
    problems: list[Problem],
) -> dict[str, Any]:
    """The values of keys that the arch has; each other key becomes a problem."""
    kept = dict(values)
    if arch == "Generator" and "path" in kept and "checkpoint" not in kept:
        kept["checkpoint"] = kept.pop("path")  # seed 000's name for it
        request.stands_for("path", "checkpoint")
    elsewhere = {key for model in set(models.values()) for key in properties(model)}
    for key in [key for key in kept if key not in schemas]:
        del kept[key]
        if key in elsewhere:
            if arch:
                problems.append(Problem((key,), f"not used by arch {arch}", warning=True))
            continue
        near = aliases.KEY_HINTS.get(squashed(key)) or nearest(key, [*schemas, "arch"])
        problems.append(Problem((key,), f"unknown key; did you mean {near}?" if near else "unknown key"))
    return kept


def _read(
    values: Mapping[str, Any], request: Request, schemas: Mapping[str, Schema], problems: list[Problem]
) -> dict[str, Any]:
    """The values as their keys' types want them; those that cannot be read become problems."""
    read = {}
    for key, value in values.items():
        converted, found = read_value(key, value, schemas[key], request.texts)
        found = found or list(aliases.misread(key, converted))
        problems += found
        if not found:
            read[key] = converted
    return read


def _name_dataset(values: dict[str, Any], request: Request) -> None:
    """`path: mnist-5k` means the set of that name, unless there is a folder called so."""
    named = properties(TrainKeys)["dataset"]["enum"]
    by_spelling = {squashed(name): name for name in named}
    path = values.get("path")
    if isinstance(path, str) and values.get("dataset") is None and values["arch"] != "Generator":
        dataset = by_spelling.get(squashed(path))
        if dataset and not os.path.lexists(path):
            values["dataset"] = dataset
            del values["path"]
            request.stands_for("path", "dataset")


def defaults(values: Mapping[str, Any], algorithms: Algorithms) -> dict[str, Any]:
    """What the paper and the other keys give where the user gave nothing; the rest stands in the models."""
    arch = values["arch"]
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    found: dict[str, Any] = {"cache": Path(home).expanduser() / "wgan"} if arch != "Generator" else {}
    if arch not in algorithms:
        return found
    for algorithm in (*algorithms.values(), algorithms[arch]):  # the others give the keys that only they look at
        found.update(algorithm.defaults)
    found["critic_learning_rate"] = values.get("learning_rate", found["learning_rate"])
    found["network"] = "dense" if values.get("dataset") in POINT_SETS else "conv"
    if values.get("network", found["network"]) == "dense":
        found["critic_norm"] = "none"
    if values.get("num_epochs") is None and values.get("num_steps") is None:
        found["num_epochs"] = 25.0
    data = values.get("dataset") or Path(str(values.get("path") or "images")).resolve().name
    found["run"] = f"{arch.lower()}-{re.sub(r'[^A-Za-z0-9_.+-]+', '-', str(data))[:60]}"
    return found


def _validated(
    model: type[Keys],
    values: dict[str, Any],
    algorithms: Algorithms,
    schemas: Mapping[str, Schema],
    texts: Mapping[Place, str],
    problems: list[Problem],
) -> Keys | None:
    """The configuration; with defaults in place of wrong values, so that the other checks can still run."""
    for _ in range(2):
        try:
            given = {key: value for key, value in values.items() if value is not None}
            return model.model_validate(defaults(given, algorithms) | given)
        except ValidationError as error:
            missing = {str(e["loc"][0]) for e in error.errors(include_url=False) if e["type"] == "missing"}
            said = {problem.place[0] for problem in problems if not problem.warning}
            problems += [
                Problem((key,), f"missing: {' '.join(schemas[key]['description'].split())}")
                for key in sorted(missing - said)
            ]
            found = [p for p in from_pydantic(error, schemas, texts) if p.place[0] in values]
            problems += found
            for key in {str(problem.place[0]) for problem in found}:
                del values[key]
            if missing:
                return None
    raise AssertionError("the defaults are valid")


def _rules(config: Keys, request: Request, given: frozenset[str], algorithms: Algorithms) -> list[Problem]:
    algorithm = algorithms.get(config.arch)
    found = list(constraints.impossible(config, algorithm))
    if "config_version" not in request.values:  # a run's config.yaml holds every key, used or not
        every = frozenset[str]().union(*(other.own_keys for other in algorithms.values()))
        found += constraints.without_effect(config, given, every - algorithm.own_keys if algorithm else every)
    if isinstance(config, TrainKeys) and algorithm:
        found += constraints.known_to_fail(config, given, algorithm)
    return found


def _attempt(
    request: Request, models: Models, algorithms: Algorithms, checks: Sequence[Check], changes: Mapping[str, Any]
) -> list[Problem]:
    """What is to be said of one run of a sweep."""
    values = {
        key: value for key, value in request.values.items() if key not in ("sweep", "parallel", "cpus", "executor")
    }
    texts = {place: text for place, text in request.texts.items() if place[0] not in changes}
    return resolved(Request(values | dict(changes), texts=texts), models, algorithms, checks).problems


def _located(
    request: Request, config: Keys | None, given: dict[str, Any], problems: list[Problem], algorithms: Algorithms
) -> Resolution:
    """Put places to problems, in the file's order, and remember on the configuration where its values stand."""
    errors = [
        (line, f"{request.name}:{line}: {printable('.'.join(map(str, place)))}: given twice, first in line {first}")
        for place, line in request.duplicates
        if (first := request.line(place))
    ]
    errors += [(request.line(p.place), request.located(p)) for p in problems if not p.warning]
    if config is not None:
        warned = sorted((p for p in problems if p.warning), key=lambda p: request.line(p.place))
        lines = {key: request.lines[(key,)] for key in given if (key,) in request.lines}
        origins = {key: f"{request.name}:{line}" for key, line in lines.items()}
        origins |= dict.fromkeys(request.overridden, "--set")
        if algorithm := algorithms.get(config.arch):
            derived = {"critic_learning_rate": "learning_rate"}
            origins = dict.fromkeys(algorithm.defaults, f"arXiv:{algorithm.paper}") | derived | origins
        config._source = Source(request.name, lines, origins, tuple(map(request.located, warned)), given)
    return Resolution(config, problems, [message for _, message in sorted(errors, key=lambda e: e[0])])
