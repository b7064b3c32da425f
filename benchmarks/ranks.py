"""What sharing a training costs: the same batches by one process with all cores, and by ranks with a share of them.

    PYTHONPATH=. python benchmarks/ranks.py --ranks 2 --image-size 64 --rounds 3

One process with as many threads as there are ranks, then the ranks with one thread each (CPU, gloo), in turn; medians
over all steps but the first few. The cores are the same, so the ratio shows the overhead: the exchange of gradients,
waiting for the slowest, and smaller batches in each process. The last lines time the exchange alone.
"""

import argparse
import platform
import statistics
import tempfile
import time
from typing import Any

import torch
import torch.distributed as dist
from torch import multiprocessing

from wgan.config.resolve import resolve
from wgan.config.schema import TrainConfig
from wgan.data.batches import Batches
from wgan.runtime.distributed import Ranks
from wgan.trainers.base import build_trainer

WARM_UP = 3


def main() -> None:
    """Parse the arguments, time each round, print medians and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--image-size", type=int, default=64, choices=(28, 32, 64))
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--steps", type=int, default=20, help="critic updates in a round, one generator update in five")
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()

    print(f"torch {torch.__version__}, {platform.processor() or platform.machine()}, {arguments}")
    alone: list[float] = []
    shared: list[float] = []
    exchange: list[float] = []
    for _ in range(arguments.rounds):
        alone += measured(1, arguments.ranks, arguments)["steps"]
        together = measured(arguments.ranks, 1, arguments)
        shared += together["steps"]
        exchange += together["exchange"]
    one, many = statistics.median(alone), statistics.median(shared)
    size = arguments.batch_size
    print(f"1 process, {arguments.ranks} threads: {one * 1e3:.0f} ms a step, {size / one:.0f} images/s")
    print(f"{arguments.ranks} ranks, 1 thread each: {many * 1e3:.0f} ms a step, {size / many:.0f} images/s")
    print(f"ratio of images/s: {one / many:.3f}")
    bytes_sent = together["bytes"] / 1e6
    print(f"exchange of the critic's gradients, {bytes_sent:.1f} MB: {statistics.median(exchange) * 1e3:.1f} ms")


def measured(world_size: int, threads: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Seconds of each step on the first rank, and of each exchange of gradients alone."""
    context = multiprocessing.get_context("spawn")
    queue = context.SimpleQueue()
    with tempfile.TemporaryDirectory() as folder:
        fixed = (world_size, f"file://{folder}/meeting", threads, arguments, queue)
        workers = [context.Process(target=work, args=(rank, *fixed)) for rank in range(world_size)]
        for worker in workers:
            worker.start()
        result: dict[str, Any] = queue.get()
        for worker in workers:
            worker.join()
    return result


def work(rank: int, world_size: int, meeting: str, threads: int, arguments: argparse.Namespace, queue: Any) -> None:
    """One rank's part of a round."""
    torch.set_num_threads(threads)
    if world_size > 1:
        dist.init_process_group("gloo", meeting, rank=rank, world_size=world_size)
    ranks = Ranks(rank, world_size)
    config = resolve(
        {
            "arch": "WGAN-GP",
            "dataset": "cifar10",
            "image_size": arguments.image_size,
            "batch_size": arguments.batch_size,
            "critic_its": 5,
        }
    )
    assert isinstance(config, TrainConfig)
    shape = (3, arguments.image_size, arguments.image_size)
    dtype = torch.bfloat16 if arguments.precision == "bf16" else torch.float32
    trainer = build_trainer(config, shape, torch.device("cpu"), dtype, ranks)
    images = torch.randint(0, 256, (1024, *shape), dtype=torch.uint8)
    batches = Batches(images, config.batch_size, config.seed, "cpu", rank, world_size)
    times = []
    for step in range(WARM_UP + arguments.steps):
        start = time.perf_counter()
        real = batches.batch(step)
        trainer.critic_update(real, step)
        if (step + 1) % config.critic_its == 0:
            trainer.generator_update(len(real), step, real)
        times.append(time.perf_counter() - start)
    gradients = [torch.zeros_like(p) for p in trainer.critic.parameters()]
    exchange = []
    for _ in range(10):
        start = time.perf_counter()
        ranks.all_reduce_mean_(gradients)
        exchange.append(time.perf_counter() - start)
    if rank == 0:
        volume = sum(g.nbytes for g in gradients)
        queue.put({"steps": times[WARM_UP:], "exchange": exchange, "bytes": volume})
    if world_size > 1:
        dist.barrier()
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
