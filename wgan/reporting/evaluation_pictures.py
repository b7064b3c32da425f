"""Pictures of an evaluation: nearest real images, a walk through the latents, images per class."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas
from torch import Tensor

from wgan.metrics.neighbours import nearest, reduced
from wgan.reporting.grids import save_grid
from wgan.utils.atomic_io import replacing

LOOKED_AT = 1024  # generated images whose neighbours are searched for the picture
COLOURS = ("#2563eb", "#d97706", "#9ca3af")


def neighbour_picture(
    fake: Tensor, real: Tensor, path: Path, rows: int = 8, columns: int = 8, device: torch.device | str = "cpu"
) -> None:
    """Each row: a generated image, then the real images nearest to it, from left to right.

    The top row is the generated image that is nearest of all to a real one: if it equals its neighbour, the generator
    repeats what it was shown. The rows below go on evenly to the one that is farthest from any real image.

    Args:
        fake: (N, C, H, W) uint8; the first 1,024 are looked at.
        real: (M, C, H, W) uint8, the training images.
        path: the PNG.
        rows: generated images shown.
        columns: images in a row, the generated one included.
        device: where distances are computed.
    """
    fake = fake[:LOOKED_AT]
    index = nearest(fake, real, min(columns - 1, len(real)), device)
    distance = (reduced(fake) - reduced(real[index[:, 0]])).norm(dim=1)
    shown = distance.argsort()[torch.linspace(0, len(fake) - 1, min(rows, len(fake))).long()]
    tiles = [image for k in shown.tolist() for image in (fake[k], *real[index[k]])]
    save_grid(torch.stack(tiles) / 127.5 - 1, path, columns=1 + index.shape[1])


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
    canvas = Canvas(figsize=(max(5.2, 0.5 * len(names) * len(counts)), 3.2), layout="constrained")
    FigureCanvasAgg(canvas)
    axes = canvas.add_subplot()
    for place, (name, values) in enumerate(counts.items()):
        left = [k + (place - (len(counts) - 1) / 2) * width for k in range(len(names))]
        axes.bar(left, values, width, label=name, color=COLOURS[place - len(counts)])
    axes.set_xticks(range(len(names)), names, rotation=45 if max(map(len, names)) > 3 else 0, fontsize=8)
    axes.set_ylabel("images", fontsize=9)
    axes.legend(fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    with replacing(path) as temporary:
        canvas.savefig(temporary, format="png", dpi=120)
