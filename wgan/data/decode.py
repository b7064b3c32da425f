"""One image file of any kind -> one uint8 array of the run's size and channels."""

import io
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from wgan.data.image_folder import FORMATS
from wgan.data.progressive import drop_details

DECODE_VERSION = 1  # a part of the cache's key: raise it whenever the same file would give other pixels

MAX_PIXELS = 2**27
"""Files that declare more pixels (134 million; a few kilobytes can) are skipped: decoding takes 4 bytes a pixel."""

_BOMB = "refused as a decompression bomb"
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Undecodable(Exception):
    """A file gives no image; the text is the reason.

    `transient`: the fault lies with the machine, not with the file; it may be readable next time.
    """

    def __init__(self, reason: str, transient: bool = False) -> None:
        super().__init__(reason)
        self.transient = transient


def decode(path: Path, size: int, channels: int) -> NDArray[np.uint8]:
    """The image upright, its short side resized with antialiasing, the centre cropped: (channels, size, size) uint8.

    Transparency is composited on white, 16-bit grey scaled to 8 bits, animations give their first frame.

    The file's content, not its name, says what it is. One channel is luma, three are RGB.

    Raises:
        Undecodable: the reason, for people.
    """
    try:
        with path.open("rb") as file:
            return _decode(file, size, channels)
    except Undecodable:
        raise
    except UnidentifiedImageError:
        kinds = ", ".join(FORMATS)
        raise Undecodable(
            f"no image of a kind that is read ({kinds})" if path.stat().st_size else "empty file"
        ) from None
    except Image.DecompressionBombError:  # Pillow's own limit, which it looks at on opening
        raise Undecodable(f"declares more than {MAX_PIXELS:,} pixels: {_BOMB}") from None
    except MemoryError:
        raise Undecodable("needs more memory than there is", transient=True) from None
    except OSError as error:
        if error.errno is not None:  # the operating system's; Pillow's own errors have no number
            raise Undecodable(f"cannot be read: {error.strerror}", transient=True) from None
        raise Undecodable(f"damaged: {error}") from None
    except Exception as error:  # a hostile file makes Pillow's parsers raise anything: KeyError, struct.error, ...
        raise Undecodable(f"damaged: {type(error).__name__}: {error}") from None


def _decode(file: BinaryIO, size: int, channels: int) -> NDArray[np.uint8]:
    image: Image.Image = Image.open(file, formats=FORMATS)
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise Undecodable(f"declares {width}x{height} pixels, more than {MAX_PIXELS:,}: {_BOMB}")
    image, extent = _at_reduced_scale(image, file, size)
    image.load()
    turn = _UPRIGHT.get(_orientation(image))
    image = _eight_bits(image)
    across, down = extent or image.size
    short = min(across, down)
    left, top = (across - short) / 2, (down - short) / 2
    crop = (left, top, left + short, top + short)  # centred, so turning may come last: the result is the same
    image = image.resize((size, size), Image.Resampling.BICUBIC, crop, reducing_gap=3.0)  # RGBA: premultiplied inside
    if turn is not None:
        image = image.transpose(turn)
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    return np.ascontiguousarray(pixels.reshape(size, size, channels).transpose(2, 0, 1))


def _at_reduced_scale(image: Image.Image, file: BinaryIO, size: int) -> tuple[Image.Image, tuple[float, float] | None]:
    """Let a JPEG's inverse DCT give 1/2, 1/4 or 1/8 of the size, still at least twice what is wanted.

    The image is not loaded yet; with it, for a JPEG, comes the exact extent of the picture at that scale, which its
    last pixels exceed where the size is no multiple.
    """
    width = image.width
    drafted = image.draft(None, (2 * size, 2 * size))  # does nothing for other formats
    if drafted is None:
        return image, None
    extent = drafted[1][2:]
    if image.info.get("progressive") and round(width / extent[0]) == 8:
        file.seek(0)
        image = Image.open(io.BytesIO(drop_details(file.read())), formats=("JPEG",))
        image.draft(None, (2 * size, 2 * size))
    return image, extent


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # damaged EXIF makes its parser raise anything; the pixels are good
        return 1


def _eight_bits(image: Image.Image) -> Image.Image:
    """The image as L, RGB or, with any transparency, RGBA."""
    if image.mode.startswith("I;16"):  # Pillow's own conversion clips at 255 instead of scaling
        wide = np.asarray(image).astype(np.uint32)
        return Image.fromarray(((wide * 255 + 32767) // 65535).astype(np.uint8))
    if image.mode in ("I", "F"):
        kind = "32-bit integers" if image.mode == "I" else "floating-point numbers"
        raise Undecodable(f"its pixels are {kind}, which have no agreed range: convert it to 8 or 16 bits")
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image if image.mode == "L" else image.convert("RGB")
