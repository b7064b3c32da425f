"""The known ways in which these algorithms fail, each reported once, from metrics that are there anyway.

A warning stops nothing. The thresholds are wide: on the settings of the papers none of them is met.
"""

import bisect
import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from wgan.reporting.verdict import Course

GROWTH, GROWTH_ROWS, SETTLED_ROWS = 10.0, 3, 20
"""A penalty has grown without bound when it is so many times its median so far, and more than the estimate, for so
many rows of the log, once the log has so many rows."""
SEPARATION, SEPARATION_ROWS = 0.01, 10
"""A critic has ceased to separate when its estimate is at most this fraction of the largest so far, for so many rows
(and never before `SETTLED_ROWS`)."""
GUESSING = 2 * math.log(2)
"""The cross-entropy of a discriminator that answers 1/2 to everything (arXiv:1406.2661, sec. 4.1), to within 2 %."""
SATURATION = 0.9  # a clipped critic is saturated when this fraction of its weights stands at the bound
OVERFITTING = 0.5
"""A critic knows its training images by heart when it takes unseen ones for generated ones this far, clearly: when two
standard errors less are as much (`wgan.training.overfitting`)."""
COLLAPSE, SPREAD, SETTLED_STEPS = 0.1, 0.3, 2000
"""Samples have collapsed when they are this close together, measured by real images, in two grids in a row, after they
had been this far apart, or after so many steps."""


class Watch:
    """Looks at the rows of the log, the critic's weights and the sample grids; gives each kind of warning once."""

    def __init__(self) -> None:
        self._reported: dict[str, str] = {}  # kind -> warning
        self._penalties: list[float] = []  # sorted
        self._growing = self._idle = self._rows = self._narrow = 0
        self._largest = 0.0
        self._was_spread = False
        self._looked = -1
        self.course = Course({}, 0.0)

    @property
    def warnings(self) -> list[str]:
        """What was noticed, in the order of time."""
        return list(self._reported.values())

    def row(self, row: Mapping[str, float]) -> list[str]:
        """Look at a new row of log.csv and return what is new about it."""
        self._rows += 1
        step = int(row["step"])
        return self._penalty(step, row) + self._separation(step, row) + self._overfitting(step, row)

    def weights(self, step: int, saturated: float) -> list[str]:
        """Look at the fraction of the critic's weights that stand at their bound."""
        return self._report(
            saturated >= SATURATION,
            "saturation",
            f"step {step}: {saturated:.0%} of the critic's weights stand at the clipping bound, so that it can hardly "
            "change: try a larger clip_value, a smaller learning_rate, or a gradient penalty instead (WGAN-GP)",
        )

    def samples(self, step: int, spread: float) -> list[str]:
        """Look at how far apart the samples of a grid lie, 1 being as far as real images."""
        if step <= self._looked:  # a restart draws the grid of its step again
            return []
        self._looked = step
        self._narrow = self._narrow + 1 if spread < COLLAPSE else 0
        self._was_spread |= spread >= SPREAD
        return self._report(
            self._narrow >= 2 and (self._was_spread or step >= SETTLED_STEPS),
            "collapse",
            f"step {step}: the samples have collapsed: they lie {spread:.0%} as far apart as real images. Try a "
            "smaller learning_rate, more critic_its, or go back to an earlier checkpoint",
        )

    def state_dict(self) -> dict[str, Any]:
        """What a resumed training must know beside the log's rows."""
        samples = {"narrow": self._narrow, "spread": self._was_spread, "looked": self._looked}
        course = self.course.as_json()
        return {"warnings": self.warnings, "said": list(self._reported), **samples, "course": course}

    def load_state_dict(self, state: Mapping[str, Any], rows: Iterable[Mapping[str, float]]) -> None:
        """Take up where `state_dict` was called, the log then holding `rows`."""
        for row in rows:
            self.row(row)
        self._reported = dict(zip(state["said"], state["warnings"], strict=False))
        self._narrow, self._was_spread, self._looked = int(state["narrow"]), bool(state["spread"]), int(state["looked"])
        self.course = Course.from_json(state.get("course"))

    def _penalty(self, step: int, row: Mapping[str, float]) -> list[str]:
        if (penalty := row.get("gradient_penalty")) is None:
            return []
        median = self._penalties[len(self._penalties) // 2] if self._penalties else math.inf
        bisect.insort(self._penalties, penalty)
        grown = penalty > GROWTH * median and penalty > abs(row.get("wasserstein_estimate", 0.0))
        self._growing = self._growing + 1 if grown and self._rows > SETTLED_ROWS else 0
        return self._report(
            self._growing >= GROWTH_ROWS,
            "penalty",
            f"step {step}: the gradient penalty grows without bound: {penalty:.3g}, and {median:.3g} in the middle of "
            "the rows before. Try a smaller learning_rate or a larger weight of the penalty (gp_lambda, div_k)",
        )

    def _separation(self, step: int, row: Mapping[str, float]) -> list[str]:
        estimate = row.get("wasserstein_estimate")
        if estimate is None:
            idle = abs(row["critic_loss"] / GUESSING - 1) < 0.02
            seen = f"its loss stays at 2 ln 2 = {GUESSING:.3f}, that of guessing"
        else:
            idle = estimate <= SEPARATION * self._largest
            seen = f"its estimate is {estimate:.3g}, and was up to {self._largest:.3g}"
            self._largest = max(self._largest, abs(estimate))
        self._idle = self._idle + 1 if idle and self._rows > SETTLED_ROWS else 0
        return self._report(
            self._idle >= SEPARATION_ROWS,
            "separation",
            f"step {step}: the critic no longer tells real images from generated ones: {seen}. Try more critic_its, a "
            "larger critic_learning_rate, or more dis_feature_maps",
        )

    def _overfitting(self, step: int, row: Mapping[str, float]) -> list[str]:
        ratio = row.get("overfitting", 0.0)
        return self._report(
            ratio - 2 * row.get("overfitting_error", 0.0) > OVERFITTING,
            "overfitting",
            f"step {step}: the critic learns its training images by heart: it places others {ratio:.0%} of the way to "
            "generated ones, and samples will get worse from here on. Set augment: auto, add images, or stop",
        )

    def _report(self, met: bool, kind: str, warning: str) -> list[str]:
        if not met or kind in self._reported:
            return []
        self._reported[kind] = warning
        return [warning]


@torch.no_grad()
def saturation(critic: nn.Module) -> float:
    """The fraction of a critic's weights that stand exactly at the largest magnitude: few, unless they are clipped."""
    magnitudes = torch.cat([weights.abs().flatten() for weights in critic.parameters()])
    return float((magnitudes == magnitudes.max()).float().mean())


@torch.no_grad()
def spread(samples: Tensor) -> float:
    """The median distance of each of (N, ...) samples, N > 1, to the one nearest to it.

    Small where samples repeat each other, also if they do so around a few different modes.
    """
    rows = samples.flatten(1).float()
    distances = torch.cdist(rows, rows)
    return float(distances.fill_diagonal_(math.inf).amin(1).median())
