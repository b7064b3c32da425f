"""What holds of the random numbers: a function of seed, purpose and step; on the CPU, of 32 bits of their hash."""

import hashlib
from itertools import pairwise

import torch

from wgan.utils.rng import Draws, generator


def drawn(*arguments: object) -> list[float]:
    return torch.rand(4, generator=generator(*arguments)).tolist()  # type: ignore[arg-type]


def test_every_seed_purpose_and_index_has_numbers_of_its_own_and_always_the_same() -> None:
    keys = [(seed, purpose, index) for seed in (1, 2) for purpose in ("a", "b") for index in (0, 1)]
    found = [drawn(*key) for key in keys]
    assert found == [drawn(*key) for key in keys]
    assert len({tuple(numbers) for numbers in found}) == len(keys)


def test_the_cpus_generator_keeps_32_bits_of_a_seed() -> None:
    low, high = (torch.rand(4, generator=torch.Generator().manual_seed(seed)) for seed in (7, 7 + 2**32))
    assert torch.equal(low, high)


def test_as_many_pairs_of_steps_coincide_as_32_bits_make_likely() -> None:
    """The number that the docstring of `generator` gives: 600,000^2 / 2^33 = 42, give or take its root."""
    hashes = sorted(
        (int.from_bytes(hashlib.blake2b(f"42/{purpose}/{step}".encode(), digest_size=8).digest(), "little") >> 1)
        % 2**32
        for purpose in ("critic latents", "generator latents", "interpolation")
        for step in range(200_000)
    )
    assert 42 - 4 * 6.5 < sum(one == other for one, other in pairwise(hashes)) < 42 + 4 * 6.5


def test_any_number_of_ranks_draws_the_same_global_batch() -> None:
    device = torch.device("cpu")
    whole = Draws(3, device).normal("latents", 5, 8, 2)
    shares = [Draws(3, device, rank, 4).normal("latents", 5, 2, 2) for rank in range(4)]
    assert torch.equal(torch.cat(shares), whole)
