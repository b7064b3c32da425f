"""One training shared by many processes (ranks), each with its device and its rows of every batch.

All ranks hold the same weights, draw the same global batch and take their own rows of it. What they exchange is one
mean of the gradients for each update (`Ranks.all_reduce_mean_`). Only rank 0 reads and writes the run's directory.
"""

import atexit
import itertools
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from wgan.config.constraints import uneven_batches
from wgan.config.schema import TrainConfig
from wgan.runtime.device import open_device
from wgan.utils.errors import InputError, RunFault, UserError, first_line
from wgan.utils.signals import Interrupted, Interruption
from wgan.utils.system import cores

if TYPE_CHECKING:
    from torch.distributed.distributed_c10d import Store

TIMEOUT = timedelta(days=1)
"""How long a rank waits for the others, who may decode millions of images or measure. The death of a process or of a
machine is noticed at once, by the closed connection and by torch's elastic agent, and does not wait for this; that one
of them stands still, `_Heartbeats` notice."""
LOOKS = 20  # how often the others are looked at within `rank_timeout`
POLL_EVERY = 16  # steps between looks whether a rank was asked to stop: on accelerators each waits for the device

T = TypeVar("T")
Metrics = dict[str, list[tuple[int, float]]]  # name -> (step, value) in the order of time


@dataclass(eq=False)
class Ranks:
    """This process's place among those that share a training. Alone, its methods cost and change nothing.

    Every method is a meeting: all ranks call it, in the same order.
    """

    rank: int = 0  # of this process
    world_size: int = 1  # how many there are
    local_rank: int = 0  # of this process on its machine
    local_ranks: int = 0  # how many there are on this machine; 0 where there is one process alone

    def __post_init__(self) -> None:
        self.is_rank0 = self.rank == 0
        self.on_stall: Callable[[str], None] = lambda _: None  # called with the message before this process ends
        self._asked = False  # this rank got a signal
        self._asking: Tensor | None = None  # fraction of the ranks that had got one, at the last mean
        self._looks = 0

    def describe(self, device: str) -> str:
        """For people: "8 x NVIDIA H100"."""
        return device if self.world_size == 1 else f"{self.world_size} x {device}"

    def all_reduce_mean_(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its mean over the ranks, in one collective.

        Equal parts of the batch make the mean of the ranks' gradients the gradient of the whole batch's mean loss,
        penalties included: each is a mean over images. The same message tells whether a rank was asked to stop.
        """
        if self.world_size == 1 or not tensors:
            return
        flat = torch.cat([*(t.reshape(-1) for t in tensors), tensors[0].new_full((1,), float(self._asked))])
        _collective(dist.all_reduce, flat)
        self._asking = flat.div_(self.world_size)[-1]
        _spread_out(flat[:-1], tensors)

    def broadcast_(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by rank 0's."""
        if self.world_size == 1:
            return
        flat = torch.cat([t.detach().reshape(-1) for t in tensors])
        _collective(dist.broadcast, flat, src=0)
        _spread_out(flat, tensors)

    def should_stop(self, interruption: Interruption) -> bool:
        """Whether to stop before the next step: a rank was asked to. All ranks hear it at the same step."""
        if self.world_size == 1:
            return interruption.signal is not None
        self._asked = interruption.signal is not None
        self._looks += 1
        if self._asking is None or (self._asking.device.type != "cpu" and self._looks % POLL_EVERY):
            return False
        return self._asking.item() > 0 and self.interrupted(interruption)

    def interrupted(self, interruption: Interruption) -> bool:
        """Whether a rank got a signal by now; then it is noted on all."""
        if self.world_size > 1:
            number = torch.tensor(interruption.signal or 0)
            _collective(dist.all_reduce, number, dist.ReduceOp.MAX)
            interruption.signal = signal.Signals(int(number)) if number else None
        return interruption.signal is not None

    @contextmanager
    def abortable(self, interruption: Interruption) -> Iterator[None]:
        """`interruption.abortable` for what the first rank does alone: cut off on one rank, it is cut off on all."""
        try:
            with interruption.abortable():
                yield
        except Interrupted:
            self.interrupted(interruption)
            raise
        if self.world_size > 1 and self.interrupted(interruption):
            raise Interrupted

    @contextmanager
    def entered_by_rank0(self, context: AbstractContextManager[T]) -> Iterator[T]:
        """What `context` gives on the first rank, which alone enters it."""
        with ExitStack() as stack:
            yield self.broadcast_from_rank0(lambda: stack.enter_context(context))

    def broadcast_from_rank0(self, work: Callable[[], T]) -> T:
        """What `work` gives on the first rank, which alone does it."""
        if self.world_size == 1:
            return work()
        box = [work() if self.is_rank0 else None]
        _collective(dist.broadcast_object_list, box, src=0, device=torch.device("cpu"))
        result: T = box[0]  # type: ignore[assignment]  # filled by the broadcast
        return result

    def rank0_first(self, work: Callable[[], T]) -> T:
        """What `work` gives on each rank: the first of each machine does it before the others, who find its files."""
        if self.local_rank == 0:
            result = work()
        if self.world_size > 1:
            _collective(dist.monitored_barrier, timeout=TIMEOUT)
        return result if self.local_rank == 0 else work()

    def average_metrics(self, metrics: Metrics) -> Metrics:
        """Metrics of the whole batch, from each rank's metrics of its rows."""
        if self.world_size == 1 or not metrics:
            return metrics
        numbers = torch.tensor([number for kept in metrics.values() for _, number in kept], dtype=torch.float32)
        _collective(dist.all_reduce, numbers)
        means = iter((numbers / self.world_size).tolist())
        return {name: [(step, next(means)) for step, _ in kept] for name, kept in metrics.items()}

    def check_in_sync(self, state: Mapping[str, Any]) -> None:
        """Raise a RunFault where two ranks hold different bits in any tensor of a state."""
        if self.world_size == 1:
            return
        named = dict(named_tensors(state))
        sums = torch.stack([_checksum(tensor).cpu() for tensor in named.values()])
        extremes = torch.stack([sums, ~sums])  # ~x = -1 - x: the largest of it is at the smallest x
        _collective(dist.all_reduce, extremes, dist.ReduceOp.MAX)
        apart = extremes[0] != ~extremes[1]
        if apart.any():
            first = next(name for name, differs in zip(named, apart.tolist(), strict=True) if differs)
            raise RunFault(
                f"The ranks have drifted apart: they hold different numbers in {first} and {int(apart.sum()) - 1} "
                "other tensors. Start again from the last checkpoint; if it comes again, a device computes wrongly, "
                "or the machines run different versions of PyTorch."
            )

    def check_equal(self, what: str, value: object) -> None:
        """Raise an InputError where two ranks have found different values."""
        if self.world_size == 1:
            return
        values: list[object] = [None] * self.world_size
        _collective(dist.all_gather_object, values, value)
        if other := next((rank for rank, found in enumerate(values) if found != values[0]), None):
            raise InputError(f"Rank {other} found {what} other than rank 0: every machine needs the same")


ALONE = Ranks()


def started() -> bool:
    """Whether this process is one of several ranks: torchrun, or `launch`, says so in the environment."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


@contextmanager
def open_ranks(config: TrainConfig) -> Iterator[Ranks]:
    """Join the other ranks for the length of the block; `ALONE` where there are none.

    Ranks but the first are silent, and of an error that several meet only one speaks.

    Raises:
        InputError: `batch_size` does not split evenly, or this machine has too few accelerators.
        RunFault: not all ranks came within `rank_timeout`.
    """
    if not started():
        yield ALONE
        return
    from torch.distributed.distributed_c10d import PrefixStore  # absent where PyTorch was built without
    from torch.distributed.rendezvous import rendezvous

    try:
        store, rank, world_size = next(rendezvous("env://", timeout=timedelta(minutes=config.rank_timeout)))
    except RuntimeError as error:
        expected = f"{os.environ['WORLD_SIZE']} ranks came together within {config.rank_timeout:g} minutes"
        raise RunFault(f"Not all {expected} (rank_timeout): {first_line(error)}") from error
    store.set_timeout(TIMEOUT)
    # for signs of life a connection of its own: on the other one nobody else can speak while this process waits
    place = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    pulse: Store = dist.TCPStore(*place, is_master=False, timeout=TIMEOUT)  # type: ignore[attr-defined]
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")  # the launcher's store remembers the ranks that died
    store, pulse = PrefixStore(f"attempt {attempt}", store), PrefixStore(f"attempt {attempt}", pulse)
    local_rank, local_ranks = int(os.environ.get("LOCAL_RANK", "0")), int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    ranks = Ranks(rank, world_size, local_rank, local_ranks)
    with _one_voice(store, ranks):
        check_even_split(config, world_size)
        device = open_device(config, local_rank, local_ranks)
        backend = "gloo"
        if device.type == "cpu":
            torch.set_num_threads(threads_of_a_rank(local_ranks))
        else:
            torch.get_device_module(device).set_device(device)
            backend = f"cpu:gloo,{device.type}:{dist.get_default_backend_for_device(device)}"
        heartbeats = _Heartbeats(pulse, ranks, config.rank_timeout)
        dist.init_process_group(backend, store=store, rank=rank, world_size=world_size, timeout=TIMEOUT)
        yield ranks
        heartbeats.end()  # after an error they go on until the process ends: telling it needs the others too
    dist.destroy_process_group()


class _Heartbeats:
    """Ends this process where another rank stands still (stopped, or its machine hangs), which nothing else notices.

    A thread counts in the store and reads the others' counts, whatever the main thread waits for or computes. Another
    measures how long they have stood, in its own looks rather than by the clock: a job of which all ranks are suspended
    goes on afterwards. A collective that waits for a lost rank cannot be cut off, so the process ends from here.
    """

    def __init__(self, store: "Store", ranks: Ranks, minutes: float) -> None:
        self.store, self.ranks, self.minutes = store, ranks, minutes
        self.names = [f"heartbeat {rank}" for rank in range(ranks.world_size)]
        self.unheard = [0] * ranks.world_size  # looks since each rank's count changed
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self._exchange, self._watch)]
        for thread in self.threads:
            thread.start()
        atexit.register(self._join)

    def end(self) -> None:
        """This rank has done its part; the others may still be at work."""
        self.ended.set()
        with suppress(RuntimeError):  # the first rank holds the store, and may be gone
            self.store.set(self.names[self.ranks.rank], "ended")
        self._join()

    def _join(self) -> None:
        """A thread inside the store while Python shuts down would end the process by SIGABRT, whatever it had done."""
        self.ended.set()
        for thread in self.threads:
            thread.join(timeout=10)

    def _exchange(self) -> None:
        found = [b""] * len(self.names)
        with suppress(RuntimeError):  # the store is gone: the death of a rank is noticed otherwise
            for count in itertools.count():
                self.store.set(self.names[self.ranks.rank], str(count))
                before, found = found, self.store.multi_get(self.names)
                for rank, (old, new) in enumerate(zip(before, found, strict=True)):
                    if old != new or new == b"ended":
                        self.unheard[rank] = 0
                if self.ended.wait(60 * self.minutes / LOOKS):
                    return
        self.ended.set()

    def _watch(self) -> None:
        while not self.ended.wait(60 * self.minutes / LOOKS):
            self.unheard = [looks + 1 for looks in self.unheard]
            silent = [rank for rank, looks in enumerate(self.unheard) if looks > LOOKS]
            if silent:  # where even this one is, the store does not answer, which the first rank holds
                self._give_up([0] if self.ranks.rank in silent else silent)

    def _give_up(self, silent: Sequence[int]) -> None:
        message = (
            f"No sign of life from rank {', '.join(map(str, silent))} for {self.minutes:g} minutes (rank_timeout): "
            "stopped, or its machine hangs. The last checkpoint is whole; end what is left of it and start all ranks "
            "again."
        )
        threading.Timer(30, os._exit, [RunFault.exit_status]).start()  # noting it may hang as well
        if self.ranks.rank == min({*range(self.ranks.world_size)} - {*silent}):
            print(message, file=sys.__stderr__, flush=True)
        self.ranks.on_stall(message)
        os._exit(RunFault.exit_status)


def check_even_split(config: TrainConfig, world_size: int) -> None:
    """Raise an InputError, with the nearest sizes that work, where ranks or their parts would get unequal rows."""
    parts = world_size * config.accumulate
    for key, size, sizes in uneven_batches(config, parts):
        raise InputError(
            f"{config.where(key)}: {size} does not split evenly into {parts} parts "
            f"({world_size} ranks x accumulate {config.accumulate}): set {sizes}"
        )


def threads_of_a_rank(local_ranks: int) -> int:
    """This machine's cores shared out among its ranks; OMP_NUM_THREADS rules, unless it is the 1 that torchrun sets."""
    wanted = os.environ.get("OMP_NUM_THREADS", "1")
    if wanted != "1":
        return torch.get_num_threads()
    return max(1, cores() // local_ranks)


@contextmanager
def _one_voice(store: "Store", ranks: Ranks) -> Iterator[None]:
    """Within the block only the first rank prints; of an error that several ranks meet only one is reported."""
    try:
        with ExitStack() as stack:
            if not ranks.is_rank0:
                nowhere = stack.enter_context(Path(os.devnull).open("w", encoding="utf-8"))
                stack.enter_context(redirect_stdout(nowhere))
                stack.enter_context(redirect_stderr(nowhere))
            yield
    except UserError:
        if store.add("reported", 1) > 1:
            sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until this process ends
        raise


def _collective(operation: Callable[..., Any], *arguments: Any, **named: Any) -> None:
    """What all ranks do together; the others may be gone."""
    try:
        operation(*arguments, **named)
    except RuntimeError as error:
        reason = first_line(error)
        raise RunFault(f"Lost another rank ({reason}). The last checkpoint is whole; start all ranks again.") from error


@torch.no_grad()
def _spread_out(flat: Tensor, tensors: Sequence[Tensor]) -> None:
    """Fill the tensors with the numbers of `flat`, in order."""
    pieces = flat.split([t.numel() for t in tensors])
    torch._foreach_copy_([*tensors], [piece.view(t.shape) for piece, t in zip(pieces, tensors, strict=True)])


def named_tensors(state: object, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """All tensors in nested mappings and lists, each with its path."""
    if isinstance(state, Tensor):
        yield name, state
    elif isinstance(state, Mapping | list | tuple):
        for key, part in state.items() if isinstance(state, Mapping) else enumerate(state):
            yield from named_tensors(part, f"{name}.{key}" if name else str(key))


def _checksum(tensor: Tensor) -> Tensor:
    """The sum of a tensor's bits, read as integers, modulo 2^64: one int64 on its device."""
    integers = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
    return tensor.detach().reshape(-1).view(integers[tensor.element_size()]).sum(dtype=torch.int64)
