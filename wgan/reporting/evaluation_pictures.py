"""Pictures of an evaluation: nearest real images, a walk through the latents, images per class."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from wgan.reporting.grids import save_grid
from wgan.reporting.plots import new_figure, save_figure

COLOURS = ("#2563eb", "#d97706", "#9ca3af")


def neighbour_picture(rows: Sequence[tuple[Tensor, Tensor]], path: Path) -> None:
    """Each row: a generated image, then the real images nearest to it, from left to right.

    Args:
        rows: (C, H, W) uint8 and its neighbours, (K, C, H, W); of `wgan.metrics.neighbours.nearest_rows`.
        path: the PNG.
    """
    tiles = [image for fake, near in rows for image in (fake, *near)]
    save_grid(torch.stack(tiles) / 127.5 - 1, path, columns=1 + len(rows[0][1]))


def interpolation_strip(images: Tensor, path: Path) -> None:
    """Images generated along lines between latents, one line per row.

    Args:
        images: (rows, steps, C, H, W), floats in [-1, 1].
        path: the PNG.
    """
    save_grid(images.flatten(0, 1), path, columns=images.shape[1])


def class_chart(names: Sequence[str], counts: Mapping[str, Sequence[int]], path: Path) -> None:
    """Bars: how many images of each class each set holds.

    Args:
        names: the classes.
        counts: for each set, such as "generated" and "real", its images of each class.
        path: the PNG.
    """
    width = 0.8 / len(counts)
    figure = new_figure(max(5.2, 0.5 * len(names) * len(counts)), 3.2)
    axes = figure.add_subplot()
    for place, (name, values) in enumerate(counts.items()):
        left = [k + (place - (len(counts) - 1) / 2) * width for k in range(len(names))]
        axes.bar(left, values, width, label=name, color=COLOURS[place - len(counts)])
    axes.set_xticks(range(len(names)), names, rotation=45 if max(map(len, names)) > 3 else 0, fontsize=8)
    axes.set_ylabel("images", fontsize=9)
    axes.legend(fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    save_figure(figure, path)
