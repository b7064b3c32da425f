"""A full disk, a failing disk, a lost right and SIGKILL at every single change that a training makes to its files."""

import os
from collections.abc import Iterator
from multiprocessing.pool import Pool
from pathlib import Path

import faulty_trainings
import pytest
from commands import forking

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with forking().Pool(os.cpu_count(), faulty_trainings.quicken) as processes:
        yield processes


def test_a_fault_at_any_change_is_told_in_one_line_and_costs_no_work(pool: Pool, tmp_path: Path) -> None:
    """No space, a failing disk, no right: at each opening, flush and rename, and in the middle of each file."""
    changes = pool.apply(faulty_trainings.whole, (tmp_path / "whole",))
    first_saved = changes.index(("os.rename", "last.pt"))
    finished = max(number for number, change in enumerate(changes) if change == ("os.rename", "state.json"))
    cases = {
        (number, event, name): pool.apply_async(
            faulty_trainings.with_faults,
            (
                tmp_path / "whole",
                tmp_path / str(number),
                number,
                event == "open" and (event, name) in changes[:number],  # the second opening writes the content
                number > first_saved,
                number > finished,
            ),
        )
        for number, (event, name) in enumerate(changes)
        if event != "os.remove"
    }
    assert len(cases) > 60
    assert {case: problems for case, result in cases.items() if (problems := result.get())} == {}


def test_a_training_killed_before_any_change_of_its_files_ends_with_the_same_bits(pool: Pool, tmp_path: Path) -> None:
    changes = pool.apply(faulty_trainings.whole, (tmp_path / "whole",))
    cases = {
        (number, *change): pool.apply_async(
            faulty_trainings.killed, (tmp_path / "whole", tmp_path / str(number), number)
        )
        for number, change in enumerate(changes)
    }
    assert len(cases) > 50
    assert {case: problems for case, result in cases.items() if (problems := result.get())} == {}
