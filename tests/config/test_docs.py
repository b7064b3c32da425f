"""What the models say of themselves: --help, the table of keys, the JSON Schema."""

import json
import re
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from wgan.config import docs as explained
from wgan.config.algorithms import ALGORITHMS, MODELS
from wgan.config.resolve import resolve

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "docs"))
import reference  # noqa: E402 - a script beside the documents

FILES = [ROOT / "input.yaml", *sorted((ROOT / "configs").rglob("*.yaml"))]


def test_help_explains_every_key_of_every_job():
    text = explained.help_text()
    for model in MODELS.values():
        for key, field in model.model_fields.items():
            assert re.search(rf"^  {key} ", text, re.MULTILINE), key
            assert "".join(str(field.description).split()) in "".join(text.split()), key


def test_help_fits_a_terminal():
    assert max(map(len, explained.help_text().splitlines())) <= 120


def test_the_defaults_in_help_are_those_that_are_taken():
    taken = {arch: resolve({"arch": arch, "path": "x"}) for arch in ALGORITHMS}
    for row in explained.rows(type(taken["WGAN-GP"])):
        if row.key in explained.DERIVED:
            continue
        usual, *others = row.default.split("; ")
        named = dict(part.rsplit(" ", 1) for part in others if part.split()[0] in ALGORITHMS)
        for arch, config in taken.items():
            assert explained.written(getattr(config, row.key)) == named.get(arch, usual), (row.key, arch)


def test_the_yamls_in_help_are_valid():
    """As someone who has only --help would copy them, from the terminal: as printed."""
    paragraphs = [paragraph for paragraph in explained.help_text().split("\n\n") if paragraph.startswith("  arch: ")]
    assert [resolve(yaml.safe_load(text)).arch for text in paragraphs] == ["WGAN-GP", "Generator"]


def test_the_schema_on_disk_is_todays():
    """`python docs/reference.py` writes it."""
    assert (ROOT / "configs" / "schema.json").read_text(encoding="utf-8") == reference.schema_text()


def test_the_schema_knows_every_key():
    properties = json.loads(reference.schema_text())["properties"]
    assert set(properties) == {key for model in MODELS.values() for key in model.model_fields}
    assert properties["gp_lambda"]["minimum"] == 0
    pair, side = properties["image_size"]["anyOf"]
    assert (pair["minItems"], pair["maxItems"], pair["items"]) == (1, 2, side)
    assert {16, 28, 64, 96, 512} <= {*side["enum"]}


def test_the_schema_tells_jobs_apart_where_they_differ():
    properties = json.loads(reference.schema_text())["properties"]
    assert properties["seed"]["description"].endswith("[default 42]")
    training, sampling = properties["batch_size"]["description"].splitlines()
    assert training.startswith("Training: images per update")
    assert sampling == "Sampling: images computed at a time [default 64]"
    assert properties["number_channels"]["description"] == "1 for grey images, 3 for colour [default 3]"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_an_editor_finds_nothing_wrong_with_a_ready_yaml(path):
    jsonschema.validate(yaml.safe_load(path.read_text(encoding="utf-8")), reference.json_schema())


@pytest.mark.parametrize(
    "wrong", [{}, {"arch": "WGANN"}, {"arch": "WGAN", "batch_size": 0}, {"arch": "WGAN", "sead": 1}]
)
def test_an_editor_finds_what_is_wrong(wrong):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, reference.json_schema())


def test_the_table_of_keys_is_todays():
    """`python docs/reference.py` writes it between its two markers."""
    document = (ROOT / "docs" / "config.md").read_text(encoding="utf-8")
    assert reference.with_table(document) == document


def test_a_document_without_markers_is_refused():
    with pytest.raises(ValueError, match="needs the two markers"):
        reference.with_table("# Title\n")
    assert reference.with_table(f"a\n{reference.BEGIN}\nold\n{reference.END}\nb\n").startswith(
        f"a\n{reference.BEGIN}\n\n**Every"
    )
