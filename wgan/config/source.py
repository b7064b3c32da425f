"""Where the values of a configuration come from: a line of the YAML, `--set`, a paper, another key."""

from dataclasses import dataclass, field
from typing import Any

from wgan.config.diagnostics import Place, Problem
from wgan.utils.text import printable


@dataclass
class Source:
    """What a user gave, and where. Empty for a configuration that is built in code.

    Attributes:
        values: key -> value, before any default.
        name: the file's name in messages.
        lines: place -> line, from 1: of `("classes",)` and of `("classes", 0)`.
        texts: place -> the scalar as it was written (`run: 007`).
        duplicates: (place, line) of each key that stands in its mapping for the second time.
        overridden: the keys that `--set` gave.
        defaults: key -> where its default comes from, if not from the schema: "arXiv:1704.00028", "learning_rate".
        lookalikes: line -> which of its characters hides or passes for another: a no-break space, a full-width colon.
        warnings: one line each, with the place.
    """

    values: dict[str, Any] = field(default_factory=dict)
    name: str = ""
    lines: dict[Place, int] = field(default_factory=dict)
    texts: dict[Place, str] = field(default_factory=dict)
    duplicates: list[tuple[Place, int]] = field(default_factory=list)
    overridden: set[str] = field(default_factory=set)
    defaults: dict[str, str] = field(default_factory=dict)
    lookalikes: dict[int, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def where(self, key: str) -> str:
        """Where a key stands, to begin a message with: `input.yaml:14: batch_size`."""
        if key in self.overridden:
            return f"--set: {key}"
        if (key,) in self.lines:
            return f"{self.name}:{self.lines[(key,)]}: {key}"
        return f"{self.name}: {key}" if self.name else key

    def origin(self, key: str) -> str:
        """Where a key's value comes from: "input.yaml:14", "--set", a paper, another key, or "default"."""
        if key in self.overridden:
            return "--set"
        return f"{self.name}:{self.lines[(key,)]}" if (key,) in self.lines else self.defaults.get(key, "default")

    def rename(self, written: str, meant: str) -> None:
        """Let messages about the key `meant` name the place where the user wrote `written`."""
        if (written,) in self.lines:
            self.lines[(meant,)] = self.lines.pop((written,))
        if (written,) in self.texts:
            self.texts[(meant,)] = self.texts.pop((written,))
        if written in self.overridden:
            self.overridden = self.overridden - {written} | {meant}

    def line(self, place: Place) -> int:
        """The line of a place or of what holds it; the arch's for a key that is not in the file."""
        inside = (place[:length] for length in range(len(place), 0, -1))
        return next((self.lines[p] for p in inside if p in self.lines), self.lines.get(("arch",), 1))

    def located(self, problem: Problem) -> str:
        """One line for the user: place and message."""
        text = f"{'warning: ' if problem.warning else ''}{printable(f'{problem.key}: {problem.message}')}"
        if problem.place[0] in self.overridden:
            return f"--set: {text}"
        line = self.line(problem.place)
        hint = self.lookalikes.get(line, "") if problem.place in self.lines and not problem.warning else ""
        return f"{self.name}:{line}: {text}{f'; {hint}' if hint else ''}" if self.name else text
