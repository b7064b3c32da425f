"""A run's directory: nothing is overwritten, nobody trains in it twice, no lock outlives its process."""

import fcntl
import os
import re
import signal
import threading
import time
from contextlib import suppress
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path
from typing import Any

import pytest
from commands import forking

from wgan.config import resolve
from wgan.config.resolve import to_yaml
from wgan.config.schema import TrainConfig
from wgan.runs import run_dir
from wgan.runs.run_dir import Run
from wgan.utils.atomic_io import write_text
from wgan.utils.errors import InputError, RunFault


def configured(out: Path, **keys: Any) -> TrainConfig:
    loaded = resolve.resolve({"arch": "WGAN-GP", "dataset": "mnist-5k", "out": str(out), "run": "digits", **keys})
    assert isinstance(loaded, TrainConfig)
    return loaded


def begun(out: Path, **keys: Any) -> str:
    run, found = run_dir.find(configured(out, **keys))
    write_text(run.config, to_yaml(found))
    assert found.run == run.directory.name
    return run.directory.name


def test_the_same_settings_find_the_same_directory(tmp_path: Path) -> None:
    assert begun(tmp_path) == begun(tmp_path) == "digits"
    assert begun(tmp_path, num_steps=5, log_every=1, sample_every=7, loader_workers=0) == "digits"


def test_other_settings_find_a_directory_named_after_what_differs(tmp_path: Path) -> None:
    assert begun(tmp_path) == "digits"
    assert begun(tmp_path, gp_lambda=1) == "digits-gp_lambda=1"
    assert begun(tmp_path, gp_lambda=1, critic_its=1) == "digits-critic_its=1-gp_lambda=1"
    assert begun(tmp_path, gp_lambda=1) == "digits-gp_lambda=1"
    assert begun(tmp_path) == "digits"


def test_no_setting_finds_the_directory_of_another(tmp_path: Path) -> None:
    """Names are made readable and cut: two of them may come out alike."""
    classes = [[str(i) * 30 for i in range(9)] + [str(last)] for last in range(3)]
    keys: list[dict[str, Any]] = [{}, {"seed": 1}, *({"path": "/x", "dataset": None, "classes": c} for c in classes)]
    names = [begun(tmp_path, **key) for key in keys]
    assert len(set(names)) == len(names)
    assert [begun(tmp_path, **key) for key in keys] == names
    assert max(map(len, names)) <= run_dir.LONGEST_NAME + 2


def test_a_directory_of_another_job_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "digits").mkdir()
    (tmp_path / "digits/config.yaml").write_text("arch: Generator\ncheckpoint: x\n")
    with pytest.raises(InputError, match="holds Generator, not a training: give this run another name"):
        run_dir.find(configured(tmp_path))


@pytest.mark.parametrize("name", ["../../x", "/etc", "a/b", "..", "", ".hidden", "a\nb", "x" * 300])
def test_a_run_cannot_be_named_out_of_its_folder(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="run: "):
        configured(tmp_path, run=name)


@pytest.mark.parametrize("content", ["", "{", "[1]", "\x00", '{"state": 3}'])
def test_a_mangled_state_counts_as_none(content: str, tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text(content)
    assert Run(tmp_path).read_state().get("state") != "finished"


def test_a_run_is_finished_when_all_that_is_asked_for_was_done(tmp_path: Path) -> None:
    begun(tmp_path, num_steps=5)
    run = Run(tmp_path / "digits")
    assert not run_dir.is_finished(run, configured(tmp_path, num_steps=5))
    run.write_state(state="finished")
    assert run_dir.is_finished(run, configured(tmp_path, num_steps=5))
    assert not run_dir.is_finished(run, configured(tmp_path, num_steps=6))
    assert not run_dir.is_finished(run, configured(tmp_path, num_steps=5, metrics=["swd"]))


def hold(directory: str, held: Event) -> None:
    with Run(Path(directory)).lock():
        held.set()
        signal.pause()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_lock_keeps_others_out_and_dies_with_its_process(number: signal.Signals, tmp_path: Path) -> None:
    held = forking().Event()
    process = forking().Process(target=hold, args=(str(tmp_path), held))
    process.start()
    assert held.wait(60)
    with pytest.raises(
        InputError, match="another process is training here: wait for it, or give this run another name"
    ):
        Run(tmp_path).lock().__enter__()
    assert process.pid is not None
    os.kill(process.pid, number)
    process.join()
    with Run(tmp_path).lock():
        pass
    with Run(tmp_path).lock():
        pass


def test_a_claimed_directory_is_looked_at_again_once_it_is_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process may have begun, and ended, between the finding and the locking."""
    find = run_dir.find

    def find_and_be_overtaken(wanted: TrainConfig, images: str) -> tuple[Run, TrainConfig]:
        found = find(wanted, images)
        monkeypatch.setattr(run_dir, "find", find)
        begun(tmp_path, seed=5)
        return found

    monkeypatch.setattr(run_dir, "find", find_and_be_overtaken)
    with run_dir.claimed(configured(tmp_path)) as (run, named):
        assert run.directory.name == named.run == "digits-seed=42"


def test_a_file_system_without_locks_is_used_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_: object) -> None:
        raise OSError(run_dir.errno.ENOLCK, "No locks available")

    monkeypatch.setattr(run_dir.FileLock, "acquire", refuse)
    with Run(tmp_path).lock():
        pass
    assert "this file system has no locks" in capsys.readouterr().err


def test_a_directory_that_cannot_be_made_is_a_fault_of_the_machine(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFault, match=r"file/run.*: Not a directory"), Run(tmp_path / "file/run").lock():
        pass


def test_the_same_images_under_another_path_are_the_same_trainings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    keys = {"arch": "WGAN-GP", "out": "out", "run": "photos"}
    first, absolute, moved = (
        resolve.resolve({**keys, "path": path}) for path in ("photos", str(tmp_path / "photos"), "elsewhere")
    )
    run = run_dir.find(first)[0]
    run.directory.mkdir(parents=True)
    run.config.write_text(resolve.to_yaml(first))
    run.write_state(images="content")
    assert run_dir.find(absolute)[0] == run
    assert run_dir.find(moved)[0] != run, "nothing is known of its images yet"
    assert run_dir.find(moved, "content")[0] == run
    assert run_dir.find(moved, "other content")[0] != run
    assert run_dir.find(first, "other content")[0] == run, "whose checkpoint then says that the images have changed"


def start_at_once(out: str, rounds: int, seed: int, barrier: Barrier, found: Queue) -> None:
    """Claim a directory in each round, as another training with another seed; say which, or why not."""
    for number in range(rounds):
        barrier.wait(60)
        try:
            with run_dir.claimed(configured(Path(out) / str(number), seed=seed)) as (run, named):
                time.sleep(0.03)
                run.write_state(state="running")
                assert run_dir.read_config(run) == named
                found.put((number, run.directory.name))
        except InputError as error:
            found.put((number, str(error)))


def test_settings_that_start_at_once_under_one_name_each_find_a_directory(tmp_path: Path) -> None:
    rounds, seeds = 12, (42, 1, 2, 3)
    barrier, found = forking().Barrier(len(seeds)), forking().Queue()
    arguments = [(str(tmp_path), rounds, seed, barrier, found) for seed in seeds]
    processes = [forking().Process(target=start_at_once, args=given) for given in arguments]
    for process in processes:
        process.start()
    names = sorted(found.get(timeout=120) for _ in range(rounds * len(seeds)))
    for process in processes:
        process.join(60)
    for number in range(rounds):
        claimed = {name for round_, name in names if round_ == number}
        assert "digits" in claimed
        assert len(claimed) == len(seeds)
        assert all(name == "digits" or re.fullmatch(r"digits-seed=\d+", name) for name in claimed), claimed


def test_a_lock_without_a_configuration_is_looked_at_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who holds it is about to write one; a lock that says nothing for seconds is another job's."""
    run = Run(tmp_path / "digits")
    waits = iter((lambda: None, lambda: begun(tmp_path, seed=5)))
    monkeypatch.setattr(run_dir, "LOOK", 0)
    monkeypatch.setattr(run_dir.time, "sleep", lambda _: next(waits)())
    with run.lock(), run_dir.claimed(configured(tmp_path)) as (found, _):
        assert found.directory.name == "digits-seed=42"
    monkeypatch.setattr(run_dir, "PATIENCE", 0)
    run.config.unlink()
    with run.lock(), pytest.raises(InputError, match="another process is training here"):
        run_dir.claimed(configured(tmp_path)).__enter__()


def test_who_looks_whether_a_run_is_locked_disturbs_nobody(tmp_path: Path) -> None:
    run, lock = Run(tmp_path / "digits"), tmp_path / "digits" / ".lock"
    assert run.is_locked() is False, "there is nothing"
    with run.lock():
        assert run.is_locked() is True
    assert run.is_locked() is False
    with lock.open("rb") as looking:  # another gallery, at this moment, for half the time that a training waits
        fcntl.flock(looking, fcntl.LOCK_SH)
        assert run.is_locked() is False
        threading.Timer(run_dir.LOOK / 2, fcntl.flock, (looking, fcntl.LOCK_UN)).start()
        with run.lock():
            assert run.is_locked() is True
    lock.unlink()
    os.mkfifo(lock)
    assert run.is_locked() is None, "nobody can tell, and nobody waits for who writes into a pipe"


@pytest.mark.parametrize("begins", [False, True])
def test_a_run_that_does_not_begin_leaves_its_name_to_others(begins: bool, tmp_path: Path) -> None:
    with suppress(ZeroDivisionError), run_dir.claimed(configured(tmp_path)) as (run, _):
        assert run.config.is_file()
        if begins:
            run.write_state(state="running")
        raise ZeroDivisionError
    assert run.config.is_file() == begins
