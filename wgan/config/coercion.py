"""How values may be written: types for the keys of the schema that take numbers and words as people write them.

`1e3` or `"64"` where a whole number is wanted, `Adam` for `adam`, `007` where text is wanted, `flip` where a list is,
`~` and `$HOME` in paths. Never a boolean for a number: `batch_size: true` is a mistake, not 1.

A value is validated with the context (its key, place -> spelling), so that text is what was written.
"""

import os
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BeforeValidator, Field, GetCoreSchemaHandler, ValidationInfo, WithJsonSchema
from pydantic_core import CoreSchema, core_schema

from wgan.config.diagnostics import Place, quoted, squashed
from wgan.config.image_form import SIDES, Size, size_of
from wgan.config.yaml_file import scalar

T = TypeVar("T")


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value)  # refused by the types below
    if isinstance(value, str):
        number = scalar(value.strip())
        return number if isinstance(number, int | float) and not isinstance(number, bool) else value
    return value


def _whole(value: Any) -> Any:
    number = _number(value)
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _as_written(value: Any, info: ValidationInfo, *inside: int) -> Any:
    """The spelling of what YAML takes for a number or a boolean."""
    if not isinstance(value, bool | int | float):
        return value
    key, texts = info.context or ("", dict[Place, str]())
    return texts.get((key, *inside), str(value))


def _many(value: Any) -> Any:
    """A list may be written as its only item."""
    return value if value is None or isinstance(value, list | tuple | dict) else [value]


def _spelled(value: Any, info: ValidationInfo) -> Any:
    """A list's items as they were written: 001 is not 1, and a class may be called 1.5 or true."""
    items = _many(value)
    if not isinstance(items, list | tuple):
        return items
    return [_as_written(item, info, *[i] if items is value else []) for i, item in enumerate(items)]


def _classes(value: Any, info: ValidationInfo) -> Any:
    """Plain whole numbers, which may be places in the list of classes, stay numbers."""
    spelled = _spelled(value, info)
    if not isinstance(spelled, list):
        return spelled
    pairs = zip(_many(value), spelled, strict=True)
    return [item if type(item) is int and text == str(item) else text for item, text in pairs]


def _image_size(value: Any) -> Size:
    sides = [] if value is None or isinstance(value, dict) else [_whole(side) for side in _many(value)]
    if not 1 <= len(sides) <= 2 or any(type(side) is not int for side in sides):
        raise ValueError(f"must be a side in pixels, 64, or [height, width], such as [64, 96], got {quoted(value)}")
    return size_of(sides[0], sides[-1])


def expanded(ranges: Iterable[int | str]) -> list[int]:
    """The numbers that `Ranges` name, each once, in their order: [3, 40-42] is 3, 40, 41, 42."""
    ends = (sorted(map(int, str(item).split("-"))) for item in ranges)
    return [*dict.fromkeys(number for pair in ends for number in range(pair[0], pair[-1] + 1))]


class OneOf:
    """One of some words, in any case, with or without hyphens; of the annotated Literal's unless they are given."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        words = self.words or get_args(source)
        by_spelling = {squashed(word): word for word in words}

        def spelled(value: Any) -> Any:
            return by_spelling.get(squashed(value), value) if isinstance(value, str) else value

        return core_schema.no_info_before_validator_function(spelled, core_schema.literal_schema(list(words)))


def _expanded(value: Any) -> Any:
    """A path with `~` and `$NAME`, `${NAME}` filled in; of what is a Path already nothing is."""
    if not isinstance(value, str):
        return value
    if not value.strip():
        raise ValueError("must be a path, got nothing")
    if re.match(r"[A-Za-z][\w+.-]*://", value):
        told = f"got the URL {value}; a mounted or shared one will do"
        raise ValueError(f"must be a folder or file of this machine, {told}")
    if "\0" in value:
        raise ValueError("must be a path, but holds the character NUL")
    variable = re.compile(r"\$(?:\{([^}]*)\}|([A-Za-z_]\w*))")
    for match in variable.finditer(value):
        if (name := match[1] or match[2] or "") not in os.environ:
            raise ValueError(f"names the environment variable {name}, which is not set")
    filled = variable.sub(lambda match: os.environ[match[1] or match[2]], value)
    try:
        os.fsencode(filled)
    except UnicodeEncodeError as error:
        raise ValueError(f"must be a path, got {filled!r}, which no file system can hold") from error
    try:
        path = Path(filled).expanduser()
    except RuntimeError as error:
        raise ValueError(f"{filled.split('/')[0]} is nobody's home folder here") from error
    # some systems store ä as two characters, and keyboards write one
    forms = [] if filled.isascii() else [Path(unicodedata.normalize(form, str(path))) for form in ("NFC", "NFD")]
    return next((form for form in (path, *forms) if os.path.lexists(form)), path)


NUMBER = BeforeValidator(_number)
"""Of a float; these stand behind the Field with its range, which pydantic would otherwise leave out of the schema."""
WHOLE = BeforeValidator(_whole)  # of an int, or of a Literal of some
LIST_AS_WRITTEN = BeforeValidator(_spelled)
Text = Annotated[str, BeforeValidator(_as_written)]
FilePath = Annotated[Path, BeforeValidator(_expanded), BeforeValidator(_as_written)]
Many = Annotated[tuple[T, ...], BeforeValidator(_many)]
ImageSize = Annotated[
    Size,
    BeforeValidator(_image_size),
    WithJsonSchema(
        {"type": "array", "minItems": 1, "maxItems": 2, "items": {"type": "integer", "enum": sorted(SIDES)}}
        | {"takes": f"one of {', '.join(map(str, sorted(SIDES)))}, or [height, width]"}
    ),
]
Classes = Annotated[tuple[int | str, ...], Field(min_length=1), BeforeValidator(_classes)]
_Number = Annotated[int, Field(ge=0, le=99_999_999)]
_Range = Annotated[str, Field(pattern=r"^\d{1,8}-\d{1,8}$")]
Ranges = Annotated[tuple[_Number | _Range, ...], Field(min_length=1), BeforeValidator(_classes)]
