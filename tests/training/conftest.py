"""What whole trainings in this folder leave out."""

import os
from functools import lru_cache

import pytest

from wgan import train as job
from wgan.data import named_sets
from wgan.reporting.live import Pages


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The set, pages and the disk take longer than these trainings; end_to_end has them all."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    monkeypatch.setattr(named_sets, "mnist_5k", lru_cache(named_sets.mnist_5k))
    monkeypatch.setattr(Pages, "draw", lambda *_, **__: None)
    monkeypatch.setattr(job, "pages_are_current", lambda _: True)
