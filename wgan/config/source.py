"""What a user gave: the YAML's keys and the command line's, each with the place that messages name."""

from dataclasses import dataclass, field
from typing import Any

from wgan.config import yaml_file
from wgan.config.diagnostics import Problem
from wgan.config.yaml_file import Place
from wgan.utils.errors import InputError
from wgan.utils.text import printable


@dataclass
class Request:
    """What a user gave, and where.

    Attributes:
        values: key -> value.
        name: the file's name in messages; empty for a mapping built in code.
        lines, texts, duplicates: as in `yaml_file.Document`.
        overridden: the keys that `--set` gave.
    """

    values: dict[str, Any]
    name: str = ""
    lines: dict[Place, int] = field(default_factory=dict)
    texts: dict[Place, str] = field(default_factory=dict)
    duplicates: list[tuple[Place, int]] = field(default_factory=list)
    overridden: set[str] = field(default_factory=set)

    def override(self, assignment: str) -> None:
        """Take `key=value` from the command line; lists and mappings are written as in YAML, `classes=[3, 5]`.

        Raises:
            InputError: it is no assignment, or its list is broken.
        """
        key, equals, text = (part.strip() for part in assignment.partition("="))
        if not key or not equals:
            raise InputError(f"--set {printable(assignment)}: must be key=value, such as --set gp_lambda=1")
        nested = text.startswith(("[", "{"))
        value = yaml_file.read(f"value: {text}".encode(), f"--set {key}").values["value"] if nested else None
        self.values[key] = value if nested else yaml_file.scalar(text)
        self.texts[(key,)] = text
        self.overridden.add(key)

    def stands_for(self, written: str, meant: str) -> None:
        """Let messages about the key `meant` name the place where the user wrote `written`."""
        if (written,) in self.lines:
            self.lines[(meant,)] = self.lines[(written,)]
        if (written,) in self.texts:
            self.texts[(meant,)] = self.texts[(written,)]
        if written in self.overridden:
            self.overridden.add(meant)

    def line(self, place: Place) -> int:
        """The line of a place or of what holds it; the arch's for a key that is not in the file."""
        inside = (place[:length] for length in range(len(place), 0, -1))
        return next((self.lines[p] for p in inside if p in self.lines), self.lines.get(("arch",), 1))

    def located(self, problem: Problem) -> str:
        """One line for the user: place and message."""
        said = f"{'warning: ' if problem.warning else ''}{printable(f'{problem.key}: {problem.message}')}"
        if problem.place[0] in self.overridden:
            return f"--set: {said}"
        return f"{self.name}:{self.line(problem.place)}: {said}" if self.name else said
