"""The short form of kill_resume.py."""

from pathlib import Path

import pytest
from kill_resume import kill_and_resume

pytestmark = pytest.mark.slow


def test_trainings_killed_at_15_random_moments_end_with_the_bits_of_undisturbed_ones(tmp_path: Path) -> None:
    """Real processes and real SIGKILLs; each process is a fork of one that has imported torch already."""
    quick = "as it is", "spectral norm", "accumulate"  # the others are for the long form
    tally = kill_and_resume(tmp_path, kills=15, seed=0, extras=quick)
    assert tally.failures == []
    assert tally.kills >= 15
    assert tally.saving >= 2, "too few of the moments fell into the writing of a checkpoint"
