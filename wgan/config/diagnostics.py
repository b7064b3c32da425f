"""What is wrong with one key, in a user's words; and the words for what a key takes."""

import dataclasses
import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from wgan.config.yaml_file import Place

Schema = Mapping[str, Any]
UNREACHED = 100_000
"""Upper ends from here on only keep arithmetic safe: only those who exceed them are told."""


@dataclasses.dataclass(frozen=True)
class Problem:
    """One finding.

    Attributes:
        place: the key, and what is inside it: `("classes", 2)`, `("sweep", "gp_lambda", 0)`.
        message: what is wrong and what to do.
        warning: the configuration is usable nevertheless.
        involves: keys whose values the finding rests on; while one of them is wrong itself, it means nothing.
    """

    place: Place
    message: str
    warning: bool = False
    involves: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """How a message names it: `sweep.gp_lambda`."""
        return ".".join(part for part in self.place if isinstance(part, str))


def described(schema: Schema) -> str:
    """What a key takes, from its JSON schema: "a whole number, from 1 to 4,096"."""
    if "enum" in schema and len(schema["enum"]) == 2:
        return " or ".join(map(str, schema["enum"]))
    if "enum" in schema:
        return f"one of {', '.join(map(str, schema['enum']))}"
    if "anyOf" in schema:
        return "a name or a number"
    if schema.get("format") == "path":
        return "a path"
    kinds = {"integer": "a whole number", "number": "a number", "boolean": "true or false", "string": "text"}
    match schema["type"]:
        case "array":
            inner = described(schema["items"])
            plural = {"a name or a number": "of names or numbers", "a path": "of paths"}
            return f"a list {plural.get(inner, inner.replace('one of', 'out of'))}"
        case "object":
            return "a mapping of keys to lists"
        case kind:
            return ", ".join(filter(None, (kinds[kind], bounds(schema, brief=True))))


def bounds(schema: Schema, brief: bool = False) -> str:
    """A range in words: "at least 0 and below 1", "from 1 to 4,096", "above 0"; empty where there is none.

    Args:
        schema: a key's JSON schema.
        brief: without upper ends that nobody reaches.
    """
    words = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    limits = {name: schema[name] for name in words if name in schema and not (brief and schema[name] >= UNREACHED)}
    if limits.keys() == {"minimum", "maximum"}:
        return f"from {_number(limits['minimum'])} to {_number(limits['maximum'])}"
    return " and ".join(f"{words[name]} {_number(limit)}" for name, limit in limits.items())


def from_pydantic(
    error: ValidationError, schemas: Mapping[str, Schema], texts: Mapping[Place, str]
) -> Iterator[Problem]:
    """One problem for each wrong value."""
    seen: set[Place] = set()
    for detail in error.errors(include_url=False, include_context=False):
        key, *inner = detail["loc"]
        place: Place = (str(key), *[part for part in inner if isinstance(part, int)])
        if place in seen:  # a union reports each of its branches
            continue
        seen.add(place)
        schema = schemas[str(key)]
        if len(place) > 1 and "items" in schema:
            schema = schema["items"]
        if detail["type"].startswith("greater_than"):
            wanted = bounds(schema, brief=True)
        elif detail["type"].startswith("less_than"):
            wanted = bounds(schema)
        elif detail["type"] in ("too_short", "too_long"):
            wanted = f"{described(schema)}, {schema['minItems']} or {schema.get('maxItems', 'more')}"
        else:
            wanted = described(schema)
        got = shown(detail["input"], texts.get(place))
        if detail["type"] == "too_long":
            got = str(len(detail["input"]))
        yield Problem(place, f"must be {wanted}, got {got}{suggestion(detail['input'], schema.get('enum', ()))}")


def shown(value: Any, text: str | None = None) -> str:
    """A value as a message quotes it, never longer than a line allows."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return "a list" if value else "an empty list"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, int | float):
        return _shortened(text or str(value))
    return repr(_shortened(str(value)))


def _shortened(words: str) -> str:
    return words if len(words) <= 60 else f"{words[:57]}..."


def suggestion(value: Any, known: Iterable[Any]) -> str:
    """`; did you mean adam?` where a known word is near; else nothing."""
    near = nearest(value, [name for name in known if isinstance(name, str)]) if isinstance(value, str) else None
    return f"; did you mean {near}?" if near else ""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that a misspelt one most likely means."""
    by_spelling = {squashed(name): name for name in known}
    found = difflib.get_close_matches(squashed(word), by_spelling, n=1, cutoff=0.7)
    return by_spelling[found[0]] if found else None


def squashed(word: str) -> str:
    """A word without case, hyphens, underscores and spaces: `wgan_gp` and `WGAN-GP` are one."""
    return word.lower().translate({ord(c): None for c in "-_ "})


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
