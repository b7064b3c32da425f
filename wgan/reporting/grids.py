"""Grids of images as PNG files, in the colours the generator gave them: no image is ever stretched to its own range."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin
from torch import Tensor

from wgan.utils.atomic_io import replacing
from wgan.utils.text import printable

COLUMNS = 8
MOST_ROWS = 10  # where each shows a class: of more classes the first
GAP = 2  # pixels between images
_GAP_COLOUR = "#808080"  # tells black from white images apart on light and on dark pages
_VISIBLE_SIDE = 64  # images are enlarged to at least this many pixels
_LABEL_HEIGHT = 28
_MARGIN = 96  # left of the rows, for their names


def to_uint8(images: Tensor) -> Tensor:
    """Floats in [-1, 1], of any shape, as uint8 on the CPU: the exact inverse of how data enters training.

    Values outside are clipped; a diverged generator's NaN is black.
    """
    bytes_ = images.detach().float().add(1).mul(127.5).round().nan_to_num(nan=0.0).clamp(0, 255)
    return bytes_.to("cpu", torch.uint8)


def save_grid(images: Tensor, path: Path, columns: int = COLUMNS, names: Sequence[str] = ()) -> None:
    """Write a grid, row by row, as a PNG; it replaces `path` in one rename. The last row may be short.

    `images` are (N, C, H, W), floats in [-1, 1], C 1 or 3, N at least 1. Pixels are repeated until an image is at least
    64 wide: 3 times for 28, twice for 32 and 48. `names`, if there are any, stand left of the rows. The PNG carries its
    geometry as text chunks, for contact sheets.

    Raises:
        ValueError: no images, or channels that no PNG shows.
    """
    grid, geometry = _compose(to_uint8(images), columns)
    if names:
        grid = _labelled(grid, names)
        geometry["left"] = _MARGIN
    _write_png(grid, geometry, path)


def save_image(image: Tensor, path: Path) -> None:
    """Write one image, (C, H, W) uint8 with C 1 or 3, as a PNG of its own size; it replaces `path` in one rename."""
    _write_png(to_pillow(image), {}, path)


def real_fake_grid(real: Tensor, fake: Tensor, path: Path, columns: int = COLUMNS, names: Sequence[str] = ()) -> None:
    """Write real images (left) and generated ones (right) as two grids side by side, each under its name.

    `real` and `fake` are (N, C, H, W), floats in [-1, 1]; the longer of the two is cut to the shorter. `names` as for
    `save_grid`.

    Raises:
        ValueError: no images, or channels that no PNG shows.
    """
    halves = [_compose(to_uint8(images[: min(len(real), len(fake))]), columns)[0] for images in (real, fake)]
    mode, (width, height), middle = halves[0].mode, halves[0].size, 4 * GAP
    page = Image.new(mode, (2 * width + middle, _LABEL_HEIGHT + height), _GAP_COLOUR)
    draw = ImageDraw.Draw(page)
    for half, name, left in zip(halves, ("real", "generated"), (0, width + middle), strict=True):
        page.paste(half, (left, _LABEL_HEIGHT))
        draw.text((left + width / 2, _LABEL_HEIGHT / 2), name, "black", ImageFont.load_default(18), anchor="mm")
    _write_png(_labelled(page, names, _LABEL_HEIGHT) if names else page, {}, path)


def class_rows(rows: Sequence[Tensor]) -> Tensor:
    """Images (N, C, H, W) of each class as full rows of a grid: `COLUMNS` of them, grey where there are fewer."""
    return torch.cat([F.pad(row[:COLUMNS], [0] * 7 + [COLUMNS - len(row[:COLUMNS])]) for row in rows])


def neighbour_picture(rows: Sequence[tuple[Tensor, Tensor]], path: Path) -> None:
    """Each row: a generated image, (C, H, W) uint8, then the real images nearest to it, (K, C, H, W), nearest first.

    `rows` are those of `wgan.metrics.neighbours.nearest_rows`.
    """
    tiles = torch.cat([torch.cat([fake[None], near]) for fake, near in rows])
    _write_png(*_compose(tiles, columns=1 + len(rows[0][1])), path)


def interpolation_strip(images: Tensor, path: Path, names: Sequence[str] = ()) -> None:
    """Images generated along lines between latents, (rows, steps, C, H, W) in [-1, 1], one line per row, with names."""
    save_grid(images.flatten(0, 1), path, columns=images.shape[1], names=names)


def _labelled(grid: Image.Image, names: Sequence[str], top: int = 0) -> Image.Image:
    """A grid whose rows begin at `top` with their names left of it; long ones are cut."""
    page = Image.new(grid.mode, (_MARGIN + grid.width, grid.height), "white")
    page.paste(grid, (_MARGIN, 0))
    draw, font, room = ImageDraw.Draw(page), ImageFont.load_default(15), _MARGIN - 4 * GAP
    height = (grid.height - top) / len(names)
    for row, name in enumerate(map(printable, names)):
        shown = next(cut for n in range(len(name), -1, -1) if draw.textlength(cut := name[:n], font) <= room)
        draw.text((_MARGIN - 2 * GAP, top + (row + 0.5) * height), shown, "black", font, anchor="rm")
    return page


def _compose(images: Tensor, columns: int) -> tuple[Image.Image, dict[str, int]]:
    """A grid of (N, C, H, W) uint8, and its geometry."""
    if images.ndim != 4 or not len(images) or images.shape[1] not in (1, 3):
        raise ValueError(f"a grid needs (N, 1 or 3, H, W) with N > 0, got {tuple(images.shape)}")
    factor = max(1, -(-_VISIBLE_SIDE // images.shape[3]))
    images = images.repeat_interleave(factor, 2).repeat_interleave(factor, 3)
    count, channels, height, width = images.shape
    columns = min(columns, count)
    size = (columns * (width + GAP) + GAP, -(-count // columns) * (height + GAP) + GAP)
    grid = Image.new("L" if channels == 1 else "RGB", size, _GAP_COLOUR)
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        grid.paste(to_pillow(image), (GAP + column * (width + GAP), GAP + row * (height + GAP)))
    return grid, {"columns": columns, "cell_width": width, "cell_height": height, "gap": GAP, "enlarged": factor}


def to_pillow(image: Tensor) -> Image.Image:
    """One image, (C, H, W) uint8 with C 1 or 3."""
    return Image.fromarray(image[0].numpy() if len(image) == 1 else image.permute(1, 2, 0).contiguous().numpy())


def _write_png(image: Image.Image, texts: Mapping[str, int], path: Path) -> None:
    chunks = PngImagePlugin.PngInfo()
    for key, value in texts.items():
        chunks.add_text(key, str(value))
    with replacing(path) as temporary:
        image.save(temporary, "PNG", pnginfo=chunks)
