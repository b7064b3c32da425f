"""What the keys mean, for people, read off the schema: `--help`, and the rows of docs/config.md (docs/reference.py)."""

import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from wgan.config.algorithms import ALGORITHMS, MODELS, unused_keys
from wgan.config.diagnostics import described
from wgan.config.schema import FOLLOWING, EvaluateConfig, GenerateConfig, JobConfig, Section, TrainConfig, json_schemas

USAGE = "python3 image_generation.py FILE.yaml [--set KEY=VALUE ...] [--check] [--quiet | --verbose]"
INTRODUCTION = Path(__file__).with_name("help.txt")
JOBS: dict[str, tuple[type[JobConfig], str]] = {
    "Every job": (JobConfig, ""),
    "Training": (TrainConfig, ", ".join(ALGORITHMS)),
    "Sampling": (GenerateConfig, "Generator"),
    "Measuring": (EvaluateConfig, "Evaluate"),
}
DERIVED = {
    "run": "arch and images (wgan-gp-photos), generated, evaluation",
    "path": "this or dataset must be given",
    "dataset": "none",
    "cache": "$XDG_CACHE_HOME/wgan or ~/.cache/wgan",
    **FOLLOWING,
    "network": "conv; dense for points",
    "num_epochs": "25",
}
"""Defaults that follow from something else."""


@dataclass(frozen=True)
class KeyRow:
    """One key for people."""

    section: str  # the heading above it; empty where it goes on
    key: str
    takes: str
    default: str  # for each arch where they differ; empty where it must be given
    meaning: str  # one phrase


def rows(model: type[JobConfig]) -> Iterator[KeyRow]:
    """The keys of a job, in the model's order; those of every job stand in `JobConfig` alone."""
    schemas = json_schemas(model)
    for key, field in model.model_fields.items():
        if model is JobConfig or key not in JobConfig.model_fields:
            section = next((mark for mark in field.metadata if isinstance(mark, Section)), "")
            takes = f"one of {', '.join(MODELS)}" if key == "arch" else described(schemas[key])
            yield KeyRow(section, key, takes, _default(model, key), " ".join(str(field.description).split()))


def help_text() -> str:
    """All of `--help`."""
    parts = [INTRODUCTION.read_text(encoding="utf-8").format(usage=USAGE)]
    for title, (model, archs) in JOBS.items():
        parts.append(f"\n{title}{f' (arch: {archs})' if archs else ''}")
        for row in rows(model):
            if row.section:
                parts.append(f"\n {row.section}")
            default = f"default {row.default}" if row.default else "must be given"
            about = [*textwrap.wrap(row.meaning, 94), *textwrap.wrap(f"{row.takes} [{default}]", 94)]
            parts += [f"  {name:22}{line}" for name, line in zip([row.key] + [""] * len(about), about, strict=False)]
    return "\n".join(parts) + "\n"


def _default(model: type[JobConfig], key: str) -> str:
    field = model.model_fields[key]
    if key in DERIVED:
        return DERIVED[key]
    if not field.is_required():
        return written(field.default)
    if model is not TrainConfig:
        return ""
    using = [arch for arch in ALGORITHMS if key not in unused_keys(arch)]
    values = {arch: written(ALGORITHMS[arch].defaults[key]) for arch in using}
    usual, count = Counter(values.values()).most_common(1)[0]
    if len(using) == 1:
        return f"{usual}; only {using[0]} uses it"
    named = [f"{arch} {value}" for arch, value in values.items() if count == 1 or value != usual]
    return "; ".join([usual, *named] if count > 1 else named)


def written(value: object) -> str:
    """A value as the YAML has it."""
    if value is None:
        return "none"
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(written, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {written(item)}' for key, item in value.items())}}}"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.10g}" if isinstance(value, float) else str(value)
