"""What the documents say of the repository: links, paths, numbers of lines, messages, versions."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
import yaml

from wgan.utils.version import __version__

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ROOMS = r"(?:wgan|tests|docs|configs|benchmarks|\.ci)/"
every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


def anchors(document: Path) -> set[str]:
    """The anchors that GitHub gives to a document's headings."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@cache
def texts_of_the_program() -> list[str]:
    """All string literals, those that stand in parts put together."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "wgan").rglob("*.py")]
    values = [node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return [value for value in values if isinstance(value, str)]


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 140


def test_each_row_of_the_documents_table_says_where_it_stands() -> None:
    section = (ROOT / "docs" / "results.md").read_text(encoding="utf-8").split("\n## The documents, row by row\n")[1]
    lines = section.split("\n## ")[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| 0")]
    assert {row[0] for row in rows} == {"000", "001", "002", "003", "004"}
    for row in rows:
        assert len(row) == 3, row
        assert all(row), row
        assert re.search(r"`[^`]+`|\]\(|Not yet: \w", row[2]), "neither a place nor what is missing"


@every_document
def test_each_link_leads_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8")):
        if not link.startswith("https://"):
            name, _, anchor = link.partition("#")
            target = document.parent / name if name else document
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


@every_document
def test_each_path_in_backticks_exists(document: Path) -> None:
    for path in re.findall(rf"`({ROOMS}[\w./*-]*)`", document.read_text(encoding="utf-8")):
        assert any(ROOT.glob(path)), path


@every_document
def test_each_test_that_a_document_names_exists(document: Path) -> None:
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    names = re.findall(r"def (test_\w+)", tests)
    for part in re.findall(r"`\.\.(\w+)(?:\.\.)?`", document.read_text(encoding="utf-8")):
        assert any(part in name for name in names), part


def test_the_files_that_the_readme_counts_have_so_many_lines() -> None:
    claims = re.findall(r"`([\w/]+\.py)`, (\d+) lines", README)
    assert claims
    for path, count in claims:
        assert len((ROOT / path).read_text(encoding="utf-8").splitlines()) == int(count), path


def test_each_file_that_a_command_of_the_readme_names_exists() -> None:
    """But for the YAML that the reader writes."""
    named = re.findall(r"(?<![\w/])[\w./-]+\.(?:py|yaml|txt)\b", README)
    assert {"image_generation.py", "configs/generate.yaml", "tests/requirements.txt"} <= set(named)
    assert {name for name in named if not (ROOT / name).exists()} == {"birds.yaml", "config.yaml"}


@pytest.mark.parametrize(
    "message",
    [
        " has too little memory: ",
        "Diverged: ",
        "the samples have collapsed",
        " holds no image (",
        "this machine has no accelerator that PyTorch can use",
        "finished already",
        "was trained on other images than those that are there now",
        " is not on this machine and cannot be downloaded (",
    ],
)
def test_the_messages_of_troubleshooting_are_the_programs(message: str) -> None:
    """Word for word, so that a search for what the terminal shows finds the row."""
    assert message in README
    assert any(message in text for text in texts_of_the_program())


def test_the_list_of_ready_yamls_is_complete() -> None:
    """Each file in docs/configs.md once; each row with its time and its memory."""
    text = (ROOT / "docs" / "configs.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| [")
    ]
    listed = [name for row in rows for name in re.findall(r"\[`([\w./]+)`\]", row[0])]
    files = [ROOT / "input.yaml", *(ROOT / "configs").rglob("*.yaml")]
    assert sorted(listed) == sorted(str(path.relative_to(ROOT)) for path in files)
    for row in rows:
        assert all(row), row
        assert re.search(r"\d (s|min|h|days)\b", row[2]), row
        assert re.search(r"\d GB\b", row[3]), row


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == __version__


def test_the_citation_names_each_algorithms_paper() -> None:
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    for trainer in (ROOT / "wgan" / "trainers").glob("*.py"):
        for number in re.findall(r"arXiv:(\d{4}\.\d{5})", trainer.read_text(encoding="utf-8").partition("\n\n")[0]):
            assert f"https://arxiv.org/abs/{number}" in citation, (trainer.name, number)
