"""How loud a job is: --quiet and --verbose hold for all that it says."""

import io
import os
import re
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from commands import ROOT, run, write_yaml
from filelock import FileLock

from wgan.data import cache, named_sets
from wgan.data.image_folder import Unusable
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


def test_no_text_moves_the_cursor_forges_a_line_or_turns_the_direction_of_writing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    hostile = "a\x1b[2J\x07\r\nwarning: \u202egnp.\u2066\x9b1m\udcff"
    shown = r"a\x1b[2J\x07\r\nwarning: \u202egnp.\u2066\x9b1m\udcff"
    with console.at(Loudness.VERBOSE):
        console.say("two", hostile)
        console.detail(hostile)
        console.warn(hostile)
        console.error(ValueError("first\n\x1b[31msecond"))
    said = capsys.readouterr()
    assert said.out == f"two\n{shown}\n"
    assert said.err == f"{shown}\nwarning: {shown}\nfirst\n\\x1b[31msecond\n"


@pytest.mark.slow
def test_a_quiet_training_says_nothing_and_leaves_all_its_files(tmp_path: Path) -> None:
    assert run(write_yaml(tmp_path, **SHORT), "--quiet") == (0, "")
    assert (tmp_path / "out" / "run" / "report.html").exists()


def test_a_quiet_job_still_says_what_is_wrong(tmp_path: Path) -> None:
    status, said = run(write_yaml(tmp_path, **SHORT, batch_size=10_000_000), "--quiet")
    assert status == 2
    assert "batch_size" in said


@pytest.mark.slow
def test_a_verbose_training_names_its_grids_and_checkpoints(tmp_path: Path) -> None:
    status, said = run(write_yaml(tmp_path, **SHORT), "--verbose")
    assert status == 0
    for written in ("samples/step_000002.png", "samples/step_000004.png", "checkpoints/last.pt"):
        assert f"{tmp_path}/out/run/{written}" in said


def test_quiet_and_verbose_exclude_each_other(tmp_path: Path) -> None:
    status, said = run(write_yaml(tmp_path, **SHORT), "--quiet", "--verbose")
    assert status == 2
    assert "not allowed with" in said


def waiting_for_a_decoder(folder: Path) -> None:
    """Use the decoded images of a folder while another one is at them."""
    held = threading.Event()

    def decode() -> None:
        with FileLock(folder / "lock"):
            held.set()
            time.sleep(0.2)

    other = threading.Thread(target=decode)
    other.start()
    held.wait()
    with cache._locked(folder / "lock", folder):
        other.join()


def downloading(folder: Path) -> None:
    """Look for a set that cannot be downloaded."""
    with pytest.raises(Unusable):
        named_sets._download("nowhere", named_sets._Source("NoSuchSet", ""), folder)


@pytest.mark.parametrize(
    ("act", "line"), [(waiting_for_a_decoder, "Another process is decoding"), (downloading, "Downloading nowhere")]
)
def test_what_the_data_say_is_not_said_to_the_quiet(
    act: Any, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with console.at(Loudness.QUIET):
        act(tmp_path)
    assert capsys.readouterr() == ("", "")
    with console.at(Loudness.NORMAL):
        act(tmp_path)
    assert capsys.readouterr().err.startswith(line)


def test_a_bar_is_for_a_terminal_that_wants_to_hear_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    for loudness, hidden in ((Loudness.QUIET, True), (Loudness.NORMAL, False)):
        with console.at(loudness), console.progress_bar(10, 0, "image") as bar:
            assert bar.disable is hidden


def test_all_that_is_said_goes_through_the_console() -> None:
    """But for what --check was asked for, the writer of the documents, and a rank that ends while others hang."""
    found = {}
    for path in (ROOT / "wgan").rglob("*.py"):
        calls = re.findall(r"(?<![\w.])(?:print|tqdm)\(", path.read_text(encoding="utf-8"))
        found |= {path.name: calls} if calls else {}
    assert found.keys() == {"console.py", "check.py", "distributed.py"}


def test_what_takes_long_is_named_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    shown, hidden = Terminal(), io.StringIO()
    for stream in (shown, hidden):
        monkeypatch.setattr(console.sys, "stderr", stream)
        with console.doing("measuring swd"):
            pass
    assert "measuring swd ..." in shown.getvalue()
    assert hidden.getvalue() == ""
