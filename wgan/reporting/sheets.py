"""Cuts images out of finished sample grids, whose PNGs carry their own geometry."""

import io
from pathlib import Path

from PIL import Image

from wgan.utils.atomic_io import read_regular

_LARGEST = 2**28  # bytes of a grid


def corner(grid: Path, columns: int, rows: int) -> Image.Image:
    """The first images of a grid's first rows.

    Args:
        grid: a PNG that `wgan.reporting.grids.save_grid` wrote; of any other picture the whole is taken.
        columns: images of each row at most.
        rows: rows at most.

    Raises:
        OSError: the file is gone, no image or an unreasonably large one.
    """
    content = read_regular(grid, _LARGEST)
    try:
        image = Image.open(io.BytesIO(content))
        image.load()
    except (Image.DecompressionBombError, SyntaxError, ValueError) as error:
        raise OSError(f"{grid}: no picture: {error}") from error
    with image:
        try:
            width, height, gap = (int(image.info[key]) for key in ("cell_width", "cell_height", "gap"))
        except (KeyError, ValueError):
            return image.convert(image.mode)
        if not (0 < width <= image.width and 0 < height <= image.height and 0 <= gap <= image.width):
            return image.convert(image.mode)
        right = min(image.width, gap + columns * (width + gap))
        return image.crop((0, 0, right, min(image.height, gap + rows * (height + gap))))
