"""What the steps measured since the log's last row, kept on the device."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from wgan.runtime.distributed import Metrics

CAUSES_FIRST = ("gradient_norm", "gradient_penalty", "wasserstein_estimate", "critic_loss", "generator_loss")
"""The order in which a step computes its metrics: a norm that overflows makes the losses after it overflow."""


class MetricBuffer:
    """Adding never waits for the device; `read` waits once."""

    def __init__(self) -> None:
        self._kept: dict[str, list[tuple[int, Tensor]]] = {}

    def __bool__(self) -> bool:
        return bool(self._kept)

    def add(self, step: int, metrics: Mapping[str, Tensor]) -> None:
        """Keep a step's metrics: numbers on the device, without a graph."""
        for name, metric in metrics.items():
            self._kept.setdefault(name, []).append((step, metric))

    def read(self) -> Metrics:
        """All that was added since `clear`."""
        return {
            name: list(zip([step for step, _ in kept], torch.stack([t for _, t in kept]).tolist(), strict=True))
            for name, kept in self._kept.items()
        }

    def clear(self) -> None:
        self._kept = {}

    def restore(self, metrics: Metrics, device: torch.device) -> None:
        """Take up what `read` gave before."""
        self._kept = {
            name: [(int(step), torch.tensor(value, dtype=torch.float32, device=device)) for step, value in kept]
            for name, kept in metrics.items()
        }


def first_not_finite(metrics: Metrics) -> tuple[int, str, float] | None:
    """(step, name, value) of the metric that broke first; None while all are finite."""
    order = {name: place for place, name in enumerate(CAUSES_FIRST)}
    broken = [(step, name, value) for name, kept in metrics.items() for step, value in kept if not math.isfinite(value)]
    return min(broken, key=lambda item: (item[0], order.get(item[1], len(order))), default=None)
