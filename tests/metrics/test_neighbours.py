"""Nearest real images, and the picture that shows them."""

import numpy as np
import pytest
import torch
from real_digits import digits, noisy, random_pixels

from wgan.metrics import neighbours

POOL = digits().images[:700]


def test_neighbours_are_those_of_a_search_in_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "slices", lambda n, _: (slice(a, min(a + 97, n)) for a in range(0, n, 97)))
    queries = digits().images[700:740]
    a, b = (x.flatten(1).numpy().astype(np.float64) for x in (queries, POOL))
    order = np.argsort(((a[:, None] - b) ** 2).sum(-1), axis=1, kind="stable")[:, :5]
    assert neighbours.nearest(queries, POOL, 5).tolist() == order.tolist()


def test_a_spoilt_copy_finds_its_original() -> None:
    assert neighbours.nearest(noisy(POOL[:50], 20), POOL)[:, 0].tolist() == list(range(50))


def test_large_images_are_found_by_their_averages() -> None:
    large = random_pixels(40, 3, 128)
    assert neighbours.nearest(large[7:9], large)[:, 0].tolist() == [7, 8]
    assert neighbours.reduced(large).shape == (40, 3 * 32 * 32)
    blocks = large[0, 1].double().reshape(32, 4, 32, 4).mean(dim=(1, 3)) / 255
    assert torch.allclose(neighbours.reduced(large)[0].reshape(3, 32, 32)[1].double(), blocks)
