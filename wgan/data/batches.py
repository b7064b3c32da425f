"""Batches as a function of the step, and where the images wait until they are due."""

import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import Literal

import torch
from torch import Tensor

from wgan.utils.rng import generator

FRACTION = 0.5
"""A set goes to the device as a whole if it takes at most this fraction of its free memory. One above this fraction of
the machine's memory is read from the disk: batches are gathered ahead of time."""

Placement = Literal["device", "memory", "ahead"]


class Batches:
    """Batches of one training: batch k is a function of (seed, k), never of the batches asked for before.

    Epoch e visits the images in the order of a permutation drawn from (seed, e); the epochs follow each other without
    a gap, and step k takes the k-th `batch_size` of this stream. So no batch is ragged, every image is seen once per
    epoch, a batch may be larger than the set, and a resumed training needs to know its step alone.
    """

    def __init__(
        self,
        images: Tensor,  # (N, C, H, W) uint8, or (N, 2) float32 (the 2-D toys)
        batch_size: int,  # of all ranks together; divisible by `world_size`
        seed: int,  # the run's
        device: torch.device | str = "cpu",  # where the batches are wanted
        rank: int = 0,  # the slice of each batch this process gets: rows rank * B / world_size and following
        world_size: int = 1,  # number of processes that share each batch
        labels: Tensor | None = None,  # (N,) int64, each image's class
        even: bool = False,  # classes as evenly frequent in each batch as can be; images of smaller ones repeat
    ) -> None:
        if len(images) == 0 or batch_size < 1 or batch_size % world_size or not 0 <= rank < world_size:
            raise ValueError(f"{len(images)} images, batches of {batch_size}, rank {rank} of {world_size}")
        self.device = torch.device(device)
        self.placement = placement_of(images.nbytes, self.device.type, capacity(self.device))
        self.images = images.to(self.device) if self.placement == "device" else images
        self.batch_size, self.seed = batch_size, seed
        self.rank, self.world_size = rank, world_size
        self._labels = None if labels is None else labels.to(self.images.device)
        classes = labels.unique() if labels is not None and even else ()
        self._rows_of = [(labels == label).nonzero()[:, 0] for label in classes]  # class -> which images
        self._epoch_size = len(self._rows_of) * max(map(len, self._rows_of), default=0) or len(images)
        self._order = lru_cache(maxsize=2)(self._draw_order)  # a batch touches one epoch, or the border of two
        self._worker = ThreadPoolExecutor(1) if self.placement == "ahead" else None
        self._gathered: tuple[int, Future[Tensor]] | None = None

    def batch(self, step: int) -> Tensor:
        """Batch `step` (0, 1, ...): (B / world_size, C, H, W) float32 in [-1, 1], contiguous, on the device.

        Points stay as they are, (B / world_size, 2).
        """
        chosen = self._ahead(step, self._worker) if self._worker else self._gather(step)
        chosen = chosen.to(self.device, non_blocking=True)
        if chosen.dtype != torch.uint8:
            return chosen
        return chosen.to(torch.float32, memory_format=torch.contiguous_format).sub_(127.5).div_(127.5)

    def labels(self, step: int, batch_size: int) -> Tensor | None:
        """The classes of `rows`, (batch_size / world_size,) int64, on the device: of real images and of fakes alike."""
        return None if self._labels is None else self._labels[self.rows(step, batch_size)].to(self.device)

    def rows(self, step: int, batch_size: int | None = None) -> Tensor:
        """Which images batch `step` takes, or would if it were of `batch_size`: (B / world_size,) int64."""
        rows_here = (batch_size or self.batch_size) // self.world_size
        position = step * self.batch_size + self.rank * rows_here
        end, size = position + rows_here, self._epoch_size
        epochs = range(position // size, (end - 1) // size + 1)
        parts = [self._order(epoch)[max(0, position - epoch * size) : end - epoch * size] for epoch in epochs]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def epoch(self, step: int) -> float:
        """Passes over the data completed before batch `step`."""
        return step * self.batch_size / len(self.images)

    def _draw_order(self, epoch: int) -> Tensor:
        random = generator(self.seed, "order", epoch)
        if self._rows_of:
            order = _even_order(self._rows_of, random)
        else:
            order = torch.randperm(len(self.images), generator=random)
        return order.to(self.images.device, non_blocking=True)  # no wait for the device between two epochs

    def _gather(self, step: int) -> Tensor:
        chosen = self.images.index_select(0, self.rows(step))
        return chosen.pin_memory() if self._worker and self.device.type == "cuda" else chosen

    def _ahead(self, step: int, worker: ThreadPoolExecutor) -> Tensor:
        """Batch `step` as bytes, while the worker begins with the next one."""
        if self._gathered is None or self._gathered[0] != step:
            self._gathered = step, worker.submit(self._gather, step)
        current = self._gathered[1].result()
        self._gathered = step + 1, worker.submit(self._gather, step + 1)
        return current


def _even_order(rows_of: Sequence[Tensor], random: torch.Generator) -> Tensor:
    """Rounds of one image of each class in random order; each class's images come in permutations of their own."""
    rounds = max(map(len, rows_of))
    streams = []
    for rows in rows_of:
        permutations = [torch.randperm(len(rows), generator=random) for _ in range(-(-rounds // len(rows)))]
        streams.append(rows[torch.cat(permutations)[:rounds]])
    order = torch.stack(streams, 1)  # (rounds, classes)
    return order.gather(1, torch.rand(order.shape, generator=random).argsort(1)).flatten()


def placement_of(nbytes: int, device_type: str, free: int) -> Placement:
    """Where a set waits: "device" as a whole; "memory"; or "ahead", batches gathered by a thread, pinned for CUDA.

    `nbytes` are those of the whole set; `free` is what `capacity` gives for a device of this type ("cpu", ...).
    """
    if nbytes > FRACTION * free:
        return "ahead"
    return "memory" if device_type == "cpu" else "device"


def capacity(device: torch.device) -> int:
    """Bytes free on a CUDA or XPU device; elsewhere the machine's whole memory, which the page cache may fill."""
    if device.type in ("cuda", "xpu"):
        return int(getattr(torch, device.type).mem_get_info(device)[0])
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # unknown here: as if there were enough
        return 2**63
