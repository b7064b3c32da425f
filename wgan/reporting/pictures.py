"""Pictures for pages: files that anybody may have put there, read, cut and encoded. Never imports torch."""

import base64
import io
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from wgan.utils.atomic_io import read_regular

_LARGEST = 2**28  # bytes of a file


class Picture(NamedTuple):
    """An encoded picture."""

    content: bytes
    kind: str  # "png" or "webp"
    width: int
    height: int

    @property
    def src(self) -> str:
        """An address that needs no file: `data:image/png;base64,...`."""
        return f"data:image/{self.kind};base64,{base64.b64encode(self.content).decode('ascii')}"


def read_png(path: Path) -> Picture | None:
    """A PNG as it is; None where it is gone or no PNG."""
    try:
        content = read_regular(path, _LARGEST)
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            return Picture(content, "png", *image.size)
    except (OSError, Image.DecompressionBombError, SyntaxError, ValueError):
        return None


def to_webp(image: Image.Image, quality: int) -> Picture:
    """Encode a picture anew, `quality` of 100."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "WEBP", quality=quality, method=2)
    return Picture(buffer.getvalue(), "webp", *image.size)


class _Geometry(NamedTuple):
    """Of a grid of images: where they stand in it, and how much each was enlarged."""

    width: int
    height: int
    gap: int
    enlarged: int
    left: int  # where the names of its rows end


def corner(grid: Path, columns: int, rows: int) -> Image.Image:
    """The first images of the first rows of a `wgan.reporting.grids.save_grid`; the whole of any other picture.

    Raises:
        OSError: the file is gone, no image or an unreasonably large one.
    """
    image, found = _opened(grid)
    return _cut(image, found, columns, rows) if found else image


def first_images(grid: Path, width: int, height: int) -> Image.Image:
    """As many of a grid's first images as so many pixels hold, one at least, as small as they are; else as `corner`."""
    image, found = _opened(grid)
    if not found:
        return image
    factor, gap = found.enlarged, found.gap
    columns, rows = (width * factor - gap) // (found.width + gap), (height * factor - gap) // (found.height + gap)
    cut = _cut(image, found, max(1, columns), max(1, rows), names=False)
    across, down = cut.width // factor, cut.height // factor
    return cut.resize((across, down), Image.Resampling.NEAREST, (0, 0, across * factor, down * factor))


def _opened(grid: Path) -> tuple[Image.Image, _Geometry | None]:
    """A picture, and its geometry where it is a grid."""
    try:
        image = Image.open(io.BytesIO(read_regular(grid, _LARGEST)))
        image.load()
    except (Image.DecompressionBombError, SyntaxError, ValueError) as error:
        raise OSError(f"{grid}: no picture: {error}") from error
    try:
        width, height, gap = (int(image.info[key]) for key in ("cell_width", "cell_height", "gap"))
        found = _Geometry(width, height, gap, int(image.info.get("enlarged", 1)), int(image.info.get("left", 0)))
    except (KeyError, ValueError):
        return image, None
    fits = 0 < found.enlarged <= found.width <= image.width and found.enlarged <= found.height <= image.height
    return image, found if fits and 0 <= found.gap <= image.width and 0 <= found.left < image.width else None


def _cut(image: Image.Image, grid: _Geometry, columns: int, rows: int, names: bool = True) -> Image.Image:
    right = min(image.width, grid.left + grid.gap + columns * (grid.width + grid.gap))
    below = min(image.height, grid.gap + rows * (grid.height + grid.gap))
    return image.crop((0 if names else grid.left, 0, right, below))
