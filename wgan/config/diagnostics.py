"""What is wrong with one key, in a user's words, and where the user wrote it; and the words for what a key takes."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pydantic import ValidationError

from wgan.utils.text import printable

Schema: TypeAlias = Mapping[str, Any]  # a key's JSON schema, of `wgan.config.schema.json_schemas`
Place: TypeAlias = tuple[str | int, ...]  # where a value stands: `("classes", 2)`, `("sweep", "gp_lambda", 0)`
UNREACHED = 100_000  # upper ends from here on only keep arithmetic safe: only those who exceed them hear of them


@dataclass(frozen=True)
class Problem:
    """One finding."""

    place: Place  # the key, and what is inside it
    message: str  # what is wrong and what to do
    warning: bool = False  # the configuration is usable nevertheless
    involves: tuple[str, ...] = ()  # keys whose values it rests on; while one of them is wrong itself, it means nothing

    @property
    def key(self) -> str:
        """How a message names it: `sweep.gp_lambda`."""
        return ".".join(part for part in self.place if isinstance(part, str))


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


def described(schema: Schema) -> str:
    """What a key takes, from its JSON schema: "a whole number, from 1 to 4,096"."""
    if "takes" in schema:
        return str(schema["takes"])
    if words := [str(word) for word in schema.get("enum", ())]:
        return " or ".join(words) if len(words) == 2 else f"one of {', '.join(words)}"
    if "anyOf" in schema:
        return "a number or a range" if any("pattern" in kind for kind in schema["anyOf"]) else "a name or a number"
    if schema.get("format") == "path":
        return "a path"
    if schema["type"] == "object":
        return "a mapping of keys to lists"
    if schema["type"] == "array":
        inner = described(schema["items"])
        plural = {"a name or a number": "of names or numbers", "a path": "of paths"}
        plural["a number or a range"] = "of numbers and ranges, such as [3, 40-60]"
        return f"a list {plural.get(inner, inner.replace('one of', 'out of'))}"
    kinds = {"integer": "a whole number", "number": "a number", "boolean": "true or false", "string": "text"}
    return ", ".join(filter(None, (kinds[schema["type"]], bounds(schema, brief=True))))


def bounds(schema: Schema, brief: bool = False) -> str:
    """A range in words: "at least 0 and below 1", "from 1 to 4,096", "above 0"; empty where there is none.

    `brief` leaves out upper ends that nobody reaches.
    """
    words = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    limits = {name: schema[name] for name in words if name in schema and not (brief and schema[name] >= UNREACHED)}
    numbers = {name: f"{limit:,}" if isinstance(limit, int) else f"{limit:g}" for name, limit in limits.items()}
    if limits.keys() == {"minimum", "maximum"}:
        return f"from {numbers['minimum']} to {numbers['maximum']}"
    return " and ".join(f"{words[name]} {number}" for name, number in numbers.items())


def from_pydantic(
    error: ValidationError, key: str, value: Any, schema: Schema, texts: Mapping[Place, str]
) -> Iterator[Problem]:
    """One problem for each wrong part of a key's value as the YAML gave it; `texts`: place -> the scalar as written."""
    seen: set[Place] = set()
    for detail in error.errors(include_url=False):
        inside = detail["loc"] if isinstance(value, list | tuple) else ()  # else it may be written without brackets
        place: Place = (key, *[part for part in inside if isinstance(part, int)])
        if place in seen:  # a union reports each of its branches
            continue
        seen.add(place)
        wrong = value if len(place) == 1 else value[place[1]]
        part = schema["items"] if detail["loc"] and "items" in schema else schema
        kind = detail["type"]
        if wrong is None and len(place) == 1:
            yield Problem(place, "has no value; give one, or delete the line for the default")
        elif kind == "value_error":  # of a validator of ours, with words of its own
            yield Problem(place, str(detail["ctx"]["error"]))
        elif kind in ("too_short", "too_long"):
            wanted = f"{described(part)}, {part['minItems']} or {part.get('maxItems', 'more')}"
            yield Problem(place, f"must be {wanted}, got {len(wrong) if kind == 'too_long' else quoted(wrong)}")
        else:
            wanted = bounds(part, brief=kind.startswith("greater")) if kind.startswith(("greater", "less")) else ""
            near = suggestion(wrong, part.get("enum", ()))
            yield Problem(place, f"must be {wanted or described(part)}, got {quoted(wrong, texts.get(place))}{near}")


def quoted(value: Any, text: str | None = None) -> str:
    """A value, written as `text`, as a message quotes it: never longer than a line allows."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return "a list" if value else "an empty list"
    if isinstance(value, dict):
        return "a mapping"
    words = text or str(value)
    words = words if len(words) <= 60 else f"{words[:57]}..."
    return words if isinstance(value, int | float) else repr(words)


def suggestion(value: Any, known: Iterable[Any]) -> str:
    """`; did you mean adam?` where a known word is near; else nothing."""
    near = closest(value, [name for name in known if isinstance(name, str)]) if isinstance(value, str) else None
    return f"; did you mean {near}?" if near else ""


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that a misspelt one most likely means."""
    by_spelling = {squashed(name): name for name in known}
    found = difflib.get_close_matches(squashed(word), by_spelling, n=1, cutoff=0.7)
    return by_spelling[found[0]] if found else None


def squashed(word: str) -> str:
    """A word without case, hyphens, underscores and spaces: `wgan_gp` and `WGAN-GP` are one."""
    return word.lower().translate({ord(c): None for c in "-_ "})
