"""Spoilt files of every kind, a few of the millions that `fuzz.py` makes; and each that a reader once fell over."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.append(str(HERE))
from fuzz import failure, fuzz  # noqa: E402 - beside this file
from targets import TARGETS  # noqa: E402 - beside this file

INPUTS = 60
"""Of each reader, times its share: some 30 seconds of one core."""
CORPUS = sorted((HERE / "corpus").iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_a_spoilt_file_gives_one_line_or_is_read(name: str) -> None:
    outcome = fuzz(name, seed=1, numbers=range(INPUTS * min(3, TARGETS[name].share)))
    assert outcome.read >= INPUTS
    assert outcome.failures == []


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_a_file_that_was_fallen_over_is_not_any_more(path: Path, tmp_path: Path) -> None:
    target = TARGETS[path.name.split(",")[0].replace("_", " ")]
    assert failure(target, tmp_path, path.read_bytes())[1] == ""


@pytest.mark.parametrize("name", TARGETS)
def test_each_reader_reads_its_good_file(name: str, tmp_path: Path) -> None:
    """A reader that refuses all would never fail."""
    TARGETS[name].read(tmp_path, TARGETS[name].files()[0])
