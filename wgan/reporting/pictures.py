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


def corner(grid: Path, columns: int, rows: int) -> Image.Image:
    """The first images of the first rows of a `wgan.reporting.grids.save_grid`; the whole of any other picture.

    Raises:
        OSError: the file is gone, no image or an unreasonably large one.
    """
    try:
        image = Image.open(io.BytesIO(read_regular(grid, _LARGEST)))
        image.load()
    except (Image.DecompressionBombError, SyntaxError, ValueError) as error:
        raise OSError(f"{grid}: no picture: {error}") from error
    try:
        width, height, gap = (int(image.info[key]) for key in ("cell_width", "cell_height", "gap"))
        left = int(image.info.get("left", 0))  # where the names of the rows end
    except (KeyError, ValueError):
        return image
    if not (0 < width <= image.width and 0 < height <= image.height and 0 <= gap <= image.width and left >= 0):
        return image
    right = min(image.width, left + gap + columns * (width + gap))
    return image.crop((0, 0, right, min(image.height, gap + rows * (height + gap))))
