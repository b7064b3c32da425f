"""The loss plot: what a run's log.csv says, drawn with matplotlib."""

from collections.abc import Sequence
from math import isfinite, nan
from pathlib import Path

from matplotlib.axes import Axes

from wgan.reporting.pages import CURVES, MAIN_CURVES
from wgan.reporting.plots import new_figure, save_figure, style
from wgan.runs.csv_log import has_numbers, read_log

EXACT = {"wasserstein_estimate": ("exact_w1", "exact W1")}  # column -> the exact value drawn over it, and its name
_COLOUR, _EXACT_COLOUR = "#2563eb", "#d97706"


def loss_plot(log_csv: Path, path: Path) -> None:
    """Draw the curves of a log as a PNG: each smoothed, with the raw values pale behind.

    Args:
        log_csv: the run's log, maybe still growing; empty cells are gaps.
        path: the PNG, replaced in one rename. A log without numbers gives a picture that says so.
    """
    log = read_log(log_csv)
    shown = [column for column in MAIN_CURVES if has_numbers(log.get(column, []))]
    columns = 1 if len(shown) < 2 else 2
    rows = max(1, -(-len(shown) // columns))
    figure = new_figure(5.2 * columns, 3.2 * rows)
    if not shown:
        figure.text(0.5, 0.5, "nothing logged yet", ha="center", va="center")
    for index, column in enumerate(shown):
        axes = figure.add_subplot(rows, columns, index + 1)
        _curve(axes, log["step"], log[column], CURVES[column])
        other, name = EXACT.get(column, ("", ""))
        if has_numbers(log.get(other, [])):
            axes.plot(log["step"], log[other], color=_EXACT_COLOUR, linewidth=1.2, label=name)
            axes.legend(fontsize=8)
    save_figure(figure, path)


def _curve(axes: Axes, steps: list[float], values: list[float], title: str) -> None:
    span = max(1, len(values) // 25)
    axes.plot(steps, values, color=_COLOUR, alpha=0.25, linewidth=1)
    axes.plot(steps, smoothed(values, span), color=_COLOUR, linewidth=1.6, marker="." if len(values) < 3 else "")
    style(axes, title if span == 1 else f"{title} (smoothed over {span} rows)")
    axes.set_xlabel("step", fontsize=9)
    _leave_out_first_spikes(axes, [value for value in values if isfinite(value)])


def _leave_out_first_spikes(axes: Axes, values: list[float]) -> None:
    """Fit the axis to what follows where the wild first twentieth, or a few spikes, would flatten all the rest."""
    if len(values) < 20:
        return
    later = sorted(values[len(values) // 20 :])
    cut = len(later) // 100 + 1
    low, high = later[cut], later[-1 - cut]
    if max(values) - min(values) > 4 * (high - low) > 0:
        margin = 0.15 * (high - low)
        axes.set_ylim(low - margin, high + margin)
        hidden = sum(not low - margin <= value <= high + margin for value in values)
        note = f"{hidden} of {len(values)} points outside"
        axes.annotate(note, (0.99, 0.98), xycoords="axes fraction", ha="right", va="top", fontsize=7, alpha=0.7)


def smoothed(values: Sequence[float], span: int) -> list[float]:
    """Exponential moving average with the start's bias removed (as in Adam, arXiv:1412.6980, section 3).

    Args:
        values: the raw numbers; what is not finite is skipped and stays NaN.
        span: about how many rows the average looks back on; 1 leaves the values alone.
    """
    keep = 1 - 2 / (span + 1)
    total = weight = 0.0
    result = []
    for value in values:
        if isfinite(value):
            total = keep * total + (1 - keep) * value
            weight = keep * weight + (1 - keep)
            result.append(total / weight)
        else:
            result.append(nan)
    return result
