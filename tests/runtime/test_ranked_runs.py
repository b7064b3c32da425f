"""Runs of several ranks, each a process with what torchrun puts into its environment: one directory, one voice."""

import os
import signal
import socket
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from commands import Command, run, undrawn_curves, write_yaml
from run_comparison import log_rows

from wgan.config.metrics import Metric
from wgan.metrics.report import Report
from wgan.runs import checkpoint
from wgan.runs.run_dir import Run
from wgan.trainers.base import Trainer
from wgan.training import overfitting
from wgan.training.evaluator import ImageSamples

PLAIN = {"network": "dense", "metrics": [], "sample_every": 100, "checkpoint_every": 4}
"""No batch norm, so that the number of ranks does not matter."""


def become_rank(rank: int, world_size: int, port: int, dies_in: int | None = None) -> None:
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": world_size, "LOCAL_WORLD_SIZE": world_size}
    place |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in place.items()})
    undrawn_curves()
    if dies_in is not None:
        at_step(dies_in, partial(os.kill, os.getpid(), signal.SIGKILL))


def soon_augmented() -> None:
    overfitting.EVERY, overfitting.TARGET, overfitting.RAMP = 2, -1e9, 100


def become_rank_that_augments(rank: int, world_size: int, port: int) -> None:
    become_rank(rank, world_size, port)
    soon_augmented()


def become_rank_of_no_progress(rank: int, world_size: int, port: int) -> None:
    become_rank(rank, world_size, port)
    report = Report((Metric("coverage", "Coverage", "", 0.5, "higher"),))
    ImageSamples.evaluate = lambda *_: report  # type: ignore[method-assign]


def become_rank_and_signal(rank: int, world_size: int, port: int, step: int) -> None:
    become_rank(rank, world_size, port)
    at_step(step, partial(os.kill, os.getpid(), signal.SIGTERM))


def become_rank_and_stop(rank: int, world_size: int, port: int, step: int) -> None:
    become_rank(rank, world_size, port)
    at_step(step, partial(os.kill, os.getpid(), signal.SIGSTOP))


def become_rank_and_stop_at_the_start(rank: int, world_size: int, port: int) -> None:
    become_rank(rank, world_size, port)
    torch.distributed.init_process_group = lambda *_, **__: os.kill(os.getpid(), signal.SIGSTOP)


def become_rank_with_slow_metrics(rank: int, world_size: int, port: int) -> None:
    become_rank(rank, world_size, port)
    ImageSamples.evaluate = lambda *_: time.sleep(9) or Report()  # type: ignore[method-assign]


def at_step(step: int, act: Any) -> None:
    update = Trainer.critic_update

    def acting(trainer: Trainer, real: torch.Tensor, at: int, *labels: Any) -> dict[str, torch.Tensor]:
        if at == step:
            act()
        return update(trainer, real, at, *labels)

    Trainer.critic_update = acting  # type: ignore[method-assign]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def in_ranks(yaml: Path, *before: Any) -> list[tuple[int, str]]:
    """Exit status and output of each rank; `before(rank, world_size, port)` runs in it first."""
    port = free_port()
    commands = [
        Command(yaml.parent / f"rank{rank}.txt", [yaml], partial(act, rank, len(before), port))
        for rank, act in enumerate(before)
    ]
    return [(command.wait(), command.text) for command in commands]


def beside_a_stopped_rank(yaml: Path, stopped: int, act: Any) -> Command:
    """The other of two ranks, ended, of which one has come to stand still by `act`."""
    port = free_port()
    acts = [become_rank, become_rank]
    acts[stopped] = act
    commands = [
        Command(yaml.parent / f"{rank}.txt", [yaml], partial(one, rank, 2, port)) for rank, one in enumerate(acts)
    ]
    live = commands[1 - stopped]
    try:
        assert live.wait() == 1, live.text
    finally:
        commands[stopped].kill()
    return live


def trained(folder: Path) -> dict[str, Any]:
    state: dict[str, Any] = checkpoint.load(folder / "out/run/checkpoints/last.pt")
    return state


def largest_difference(one: Any, other: Any) -> float:
    if isinstance(one, torch.Tensor):
        return float((one.double() - other.double()).abs().max()) if one.numel() else 0.0
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        return max((largest_difference(one[key], other[key]) for key in one), default=0.0)
    if isinstance(one, list):
        return max((largest_difference(*pair) for pair in zip(one, other, strict=True)), default=0.0)
    assert one == other
    return 0.0


@pytest.mark.slow
def test_two_ranks_write_one_run_that_equals_the_run_of_one_process(tmp_path: Path) -> None:
    alone, together = write_yaml(tmp_path / "alone", **PLAIN), write_yaml(tmp_path / "together", **PLAIN)
    assert run(alone, before=undrawn_curves)[0] == 0
    (status, said), (other_status, other_said) = in_ranks(together, become_rank, become_rank)
    assert (status, other_status) == (0, 0), said
    assert "WGAN-GP on 2 x CPU" in said
    assert other_said == ""
    one, other = trained(tmp_path / "alone"), trained(tmp_path / "together")
    assert largest_difference(one["trainer"]["ema"], other["trainer"]["ema"]) < 1e-5
    for a, b in zip(log_rows(tmp_path / "alone/out/run"), log_rows(tmp_path / "together/out/run"), strict=True):
        for name in a:
            assert (a[name] == "") == (b[name] == "")
            assert float(b[name] or 0) == pytest.approx(float(a[name] or 0), rel=1e-3, abs=1e-4), name
    names = [
        {str(p.relative_to(tmp_path / f)) for p in (tmp_path / f / "out").rglob("*")} for f in ("alone", "together")
    ]
    assert names[0] == names[1]


@pytest.mark.slow
def test_a_signal_to_one_rank_saves_and_any_number_of_ranks_goes_on(tmp_path: Path) -> None:
    undisturbed, stopped = write_yaml(tmp_path / "undisturbed", **PLAIN), write_yaml(tmp_path / "stopped", **PLAIN)
    assert run(undisturbed, before=undrawn_curves)[0] == 0
    (status, said), (other_status, _) = in_ranks(stopped, become_rank, partial(become_rank_and_signal, step=5))
    assert (status, other_status) == (143, 143), said
    assert "Saved at step 7 of 12" in said
    status, said = run(stopped, before=undrawn_curves)
    assert status == 0
    assert "goes on from step 7" in said
    one, other = trained(tmp_path / "stopped"), trained(tmp_path / "undisturbed")
    assert largest_difference(one["trainer"]["ema"], other["trainer"]["ema"]) < 1e-5


@pytest.mark.slow
def test_after_the_death_of_a_rank_the_others_end_and_the_same_command_goes_on_bit_by_bit(tmp_path: Path) -> None:
    normed = {"arch": "DCGAN", "network": "conv", "metrics": [], "sample_every": 100, "checkpoint_every": 4}
    undisturbed, broken = write_yaml(tmp_path / "undisturbed", **normed), write_yaml(tmp_path / "broken", **normed)
    assert [status for status, _ in in_ranks(undisturbed, become_rank, become_rank)] == [0, 0]
    (status, said), (other_status, _) = in_ranks(broken, become_rank, partial(become_rank, dies_in=6))
    assert (status, other_status) == (1, -signal.SIGKILL)
    assert "Lost another rank" in said
    assert "Traceback" not in said
    assert trained(tmp_path / "broken")["step"] == 4
    assert [status for status, _ in in_ranks(broken, become_rank, become_rank)] == [0, 0]
    one, other = trained(tmp_path / "broken"), trained(tmp_path / "undisturbed")
    assert largest_difference(one["trainer"], other["trainer"]) == 0
    assert log_rows(tmp_path / "broken/out/run") == log_rows(tmp_path / "undisturbed/out/run")


@pytest.mark.slow
@pytest.mark.parametrize("stopped", [0, 1])
def test_a_rank_that_stands_still_is_named_and_the_others_end(stopped: int, tmp_path: Path) -> None:
    yaml = write_yaml(tmp_path, **PLAIN, rank_timeout=0.1)
    live = beside_a_stopped_rank(yaml, stopped, partial(become_rank_and_stop, step=6))
    last_line = live.text.splitlines()[-1]
    assert last_line.startswith(f"No sign of life from rank {stopped} for 0.1 minutes (rank_timeout)")
    assert "Traceback" not in live.text
    state = Run(tmp_path / "out/run").read_state()
    assert (state["state"], state["problem"]) == ("failed", last_line) if stopped else state["state"] == "running"
    assert trained(tmp_path)["step"] == 4
    status, said = run(yaml)
    assert status == 0, said
    assert "goes on from step 4" in said


@pytest.mark.slow
@pytest.mark.parametrize("stopped", [0, 1])
def test_a_rank_that_stops_before_all_have_met_is_named(stopped: int, tmp_path: Path) -> None:
    yaml = write_yaml(tmp_path, **PLAIN, rank_timeout=0.1)
    live = beside_a_stopped_rank(yaml, stopped, become_rank_and_stop_at_the_start)
    assert f"No sign of life from rank {stopped} for 0.1 minutes (rank_timeout)" in live.text
    assert "Traceback" not in live.text


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_a_rank_that_never_comes_is_not_waited_for_for_ever(rank: int, tmp_path: Path) -> None:
    yaml = write_yaml(tmp_path, **PLAIN, rank_timeout=0.05)
    command = Command(tmp_path / "alone.txt", [yaml], partial(become_rank, rank, 2, free_port()))
    assert command.wait() == 1, command.text
    assert "Not all 2 ranks came together within 0.05 minutes (rank_timeout): " in command.text
    assert "Traceback" not in command.text


@pytest.mark.slow
def test_a_rank_that_measures_for_long_is_waited_for(tmp_path: Path) -> None:
    yaml = write_yaml(tmp_path, **PLAIN | {"metrics": ["paired"], "metrics_every": 12}, rank_timeout=0.1)
    (status, said), (other_status, _) = in_ranks(yaml, become_rank_with_slow_metrics, become_rank)
    assert (status, other_status) == (0, 0), said


def test_ranks_augment_alike_though_one_alone_measures(tmp_path: Path) -> None:
    keys = {**PLAIN, "arch": "DCGAN", "augment": "auto", "learning_rate": 5e-4}
    alone, together = write_yaml(tmp_path / "alone", **keys), write_yaml(tmp_path / "together", **keys)
    assert run(alone, before=soon_augmented)[0] == 0
    ends = in_ranks(together, become_rank_that_augments, become_rank_that_augments)
    assert [status for status, _ in ends] == [0, 0], ends
    one, other = trained(tmp_path / "alone"), trained(tmp_path / "together")
    assert float(log_rows(tmp_path / "together/out/run")[-1]["augment_p"]) > 0
    assert one["gauge"] == pytest.approx(other["gauge"], rel=1e-3)
    assert largest_difference(one["trainer"]["ema"], other["trainer"]["ema"]) < 1e-5


def test_ranks_end_together_when_patience_is_over(tmp_path: Path) -> None:
    yaml = write_yaml(tmp_path, **PLAIN | {"metrics": ["prdc"]}, metrics_every=2, patience=4)
    ends = in_ranks(yaml, become_rank_of_no_progress, become_rank_of_no_progress)
    assert [status for status, _ in ends] == [0, 0], ends
    state = Run(tmp_path / "out/run").read_state()
    assert (state["state"], state["step"], state["ended_early"]) == ("finished", 6, True)


def test_ranks_begin_with_the_weights_that_the_first_one_reads(tmp_path: Path) -> None:
    other = write_yaml(tmp_path / "other", **PLAIN | {"num_steps": 3})
    assert run(other)[0] == 0
    yaml = write_yaml(tmp_path, **PLAIN | {"num_steps": 3}, seed=7, start_from=str(tmp_path / "other/out/run"))
    ends = in_ranks(yaml, become_rank, become_rank)
    assert [status for status, _ in ends] == [0, 0], ends
    assert sum("The weights are those of" in said for _, said in ends) == 1


def test_a_fault_that_all_ranks_meet_is_told_once(tmp_path: Path) -> None:
    yaml = write_yaml(tmp_path, **PLAIN, accumulate=5, batch_size=15)
    ends = in_ranks(yaml, become_rank, become_rank)
    assert [status for status, _ in ends] == [2, 2]
    told = [line for _, said in ends for line in said.splitlines() if "batch_size" in line]
    assert len(told) == 1
    assert "15 does not split evenly into 10 parts (2 ranks x accumulate 5): set 10 or 20" in told[0]
    assert not (tmp_path / "out").exists()
