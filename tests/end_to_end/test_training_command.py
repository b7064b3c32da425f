"""The command line from a YAML to a finished run, and what interrupts it on the way. Fresh starts and forked ones."""

import csv
import ctypes
import json
import math
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas
import pytest
import torch
import yaml as yaml_library
from commands import ROOT, Command, run, run_fresh, undrawn_curves, write_yaml
from PIL import Image
from run_comparison import differences

from wgan.config.algorithms import ALGORITHMS
from wgan.data.named_sets import mnist_5k
from wgan.runs import checkpoint
from wgan.trainers.base import Trainer

ARCHS = [*ALGORITHMS]
FILES = {
    "checkpoints/last.pt",
    "checkpoints/step_00000010.pt",
    "config.yaml",
    "interpolation.png",
    "learning_curve.png",
    "log.csv",
    "loss_plot.png",
    "metrics.json",
    "metrics_report.out",
    "nearest_neighbours.png",
    "real_fake_grid.png",
    "report.html",
    "samples/step_000000.png",
    "samples/step_000004.png",
    "samples/step_000008.png",
    "samples/step_000012.png",
    "state.json",
    "training.gif",
}


def start_fresh(yaml: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(ROOT / "image_generation.py"), str(yaml), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def wait_for(condition: Callable[[], bool], command: Command) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert command.process.exitcode is None, command.text
        assert time.monotonic() < end, command.text
        time.sleep(0.005)


def steps_of(folder: Path) -> int:
    log = folder / "out/run/log.csv"
    return len(log.read_text().splitlines()) if log.exists() else 0


@pytest.mark.slow
def test_every_algorithm_trains_from_a_yaml_to_a_finished_run(tmp_path: Path) -> None:
    """Two full starts at a time; the others are forks."""
    started = {arch: start_fresh(write_yaml(tmp_path / arch, arch=arch)) for arch in ARCHS[:2]}
    finished = {}
    for arch, process in started.items():
        out, err = process.communicate(timeout=300)
        finished[arch] = process.returncode, out + err
    finished |= {arch: run(write_yaml(tmp_path / arch, arch=arch)) for arch in ARCHS[2:]}
    for arch, (status, out) in finished.items():
        assert status == 0, out
        directory = tmp_path / arch / "out/run"
        assert str(directory / "samples/step_000012.png") in out
        assert {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()} - {
            ".lock"
        } == FILES
        assert (tmp_path / arch / "out/index.html").exists()
        state = json.loads((directory / "state.json").read_text())
        assert (state["state"], state["step"], state["num_steps"], state["warnings"]) == ("finished", 12, 12, [])
        with (directory / "log.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert [row["step"] for row in rows] == ["3", "6", "9", "12"]
        assert all(math.isfinite(float(cell)) for row in rows for cell in row.values() if cell)
        figures = json.loads((directory / "metrics.json").read_text())["metrics"]
        assert figures
        for name in ("metrics.json", "log.csv"):
            table = (pandas.read_json if name.endswith("json") else pandas.read_csv)(directory / name)
            assert len(table) >= 4
            assert {"metrics", "step"} & set(table)
        page = (directory / "report.html").read_text()
        assert "each row from one latent vector to another" in page
        assert "then the training images nearest to it" in page
        assert all(math.isfinite(figure["value"]) for figure in figures.values())
        weights = checkpoint.load(directory / "checkpoints/last.pt")["trainer"]
        assert all(
            tensor.isfinite().all() for name in ("generator", "critic", "ema") for tensor in weights[name].values()
        )
        assert yaml_library.safe_load((directory / "config.yaml").read_text())["arch"] == arch


@pytest.mark.slow
def test_the_first_run_of_the_readme_begins_and_its_config_runs_again(tmp_path: Path) -> None:
    """Full starts, of input.yaml and then of the config.yaml that the run wrote."""
    short = ["num_steps=2", "num_epochs=", f"out={tmp_path}", "run=first", "metrics=[]", "gen_feature_maps=8"]
    overrides = [word for value in short for word in ("--set", value)]
    begun = run_fresh(ROOT / "input.yaml", *overrides)
    assert begun.returncode == 0, begun.stderr
    again = run_fresh(tmp_path / "first/config.yaml")
    assert (again.returncode, "finished already" in again.stdout) == (0, True), again.stderr


@pytest.mark.slow
def test_a_run_that_begins_beside_another_says_which_key_differs(tmp_path: Path) -> None:
    for seed, said in ((1, "out/run: begins\n"), (2, "out/run has seed 1, here 2")):
        status, told = run(write_yaml(tmp_path, arch="WGAN-GP", num_steps=2, metrics=[], seed=seed))
        assert status == 0, told
        assert said in told


LONGER = {"num_steps": 60, "metrics": []}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An undisturbed run of `LONGER`."""
    folder = tmp_path_factory.mktemp("whole")
    assert run(write_yaml(folder, **LONGER), before=undrawn_curves)[0] == 0
    return folder / "out/run"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_saves_and_the_same_command_goes_on(number: signal.Signals, whole: Path, tmp_path: Path) -> None:
    yaml = write_yaml(tmp_path / "stopped", **LONGER)
    command = Command(tmp_path / "stopped/output.txt", [yaml], undrawn_curves)
    wait_for(lambda: steps_of(tmp_path / "stopped") > 3, command)
    command.send(number)
    assert command.wait() == 128 + number
    assert "The same command goes on from there." in command.text
    assert "Traceback" not in command.text
    status, text = run(yaml, before=undrawn_curves)
    assert (status, "goes on from step" in text) == (0, True), text
    assert differences(whole, tmp_path / "stopped/out/run") == []


def stuck_disk() -> None:
    os.fsync = lambda _: time.sleep(600)


def test_a_second_ctrl_c_leaves_at_once(tmp_path: Path) -> None:
    """Here the first one cannot save, since the disk hangs."""
    command = Command(tmp_path / "output.txt", [write_yaml(tmp_path)], stuck_disk)
    wait_for(lambda: any((tmp_path / "out/run").glob(".log.*")), command)
    command.send(signal.SIGINT)
    time.sleep(0.2)
    assert command.process.exitcode is None
    command.send(signal.SIGINT)
    assert command.wait(20) == -signal.SIGINT
    assert "Traceback" not in command.text


def deaf_terminal() -> None:
    for stream in (1, 2):
        os.dup2(os.open("/dev/full", os.O_WRONLY), stream)


def test_a_terminal_that_has_gone_ends_no_training(tmp_path: Path) -> None:
    assert run(write_yaml(tmp_path, metrics=[]), before=deaf_terminal)[0] == 0
    assert json.loads((tmp_path / "out/run/state.json").read_text())["state"] == "finished"


def test_two_processes_never_train_in_one_directory(tmp_path: Path) -> None:
    yaml = write_yaml(tmp_path, num_steps=100_000)
    first = Command(tmp_path / "first.txt", [yaml])
    wait_for(lambda: steps_of(tmp_path) > 1, first)
    status, text = run(yaml)
    assert status == 2
    assert "another process is training here: wait for it, or give this run another name (run:)" in text
    assert "Traceback" not in text
    assert first.kill() == -9
    stopped = Command(tmp_path / "second.txt", [yaml])
    wait_for(lambda: "goes on from step" in stopped.text, stopped)  # the killed one left no lock
    stopped.kill()


def little_memory(spare: int) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + spare
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def test_memory_that_runs_out_is_explained(tmp_path: Path) -> None:
    yaml = write_yaml(tmp_path, batch_size=4000, gen_feature_maps=64, dis_feature_maps=64)
    status, text = run(yaml, before=partial(little_memory, 300_000_000))
    assert status == 1
    told = text.splitlines()[-1]
    assert "has too little memory: set batch_size: 2000 (now 4000) or fewer feature maps (this process may take" in told
    assert "Traceback" not in text


def crashing_library(spare: int | None) -> None:
    """Step 7 reads from address 0, as a library does that was given no memory and did not look."""
    undrawn_curves()
    update = Trainer.critic_update

    def crashed(trainer: Any, real: Any, step: int, *labels: Any) -> Any:
        if step == 7:
            if spare is not None:
                little_memory(spare)
            ctypes.string_at(0)
        return update(trainer, real, step, *labels)

    Trainer.critic_update = crashed  # type: ignore[method-assign]


def test_a_crash_for_want_of_memory_is_told_and_any_other_is_a_crash(tmp_path: Path) -> None:
    yaml = write_yaml(tmp_path)
    status, text = run(yaml, before=partial(crashing_library, 300_000_000))
    assert status == 1, text
    assert "too little memory: set batch_size: 8 (now 16)" in text.splitlines()[-1]
    last = tmp_path / "out/run/checkpoints/last.pt"
    assert text.splitlines()[-1].endswith(f"The checkpoint of step 5 is whole: {last}.")
    assert checkpoint.load(last)["step"] == 5
    status, text = run(yaml, before=partial(crashing_library, None))
    assert status == -signal.SIGSEGV
    assert "memory" not in text


def test_images_that_vanish_lose_nothing(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for index, image in enumerate(mnist_5k().images[:200]):
        Image.fromarray(image[0].numpy()).save(images / f"{index}.png")
    keys = {"dataset": None, "path": str(images), "cache": str(tmp_path / "cache"), "metrics": []}
    assert run(write_yaml(tmp_path / "whole", **keys))[0] == 0
    long = write_yaml(tmp_path / "stopped", **keys, num_steps=100_000)
    command = Command(tmp_path / "stopped/output.txt", [long])
    wait_for(lambda: steps_of(tmp_path / "stopped") > 2, command)
    command.send(signal.SIGKILL)
    assert command.wait() == -9
    yaml = write_yaml(tmp_path / "stopped", **keys)
    shutil.move(images, tmp_path / "elsewhere")
    status, text = run(yaml)
    assert status == 2
    assert len(text.splitlines()) == 1
    assert f"path: there is no folder {images}" in text
    shutil.move(tmp_path / "elsewhere", images)
    (images / "7.png").unlink()
    status, text = run(yaml)
    assert status == 2
    assert "was trained on other images than those that are there now. Restore them, or give this run another" in text


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "code"])
def test_a_damaged_checkpoint_is_named_set_aside_and_the_one_before_used(damage: str, tmp_path: Path) -> None:
    yaml = write_yaml(tmp_path / "whole", metrics=[])
    assert run(yaml, "--set", "num_steps=6", before=undrawn_curves)[0] == 0
    last = tmp_path / "whole/out/run/checkpoints/last.pt"
    content = bytearray(last.read_bytes())
    with zipfile.ZipFile(last) as archive:  # between its parts lies padding, of which no bit matters
        largest = archive.read(max(archive.infolist(), key=lambda part: part.file_size))
    content[content.index(largest) + len(largest) // 2] ^= 4
    last.write_bytes({"truncated": content[:1000], "flipped": content, "empty": b"", "code": b""}[damage])
    if damage == "code":
        torch.save({"step": print}, last)
    status, text = run(yaml, before=undrawn_curves)
    assert status == 0, text
    assert f"{last}: not " in text
    assert "set aside as last.pt.damaged" in text
    assert "goes on from step 5" in text


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"PK\x03\x04", bytes(1000)], ids=["empty", "GIF", "zip", "zeros"])
def test_sampling_from_what_is_no_checkpoint_says_so(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(content)
    (tmp_path / "input.yaml").write_text(f"arch: Generator\ncheckpoint: {tmp_path}/model.pt\nout: {tmp_path}/out\n")
    status, text = run(tmp_path / "input.yaml")
    assert status == 2
    assert text.startswith(f"{tmp_path}/model.pt: not a whole checkpoint (")
    assert len(text.splitlines()) == 1
    assert not (tmp_path / "out").exists()
