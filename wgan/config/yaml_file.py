"""YAML text -> a mapping and the line of every value in it. Safe: no tags, no code, bounded size, depth and aliases.

Scalars follow YAML 1.2's core schema, not PyYAML's 1.1: `no` and `on` are words, `010` is ten, `12:30` is text, and
`1e-4` is the number its writer meant. A key given twice is a problem; PyYAML would silently keep the last.
"""

import codecs
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeAlias

import yaml

from wgan.utils.errors import InputError

MAX_BYTES = 64 * 1024  # a configuration with a comment on every key has 8 KiB
MAX_DEPTH = 16
MAX_NODES = 10_000  # counted with aliases written out, so that nested aliases cannot explode

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"
Place: TypeAlias = tuple[str | int, ...]  # ("sweep", "gp_lambda", 0)

_INTEGER = re.compile(r"[-+]?[0-9][0-9_]{0,30}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9][0-9_]{0,30}(\.[0-9]*)?)([eE][-+]?[0-9]{1,5})?")
_WORDS: dict[str, Value] = {"": None, "~": None, "null": None, "true": True, "false": False}
_WORDS |= {".inf": float("inf"), "-.inf": float("-inf"), ".nan": float("nan")}


@dataclass
class Document:
    """What one YAML file says.

    Attributes:
        values: key -> value, in the file's order.
        lines: place -> line, from 1; `("classes",)` and `("classes", 0)`.
        texts: place -> the scalar as it was written, for keys whose value is text (`run: 007`).
        duplicates: (key, line) of each key that was given before in the same mapping.
    """

    values: dict[str, Value] = field(default_factory=dict)
    lines: dict[Place, int] = field(default_factory=dict)
    texts: dict[Place, str] = field(default_factory=dict)
    duplicates: list[tuple[Place, int]] = field(default_factory=list)


def read(content: bytes, name: str) -> Document:
    """Read a YAML file's bytes.

    Args:
        content: the file's bytes; UTF-8, or UTF-16 with a byte order mark.
        name: what messages call it.

    Raises:
        InputError: it is no YAML mapping, or exceeds a limit; the message names line and column and shows the place.
    """
    if len(content) > MAX_BYTES:
        raise InputError(f"{name}: has {len(content):,} bytes; a configuration has at most {MAX_BYTES:,}")
    text = _decoded(content, name)
    builder = _Builder(name, text.splitlines())
    try:
        return builder.document(yaml.parse(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        raise InputError(builder.marked(*_explained(error, text))) from error
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        message = f"the character U+{error.character:04X} is not allowed in YAML"
        column = len(before) - before.rfind("\n") - 1
        raise InputError(builder.marked(before.count("\n"), column, message)) from error


def scalar(text: str) -> Value:
    """The value of a plain (unquoted) scalar."""
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INTEGER.fullmatch(text):
        return int(text.replace("_", ""))
    if _FLOAT.fullmatch(text):
        return float(text.replace("_", ""))
    return text


class _Builder:
    """Builds a Document from the parser's events: one pass, own depth and node count."""

    def __init__(self, name: str, source: list[str]) -> None:
        self.name, self.source = name, source
        self.result = Document()
        self.anchors: dict[str, tuple[Value, int] | None] = {}  # anchor -> its value and nodes; None: still open
        self.nodes = 0

    def document(self, events: Iterator[yaml.Event]) -> Document:
        next(events)  # the stream's start
        if isinstance(next(events), yaml.StreamEndEvent):
            raise InputError(f"{self.name}: is empty; `--help` shows what it may hold")
        first = next(events)
        value = self.value(first, events, (), 0)
        if value is None:
            raise InputError(f"{self.name}: is empty; `--help` shows what it may hold")
        if not isinstance(value, dict):
            self.refuse(first, "must be a mapping of keys to values, `arch: WGAN-GP`, with a space after each colon")
        next(events)  # the document's end
        more = next(events)
        if not isinstance(more, yaml.StreamEndEvent):
            self.refuse(more, "a second document begins here; a configuration is one document")
        self.result.values = value
        return self.result

    def value(self, event: yaml.Event, events: Iterator[yaml.Event], place: Place, depth: int) -> Value:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            self.refuse(event, f"more than {MAX_NODES:,} values, counting each alias written out")
        if depth > MAX_DEPTH:
            self.refuse(event, f"nested more than {MAX_DEPTH} levels deep")
        self.result.lines.setdefault(place, _mark(event)[0] + 1)
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event, depth)
        assert isinstance(event, yaml.NodeEvent)
        tag = getattr(event, "tag", None)
        if tag not in (None, "!"):
            self.refuse(event, f"the tag {_shortened(tag)} is not allowed; write the plain value")
        before = self.nodes
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        result: Value
        if isinstance(event, yaml.ScalarEvent):
            result = scalar(event.value) if event.implicit[0] else event.value
            self.result.texts[place] = event.value
        elif isinstance(event, yaml.SequenceStartEvent):
            result = self.sequence(events, place, depth)
        else:
            result = self.mapping(events, place, depth)
        if event.anchor is not None:
            self.anchors[event.anchor] = (result, self.nodes - before + 1)
        return result

    def sequence(self, events: Iterator[yaml.Event], place: Place, depth: int) -> list[Value]:
        items: list[Value] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(self.value(event, events, (*place, len(items)), depth + 1))
        return items

    def mapping(self, events: Iterator[yaml.Event], place: Place, depth: int) -> dict[str, Value]:
        items: dict[str, Value] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                self.refuse(event, "a key must be a single word")
            key, line = event.value, _mark(event)[0] + 1
            inner = (*place, key)
            if key in items:
                self.result.duplicates.append((inner, line))
                inner = (*place, key, "again")  # its marks must not replace the first one's
                self.value(next(events), events, inner, depth + 1)
                continue
            self.result.lines[inner] = line
            items[key] = self.value(next(events), events, inner, depth + 1)
        return items

    def alias(self, event: yaml.AliasEvent, depth: int) -> Value:
        if event.anchor not in self.anchors:
            self.refuse(event, f"*{event.anchor} stands for nothing: no &{event.anchor} before it")
        found = self.anchors[event.anchor]
        if found is None:
            self.refuse(event, f"*{event.anchor} contains itself")
        value, nodes = found
        self.nodes += nodes - 1
        if self.nodes > MAX_NODES:
            self.refuse(event, f"more than {MAX_NODES:,} values, counting each alias written out")
        if depth + _height(value) > MAX_DEPTH:
            self.refuse(event, f"nested more than {MAX_DEPTH} levels deep, counting each alias written out")
        return value

    def refuse(self, event: yaml.Event, message: str) -> NoReturn:
        raise InputError(self.marked(*_mark(event), message))

    def marked(self, line: int, column: int, message: str) -> str:
        """`name:line:column: message`, then the line with the place marked below it."""
        shown = self.source[line] if line < len(self.source) else ""
        start = max(0, column - 60)
        excerpt = "".join(c if c.isprintable() else " " for c in shown[start : start + 100])
        return f"{self.name}:{line + 1}:{column + 1}: {message}\n    {excerpt}\n    {' ' * (column - start)}^"


def _mark(event: yaml.Event) -> tuple[int, int]:
    """Where an event begins: line and column, from 0."""
    mark = event.start_mark
    return (mark.line, mark.column) if mark else (0, 0)


def _height(value: Value) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return max((1 + _height(item) for item in inner), default=0)


def _shortened(text: str, limit: int = 60) -> str:
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _decoded(content: bytes, name: str) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return content.decode("utf-16")
        except UnicodeDecodeError as error:
            raise InputError(f"{name}: begins as UTF-16, but is not; save the file as UTF-8") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        byte = content[error.start]
        raise InputError(f"{name}:{line}:{column}: byte 0x{byte:02x} is not UTF-8; save the file as UTF-8") from error


_INSIDE = {
    "while parsing a flow sequence": "in the list [ that begins",
    "while parsing a flow mapping": "in the mapping { that begins",
    "while scanning a quoted scalar": "in the quoted text that begins",
}
"""What PyYAML calls its contexts -> what a user wrote."""


def _explained(error: yaml.MarkedYAMLError, text: str) -> tuple[int, int, str]:
    """PyYAML's problem in a user's words: line and column, from 0, and the message."""
    problem, context = error.problem or "cannot be read", error.context or ""
    mark, begin = error.problem_mark or error.context_mark, error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    found = text[mark.index : mark.index + 1] if mark else ""
    if found == "\t":
        return line, column, "a tab; YAML indents and separates with spaces"
    if "mapping values are not allowed" in problem:
        wrong = "a second `:` in this value, or a line indented too far; quote text that holds `: `"
        return line, column, f"broken YAML: {wrong}"
    if "cannot start any token" in problem:
        return line, column, f"broken YAML: a value cannot begin with {found}; quote it"
    if "could not find expected ':'" in problem and begin:
        return begin.line, begin.column, "broken YAML: no `: ` between key and value"
    inside = f"{_INSIDE[context]} in line {begin.line + 1}" if begin and context in _INSIDE else context
    return line, column, f"broken YAML{f' {inside}' if inside else ''}: {problem}"


class _Writer(yaml.SafeDumper):
    """PyYAML's, but a text that would be read as something else is quoted.

    YAML 1.1 has no number 0E0, which `scalar` reads; and within single quotes Unicode's rarer line breaks, which
    PyYAML leaves there, are folded to a space.
    """


RARE_BREAKS = frozenset("\x85\u2028\u2029")


def _quoted_if_need_be(writer: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if isinstance(scalar(text), str) else "'"
    style = '"' if RARE_BREAKS & set(text) else style
    return writer.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Writer.add_representer(str, _quoted_if_need_be)


def write(values: Mapping[str, Any]) -> str:
    """A mapping as YAML that `read` gives back as it was, in the order given."""
    text: str = yaml.dump(dict(values), Dumper=_Writer, sort_keys=False, allow_unicode=True, width=1_000_000)
    return text
