"""What ranks do together: means, agreement on when to stop, one of them doing what only one may do, drift found out."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import Mock

import pytest
import torch
import torch.distributed as dist
from ranks_at_work import in_ranks

from wgan.config.resolve import resolve
from wgan.config.schema import TrainConfig
from wgan.runtime import distributed
from wgan.runtime.distributed import ALONE, Ranks, check_even_split, threads_of_a_rank
from wgan.trainers.base import Trainer, build_trainer, running_statistics
from wgan.utils.errors import InputError, RunFault
from wgan.utils.signals import Interrupted, Interruption


def config(**keys: Any) -> TrainConfig:
    small = {"dataset": "mnist-5k", "image_size": 28, "number_channels": 1, "batch_size": 8, "latent_vector": 5}
    small |= {"gen_feature_maps": 2, "dis_feature_maps": 2, "critic_its": 1, "seed": 7}
    resolved = resolve({**small, "arch": "DCGAN", **keys})
    assert isinstance(resolved, TrainConfig)
    return resolved


def trainer(ranks: Ranks) -> Trainer:
    return build_trainer(config(), (1, 28, 28), torch.device("cpu"), ranks=ranks)


def images(ranks: Ranks, step: int) -> torch.Tensor:
    numbers = torch.Generator().manual_seed(100 * step + ranks.rank)
    return torch.rand(4, 1, 28, 28, generator=numbers) * 2 - 1


def meetings(ranks: Ranks) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    tensors = [torch.full((2, 3), float(ranks.rank)), torch.tensor([4.0 * ranks.rank])]
    ranks.all_reduce_mean_(tensors)
    ranks.all_reduce_mean_([])
    seen["average"] = tensors
    seen["mean"] = ranks.average_metrics(
        {"critic_loss": [(1, float(ranks.rank)), (2, 3.0)], "gradient_norm": [(2, 1.0)]}
    )
    seen["from first"] = ranks.broadcast_from_rank0(lambda: f"made by {ranks.rank}")
    ranks.check_equal("images", "alike")
    try:
        ranks.check_equal("images", ranks.rank)
    except InputError as error:
        seen["difference"] = str(error)
    entered = []

    @contextmanager
    def directory() -> Iterator[str]:
        entered.append(ranks.rank)
        yield f"opened by {ranks.rank}"

    with ranks.entered_by_rank0(directory()) as given:
        seen["entered"] = given, entered
    return seen


def test_ranks_share_means_and_what_the_first_alone_may_do() -> None:
    results = in_ranks(2, meetings)
    for rank, seen in enumerate(results):
        assert torch.equal(seen["average"][0], torch.full((2, 3), 0.5))
        assert seen["average"][1].item() == 2.0
        assert seen["mean"] == {"critic_loss": [(1, 0.5), (2, 3.0)], "gradient_norm": [(2, 1.0)]}
        assert seen["from first"] == "made by 0"
        assert "Rank 1 found images other than rank 0" in seen["difference"]
        assert seen["entered"] == ("opened by 0", [0] if rank == 0 else [])


def one_after_the_other(ranks: Ranks) -> float:
    def read() -> float:
        began = time.monotonic()
        time.sleep(0.3)
        return began

    return ranks.rank0_first(read)


def test_the_first_rank_of_a_machine_has_read_the_images_before_the_others_begin() -> None:
    first, second = in_ranks(2, one_after_the_other)
    assert second >= first + 0.3


def updates(ranks: Ranks) -> dict[str, Any]:
    """With batch norm in both networks."""
    calls: list[str] = []

    def counted(name: str) -> None:
        original = getattr(dist, name)
        setattr(dist, name, lambda *a, **k: (calls.append(name), original(*a, **k))[1])

    one = trainer(ranks)
    for name in ("all_reduce", "all_gather", "broadcast", "reduce_scatter", "barrier", "all_gather_object"):
        counted(name)
    counts = []
    for step in range(4):
        real = images(ranks, step)
        one.critic_update(real, step)
        one.generator_update(4, step, real)
        counts.append(len(calls))
        calls.clear()
    own = [s.clone() for s in running_statistics(one.generator) + running_statistics(one.critic)]
    ema = [s.clone() for s in running_statistics(one.ema.model)]
    one.sync_buffers_and_verify()
    agreed = [s.clone() for s in running_statistics(one.generator) + running_statistics(one.critic)]
    if ranks.rank == 1:
        weights = next(one.critic.parameters())
        weights.data.view(torch.int32)[0, 0, 0, 0] ^= 1  # one bit
    try:
        one.sync_buffers_and_verify()
    except RunFault as fault:
        return {"counts": counts, "own": own, "agreed": agreed, "ema": ema, "fault": str(fault)}
    return {}


def test_an_update_meets_once_and_batch_norm_and_drift_are_seen_to_at_checkpoints() -> None:
    first, second = in_ranks(2, updates)
    assert first["counts"] == second["counts"] == [2, 2, 2, 2], "one collective for the critic, one for the generator"
    assert all(torch.equal(a, b) for a, b in zip(first["ema"], second["ema"], strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(first["own"], second["own"], strict=True)), "the critic's"
    for a, b, one, other in zip(first["own"], second["own"], first["agreed"], second["agreed"], strict=True):
        assert torch.equal(one, other)
        assert torch.allclose(one, (a + b) / 2, rtol=1e-6, atol=0)
    for seen in (first, second):
        assert "drifted apart" in seen["fault"]
        assert "critic.main.0.weight and 0 other" in seen["fault"]


def stops(ranks: Ranks) -> tuple[int, int, int]:
    """Rank 1 is asked to stop in its fourth step; then it is asked during what rank 0 does alone."""
    one = trainer(ranks)
    step = 0
    with Interruption() as interruption:
        while step < 50 and not ranks.should_stop(interruption):
            if ranks.rank == 1 and step == 3:
                os.kill(os.getpid(), signal.SIGTERM)
            one.critic_update(images(ranks, step), step)
            step += 1
    first_status = interruption.exit_status
    with Interruption() as interruption:
        try:
            with ranks.abortable(interruption):
                if ranks.rank == 0:
                    os.kill(os.getpid(), signal.SIGINT)
                    time.sleep(60)
        except Interrupted:
            return step, first_status, interruption.exit_status
    return step, first_status, 0


def test_a_signal_to_one_rank_stops_all_at_the_same_step() -> None:
    assert in_ranks(2, stops) == [(5, 143, 130), (5, 143, 130)], "the news travels with the next step's gradients"


def test_one_process_alone_meets_nobody() -> None:
    tensors = [torch.ones(3)]
    ALONE.all_reduce_mean_(tensors)
    assert torch.equal(tensors[0], torch.ones(3))
    metrics = {"critic_loss": [(1, 0.1)]}
    assert ALONE.average_metrics(metrics) is metrics
    assert not dist.is_initialized()
    with Interruption() as interruption:
        assert not ALONE.should_stop(interruption)
        os.kill(os.getpid(), signal.SIGTERM)
        assert ALONE.should_stop(interruption)


@pytest.mark.parametrize(
    ("batch_size", "accumulate", "ranks", "nearest"),
    [(50, 1, 4, "set 48 or 52"), (48, 2, 5, "set 40 or 50"), (3, 1, 4, "set 4")],
)
def test_an_uneven_split_is_refused_with_the_nearest_sizes(
    batch_size: int, accumulate: int, ranks: int, nearest: str
) -> None:
    with pytest.raises(InputError, match=nearest):
        check_even_split(config(batch_size=batch_size, accumulate=accumulate), ranks)
    check_even_split(config(batch_size=48), 4)


def test_threads_are_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(12)), raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert threads_of_a_rank(4) == 3
    assert threads_of_a_rank(64) == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert threads_of_a_rank(4) == torch.get_num_threads()


def test_no_thread_is_inside_the_store_once_a_rank_has_ended() -> None:
    """One that is would end the process by SIGABRT while Python shuts down."""
    store = Mock()
    store.multi_get.side_effect = lambda names: time.sleep(0.5) or [b"0"] * len(names)
    heartbeats = distributed._Heartbeats(store, Ranks(0, 2), minutes=1)
    heartbeats.end()
    assert [thread.is_alive() for thread in heartbeats.threads] == [False, False]
    assert store.set.call_args.args == ("heartbeat 0", "ended")
