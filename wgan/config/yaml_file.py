"""YAML text -> a mapping and the line of every value in it. Safe: no tags, no code, bounded size, depth and aliases.

Scalars follow YAML 1.2's core schema, not PyYAML's 1.1: `no` and `on` are words, `010` is ten, `12:30` is text, and
`1e-4` is the number its writer meant. A key given twice is a problem; PyYAML would silently keep the last.
"""

import codecs
import re
import unicodedata
from collections.abc import Mapping
from typing import Any, NoReturn, TypeAlias

import yaml

from wgan.config.diagnostics import Place, Source
from wgan.utils.errors import InputError

WRITTEN_BY = "# Written by wgan"
"""How the YAMLs begin that this program leaves in the directories of its runs and jobs."""
BACKSLASH = "in double quotes a backslash begins an escape: use single quotes, or none"
FOREIGN_IN_A_WORD = re.compile(r"(?<=[A-Za-z_])[\u0370-\u052F]|[\u0370-\u052F](?=[A-Za-z_])")
"""A Greek or Cyrillic letter beside a Latin one."""
RARE_BREAKS = frozenset("\x85\u2028\u2029")  # line breaks that are not ASCII
MAX_BYTES = 64 * 1024  # a configuration with a comment on every key has 8 KiB
MAX_DEPTH = 16
MAX_NODES = 10_000  # counted with aliases written out, so that nested aliases cannot explode

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"

_INTEGER = re.compile(r"[-+]?[0-9][0-9_]{0,30}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9][0-9_]{0,30}(\.[0-9]*)?)([eE][-+]?[0-9]{1,5})?")
_WORDS: dict[str, Value] = {"": None, "~": None, "null": None, "true": True, "false": False}
_WORDS |= {".inf": float("inf"), "-.inf": float("-inf"), ".nan": float("nan")}


def read(content: bytes, name: str) -> Source:
    """Read a YAML file's bytes: UTF-8, or UTF-16 with a byte order mark. Messages call it `name`.

    Raises:
        InputError: it is no YAML mapping, or exceeds a limit; the message names line and column and shows the place.
    """
    if len(content) > MAX_BYTES:
        raise InputError(f"{name}: has {len(content):,} bytes; a configuration has at most {MAX_BYTES:,}")
    text = _decoded(content, name)
    lines = text.split("\n")
    source = Source(name=name, lookalikes=_lookalikes(lines))
    try:
        root = _Loader(text, lines).get_single_node()
        if root is None or (isinstance(root, yaml.ScalarNode) and scalar(root.value) is None):
            raise InputError(f"{name}: is empty; `--help` shows what it may hold")
        if not isinstance(root, yaml.MappingNode):
            _refuse(root, "must be a mapping of keys to values, `arch: WGAN-GP`, with a space after each colon")
        source.values = _Reader(source).value(root, (), 0)
        return source
    except _Refused as refused:
        raise InputError(_marked(name, lines, *refused.args)) from None
    except yaml.MarkedYAMLError as error:
        line, column, message = _explained(error, text)
        near = [f"; {hint} of line {number}" for number, hint in source.lookalikes.items() if number <= line + 1]
        raise InputError(_marked(name, lines, line, column, message + "".join(near[-1:]))) from error
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        message = f"the character U+{error.character:04X} is not allowed in YAML"
        column = len(before) - before.rfind("\n") - 1
        raise InputError(_marked(name, lines, before.count("\n"), column, message)) from error


def scalar(text: str) -> Value:
    """The value of a plain (unquoted) scalar."""
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INTEGER.fullmatch(text):
        return int(text.replace("_", ""))
    if _FLOAT.fullmatch(text):
        return float(text.replace("_", ""))
    return text


class _Refused(Exception):
    """(line, column, message): what is YAML, and is not allowed here; line and column from 0."""


def _refuse(where: Any, message: str) -> NoReturn:
    raise _Refused(where.start_mark.line, where.start_mark.column, message)


class _Alias(yaml.Node):
    """Where an alias stands, and what it stands for; PyYAML's own composer keeps the latter alone."""

    def __init__(self, event: yaml.AliasEvent, node: yaml.Node | None) -> None:
        self.start_mark, self.anchor, self.value = event.start_mark, event.anchor, node


class _Loader(yaml.BaseLoader):
    """PyYAML's composer: all scalars stay text. No tags; a depth that its recursion and ours can take."""

    depth = 0

    def __init__(self, text: str, lines: list[str]) -> None:
        super().__init__(text)
        self.lines = lines

    def scan_to_next_token(self) -> None:
        """A tab that separates is legal YAML, which PyYAML does not know; one that indents is not."""
        super().scan_to_next_token()
        while self.peek() == "\t" and self.lines[self.line][: self.column].strip():
            self.forward()
            super().scan_to_next_token()

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if self.depth > MAX_DEPTH:
            _refuse(event, f"nested more than {MAX_DEPTH} levels deep")
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.anchors:
                _refuse(event, f"*{event.anchor} stands for nothing: no &{event.anchor} before it")
            return _Alias(event, super().compose_node(parent, index))
        tag = event.tag
        if tag not in (None, "!"):
            short = tag if len(tag) <= 60 else f"{tag[:57]}..."
            _refuse(event, f"the tag {short} is not allowed; write the plain value")
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        if isinstance(node, yaml.ScalarNode) and tag == "!":
            node.style = "'"  # text, whatever it looks like
        return node


class _Reader:
    """Nodes -> values, each with its line and, of scalars, its spelling. Aliases count as if they were written out."""

    def __init__(self, result: Source) -> None:
        self.result = result
        self.nodes = 0
        self.open: list[yaml.Node] = []

    def value(self, node: Any, place: Place, depth: int, alias: _Alias | None = None) -> Any:
        """The value of a node at a place; `alias` is the outermost one through which it is seen, if any."""
        if alias is None or isinstance(node, _Alias):
            self.result.lines.setdefault(place, node.start_mark.line + 1)
        if isinstance(node, _Alias):
            if node.value in self.open:
                _refuse(node, f"*{node.anchor} contains itself")
            return self.value(node.value, place, depth, alias or node)
        self.nodes += 1
        if self.nodes > MAX_NODES:
            _refuse(alias or node, f"more than {MAX_NODES:,} values, counting each alias written out")
        if depth > MAX_DEPTH:
            _refuse(alias or node, f"nested more than {MAX_DEPTH} levels deep, counting each alias written out")
        if isinstance(node, yaml.ScalarNode):
            self.result.texts[place] = node.value
            return scalar(node.value) if node.style is None else node.value
        self.open.append(node)
        if isinstance(node, yaml.SequenceNode):
            items = [self.value(item, (*place, i), depth + 1, alias) for i, item in enumerate(node.value)]
        else:
            items = self.items(node, place, depth + 1, alias)
        self.open.pop()
        return items

    def items(self, node: yaml.MappingNode, place: Place, depth: int, alias: _Alias | None) -> Any:
        """A mapping's values, of those with the same key the first."""
        items: dict[str, Value] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                _refuse(key, "a key must be a single word")
            inner, line = (*place, key.value), key.start_mark.line + 1
            if key.value in items:
                self.result.duplicates.append((inner, line))
                self.value(value, (*inner, "again"), depth, alias)  # its marks must not replace the first one's
                continue
            self.result.lines[inner] = line
            items[key.value] = self.value(value, inner, depth, alias)
        return items


def _marked(name: str, lines: list[str], line: int, column: int, message: str) -> str:
    """`name:line:column: message`, then the line with the place marked below it; line and column from 0."""
    shown = lines[line] if line < len(lines) else ""
    start = max(0, column - 60)
    excerpt = "".join(c if c.isprintable() else " " for c in shown[start : start + 100])
    return f"{name}:{line + 1}:{column + 1}: {message}\n    {excerpt}\n    {' ' * (column - start)}^"


def _lookalikes(lines: list[str]) -> dict[int, str]:
    """Line, from 1 -> the first character in it, outside comments, that hides or passes for another."""
    found: dict[int, str] = {}
    for number, line in enumerate(lines, 1):
        text = re.split(r"(?:^|\s)#", line)[0]
        foreign = {match.end() for match in FOREIGN_IN_A_WORD.finditer(text)}
        for column, character in enumerate(text, 1):
            category = unicodedata.category(character)
            disguised = unicodedata.normalize("NFKC", character).isascii() or category in ("Cf", "Zs", "Pd", "Pi", "Pf")
            if not character.isascii() and (disguised or character == "\u2212" or column in foreign):
                name = unicodedata.name(character, "no name").lower()
                found.setdefault(number, f"U+{ord(character):04X} ({name}) stands in column {column}")
    return found


def _decoded(content: bytes, name: str) -> str:
    encoding = "utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding == "utf-16":
            raise InputError(f"{name}: begins as UTF-16, but is not; save the file as UTF-8") from error
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
_REMEDIES = {
    "escape": BACKSLASH,
    "found another document": "a second document begins here; a configuration is one document",
    "mapping values are not allowed": "broken YAML: a second `:` in this value, or a line indented too far; quote text "
    "that holds `: `",
    "cannot start any token": "broken YAML: a value cannot begin with {}; quote it",
}
"""What PyYAML's problems hold -> what to do; {} is the character there."""


def _explained(error: yaml.MarkedYAMLError, text: str) -> tuple[int, int, str]:
    """PyYAML's problem in a user's words: line and column, from 0, and the message."""
    problem, context = error.problem or "cannot be read", error.context or ""
    mark, begin = error.problem_mark or error.context_mark, error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    found = text[mark.index : mark.index + 1] if mark else ""
    if found == "\t":
        return line, column, "a tab; YAML indents and separates with spaces"
    if "could not find expected ':'" in problem and begin:
        return begin.line, begin.column, "broken YAML: no `: ` between key and value"
    if sign := next((sign for sign in _REMEDIES if sign in problem), None):
        return line, column, _REMEDIES[sign].format(found)
    inside = f"{_INSIDE[context]} in line {begin.line + 1}" if begin and context in _INSIDE else context
    return line, column, f"broken YAML{f' {inside}' if inside else ''}: {problem}"


class _Writer(yaml.SafeDumper):
    """PyYAML's, but a text that would be read as something else is quoted.

    YAML 1.1 has no number 0E0, which `scalar` reads; and within single quotes Unicode's rarer line breaks, which
    PyYAML leaves there, are folded to a space.
    """


def _quoted_if_need_be(writer: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if isinstance(scalar(text), str) else "'"
    style = '"' if RARE_BREAKS & set(text) else style
    return writer.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Writer.add_representer(str, _quoted_if_need_be)


def write(values: Mapping[str, Any]) -> str:
    """A mapping as YAML that `read` gives back as it was, in the order given."""
    text: str = yaml.dump(dict(values), Dumper=_Writer, sort_keys=False, allow_unicode=True, width=1_000_000)
    return text
