"""Ranks as they are started in earnest, by torch's elastic launcher: on one machine, after a death, on two hosts."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from commands import ROOT, write_yaml
from run_comparison import log_rows

from wgan.runs import checkpoint
from wgan.runs.run_dir import Run

pytestmark = pytest.mark.slow

Start = Callable[..., subprocess.Popen[str]]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run"]
SETTINGS: dict[str, Any] = {
    "arch": "WGAN-GP",
    "metrics": [],
    "sample_every": 1000,
    "checkpoint_every": 20,
    "keep_checkpoints": 1,
}
LAUNCH = """
import sys
from pathlib import Path
from wgan.config.resolve import load_config
from wgan.runtime.launch import launch
from wgan.train import train
sys.exit(launch(train, load_config(Path(sys.argv[1])), 2))
"""
"""What `n_gpu: 2` does, on CPUs."""


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts commands in the repository's root; what still runs at the end of the test is killed, ranks included."""
    started: list[subprocess.Popen[str]] = []

    def starting(*command: object, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        started.append(process)
        return process

    yield starting
    for process in started:
        if process.poll() is None:
            for pid in ranks_below(process.pid).values():
                os.kill(pid, signal.SIGKILL)
            process.kill()
            process.wait()


def end(process: subprocess.Popen[str], timeout: float = 300) -> tuple[int, str]:
    said, _ = process.communicate(timeout=timeout)
    return process.returncode, said


def last(folder: Path) -> dict[str, Any]:
    state: dict[str, Any] = checkpoint.load(folder / "out/run/checkpoints/last.pt")
    return state


def wait_for_checkpoint(folder: Path) -> None:
    """Until one later than that of step 0 is there."""
    deadline = time.monotonic() + 200
    while Run(folder / "out/run").read_state().get("step", 0) < SETTINGS["checkpoint_every"]:
        assert time.monotonic() < deadline, "no checkpoint appeared"
        time.sleep(0.005)


def ranks_below(pid: int) -> dict[int, int]:
    """rank -> process, of the processes that a launcher started."""
    found = {}
    children = Path(f"/proc/{pid}/task/{pid}/children")
    for child in children.read_text().split() if children.exists() else []:
        variables = dict(v.partition("=")[::2] for v in Path(f"/proc/{child}/environ").read_text().split("\0"))
        if "RANK" in variables:
            found[int(variables["RANK"])] = int(child)
    return found


def same_bits(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same_bits(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same_bits, one, other))
    return bool(one == other)


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds the ranks' processes in Linux's /proc")
def test_a_killed_rank_restarts_the_group_and_the_result_is_that_of_an_undisturbed_run(
    tmp_path: Path, start: Start
) -> None:
    steps = {**SETTINGS, "num_steps": 160}
    undisturbed, killed = write_yaml(tmp_path / "undisturbed", **steps), write_yaml(tmp_path / "killed", **steps)
    elastic = start(
        *[*TORCHRUN, "--standalone", "--nproc-per-node=2", "--max-restarts=1", "image_generation.py", killed]
    )
    wait_for_checkpoint(tmp_path / "killed")
    os.kill(ranks_below(elastic.pid)[1], signal.SIGKILL)
    launched = start(sys.executable, "-c", LAUNCH, undisturbed)
    status, said = end(elastic)
    assert status == 0, said
    assert "goes on from step" in said
    status, said = end(launched)
    assert status == 0, said
    assert said.count("begins") == 1
    one, other = last(tmp_path / "killed"), last(tmp_path / "undisturbed")
    assert one["step"] == other["step"] == 160
    assert same_bits(one["trainer"], other["trainer"])
    assert log_rows(tmp_path / "killed/out/run") == log_rows(tmp_path / "undisturbed/out/run")


def test_the_launcher_passes_a_signal_on_and_gives_the_ranks_status(tmp_path: Path, start: Start) -> None:
    yaml = write_yaml(tmp_path, **SETTINGS, num_steps=100_000)
    process = start(sys.executable, "-c", LAUNCH, yaml)
    wait_for_checkpoint(tmp_path)
    process.send_signal(signal.SIGTERM)
    status, said = end(process)
    assert status == 143, said
    assert "Traceback" not in said
    assert f"Saved at step {last(tmp_path)['step']} of 100000" in said


@pytest.fixture
def hosts() -> Iterator[list[str]]:
    """Two network namespaces joined by a cable, 10.77.0.1 and 10.77.0.2; nothing outside them is touched."""
    if shutil.which("ip") is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("two hosts on one machine need root and iproute2")
    names = [f"wgan-{os.getpid()}-{host}" for host in "ab"]
    try:
        for name in names:
            if subprocess.run(["ip", "netns", "add", name], check=False, capture_output=True).returncode:
                pytest.skip("this machine lets nobody make a network namespace")
        made = f"ip link add cable netns {names[0]} type veth peer name cable netns {names[1]}"
        subprocess.run(made.split(), check=True)
        for number, name in enumerate(names, 1):
            for command in (f"address add 10.77.0.{number}/24 dev cable", "link set cable up", "link set lo up"):
                subprocess.run(["ip", "-n", name, *command.split()], check=True)
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


@pytest.mark.optional
def test_two_hosts_meet_and_train_one_run(tmp_path: Path, start: Start, hosts: list[str]) -> None:
    yaml = write_yaml(tmp_path, **SETTINGS)
    rendezvous = ["--rdzv-backend=c10d", "--rdzv-endpoint=10.77.0.1:29400", "--rdzv-id=wgan"]
    processes = [
        start(
            *["ip", "netns", "exec", name, *TORCHRUN, "--nnodes=2", "--nproc-per-node=1", *rendezvous],
            *[f"--local-addr=10.77.0.{number}", f"--rdzv-conf=is_host={int(number == 1)}", "image_generation.py", yaml],
            GLOO_SOCKET_IFNAME="cable",
        )
        for number, name in enumerate(hosts, 1)
    ]
    ends = [end(process) for process in processes]
    assert [status for status, _ in ends] == [0, 0], ends
    assert "on 2 x CPU" in "".join(said for _, said in ends)
    assert last(tmp_path)["step"] == 12
