"""How loud a job is: --quiet and --verbose hold for all that it says."""

import os
from pathlib import Path

import pytest
from commands import run, write_yaml

from wgan.utils import console
from wgan.utils.console import Loudness

SHORT = {"metrics": [], "num_steps": 4, "sample_every": 2, "checkpoint_every": 2}


def test_each_loudness_adds_what_the_one_below_leaves_out(capsys: pytest.CaptureFixture[str]) -> None:
    heard = {}
    for loudness in Loudness:
        with console.at(loudness):
            console.warn("wrong")
            console.say("done")
            console.detail("file")
        said = capsys.readouterr()
        heard[loudness] = said.out.split(), said.err.split("\n")[:-1]
    assert heard == {
        Loudness.QUIET: ([], ["warning: wrong"]),
        Loudness.NORMAL: (["done"], ["warning: wrong"]),
        Loudness.VERBOSE: (["done"], ["warning: wrong", "file"]),
    }


def test_loudness_holds_for_processes_started_within_and_ends_with_the_block() -> None:
    before = console.loudness()
    with console.at(Loudness.QUIET):
        assert os.environ[console.VARIABLE] == "QUIET"
        with console.at(None):
            assert console.loudness() is Loudness.QUIET
    assert console.loudness() is before


def test_a_quiet_training_says_nothing_and_leaves_all_its_files(tmp_path: Path) -> None:
    assert run(write_yaml(tmp_path, **SHORT), "--quiet") == (0, "")
    assert (tmp_path / "out" / "run" / "report.html").exists()


def test_a_quiet_job_still_says_what_is_wrong(tmp_path: Path) -> None:
    status, said = run(write_yaml(tmp_path, **SHORT, batch_size=10_000_000), "--quiet")
    assert status == 2
    assert "batch_size" in said


def test_a_verbose_training_names_its_grids_and_checkpoints(tmp_path: Path) -> None:
    status, said = run(write_yaml(tmp_path, **SHORT), "--verbose")
    assert status == 0
    for written in ("samples/step_000002.png", "samples/step_000004.png", "checkpoints/last.pt"):
        assert f"{tmp_path}/out/run/{written}" in said


def test_quiet_and_verbose_exclude_each_other(tmp_path: Path) -> None:
    status, said = run(write_yaml(tmp_path, **SHORT), "--quiet", "--verbose")
    assert status == 2
    assert "not allowed with" in said
