"""Sweeps: their runs and directories, the sharing of cores and devices, failures, and being killed."""

import json
import os
import random
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Mapping
from errno import ENOSPC
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from commands import Command, undrawn_curves, write_yaml
from file_faults import Changes, failing, watched
from run_comparison import differences

from wgan import train
from wgan.config import resolve as configuration
from wgan.config.schema import TrainConfig
from wgan.data import load
from wgan.reporting.sweep_summary import ranking_table
from wgan.runs import run_dir
from wgan.runs.run_dir import Run
from wgan.sweep import __main__ as one_run
from wgan.sweep import local, plan, progress
from wgan.sweep.run import sweep, why_failed
from wgan.sweep.worker import open_worker, stop
from wgan.training import estimate
from wgan.utils.errors import InputError, RunFault

NAMES = "alone", "killed"
FIGURES = "run-sweep-seed/[a-z]*.[chp]*"
POINTS = {"dataset": "8gaussians", "metrics": []}
"""The lightest training there is."""


def swept(folder: Path, **keys: Any) -> TrainConfig:
    loaded = configuration.load_config(write_yaml(folder, **keys))
    assert isinstance(loaded, TrainConfig)
    return loaded


def state(run: Path) -> dict[str, Any]:
    return Run(run).read_state()


def test_every_combination_has_a_run_named_after_its_values(tmp_path: Path) -> None:
    config = swept(tmp_path, sweep={"gp_lambda": [0.1, 10], "seed": [1, 2]}, parallel=2)
    planned = plan.plan(config)
    assert [one.run.directory.name for one in planned] == [
        "run-gp_lambda=0.1-seed=1",
        "run-gp_lambda=0.1-seed=2",
        "run-gp_lambda=10-seed=1",
        "run-gp_lambda=10-seed=2",
    ]
    assert [(one.config.gp_lambda, one.config.seed) for one in planned] == [(0.1, 1), (0.1, 2), (10, 1), (10, 2)]
    assert all(one.config.sweep is None and one.config.out == config.out for one in planned)


def test_a_plan_finds_the_directories_of_the_same_plan_again(tmp_path: Path) -> None:
    config = swept(tmp_path, sweep={"seed": [1, 2]})
    for one in plan.plan(config):
        one.run.directory.mkdir(parents=True)
        one.run.config.write_text(configuration.to_yaml(one.config))
    assert [one.name for one in plan.plan(config)] == ["run-seed=1", "run-seed=2"]
    other = configuration.with_values(config, {"learning_rate": 0.001})
    assert [one.name for one in plan.plan(other)] == [f"run-seed={s}-learning_rate=0.001" for s in (1, 2)]


def test_names_too_long_for_a_folder_still_differ(tmp_path: Path) -> None:
    config = swept(tmp_path, run="r" * 115, sweep={"seed": [1, 2, 3]})
    for _ in range(2):
        planned = plan.plan(config)
        assert [len(one.name) <= 120 for one in planned] == [True] * 3
        assert len({one.run for one in planned}) == 3
        assert [one.config.seed for one in planned] == [1, 2, 3]
        for one in planned:  # and again when they stand there
            one.run.directory.mkdir(parents=True, exist_ok=True)
            one.run.config.write_text(configuration.to_yaml(one.config))


def test_each_set_of_images_is_prepared_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = []
    load_data = load.load_data
    monkeypatch.setattr(load, "load_data", lambda config: loaded.append(config.image_size) or load_data(config))
    config = swept(tmp_path, sweep={"gp_lambda": [1, 10], "image_size": [28, 32], "seed": [1, 2]})
    lengths = plan.prepare(plan.plan(config))
    assert loaded == [28, 32]
    assert {length.steps for length in lengths.values()} == {12}
    assert len(lengths) == 8


def test_an_epoch_of_a_sweep_is_as_long_as_one_of_a_run(tmp_path: Path) -> None:
    config = swept(tmp_path, num_steps=None, num_epochs=2, batch_size=64, sweep={"seed": [1]})
    (length,) = plan.prepare(plan.plan(config)).values()
    assert length.beside == estimate.other_seconds(config, 500, 141), "as many are measured as are held out"
    assert length.steps == 141  # 2 x 4,500 / 64, rounded up


def test_no_sweep_replaces_the_pages_of_another(tmp_path: Path) -> None:
    def place(values: list[int], **keys: Any) -> str:
        config = swept(tmp_path, sweep={"gp_lambda": values}, **keys)
        found = plan.folder(config)
        assert {one.yaml.parent for one in plan.plan(config)} == {found}
        if not found.exists():
            found.mkdir(parents=True)
            (found / plan.SWEEP_YAML).write_text(configuration.to_yaml(config))
        return found.name

    first, second, third, fourth = (f"run-sweep-gp_lambda{number}" for number in ("", "-2", "-3", "-4"))
    assert place([1, 10]) == place([1, 10]) == first, "the same sweep takes its own pages up again"
    assert place([10, 1, 100], num_steps=24, log_every=6) == first, "and does so with more values, or longer"
    assert place([1, 10], critic_its=1) == place([1, 10], critic_its=1) == second
    assert place([1]) == third, "the page of the first would lose runs"
    (tmp_path / "out" / fourth).mkdir()
    (tmp_path / "out" / fourth / plan.SWEEP_YAML).write_text("no: [sweep")
    assert place([7]) == "run-sweep-gp_lambda-5"


def test_missing_images_stop_a_sweep_before_it_begins(tmp_path: Path) -> None:
    config = swept(tmp_path, dataset=None, path=str(tmp_path / "none"), sweep={"seed": [1, 2]})
    with pytest.raises(InputError, match="none"):
        sweep(config)
    assert not (tmp_path / "out").exists()


def test_missing_devices_stop_a_sweep_before_an_image_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "load_data", lambda _: pytest.fail("looked at the images"))
    with pytest.raises(InputError, match="n_gpu: asks for 4000"):
        sweep(swept(tmp_path, n_gpu=4000, batch_size=4000, sweep={"seed": [1, 2]}))
    assert not (tmp_path / "out").exists()


def test_runs_take_the_devices_with_the_fewest_runs() -> None:
    loads = Counter({"0": 0, "1": 0, "2": 0, "3": 0})
    given = []
    for count in (2, 1, 1, 1, 4, 8):
        chosen = local.least_loaded(loads, count)
        loads.update(chosen)
        given.append("".join(chosen))
    assert given == ["01", "2", "3", "0", "0123", "0123"]
    loads.subtract(["2"])
    assert local.least_loaded(loads, 1) == ["2"]
    assert local.least_loaded(loads, 0) == []


def test_devices_hidden_from_the_sweep_stay_hidden_from_its_runs() -> None:
    assert local.visible("", 3) == ["0", "1", "2"]
    assert local.visible("2, GPU-5f", 2) == ["2", "GPU-5f"]
    assert local.visible("", 0) == []


def test_a_run_sees_its_devices_and_its_share_of_the_cores() -> None:
    seen = local.environment({"HOME": "/h"}, 4, "CUDA_VISIBLE_DEVICES", ["1", "3"])
    assert seen == {"HOME": "/h", "OMP_NUM_THREADS": "4", "CUDA_VISIBLE_DEVICES": "1,3"}
    asked = local.environment({"OMP_NUM_THREADS": "1"}, 4, "CUDA_VISIBLE_DEVICES", [])
    assert asked == {"OMP_NUM_THREADS": "1"}, "a number that the user set stays"
    assert local.LocalRuns(1).threads == local.cores()
    assert local.LocalRuns(10_000).threads == 1


def test_time_left_follows_from_the_pace_so_far_and_counts_the_metrics_of_each_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four runs of 100 steps of 0.2 s and 10 s of metrics, two at a time: 60 s in all."""
    planned = plan.plan(swept(tmp_path, sweep={"seed": [1, 2, 3, 4]}))
    clock, done = 0.0, dict.fromkeys((one.name for one in planned), 0)
    names = [one.name for one in planned]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock)
    monkeypatch.setattr(progress, "last_step", lambda log: done[log.parent.name])
    seen = progress.SweepProgress(planned, dict.fromkeys(names, plan.Length(100, 10.0)), 0, parallel=2)
    assert seen.seconds_left(done=0, left=400, seconds=1) is None
    for name in names[:2]:
        done[name] = 50
    clock = 10.0
    assert seen.seconds_left(seen.steps(), 300, clock) == pytest.approx(50)
    for name in names[:2]:
        done[name] = 100
    clock = 20.0
    assert seen.seconds_left(seen.steps(), 200, clock) == pytest.approx(40)
    clock = 26.0
    assert seen.seconds_left(seen.steps(), 200, clock) == pytest.approx(34), "four seconds of metrics are left"
    clock = 30.0
    for name in names[:2]:
        seen.ended(name, None)
    assert seen.measured == [10.0, 10.0]
    assert seen.seconds_left(seen.steps(), 200, clock) == pytest.approx(30)


def test_one_of_two_identical_sweeps_is_refused(tmp_path: Path) -> None:
    config = swept(tmp_path, **POINTS, sweep={"seed": [1, 2]})
    with Run(plan.folder(config)).lock(), pytest.raises(InputError, match="another process"):
        sweep(config)


def badges(out: Path) -> list[list[str]]:
    """The states that the index and the sweep's page show."""
    pages = out / "index.html", next(out.glob("*/sweep.html"))
    return [sorted(re.findall(r'class="badge (\w+)"', page.read_text(encoding="utf-8"))) for page in pages]


@pytest.mark.slow
def test_a_failed_run_is_told_of_while_the_others_finish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    config = swept(tmp_path, **POINTS, num_steps=6, parallel=2, sweep={"batch_size": [10_000_000, 16]})
    out, start, at_start = tmp_path / "out", local.LocalRuns.start, []

    def noted(runs: local.LocalRuns, one: plan.SweepRun) -> None:
        at_start.extend([] if at_start else badges(out))
        start(runs, one)

    monkeypatch.setattr(local.LocalRuns, "start", noted)
    assert sweep(config) == 1
    said = capsys.readouterr()
    assert at_start == [["pending", "pending"]] * 2
    assert badges(out) == [["failed", "finished"], ["failed"]], "the sweep's page leaves the usual state out"
    assert state(out / "run-batch_size=16")["state"] == "finished"
    assert "1 of 2 runs are finished" in said.out
    assert "batch_size=10000000/: " in said.out
    assert "10000000 is more than the" in said.out, "the reason, not only that there is one"
    assert "run-batch_size=16: finished" in said.err
    assert (out / "index.html").exists()


@pytest.mark.slow
def test_a_disk_that_fills_at_any_file_of_the_sweeps_own_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    config = swept(tmp_path, **POINTS, num_steps=6, sweep={"seed": [1]})

    def told(number: int) -> str:
        with watched(Changes(tmp_path, failing(ENOSPC, number))), pytest.raises(RunFault) as caught:
            sweep(config)
        return str(caught.value)

    lines = [told(number) for number in range(4)]
    assert train.train(plan.plan(config)[0].config) == 0
    assert sweep(config) == 0
    lines += [told(number) for number in range(3)]
    assert [line for line in lines if not re.match(r"\S+: No space left on device: \D+$", line)] == []
    capsys.readouterr()
    with watched(Changes(tmp_path, failing(ENOSPC, 3))):
        assert sweep(config) == 0, "where every run is finished only pages are drawn"
    assert re.fullmatch(
        r"warning: \S+contact_sheet.png, \S+index.html, \S+sweep.html: not brought up to date: No space left[^\n]+\n",
        capsys.readouterr().err,
    )


def test_what_a_run_prints_goes_into_a_file_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/echo")
    precious, output = tmp_path / "precious", tmp_path / "run" / "output.txt"
    for put in (lambda: output.symlink_to(precious), lambda: os.mkfifo(output)):
        precious.write_text("x")
        output.parent.mkdir(exist_ok=True)
        put()
        worker = open_worker(tmp_path / "none.yaml", output, {**os.environ})
        assert worker.wait(60) == 0
        stop(worker)
        assert precious.read_text() == "x"
        assert "none.yaml" in output.read_text()
        output.unlink()


def test_a_run_that_the_system_killed_is_told_of(tmp_path: Path) -> None:
    one = plan.plan(swept(tmp_path, sweep={"seed": [1]}))[0]
    assert "SIGKILL" in why_failed(one, -signal.SIGKILL)
    one.output.parent.mkdir(parents=True)
    one.output.write_text("step 5/30\nbatch_size: too large\n\n")
    assert why_failed(one, 2) == "batch_size: too large"


class ForkedWorker:
    """What `open_worker` gives, as a fork of the sweep, which has imported torch already."""

    def __init__(self, yaml: Path, output: Path, environ: Mapping[str, str]) -> None:
        output.parent.mkdir(parents=True, exist_ok=True)
        sys.stdout.flush()
        sys.stderr.flush()
        read, write = os.pipe()
        self.process = os.fork()
        if self.process == 0:
            self._train(yaml, output, environ, read)
        os.close(read)
        self.stdin = os.fdopen(write, "wb")

    def poll(self) -> int | None:
        process, status = os.waitpid(self.process, os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if process else None

    @staticmethod
    def _train(yaml: Path, output: Path, environ: Mapping[str, str], stdin: int) -> None:
        status = 1
        try:
            os.dup2(stdin, 0)
            for stream in (1, 2):
                os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream)
            os.closerange(3, os.sysconf("SC_OPEN_MAX"))  # the sweep's lock and its ends of other runs' pipes
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            os.environ.update(environ)
            sys.stdin = open(0)  # noqa: SIM115 - lives as long as the process
            one_run.main(yaml)
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)


def fork_workers() -> None:
    local.open_worker = ForkedWorker
    undrawn_curves()


@pytest.mark.slow
def test_a_sweep_killed_at_random_ends_as_one_left_alone(tmp_path: Path) -> None:
    """The runs that SIGKILL leaves without their sweep are full starts, the others forks."""
    keys = {**POINTS, "num_steps": 300, "log_every": 20, "checkpoint_every": 100, "sample_every": 150, "parallel": 2}
    yamls = [write_yaml(tmp_path / name, **keys, sweep={"seed": [1, 2]}) for name in NAMES]
    assert Command(tmp_path / "alone.txt", [yamls[0]], fork_workers).wait(300) == 0

    dice = random.Random(1)
    for number, status, before in ((signal.SIGKILL, -9, None), (signal.SIGINT, 130, fork_workers)):
        command = Command(tmp_path / f"{number.name}.txt", [yamls[1]], before)
        begun = tmp_path / "killed" / "out" / "run-seed=1" / "log.csv"
        _wait_for(begun.exists, command)
        _wait_for(partial(_has_said, command, "finished already"), command)
        time.sleep(dice.uniform(0, 1))
        command.send(number)
        assert command.wait(120) in (status, 0), command.text
    assert Command(tmp_path / "killed.txt", [yamls[1]], fork_workers).wait(300) == 0

    alone, killed = (sorted((tmp_path / name / "out").glob("*")) for name in NAMES)
    assert [path.name for path in alone] == [path.name for path in killed]
    assert {"run-seed=1", "run-seed=2", "run-sweep-seed", "index.html"} <= {path.name for path in alone}
    for one, other in zip(alone, killed, strict=True):
        if run_dir.read_config(Run(one)):
            assert differences(one, other) == []
    figures = [{path.name: path.read_bytes() for path in (tmp_path / name / "out").glob(FIGURES)} for name in NAMES]
    assert figures[0].keys() == figures[1].keys() >= {"contact_sheet.png", "curves.png", "ranking.csv", "sweep.html"}
    for name in figures[0].keys() - {"sweep.html"}:  # the page names the folder
        assert figures[0][name] == figures[1][name], name
    assert Command(tmp_path / "again.txt", [yamls[1]]).wait(60) == 0
    assert "2 of them finished already" in (tmp_path / "again.txt").read_text()


def _has_said(command: Command, text: str) -> bool:
    return text in command.text


def _wait_for(condition: Any, command: Command) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end, command.text
        assert command.process.is_alive(), command.text
        time.sleep(0.05)


def test_the_table_at_the_end_ranks_values_by_what_is_better(tmp_path: Path) -> None:
    figures = {(1, 1): 0.5, (1, 2): 0.7, (10, 1): 0.1, (10, 2): 0.3}
    directories = {}
    for (weight, seed), value in figures.items():
        folder = tmp_path / f"{weight}-{seed}"
        folder.mkdir()
        figure = {"value": value, "name": "SWD", "section": "", "better": "lower"}
        (folder / "metrics.json").write_text(json.dumps({"figures": {"swd": figure}}))
        directories[folder] = {"gp_lambda": weight, "seed": seed}
    rows = [line.split() for line in ranking_table(directories).splitlines()]
    assert rows[0] == ["gp_lambda", "SWD"]
    assert rows[2:] == [["1.", "10", "0.2000", "±", "0.1414"], ["2.", "1", "0.6000", "±", "0.1414"]]


def test_two_figures_of_one_name_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    psnr = {"value": 9.5, "name": "PSNR", "section": "", "better": "real", "real": 9.0}
    (tmp_path / "a/metrics.json").write_text(json.dumps({"figures": {"psnr": psnr, "nearest_psnr": psnr}}))
    header, _, row, told = ranking_table({tmp_path / "a": {"gp_lambda": 1}}).splitlines()
    assert header.split() == ["gp_lambda", "psnr", "nearest_psnr"]
    assert row.split() == ["1", "9.500", "9.500"]
    assert told.startswith("Not ranked: ")


def test_a_sweep_without_metrics_has_a_table_all_the_same(tmp_path: Path) -> None:
    rows = ranking_table({tmp_path / "a": {"gp_lambda": 1}, tmp_path / "b": {"gp_lambda": 10}}).splitlines()
    assert [row.split() for row in rows[2:]] == [["1"], ["10"]]
