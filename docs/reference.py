"""Writes what is generated of the keys: docs/config.md between its two markers, and configs/schema.json for editors.

python docs/reference.py
"""

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from wgan.config.algorithms import MODELS  # noqa: E402 - found beside this folder
from wgan.config.docs import JOBS, rows  # noqa: E402
from wgan.config.schema import json_schemas  # noqa: E402
from wgan.utils.atomic_io import write_text  # noqa: E402

BEGIN, END = "<!-- keys: written by python docs/reference.py -->", "<!-- end of keys -->"


def key_table() -> str:
    """The same as Markdown: a table for each job."""
    parts = []
    for title, (model, archs) in JOBS.items():
        parts += [f"\n**{title}**{f' (`arch`: {archs})' if archs else ''}\n"]
        parts += ["| key | meaning | takes | default |", "|---|---|---|---|"]
        for row in rows(model):
            cells = (f"`{row.key}`", row.meaning, row.takes, row.default or "must be given")
            parts.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(parts).strip() + "\n"


def json_schema() -> dict[str, Any]:
    """A JSON Schema for editors; checks a little more strictly than the program reads (case, numbers as text)."""
    keys: dict[str, Any] = {}
    about: dict[str, dict[str, str]] = {}  # key -> what it is -> the jobs that say so
    for title, (model, _) in JOBS.items():
        for row in rows(model):
            keys.setdefault(row.key, _for_editors(json_schemas(model)[row.key]))
            by_meaning = about.setdefault(row.key, {})
            meaning = f"{row.meaning} [{f'default {row.default}' if row.default else 'must be given'}]"
            by_meaning[meaning] = f"{by_meaning[meaning]}, {title.lower()}" if meaning in by_meaning else title
    for key, by_meaning in about.items():
        several = [f"{titles}: {meaning}" for meaning, titles in by_meaning.items()]
        lines = list(by_meaning) if len(by_meaning) == 1 else several
        keys[key]["description"] = "\n".join(lines)
    keys["arch"] |= {"enum": [*MODELS, "WGAN"]}  # the name of WGAN-GP in configs/seeds/000_wgan_gp.yaml
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "wgan configuration",
        "type": "object",
        "properties": keys,
        "required": ["arch"],
        "additionalProperties": False,
    }


def with_table(document: str) -> str:
    """The text of docs/config.md with today's table between its markers.

    Raises:
        ValueError: a marker is missing.
    """
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"docs/config.md needs the two markers {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{key_table()}\n{END}{after}"


def schema_text() -> str:
    """configs/schema.json as it must stand."""
    return json.dumps(json_schema(), indent=2) + "\n"


def _for_editors(schema: Any) -> dict[str, Any]:
    """A key's schema without what editors need not know; a list may be written as its only item."""
    kept = {name: part for name, part in schema.items() if name in _VALIDATING}
    if kept.get("type") == "array":
        kept = {"anyOf": [kept, kept["items"]]}
    if schema["nullable"]:
        kept = {"anyOf": [*kept.get("anyOf", [kept]), {"type": "null"}]}
    return kept


_VALIDATING = {"type", "enum", "items", "anyOf", "minItems", "maxItems", "minimum", "maximum"} | {
    "exclusiveMinimum",
    "exclusiveMaximum",
}


if __name__ == "__main__":
    document = ROOT / "docs" / "config.md"
    write_text(document, with_table(document.read_text(encoding="utf-8")))
    write_text(ROOT / "configs" / "schema.json", schema_text())
