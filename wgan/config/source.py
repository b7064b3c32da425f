"""Where the values of a configuration come from: a line of the YAML, `--set`, a paper, another key."""

from dataclasses import dataclass, field
from typing import Any

from wgan.config.diagnostics import Place, Problem
from wgan.utils.text import printable


@dataclass
class Source:
    """What a user gave, and where. Empty for a configuration that is built in code."""

    values: dict[str, Any] = field(default_factory=dict)  # before any default
    name: str = ""  # of the file, in messages
    lines: dict[Place, int] = field(default_factory=dict)  # from 1: of `("classes",)` and of `("classes", 0)`
    texts: dict[Place, str] = field(default_factory=dict)  # the scalars as they were written (`run: 007`)
    duplicates: list[tuple[Place, int]] = field(default_factory=list)  # keys that their mapping has already, with lines
    overridden: set[str] = field(default_factory=set)  # the keys that `--set` gave
    defaults: dict[str, str] = field(default_factory=dict)  # where those come from that the schema does not give
    lookalikes: dict[int, str] = field(default_factory=dict)  # line -> its first character that passes for another
    warnings: tuple[str, ...] = ()  # one line each, with the place

    def origin(self, key: str, default: str | None = None) -> str:
        """Where a key's value comes from: "--set", "input.yaml:14", or `default`: a paper, another key, "default"."""
        if key in self.overridden:
            return "--set"
        if (key,) in self.lines:
            return f"{self.name}:{self.lines[(key,)]}"
        return self.defaults.get(key, "default") if default is None else default

    def rename(self, written: str, meant: str) -> None:
        """Let messages about the key `meant` name the place where the user wrote `written`."""
        marks: tuple[dict[Place, Any], ...] = (self.lines, self.texts)
        for places in marks:
            if (written,) in places:
                places[(meant,)] = places.pop((written,))
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
