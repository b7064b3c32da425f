"""The short form of memory_limits.py."""

import sys
from pathlib import Path

import pytest
from commands import write_yaml
from memory_limits import MemoryLimits, start_fresh

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="limits the address space, which Linux does alone"),
]


def test_trainings_that_run_out_of_memory_say_so_in_one_line_and_go_on(tmp_path: Path) -> None:
    """While images are decoded, before the first step, in it, in later ones; and where there is enough."""
    trials = MemoryLimits(tmp_path)
    for moment, spare in ((None, 0), (None, 40_000_000), (None, 150_000_000), (7, 0), (7, 2**33)):
        trials.try_fork(moment, spare)
    assert trials.tally.failures == []
    assert {0, 1, 2} == trials.tally.statuses.keys()


@pytest.mark.parametrize("limit", [60_000_000, 1_000_000_000])
def test_a_start_with_too_little_memory_for_the_packages_says_so_in_one_line(limit: int, tmp_path: Path) -> None:
    """Of the entry, and of PyTorch."""
    status, said = start_fresh(write_yaml(tmp_path), limit)
    assert (status, said.count("\n")) == (2, 1), said
    assert "memory" in said
