"""Grids of images as PNG files, in the colours the generator gave them: no image is ever stretched to its own range."""

from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin
from torch import Tensor

from wgan.utils.atomic_io import replacing

GAP = 2  # pixels between images
_GAP_GREY = 128  # tells black from white images apart on light and on dark pages
_VISIBLE_SIDE = 64  # images are enlarged to at least this many pixels
_LABEL_HEIGHT = 28


def to_uint8(images: Tensor) -> Tensor:
    """Map [-1, 1] linearly to [0, 255] and round: the exact inverse of how data enters training.

    Args:
        images: (N, C, H, W), floating point. Values outside [-1, 1] are clipped; a diverged generator's NaN is black.

    Returns:
        (N, C, H, W) uint8 on the CPU.
    """
    bytes_ = images.detach().float().add(1).mul(127.5).round().nan_to_num(nan=0.0).clamp(0, 255)
    return bytes_.to("cpu", torch.uint8)


def save_grid(images: Tensor, path: Path, columns: int = 8, enlarge: int | None = None) -> None:
    """Write a grid, row by row, as a PNG; it replaces `path` in one rename.

    The PNG carries its own geometry as text chunks, so that a contact sheet can cut out rows.

    Args:
        images: (N, C, H, W), floats in [-1, 1], C 1 or 3, N at least 1.
        path: the PNG.
        columns: images in a row; the last row may be short.
        enlarge: integer factor by which pixels are repeated (nearest neighbour); by default the smallest that makes an
            image at least 64 pixels wide: 3 for 28, 2 for 32 and 48, 1 from 64 on.

    Raises:
        ValueError: no images, or channels that no PNG shows.
    """
    grid, geometry = _compose(to_uint8(images), columns, enlarge)
    _write_png(grid, path, geometry)


def save_image(image: Tensor, path: Path) -> None:
    """Write one image, (C, H, W) uint8 with C 1 or 3, as a PNG of its own size; it replaces `path` in one rename."""
    _write_png(Image.fromarray(image[0].numpy() if len(image) == 1 else image.permute(1, 2, 0).numpy()), path, {})


def real_fake_grid(real: Tensor, fake: Tensor, path: Path, columns: int = 8, enlarge: int | None = None) -> None:
    """Write real images (left) and generated ones (right) side by side, each half under its name.

    Args:
        real: (N, C, H, W), floats in [-1, 1].
        fake: (M, C, H, W), floats in [-1, 1]; the longer of the two is cut to the shorter.
        path: the PNG.
        columns: images in a row of each half.
        enlarge: as in `save_grid`.

    Raises:
        ValueError: no images, or channels that no PNG shows.
    """
    shown = min(len(real), len(fake))
    halves = [_compose(to_uint8(images[:shown]), columns, enlarge)[0] for images in (real, fake)]
    middle = 4 * GAP
    width = halves[0].width + middle + halves[1].width
    page = Image.new(halves[0].mode, (width, _LABEL_HEIGHT + halves[0].height), _grey(halves[0].mode, 255))
    draw = ImageDraw.Draw(page)
    for half, name, left in zip(halves, ("real", "generated"), (0, halves[0].width + middle), strict=True):
        page.paste(half, (left, _LABEL_HEIGHT))
        centre = (left + half.width / 2, _LABEL_HEIGHT / 2)
        draw.text(centre, name, _grey(page.mode, 0), ImageFont.load_default(18), anchor="mm")
    _write_png(page, path, {})


def _compose(images: Tensor, columns: int, enlarge: int | None) -> tuple[Image.Image, dict[str, int]]:
    if images.ndim != 4 or not len(images) or images.shape[1] not in (1, 3):
        raise ValueError(f"a grid needs (N, 1 or 3, H, W) with N > 0, got {tuple(images.shape)}")
    count, channels, height, width = images.shape
    factor = enlarge or max(1, -(-_VISIBLE_SIDE // width))
    columns = min(columns, count)
    rows = -(-count // columns)
    images = images.repeat_interleave(factor, 2).repeat_interleave(factor, 3)
    height, width = height * factor, width * factor
    mode = "L" if channels == 1 else "RGB"
    size = (columns * (width + GAP) + GAP, rows * (height + GAP) + GAP)
    grid = Image.new(mode, size, _grey(mode, _GAP_GREY))
    for index, image in enumerate(images):
        array = image[0].numpy() if channels == 1 else image.permute(1, 2, 0).contiguous().numpy()
        row, column = divmod(index, columns)
        grid.paste(Image.fromarray(array), (GAP + column * (width + GAP), GAP + row * (height + GAP)))
    return grid, {"columns": columns, "cell_width": width, "cell_height": height, "gap": GAP, "enlarged": factor}


def _grey(mode: str, value: int) -> int | tuple[int, int, int]:
    return value if mode == "L" else (value, value, value)


def _write_png(image: Image.Image, path: Path, geometry: dict[str, int]) -> None:
    chunks = PngImagePlugin.PngInfo()
    for key, value in geometry.items():
        chunks.add_text(key, str(value))
    with replacing(path) as temporary:
        image.save(temporary, "PNG", pnginfo=chunks)
