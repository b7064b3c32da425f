"""YAML -> Config: each algorithm's defaults from its paper, reading, checking, writing. Never imports torch.

To add an algorithm: its file in wgan/trainers/, its entry in `ALGORITHMS`.
"""

import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from wgan.config import accelerators, contents, packages, paths, yaml_file
from wgan.config.constraints import Algorithm
from wgan.config.diagnostics import squashed
from wgan.config.resolving import Resolution, resolved
from wgan.config.schema import EvaluateKeys, GenerateKeys, ResumeSafe, TrainKeys
from wgan.config.source import Request
from wgan.config.yaml_file import Place
from wgan.utils.errors import InputError
from wgan.utils.version import __version__

ALGORITHMS: dict[str, Algorithm] = {
    "DCGAN": Algorithm(
        trainer="wgan.trainers.dcgan:DCGAN",
        paper="1511.06434",
        defaults={
            "optimizer": "adam",
            "learning_rate": 2e-4,
            "beta_adam": 0.5,
            "beta2_adam": 0.999,
            "batch_size": 128,
            "critic_its": 1,
            "critic_norm": "batch",
            "latent_vector": 100,
            "label_smoothing": 0.0,
        },
        own_keys=frozenset({"label_smoothing"}),
    ),
    "WGAN-CLIP": Algorithm(
        trainer="wgan.trainers.wgan_clip:WGANClip",
        paper="1701.07875",
        defaults={
            "optimizer": "rmsprop",
            "learning_rate": 5e-5,
            "beta_adam": 0.5,
            "beta2_adam": 0.999,
            "batch_size": 64,
            "critic_its": 5,
            "critic_norm": "batch",
            "latent_vector": 100,
            "clip_value": 0.01,
        },
        own_keys=frozenset({"clip_value"}),
    ),
    "WGAN-GP": Algorithm(
        trainer="wgan.trainers.wgan_gp:WGANGP",
        paper="1704.00028",
        defaults={
            "optimizer": "adam",
            "learning_rate": 1e-4,
            "beta_adam": 0.0,
            "beta2_adam": 0.9,
            "batch_size": 64,
            "critic_its": 5,
            "critic_norm": "none",
            "latent_vector": 128,
            "gp_lambda": 10.0,
        },
        own_keys=frozenset({"gp_lambda"}),
        penalises_gradient=True,
    ),
    "WGAN-DIV": Algorithm(
        trainer="wgan.trainers.wgan_div:WGANDiv",
        paper="1712.01026",
        defaults={
            "optimizer": "adam",
            "learning_rate": 2e-4,
            "beta_adam": 0.5,
            "beta2_adam": 0.999,
            "batch_size": 64,
            "critic_its": 5,
            "critic_norm": "none",
            "latent_vector": 100,
            "div_k": 2.0,
            "div_p": 6.0,
        },
        own_keys=frozenset({"div_k", "div_p"}),
        penalises_gradient=True,
    ),
}


class TrainConfig(TrainKeys):
    """A training, every default resolved."""


class GenerateConfig(GenerateKeys):
    """Sampling from a trained generator."""


class EvaluateConfig(EvaluateKeys):
    """Metrics of finished images."""


Config: TypeAlias = TrainConfig | GenerateConfig | EvaluateConfig
AnyConfig = TypeVar("AnyConfig", TrainConfig, GenerateConfig, EvaluateConfig)

MODELS: dict[str, type[Config]] = {
    **dict.fromkeys(ALGORITHMS, TrainConfig),
    "Generator": GenerateConfig,
    "Evaluate": EvaluateConfig,
}


def load_config(path: Path, overrides: Sequence[str] = (), check_machine: bool = False) -> Config:
    """Read a YAML file.

    Args:
        path: the file.
        overrides: `key=value`, as `--set` gives them; the last one wins.
        check_machine: also look whether what the paths name is there and holds what is asked of it, whether `out`
            takes files, and whether the packages and accelerators that some keys need are there; nothing is written.
            Off where a finished run's config.yaml is read, whose images may be gone.

    Raises:
        InputError: all that is wrong, one line each: `input.yaml:14: gp_lambda: must be at least 0, got -10`.
    """
    document = yaml_file.read(_content(path), str(path))
    request = Request(dict(document.values), str(path), document.lines, document.texts, document.duplicates)
    for override in overrides:
        request.override(override)
    checks = [paths.checked, contents.check(), packages.checked] if check_machine else []
    if check_machine and squashed(str(request.values.get("executor"))) != "ray":  # whose workers are other machines
        checks.append(accelerators.checked)
    return _finished(resolved(request, MODELS, ALGORITHMS, checks))


def resolve(values: Mapping[str, Any]) -> Config:
    """A configuration from a mapping of keys, every default filled in.

    Raises:
        InputError: all that is wrong with it, one line each.
    """
    return _finished(resolved(Request(dict(values)), MODELS, ALGORITHMS))


def with_values(config: AnyConfig, changes: Mapping[str, Any]) -> AnyConfig:
    """The configuration that the same file with other values for some keys would give.

    Defaults follow: with another learning_rate, critic_learning_rate moves along where the file did not give it.

    Raises:
        InputError: the new values do not work.
    """
    source = config._source
    lines: dict[Place, int] = {(key,): line for key, line in source.lines.items()}
    request = Request({**source.given, **changes}, source.name, lines)
    changed = _finished(resolved(request, MODELS, ALGORITHMS))
    assert isinstance(changed, type(config)), "another arch is another job"
    return changed


def combinations(config: TrainConfig) -> Iterator[tuple[dict[str, Any], TrainConfig]]:
    """The runs of a sweep, in the order of its keys, the last key changing fastest.

    Yields:
        What was set, and the configuration with it, `sweep` removed; ({}, config) where there is no sweep.
    """
    sweep = config.sweep or {}
    for values in itertools.product(*sweep.values()):
        chosen = dict(zip(sweep, values, strict=True))
        yield chosen, with_values(config, {**chosen, "sweep": None}) if sweep else config


def unused_keys(arch: str) -> frozenset[str]:
    """The keys that trainings have but `arch` does not look at."""
    every = frozenset[str]().union(*(algorithm.own_keys for algorithm in ALGORITHMS.values()))
    return every - ALGORITHMS[arch].own_keys


def differing(config: TrainConfig, other: TrainConfig) -> dict[str, Any]:
    """The keys in which `other` differs so that other weights come out, with `other`'s values.

    Left out: keys under another value of which the same training goes on (marked `ResumeSafe`: its length, intervals,
    workers, devices), keys that neither algorithm looks at, and what follows from another key.
    """
    ignored = {
        name for name, field in TrainKeys.model_fields.items() if any(isinstance(m, ResumeSafe) for m in field.metadata)
    }
    ignored |= unused_keys(config.arch) & unused_keys(other.arch)
    if config.dataset and config.dataset == other.dataset:
        ignored.add("path")  # where a named set's files lie
    if config.optimizer == other.optimizer == "rmsprop":
        ignored |= {"beta_adam", "beta2_adam"}
    if all(one.critic_learning_rate == one.learning_rate for one in (config, other)):
        ignored.add("critic_learning_rate")
    return {
        name: getattr(other, name)
        for name in TrainKeys.model_fields
        if name not in ignored and getattr(config, name) != getattr(other, name)
    }


def to_yaml(config: Config) -> str:
    """Every key with its value, runnable again."""
    values = {name: _plain(value) for name, value in config}
    head = f"# Written by wgan {__version__}: every key with its value. Runs again as it is.\n"
    return head + yaml_file.write(values)


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return {key: _plain(item) for key, item in value.items()} if isinstance(value, dict) else value


def _content(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise InputError(f"{path}: is a directory; give the YAML file")
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: is no regular file")
        with path.open("rb") as file:
            return file.read(yaml_file.MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file{'' if path.is_absolute() else f' in {Path.cwd()}'}") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{os.fspath(path)!r}: cannot be read: {reason}") from error


def _finished(resolution: Resolution) -> Config:
    if resolution.errors or resolution.config is None:
        raise InputError("\n".join(resolution.errors))
    config = resolution.config
    assert isinstance(config, TrainConfig | GenerateConfig | EvaluateConfig)
    return config
