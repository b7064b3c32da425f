"""Pictures of points in the plane: samples over the critic's contours, and what happens in the depth of a critic."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from matplotlib.axes import Axes
from torch import Tensor

from wgan.reporting.plots import new_figure, save_figure

REAL, GENERATED = "#f59e0b", "#059669"  # orange and green, as in WGAN-GP's figure 1
CONTOURS = 15
RASTER = 128  # points on a side at which the critic is asked for its contours
MARGIN = 0.35  # of the real points' extent, beyond them on each side: unfinished samples lie outside
DOTS_PER_INCH = 100


def plane_picture(real: Tensor, fake: Tensor, critic: Callable[[Tensor], Tensor], path: Path) -> None:
    """Real points, (N, 2), generated ones, (M, 2), and the critic's level lines, as a PNG (WGAN-GP, figure 1a).

    The real points alone set the frame, so that all pictures of a run have the same. `critic`: (K, 2) to scores (K,).
    """
    figure = new_figure(4.8, 4.8)
    figure.set_layout_engine("none")  # the plane fills it, the same frame in every picture
    axes = figure.add_axes((0.01, 0.01, 0.98, 0.98))
    across, up = _frame(real)
    x, y = torch.linspace(*across, RASTER), torch.linspace(*up, RASTER)
    raster = torch.cartesian_prod(x, y)
    with torch.no_grad():
        scores = critic(raster.to(real.device)).cpu().view(RASTER, RASTER).T
    if bool((scores != scores[0, 0]).any()):
        levels = torch.linspace(float(scores.min()), float(scores.max()), CONTOURS + 2)[1:-1]
        axes.contour(x, y, scores.numpy(), levels=levels.tolist(), cmap="Greys_r", linewidths=0.7, alpha=0.6)
    _scatter(axes, real, REAL, "real")
    _scatter(axes, fake, GENERATED, "generated")
    axes.set(xlim=across, ylim=up, xticks=(), yticks=())
    axes.legend(loc="upper right", fontsize=8, markerscale=4, framealpha=0.8)
    save_figure(figure, path, DOTS_PER_INCH)


def side_by_side(real: Tensor, fake: Tensor, path: Path) -> None:
    """Real points (left) and generated ones (right) in the same frame, (N, 2) each, as a PNG."""
    figure = new_figure(9.2, 4.8)
    across, up = _frame(real)
    for place, (points, colour, name) in enumerate(((real, REAL, "real"), (fake, GENERATED, "generated")), 1):
        axes = figure.add_subplot(1, 2, place, aspect="equal", title=name)
        _scatter(axes, points, colour, name)
        axes.set(xlim=across, ylim=up)
    save_figure(figure, path, DOTS_PER_INCH)


def depth_picture(
    weights: Mapping[str, Tensor], norms: Mapping[str, Sequence[float]], path: Path, bound: float | None = None
) -> None:
    """Critics' weights as histograms, and how large a gradient arrives at each layer (WGAN-GP, figure 1b).

    `weights` has all of each critic, (K,), `norms` its gradient's norm behind each hidden layer, the first layer first,
    all of one length. The clipping `bound` is marked in the histograms.
    """
    figure = new_figure(4.6 + 2.8 * len(weights), 3.4)
    grid = figure.add_gridspec(1, 1 + len(weights), width_ratios=[4.6] + [2.8] * len(weights))
    axes = figure.add_subplot(grid[0], title="gradient norm behind each layer", xlabel="layer", yscale="log")
    for name, found in norms.items():
        axes.plot(range(1, len(found) + 1), found, marker=".", label=name)
        axes.set_xticks(range(1, len(found) + 1))
    axes.legend(fontsize=8)
    axes.grid(alpha=0.25)
    for index, (name, values) in enumerate(weights.items()):
        axes = figure.add_subplot(grid[1 + index], xlabel="weight", yticks=())
        axes.set_title(name, fontsize=10)
        axes.hist(values.numpy(), bins=60, color=REAL)
        if bound is not None:
            for place in (-bound, bound):
                axes.axvline(place, color="black", linewidth=0.6, linestyle=":")
    save_figure(figure, path, DOTS_PER_INCH)


def _frame(real: Tensor) -> tuple[tuple[float, float], tuple[float, float]]:
    """The ends of both axes of the square that a picture shows."""
    low, high = real.amin(0).cpu(), real.amax(0).cpu()
    reach = float((high - low).max()) * (0.5 + MARGIN)
    x, y = ((low + high) / 2).tolist()
    return (x - reach, x + reach), (y - reach, y + reach)


def _scatter(axes: Axes, points: Tensor, colour: str, name: str) -> None:
    x, y = points.detach().cpu().T.numpy()
    axes.scatter(x, y, s=3, color=colour, alpha=0.6, linewidths=0, label=name)
