"""Curves of one run's log or of many, drawn with matplotlib: smoothed, on axes that show what follows the start."""

from collections.abc import Sequence
from math import isfinite, nan
from pathlib import Path

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wgan.reporting.pages import CURVES, MAIN_CURVES
from wgan.reporting.plots import new_figure, save_figure, style
from wgan.runs.csv_log import Columns, has_numbers, read_log

EXACT = {"wasserstein_estimate": ("exact_w1", "exact W1")}  # column -> the exact value drawn over it, and its name
_COLOUR, _EXACT_COLOUR = "#2563eb", "#d97706"
_SPANS = 25  # a curve is smoothed over so small a part of its rows


def loss_plot(log_csv: Path, path: Path) -> None:
    """Draw the curves of a run's log, which may still grow, as a PNG: each smoothed, with the raw values pale behind.

    A log without numbers gives a picture that says so.
    """
    log = read_log(log_csv)
    figure, panels = _panels([log], 5.2, 3.2)
    if not panels:
        figure.text(0.5, 0.5, "nothing logged yet", ha="center", va="center")
    for column, axes in panels.items():
        values = log[column]
        axes.plot(log["step"], values, color=_COLOUR, alpha=0.25, linewidth=1)
        span = max(1, len(values) // _SPANS)
        marker = "." if len(values) < 3 else ""
        axes.plot(log["step"], smoothed(values, span), color=_COLOUR, linewidth=1.6, marker=marker)
        style(axes, CURVES[column] + (f" (smoothed over {span} rows)" if span > 1 else ""))
        _fit(axes, [values])
        other, name = EXACT.get(column, ("", ""))
        if has_numbers(log.get(other, [])):
            axes.plot(log["step"], log[other], color=_EXACT_COLOUR, linewidth=1.2, label=name)
            axes.legend(fontsize=8)
    save_figure(figure, path)


def sweep_curves(groups: Sequence[tuple[str, Sequence[Columns]]], path: Path) -> bool:
    """Draw labelled groups of logs, smoothed, a plot for each column, a colour for each group; whether any has rows."""
    figure, panels = _panels([log for _, logs in groups for log in logs], 5.6, 3.4, 0.25 * len(groups))
    for column, axes in panels.items():
        lines: list[list[float]] = []
        for index, (label, logs) in enumerate(groups):
            colour = colormaps["viridis"](0.9 * index / max(1, len(groups) - 1))
            for log in logs:
                values = log.get(column, [])
                lines.append(smoothed(values, max(1, len(values) // _SPANS)))
                (line,) = axes.plot(log["step"] if values else [], lines[-1], color=colour, linewidth=1.4, alpha=0.85)
                line.set_label(label if log is logs[0] else "_")
        style(axes, CURVES[column])
        _fit(axes, lines)
    if panels:
        handles, names = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=2, fontsize=9, frameon=False)
        save_figure(figure, path)
    return bool(panels)


def _panels(logs: Sequence[Columns], width: float, height: float, below: float = 0) -> tuple[Figure, dict[str, Axes]]:
    """A figure with a panel for each main column that has numbers, of so many inches, and some more below them."""
    columns = [column for column in MAIN_CURVES if any(has_numbers(log.get(column, [])) for log in logs)]
    across = max(1, min(2, len(columns)))
    down = max(1, -(-len(columns) // across))
    figure = new_figure(width * across, height * down + below)
    panels = {column: figure.add_subplot(down, across, place) for place, column in enumerate(columns, 1)}
    for axes in panels.values():
        axes.set_xlabel("step", fontsize=9)
    return figure, panels


def _fit(axes: Axes, lines: Sequence[Sequence[float]]) -> None:
    """Fit the axis to what follows where a wild first twentieth, or a few spikes, would flatten all the rest."""
    lines = [[value for value in line if isfinite(value)] for line in lines]
    values = [value for line in lines for value in line]
    if len(values) < 20:
        return
    later = sorted(value for line in lines for value in line[len(line) // 20 :])
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

    It looks back on about `span` values, 1 leaves them alone; what is not finite is skipped and stays NaN.
    """
    keep = 1 - 2 / (span + 1)
    total = weight = 0.0
    result = []
    for value in values:
        if isfinite(value):
            total = keep * total + (1 - keep) * value
            weight = keep * weight + (1 - keep)
        result.append(total / weight if isfinite(value) else nan)
    return result
