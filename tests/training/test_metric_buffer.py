"""Metrics stay on the device until a row is due, and come back with the same bits."""

import math

import torch

from wgan.training.metric_buffer import MetricBuffer, first_not_finite


def test_a_buffer_gives_back_the_same_bits_after_a_restart() -> None:
    buffer = MetricBuffer()
    for step in range(1, 4):
        buffer.add(step, {"critic_loss": torch.randn(()), "generator_loss": torch.randn(())})
    other = MetricBuffer()
    other.restore(buffer.read(), torch.device("cpu"))
    assert other.read() == buffer.read()
    assert bool(buffer)
    buffer.clear()
    assert not buffer


def test_the_metric_that_broke_first_is_the_cause_and_not_what_follows_from_it() -> None:
    metrics = {
        "critic_loss": [(1, 0.5), (2, math.inf), (3, math.nan)],
        "wasserstein_estimate": [(1, 0.5), (2, 0.5), (3, math.nan)],
        "gradient_penalty": [(1, 0.5), (2, math.inf), (3, math.nan)],
        "gradient_norm": [(1, 0.5), (2, 1e30), (3, math.nan)],
    }
    assert first_not_finite(metrics) == (2, "gradient_penalty", math.inf)
    assert first_not_finite({"critic_loss": [(1, 0.5)]}) is None
