"""What all pictures drawn by matplotlib share, and the simplest of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wgan.utils.atomic_io import replacing

_BAR_COLOURS = ("#2563eb", "#d97706", "#9ca3af")


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of so many inches that lays itself out and needs no display."""
    return Figure(figsize=(width, height), layout="constrained")


def save_figure(figure: Figure, path: Path, dpi: int = 120) -> None:
    """Write a figure as a PNG, which replaces `path` in one rename."""
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=dpi)


def style(axes: Axes, title: str) -> None:
    """Title, grid and small ticks, without the frame's upper right."""
    axes.set_title(title, fontsize=10)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def confusion_chart(names: Sequence[str], counts: Sequence[Sequence[int]], path: Path) -> None:
    """For each class asked for (rows), the shares of its images that a classifier takes for each; darker is more."""
    side = max(4.0, 0.35 * min(len(names), 50))
    figure = new_figure(side, side)
    axes = figure.add_subplot()
    axes.imshow([[n / max(1, sum(row)) for n in row] for row in counts], cmap="Blues", vmin=0, vmax=1)
    axes.set(xlabel="taken for", ylabel="asked for")
    if len(names) <= 50:  # more cannot be read
        axes.set_xticks(range(len(names)), names, fontsize=8, rotation=90)
        axes.set_yticks(range(len(names)), names, fontsize=8)
    save_figure(figure, path)


def class_chart(names: Sequence[str], counts: Mapping[str, Sequence[int]], path: Path) -> None:
    """Bars: how many images of each class, by `names`, each set holds; `counts` has a number for each of them."""
    width = 0.8 / len(counts)
    figure = new_figure(max(5.2, 0.5 * len(names) * len(counts)), 3.2)
    axes = figure.add_subplot()
    for place, (name, values) in enumerate(counts.items()):
        left = [k + (place - (len(counts) - 1) / 2) * width for k in range(len(names))]
        axes.bar(left, values, width, label=name, color=_BAR_COLOURS[place - len(counts)])
    axes.set_xticks(range(len(names)), names, rotation=45 if max(map(len, names)) > 3 else 0, fontsize=8)
    axes.set_ylabel("images", fontsize=9)
    axes.legend(fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    save_figure(figure, path)
