"""Curves of one run's log or of many, drawn with matplotlib: smoothed, on axes that show what follows the start."""

from collections.abc import Sequence
from math import isfinite, nan
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage

from wgan.reporting.pages import CURVES, MAIN_CURVES, lines_of, thinned
from wgan.reporting.pictures import corner
from wgan.reporting.plots import new_figure, save_figure, style
from wgan.reporting.run_record import find_samples
from wgan.runs.csv_log import Columns, has_numbers, read_log

_COLOURS = ("#2563eb", "#d97706", "#059669")
_PINNED = 6  # samples on a learning curve
_SPANS = 25  # a curve is smoothed over so small a part of its rows


def loss_plot(log_csv: Path, path: Path) -> None:
    """Draw the curves of a run's log, which may still grow, as a PNG: each smoothed, with the raw values pale behind.

    A log without numbers gives a picture that says so.
    """
    log = read_log(log_csv)
    figure, panels = _panels([log], 5.2, 3.2, (*MAIN_CURVES, "critic_real", "overfitting"))
    if not panels:
        figure.text(0.5, 0.5, "nothing logged yet", ha="center", va="center")
    for column, axes in panels.items():
        span = max(1, len(log["step"]) // _SPANS)
        marker = "." if len(log["step"]) < 3 else ""
        lines = lines_of(log, column)
        for (key, name), colour in zip(lines.items(), _COLOURS, strict=False):
            axes.plot(log["step"], log[key], color=colour, alpha=0.25, linewidth=1)
            axes.plot(log["step"], smoothed(log[key], span), color=colour, linewidth=1.6, marker=marker, label=name)
        style(axes, CURVES[column] + (f" (smoothed over {span} rows)" if span > 1 else ""))
        _fit(axes, [log[key] for key in lines])
        if len(lines) > 1:
            axes.legend(fontsize=8)
    save_figure(figure, path)


def learning_curve(run_dir: Path, path: Path) -> None:
    """Draw a run's first main curve with a few of its sample grids' corners pinned on it (as WGAN's fig. 3), as a PNG.

    Nothing is drawn before there are a curve and two grids.
    """
    log, samples = read_log(run_dir / "log.csv"), find_samples(run_dir)
    column = next((column for column in MAIN_CURVES if has_numbers(log.get(column, []))), None)
    if column is None or len(samples) < 2:
        return
    figure = new_figure(10.4, 4.4)
    figure.set_layout_engine("none")  # which would draw all of it twice
    axes = figure.add_axes((0.07, 0.11, 0.92, 0.57))
    values = smoothed(log[column], max(1, len(log["step"]) // _SPANS))
    points = [(step, value) for step, value in zip(log["step"], values, strict=True) if isfinite(value)]
    axes.plot(*zip(*points, strict=True), color=_COLOURS[0], linewidth=1.6)
    axes.set(xlabel="step", ylabel=CURVES[column])
    style(axes, "")
    _fit(axes, [values])
    low, high = axes.get_ylim()
    for place, sample in enumerate(pinned := thinned(samples, _PINNED)):
        step, value = min(points, key=lambda point: abs(point[0] - sample.step))
        image = corner(sample.path, 3, 3)
        thumbnail = OffsetImage(np.asarray(image.convert("RGB")), zoom=84 / image.width, interpolation="nearest")
        pin = (step, min(max(value, low), high))
        above, line = ((place + 0.5) / len(pinned), 1.06), {"arrowstyle": "-", "color": "#6b7280", "linewidth": 0.8}
        style_of_box: dict[str, Any] = {"boxcoords": "axes fraction", "box_alignment": (0.5, 0), "pad": 0.1}
        box = AnnotationBbox(thumbnail, pin, above, arrowprops=line, annotation_clip=False, **style_of_box)
        axes.add_artist(box)
        axes.plot(*pin, "o", color=_COLOURS[0], markersize=4, clip_on=False)
    save_figure(figure, path)


def sweep_curves(groups: Sequence[tuple[str, Sequence[Columns]]], path: Path) -> bool:
    """Draw labelled groups of logs, smoothed, a plot for each column, a colour for each group; whether any has rows."""
    figure, panels = _panels([log for _, logs in groups for log in logs], 5.6, 3.4, below=0.25 * len(groups))
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


def _panels(
    logs: Sequence[Columns], width: float, height: float, shown: Sequence[str] = MAIN_CURVES, below: float = 0
) -> tuple[Figure, dict[str, Axes]]:
    """A figure with a panel for each column that has numbers, of so many inches, and some more below them."""
    columns = [column for column in shown if any(has_numbers(log.get(column, [])) for log in logs)]
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
