"""One key's value as YAML gives it -> as its type wants it: numbers and words as people write them."""

from collections.abc import Mapping
from typing import Any

from wgan.config.diagnostics import Problem, Schema, described, shown, squashed
from wgan.config.paths import expanded
from wgan.config.yaml_file import Place, scalar


def read_value(key: str, value: Any, schema: Schema, texts: Mapping[Place, str]) -> tuple[Any, list[Problem]]:
    """Convert a value where its meaning is plain; what cannot be converted is left for the model to refuse.

    `1e3` or `"64"` where a whole number is wanted, `Adam` for `adam`, `007` where text is wanted, `flip` where a list
    is, `~` and `$HOME` in paths. Never a boolean for a number: `batch_size: true` is a mistake, not 1.

    Returns:
        The value, and what is wrong with it: null where a value is needed, a boolean for a number, a broken path.
    """
    if value is None:
        if schema.get("nullable"):
            return None, []
        return None, [Problem((key,), "has no value; give one, or delete the line for the default")]
    if schema.get("type") != "array":
        return _read_item((key,), value, schema, texts)
    if isinstance(value, dict):
        return value, []
    if not isinstance(value, list | tuple):
        item, problems = _read_item((key,), value, schema["items"], texts)
        return [item], problems
    pairs = [_read_item((key, i), item, schema["items"], texts) for i, item in enumerate(value)]
    return [item for item, _ in pairs], [problem for _, found in pairs for problem in found]


def _read_item(place: Place, value: Any, schema: Schema, texts: Mapping[Place, str]) -> tuple[Any, list[Problem]]:
    kind = schema.get("type")
    if kind in ("integer", "number"):
        if isinstance(value, bool):
            return None, [Problem(place, f"must be {described(schema)}, got {shown(value)}")]
        if isinstance(value, str):
            number = scalar(value.strip())
            value = number if isinstance(number, int | float) and not isinstance(number, bool) else value
        return int(value) if kind == "integer" and isinstance(value, float) and value.is_integer() else value, []
    if kind == "string":
        if isinstance(value, bool | int | float):
            value = texts.get(place, str(value))
        if not isinstance(value, str):
            return value, []
        if "enum" in schema:
            return {squashed(name): name for name in schema["enum"]}.get(squashed(value), value), []
        if schema.get("format") == "path":
            try:
                return expanded(value), []
            except ValueError as error:
                return None, [Problem(place, str(error))]
    elif "anyOf" in schema and isinstance(value, bool | float):  # a class may be called 1.5
        value = texts.get(place, str(value))
    return value, []
