"""Cuts images out of finished sample grids, whose PNGs carry their own geometry."""

from pathlib import Path

from PIL import Image


def corner(grid: Path, columns: int, rows: int) -> Image.Image:
    """The first images of a grid's first rows.

    Args:
        grid: a PNG that `wgan.reporting.grids.save_grid` wrote; of any other picture the whole is taken.
        columns: images of each row at most.
        rows: rows at most.

    Raises:
        OSError: the file is gone or no image.
    """
    with Image.open(grid) as image:
        image.load()
        try:
            width, height, gap = (int(image.info[key]) for key in ("cell_width", "cell_height", "gap"))
        except (KeyError, ValueError):
            return image.convert(image.mode)
        right = min(image.width, gap + columns * (width + gap))
        return image.crop((0, 0, right, min(image.height, gap + rows * (height + gap))))
