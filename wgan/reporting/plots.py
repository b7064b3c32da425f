"""What all pictures drawn by matplotlib share."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from wgan.utils.atomic_io import replacing


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of so many inches that lays itself out and needs no display."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


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
