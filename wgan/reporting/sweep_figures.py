"""A sweep's pictures: the contact sheet, the curves of all runs, the metrics against the swept values."""

from collections.abc import Sequence
from math import log10
from pathlib import Path

from matplotlib import colormaps
from matplotlib.axes import Axes
from PIL import Image, ImageDraw, ImageFont

from wgan.config.metrics import Metric, titles
from wgan.reporting.curves import smoothed
from wgan.reporting.pages import CURVES, MAIN_CURVES, count, shown, thinned
from wgan.reporting.plots import new_figure, save_figure, style
from wgan.reporting.run_record import RunRecord
from wgan.reporting.sheets import corner
from wgan.reporting.sweep_summary import Group, metric_keys
from wgan.runs.csv_log import has_numbers
from wgan.utils.atomic_io import replacing

_STEPS, _COLUMNS, _ROWS = 6, 4, 2  # of a contact sheet: steps in all, and images of each grid
_WIDEST = 2400  # pixels
_MOST_METRICS = 5
_GAP = 10


def contact_sheet(groups: Sequence[Group], path: Path) -> bool:
    """Draw rows of swept values and columns of training steps, the same latents everywhere.

    Each cell shows the first images of a run's sample grid (its fixed latents); of several seeds the first is shown.

    Returns:
        Whether there was anything to draw.
    """
    steps = thinned(sorted({sample.step for group in groups for sample in group.runs[0].samples}), _STEPS)
    cells = [[_cell(group.runs[0], step) for step in steps] for group in groups]
    pictures = [cell for row in cells for cell in row if cell]
    if not pictures:
        return False
    width, height = max(p.width for p in pictures), max(p.height for p in pictures)
    letters = max(16, height // 6)
    font = ImageFont.load_default(letters)
    left = int(max(font.getlength(line) for group in groups for line in _lines(group))) + 2 * _GAP
    top = round(2.2 * letters)
    size = (left + len(steps) * (width + _GAP), top + len(groups) * (height + _GAP))
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    for column, step in enumerate(steps):
        draw.text((left + column * (width + _GAP) + width / 2, top / 2), f"step {count(step)}", "black", font, "mm")
    for row, (group, line) in enumerate(zip(groups, cells, strict=True)):
        y = top + row * (height + _GAP)
        draw.multiline_text((_GAP, y + height / 2), "\n".join(_lines(group)), "black", font, "lm")
        for column, cell in enumerate(line):
            x = left + column * (width + _GAP)
            if cell:
                sheet.paste(cell, (x, y))
            else:
                draw.text((x + width / 2, y + height / 2), "–", "grey", font, "mm")
    sheet.thumbnail((_WIDEST, sheet.height), Image.Resampling.BOX)
    with replacing(path) as temporary:
        sheet.save(temporary, "PNG", optimize=True)
    return True


def curves(groups: Sequence[Group], path: Path) -> bool:
    """Draw the smoothed curves of all runs in one plot for each column: a colour for each combination.

    Returns:
        Whether anything was logged.
    """
    logs = [run.log for group in groups for run in group.runs]
    columns = [column for column in MAIN_CURVES if any(has_numbers(log.get(column, [])) for log in logs)]
    if not columns:
        return False
    wide = min(2, len(columns))
    high = -(-len(columns) // wide)
    figure = new_figure(5.6 * wide, 3.4 * high + 0.25 * len(groups))
    for place, column in enumerate(columns):
        axes = figure.add_subplot(high, wide, place + 1)
        _all_curves(axes, groups, column)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=9, frameon=False)
    save_figure(figure, path)
    return True


def metrics_against_values(groups: Sequence[Group], path: Path) -> bool:
    """Draw metrics against each swept key: a dot for each seed, the mean with its standard deviation.

    A line joins the combinations that differ by that key alone. Dashed: real images against real ones.

    Returns:
        Whether there are metrics to draw.
    """
    metrics = metric_keys(groups)[:_MOST_METRICS]
    keys = [key for key in groups[0].values if len({shown(group.values[key]) for group in groups}) > 1]
    if not metrics or not keys:
        return False
    figure = new_figure(3.6 * len(metrics), 3.1 * len(keys))
    for row, key in enumerate(keys):
        for column, (metric, title) in enumerate(zip(metrics, titles(metrics), strict=True)):
            axes = figure.add_subplot(len(keys), len(metrics), row * len(metrics) + column + 1)
            _against(axes, groups, key, metric, title)
            if column == 0:
                axes.legend(fontsize=7, frameon=False)
    save_figure(figure, path)
    return True


def _cell(run: RunRecord, step: int) -> Image.Image | None:
    """The run's first images at that step; None where it has no such grid, or one that cannot be read."""
    for sample in run.samples:
        if sample.step == step:
            try:
                return corner(sample.path, _COLUMNS, _ROWS).convert("RGB")
            except OSError:
                return None
    return None


def _lines(group: Group) -> list[str]:
    return [f"{key} = {shown(value)}" for key, value in group.values.items()] or ["all"]


def _all_curves(axes: Axes, groups: Sequence[Group], column: str) -> None:
    palette = colormaps["viridis"]
    seen: list[float] = []
    for index, group in enumerate(groups):
        colour = palette(0.9 * index / max(1, len(groups) - 1))
        for number, run in enumerate(group.runs):
            values = smoothed(run.log.get(column, []), max(1, len(run.log.get(column, [])) // 25))
            label = group.label if number == 0 else None
            axes.plot(run.log.get("step", []), values, color=colour, linewidth=1.4, alpha=0.85, label=label)
            seen += [value for value in values[len(values) // 20 :] if value == value]
    if len(seen) > 1 and max(seen) > min(seen):  # fitted to what follows the first steps, where losses are wild
        margin = 0.1 * (max(seen) - min(seen))
        axes.set_ylim(min(seen) - margin, max(seen) + margin)
    style(axes, CURVES[column])
    axes.set_xlabel("step", fontsize=9)


def _against(axes: Axes, groups: Sequence[Group], key: str, metric: Metric, title: str) -> None:
    values = list({shown(group.values[key]): group.values[key] for group in groups}.values())
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    if numeric:
        values.sort()
    logarithmic = numeric and min(values) > 0 and max(values) / min(values) >= 10
    position = {shown(v): log10(v) if logarithmic else float(v) if numeric else i for i, v in enumerate(values)}

    lines: dict[str, list[Group]] = {}
    for group in groups:
        others = ", ".join(f"{name} = {shown(value)}" for name, value in group.values.items() if name != key)
        lines.setdefault(others, []).append(group)
    for label, line in lines.items():
        found = [(position[shown(g.values[key])], spread) for g in line if (spread := g.spread(metric.key))]
        found.sort(key=lambda point: point[0])
        x = [point for point, _ in found]
        means, deviations = [s.mean for _, s in found], [s.deviation or 0.0 for _, s in found]
        bars = axes.errorbar(x, means, deviations, marker="o", markersize=4, capsize=3, linewidth=1.4, label=label)
        dots = [(point, value) for point, spread in found for value in spread.values if len(spread.values) > 1]
        if dots:
            across, up = zip(*dots, strict=True)
            axes.scatter(across, up, s=14, alpha=0.4, color=bars.lines[0].get_color())
    real = [m.real for group in groups for m in group.metrics(metric.key) if m.real is not None]
    if real:
        axes.axhline(sum(real) / len(real), linestyle="--", linewidth=1, color="grey", label="real against real")
    axes.set_xticks(list(position.values()), list(position), fontsize=8)
    axes.set_xlabel(key, fontsize=9)
    arrow = {"higher": " (higher is better)", "lower": " (lower is better)"}.get(metric.better, "")
    style(axes, f"{title}{arrow}")
