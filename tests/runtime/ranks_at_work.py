"""Runs a function in several ranks: real processes, joined by gloo."""

import os
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from commands import forking

from wgan.runtime.distributed import Ranks


def in_ranks(world_size: int, job: Callable[..., Any], *arguments: Any) -> list[Any]:
    """What `job(ranks, *arguments)` gives in each rank, tensors in plain containers; exceptions are raised here."""
    with tempfile.TemporaryDirectory() as folder:
        started = [
            forking().Process(target=_work, args=(folder, rank, world_size, job, arguments))
            for rank in range(world_size)
        ]
        for process in started:
            process.start()
        for process in started:
            process.join(300)
            assert process.exitcode == 0, f"a rank ended with {process.exitcode}"
        return [torch.load(Path(folder) / f"{rank}.pt", weights_only=False) for rank in range(world_size)]


def _work(folder: str, rank: int, world_size: int, job: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    store = dist.FileStore(os.path.join(folder, "store"), world_size)  # noqa: PTH118 - torch takes text
    dist.init_process_group("gloo", store=store, rank=rank, world_size=world_size, timeout=timedelta(minutes=5))
    result = job(Ranks(rank, world_size, local_rank=rank), *arguments)
    torch.save(result, Path(folder) / f"{rank}.pt")
    dist.barrier()  # the connections must outlive the slowest rank
    dist.destroy_process_group()
