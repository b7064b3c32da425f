"""Other projects' names for keys and algorithms (aliases.toml), and what their values mean here."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from wgan.config.diagnostics import Problem, closest, squashed, suggestion

ARCHS = {"wgan": "WGAN-GP"}
"""Accepted as they stand. What configs/seeds/000_wgan_gp.yaml comes from calls its WGAN-GP "WGAN"."""
TABLES = Path(__file__).with_name("aliases.toml")


@cache
def _hints() -> tuple[dict[str, str], dict[str, str]]:
    """Other projects' archs, and their keys, all squashed -> what to do. Read when the first unknown word is met."""
    tables: dict[str, dict[str, str]] = tomllib.loads(TABLES.read_text(encoding="utf-8"))
    renamed = {other: f"did you mean {ours}?" for ours, others in tables["renamed"].items() for other in others.split()}
    elsewise = {other: hint for others, hint in tables["elsewise"].items() for other in others.split()}
    return tables["archs"], renamed | elsewise


def unknown_key(key: str, value: Any, known: Iterable[str]) -> str:
    """What to say of a key that no job has: another project's, a section, or one of `known` misspelt."""
    if isinstance(value, dict):
        return "unknown key; sections are not read: write its keys at the top level"
    near = closest(key, known)
    hint = _hints()[1].get(squashed(key)) or (near and f"did you mean {near}?")
    return f"unknown key; {hint}" if hint else "unknown key"


def unknown_arch(value: Any, archs: Iterable[str]) -> str:
    """What to say of an arch that there is not, behind it: another project's, or one of `archs` misspelt."""
    hint = _hints()[0].get(squashed(str(value)))
    return f"; {hint}" if hint else suggestion(value, archs)


def arch_named(value: Any, archs: Mapping[str, object]) -> str | None:
    """The arch that a user means: case, hyphens and underscores do not matter."""
    return ({squashed(name): name for name in archs} | ARCHS).get(squashed(str(value)))


def misread(key: str, value: Any) -> Iterator[Problem]:
    """A value that means something else elsewhere."""
    if key == "learning_rate" and isinstance(value, int | float) and not isinstance(value, bool) and value >= 1:
        message = (
            f"must be above 0 and below 1, got {value:g}; where it was a factor for the critic's rate, "
            "set learning_rate (such as 1e-4) and critic_learning_rate, each as a rate of its own"
        )
        yield Problem(("learning_rate",), message)
    if key == "dataset" and isinstance(value, str) and "/" in value:
        yield Problem(("dataset",), f"must be the name of a set, got {value!r}; a folder of images is given as path")
