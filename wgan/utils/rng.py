"""Randomness without history: every draw is a function of (seed, purpose, index), never of what was drawn before.

So a resumed training needs no generator states, and any rank can draw the global batch's numbers and take its own.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor


def generator(seed: int, purpose: str, index: int = 0, device: torch.device | str = "cpu") -> torch.Generator:
    """A fresh generator for one purpose at one index (a step, an epoch).

    PyTorch's generator on the CPU (a Mersenne twister) keeps 32 of a seed's 64 bits. So of n draws some n^2 / 2^33
    pairs have the same numbers: of 200,000 steps with three purposes 42 pairs among 1.8e11, steps far apart as a rule.
    Generators on CUDA keep all 64.

    Other purposes, such as "latents", get independent numbers. CPU and CUDA draw different ones from the same seed.
    """
    digest = hashlib.blake2b(f"{seed}/{purpose}/{index}".encode(), digest_size=8).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest, "little") >> 1)


@dataclass(frozen=True)
class Draws:
    """The random numbers of one training, drawn for the batch of all ranks, of which this rank takes its rows.

    So any number of ranks sees the same global batch.
    """

    seed: int
    device: torch.device
    rank: int = 0
    world_size: int = 1

    def part(self, index: int, parts: int) -> "Draws":
        """The draws of one of the equal parts of this rank's rows: as if each part were a rank of its own."""
        return replace(self, rank=self.rank * parts + index, world_size=self.world_size * parts)

    def normal(self, purpose: str, step: int, rows: int, *shape: int) -> Tensor:
        """Standard normal numbers, (rows, *shape), float32; `rows` counts this rank's alone."""
        return self._drawn(torch.randn, purpose, step, rows, shape)

    def uniform(self, purpose: str, step: int, rows: int, *shape: int) -> Tensor:
        """Numbers in [0, 1), (rows, *shape), float32; `rows` counts this rank's alone."""
        return self._drawn(torch.rand, purpose, step, rows, shape)

    def _drawn(self, draw: Callable[..., Tensor], purpose: str, step: int, rows: int, shape: tuple[int, ...]) -> Tensor:
        numbers = generator(self.seed, purpose, step, self.device)
        drawn = draw((rows * self.world_size, *shape), generator=numbers, device=self.device)
        return drawn[self.rank * rows :][:rows]
