"""A sweep's pictures: the contact sheet, curves of all runs, metrics against the swept values and along training."""

from collections.abc import Sequence
from itertools import accumulate
from math import isfinite, log10
from pathlib import Path
from statistics import fmean

from matplotlib.axes import Axes
from PIL import Image, ImageDraw, ImageFont

from wgan.config.metrics import Metric, finite_number, titles
from wgan.reporting.curves import sweep_curves
from wgan.reporting.pages import count, shown, thinned
from wgan.reporting.pictures import corner
from wgan.reporting.plots import new_figure, save_figure, style
from wgan.reporting.run_record import RunRecord
from wgan.reporting.sweep_summary import Group, Spread, metrics_of
from wgan.utils.atomic_io import replacing

_STEPS, _COLUMNS, _ROWS = 6, 4, 2  # of a contact sheet: steps in all, and images of each grid
_WIDEST = 2400  # pixels
_MOST_METRICS = 5
_GAP = 10
_GREY = "#7a7a7a"


def contact_sheet(groups: Sequence[Group], path: Path) -> bool:
    """Draw rows of swept values and columns of training steps, the same latents everywhere; whether there are any.

    Each cell shows the first images of a run's sample grid (its fixed latents); of several seeds the first is shown.
    Step 0, the noise before any training, is left out where there is more. Nothing is drawn behind the images, and the
    letters are of a grey that can be read on light and on dark pages.
    """
    found = {sample.step for group in groups for sample in group.runs[0].samples}
    steps = thinned(sorted(found - {0} or found), _STEPS)
    cells = [[_cell(group.runs[0], step) for step in steps] for group in groups]
    pictures = [cell for row in cells for cell in row if cell]
    if not pictures:
        return False
    width, height = max(p.width for p in pictures), max(p.height for p in pictures)
    letters = max(16, height // 6)
    font = ImageFont.load_default(letters)
    labels = [group.label(separator="\n") or "all" for group in groups]
    left = int(max(font.getlength(line) for label in labels for line in label.split("\n"))) + 2 * _GAP
    top = round(2.2 * letters)
    size = (left + len(steps) * (width + _GAP), top + len(groups) * (height + _GAP))
    sheet = Image.new("RGBA", size)
    draw = ImageDraw.Draw(sheet)
    for column, step in enumerate(steps):
        draw.text((left + column * (width + _GAP) + width / 2, top / 2), f"step {count(step)}", _GREY, font, "mm")
    for row, (label, line) in enumerate(zip(labels, cells, strict=True)):
        y = top + row * (height + _GAP)
        draw.multiline_text((_GAP, y + height / 2), label, _GREY, font, "lm")
        for column, cell in enumerate(line):
            x = left + column * (width + _GAP)
            if cell:
                sheet.paste(cell, (x, y))
            else:
                draw.text((x + width / 2, y + height / 2), "–", _GREY, font, "mm")
    sheet.thumbnail((_WIDEST, sheet.height), Image.Resampling.BOX)
    with replacing(path) as temporary:
        sheet.save(temporary, "PNG", optimize=True)
    return True


def curves(groups: Sequence[Group], path: Path) -> bool:
    """Draw the curves of all runs, a colour for each combination; whether anything was logged."""
    return sweep_curves([(group.label(), [run.log for run in group.runs]) for group in groups], path)


def metrics_against_values(groups: Sequence[Group], path: Path) -> bool:
    """Draw metrics against each swept key; whether there are any. A dot is a seed, a bar the mean ± standard deviation.

    A line joins the combinations that differ by that key alone. Dashed: real images against real ones.
    """
    metrics = metrics_of(groups)[:_MOST_METRICS]
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


def metrics_along_training(groups: Sequence[Group], path: Path) -> bool:
    """Draw metrics against the generator's updates and against the minutes of training; whether any were noted.

    A line is a run, of a colour for each combination (`metrics_every` notes them, Arjovsky's and Gulrajani's way to
    compare algorithms: arXiv:1704.00028, fig. 3). Dashed: real images against real ones.
    """
    metrics = [m for m in metrics_of(groups) if any(_noted(run, m.key) for group in groups for run in group.runs)]
    metrics = metrics[:_MOST_METRICS]
    figure = new_figure(9.6, 3.1 * len(metrics) + 0.2 * len(groups))
    for row, (metric, title) in enumerate(zip(metrics, titles(metrics), strict=True)):
        for column, across in enumerate(("generator updates", "minutes of training")):
            axes = figure.add_subplot(len(metrics), 2, 2 * row + column + 1)
            for index, group in enumerate(groups):
                for line in filter(None, (_noted(run, metric.key) for run in group.runs)):
                    *places, values = zip(*line, strict=True)
                    axes.plot(places[column], values, color=f"C{index % 10}", marker=".", linewidth=1.4)
                axes.plot([], [], color=f"C{index % 10}", label=group.label())
            _real_line(axes, groups, metric)
            axes.set_xlabel(across, fontsize=9)
            style(axes, f"{title}{_better(metric)}")
    if metrics:
        handles, names = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=2, fontsize=9, frameon=False)
        save_figure(figure, path)
    return bool(metrics)


def _noted(run: RunRecord, key: str) -> list[tuple[float, float, float]]:
    """(generator updates, minutes of training, value) of each row of the log that holds a metric."""
    log, values = run.log, run.log.get(key, [])
    steps, speeds = log.get("step", []), log.get("images_per_second", [])
    batch, each = (finite_number(run.config.get(key)) or 1 for key in ("batch_size", "critic_its"))
    minutes = accumulate(
        (step - before) * batch / max(speed, 1e-9) / 60
        for before, step, speed in zip([0, *steps], steps, speeds, strict=False)
    )
    rows = zip(steps, minutes, values, strict=False)
    return [(step / each, minute, value) for step, minute, value in rows if isfinite(value)]


def _cell(run: RunRecord, step: int) -> Image.Image | None:
    """The run's first images at that step; None where it has no such grid, or one that cannot be read."""
    paths = {sample.step: sample.path for sample in run.samples}
    try:
        return corner(paths[step], _COLUMNS, _ROWS).convert("RGB")
    except (KeyError, OSError):
        return None


def _against(axes: Axes, groups: Sequence[Group], key: str, metric: Metric, title: str) -> None:
    values = list({shown(group.values[key]): group.values[key] for group in groups}.values())
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    if numeric:
        values.sort()
    logarithmic = numeric and min(values) > 0 and max(values) / min(values) >= 10
    position = {shown(v): log10(v) if logarithmic else float(v) if numeric else i for i, v in enumerate(values)}

    lines: dict[str, list[tuple[float, Spread]]] = {}
    for group in groups:
        line = lines.setdefault(group.label(left_out=key), [])
        if spread := group.spread(metric.key):
            line.append((position[shown(group.values[key])], spread))
    for label, found in lines.items():
        found.sort(key=lambda point: point[0])
        x = [point for point, _ in found]
        means, deviations = [s.mean for _, s in found], [s.deviation or 0.0 for _, s in found]
        bars = axes.errorbar(x, means, deviations, marker="o", markersize=4, capsize=3, linewidth=1.4, label=label)
        dots = [(point, value) for point, spread in found for value in spread.values if len(spread.values) > 1]
        if dots:
            across, up = zip(*dots, strict=True)
            axes.scatter(across, up, s=14, alpha=0.4, color=bars.lines[0].get_color())
    _real_line(axes, groups, metric)
    axes.set_xticks(list(position.values()), list(position), fontsize=8)
    axes.set_xlabel(key, fontsize=9)
    style(axes, f"{title}{_better(metric)}")


def _real_line(axes: Axes, groups: Sequence[Group], metric: Metric) -> None:
    real = [m.real for group in groups for m in group.metrics(metric.key) if m.real is not None]
    if real:
        axes.axhline(fmean(real), linestyle="--", linewidth=1, color="grey", label="real against real")


def _better(metric: Metric) -> str:
    return {"higher": " (higher is better)", "lower": " (lower is better)"}.get(metric.better, "")
