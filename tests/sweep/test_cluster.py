"""`executor: ray` on a real cluster of two machines' worth of processes, one of which is lost in the middle."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch
from commands import ROOT, write_yaml
from run_comparison import differences

from wgan import train
from wgan.config import constraints
from wgan.config import resolve as configuration
from wgan.config.schema import TrainConfig
from wgan.runs.csv_log import last_step
from wgan.runs.run_dir import Run
from wgan.sweep import cluster as on_ray
from wgan.sweep import plan, worker
from wgan.sweep.run import sweep
from wgan.utils.errors import InputError

pytestmark = pytest.mark.slow

KEYS = {"dataset": "8gaussians", "metrics": [], "log_every": 20, "checkpoint_every": 50, "sample_every": 500}


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A head that trains nothing, and two nodes with one CPU each."""
    pytest.importorskip("ray", reason=constraints.RAY_MISSING)
    from ray.cluster_utils import Cluster

    # as in a script's background job, whose children ignore it: a request to stop must be heard all the same
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    started = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    yield started, [started.add_node(num_cpus=1) for _ in range(2)]
    signal.signal(signal.SIGINT, before)
    started.shutdown()


@pytest.mark.optional
def test_a_lost_machines_runs_go_on_elsewhere_and_end_as_if_nothing_had_happened(cluster: Any, tmp_path: Path) -> None:
    started, nodes = cluster
    yaml = write_yaml(tmp_path, **KEYS, num_steps=1000, executor="ray", sweep={"seed": [1, 2]})
    config = _loaded(yaml)
    planned = plan.plan(config)
    process = _start(yaml, started.address)
    _wait_for(lambda: all(last_step(one.run.log) >= 60 for one in planned), process)
    started.remove_node(nodes[1], allow_graceful=False)
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert "2 of 2 runs are finished" in said

    outputs = [one.output.read_text(encoding="utf-8") for one in planned]
    assert sum("goes on from step" in output for output in outputs) == 1, outputs
    index = (config.out / "index.html").read_text(encoding="utf-8")
    assert all(one.name in index for one in planned)
    lost = next(one for one, output in zip(planned, outputs, strict=True) if "goes on from step" in output)
    undisturbed = lost.config.model_copy(update={"out": tmp_path / "alone"})
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # a node has one CPU
    assert train.train(undisturbed) == 0
    torch.set_num_threads(threads)
    assert differences(tmp_path / "alone" / lost.name, lost.run.directory) == []


@pytest.mark.optional
def test_ctrl_c_saves_the_runs_on_the_cluster(cluster: Any, tmp_path: Path) -> None:
    started, _ = cluster
    yaml = write_yaml(tmp_path, **KEYS, num_steps=1_000_000, executor="ray", sweep={"seed": [1]})
    one = plan.plan(_loaded(yaml))[0]
    process = _start(yaml, started.address)
    _wait_for(lambda: last_step(one.run.log) > 0, process)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 130, said
    _wait_for(lambda: Run(one.run.directory).read_state()["state"] == "stopped")
    assert (one.run.checkpoints / "last.pt").exists()


def test_without_ray_the_command_that_installs_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)  # what an import of a missing package meets
    config = _loaded(write_yaml(tmp_path, **KEYS, executor="ray", sweep={"seed": [1]}))
    with pytest.raises(InputError, match=r"^\S+input.yaml:\d+: executor: .*pip install -r requirements-ray.txt$"):
        sweep(config)
    assert (ROOT / "requirements-ray.txt").exists()


@pytest.mark.optional
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason=constraints.RAY_MISSING)
def test_a_cluster_that_does_not_answer_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    config = _loaded(write_yaml(tmp_path, **KEYS, executor="ray", sweep={"seed": [1]}))
    with pytest.raises(InputError, match=r"executor: no Ray cluster answers at 127\.0\.0\.1:1"):
        sweep(config)


def test_a_run_is_asked_to_stop_again_where_the_first_request_was_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = Mock()
    ray.wait.return_value = [], []  # nothing ends
    ray.nodes.return_value = [{"Alive": True, "Resources": {"CPU": 1.0}}]
    monkeypatch.setattr(on_ray, "_connected", lambda _: ray)
    config = _loaded(write_yaml(tmp_path, **KEYS, executor="ray", sweep={"seed": [1]}))
    runs = on_ray.RayRuns(config)
    runs.start(plan.plan(config)[0])
    runs.ended()
    assert ray.cancel.call_count == 0
    runs.stop()
    runs.ended()
    assert ray.cancel.call_count == 1, "a run has a minute to save"
    monkeypatch.setattr(on_ray, "CANCEL_AGAIN", -1.0)
    runs.ended()
    assert ray.cancel.call_count == 2


def test_a_task_that_is_cancelled_while_its_run_saves_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = Mock(returncode=143)
    process.poll.side_effect = [KeyboardInterrupt, None, None, 143]  # trains; then saves; has saved
    process.wait.side_effect = [KeyboardInterrupt, 143]
    monkeypatch.setattr(worker, "open_worker", lambda *_: process)
    with pytest.raises(KeyboardInterrupt):
        worker.attend(tmp_path / "a.yaml", tmp_path / "output.txt", tmp_path, 1)
    assert process.stdin.close.called
    assert process.wait.call_count == 2


@pytest.mark.parametrize("out", ["s3://bucket/out", "gs://b", "hdfs://name:9000/x", "file:///tmp/x"])
def test_urls_are_no_place_for_results(tmp_path: Path, out: str) -> None:
    with pytest.raises(InputError, match=r"out: must be a folder .* got the URL"):
        _loaded(write_yaml(tmp_path, out=out))


def test_a_task_fits_when_one_machine_has_all_it_needs() -> None:
    nodes = [
        {"Alive": True, "Resources": {"CPU": 8.0}},
        {"Alive": True, "Resources": {"CPU": 2.0, "GPU": 4.0}},
        {"Alive": False, "Resources": {"CPU": 64.0, "GPU": 8.0}},
    ]
    fits = [on_ray._fits(nodes, *needed) for needed in ((8, 0), (2, 4), (4, 1), (1, 8))]
    assert fits == [True, True, False, False]


def _loaded(yaml: Path) -> TrainConfig:
    config = configuration.load_config(yaml)
    assert isinstance(config, TrainConfig)
    return config


def _start(yaml: Path, address: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(ROOT / "image_generation.py"), str(yaml)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "RAY_ADDRESS": address},
    )


def _wait_for(condition: Callable[[], bool], process: subprocess.Popen[str] | None = None) -> None:
    end = time.monotonic() + 120
    while not condition():
        if time.monotonic() > end or (process and process.poll() is not None):
            said = process.communicate(timeout=10)[0] if process and process.poll() is not None else ""
            raise TimeoutError(f"did not come about: {said}")
        time.sleep(0.05)
