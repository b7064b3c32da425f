"""One image file of any kind -> one uint8 array of the run's size and channels."""

import hashlib
import io
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from threading import Condition
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile

from wgan.config.image_form import Form
from wgan.data.archive import MemberFile
from wgan.data.image_folder import FORMATS
from wgan.data.progressive import EOI, drop_details, has_every_scan, is_interleaved, without_metadata
from wgan.data.tiff import at_page, page_offsets

DECODE_VERSION = 1  # a part of the cache's key: raise it whenever the same file would give other pixels

MAX_PIXELS = 2**27
"""Files of more pixels (134 million; a few kilobytes can declare them) are skipped: decoding takes 4 bytes a pixel."""
SLIVER = 2**14
"""A file of 16 bits whose samples all lie below it is nearly black: cameras and scanners write 10, 12 or 14 bits so."""

BYTES_PER_PIXEL = 12
"""What decoding takes at its peak: the decoder's own, the pixels, and those of another mode made from them."""

_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
_NOISE = bytes((170 + 73 * i) % 255 for i in range(510))  # no byte FF, and not the zeros that libjpeg goes on with
_ANYTHING = _NOISE + b"".join(bytes([0xFF, 0xD0 + i]) + _NOISE for i in range(8))  # in whichever restart interval
_BOMB = "refused as a decompression bomb"


class Undecodable(Exception):
    """A file gives no image; the text is the reason.

    `transient`: the fault lies with the machine, not with the file; it may be readable next time.
    """

    def __init__(self, reason: str, transient: bool = False) -> None:
        super().__init__(reason)
        self.transient = transient


class Room:
    """Bytes for all images that are being decoded: who finds too few left waits; who needs more is decoded alone."""

    def __init__(self, size: int) -> None:
        self.size = self._free = size
        self._changed = Condition()

    @contextmanager
    def hold(self, needed: int) -> Iterator[None]:
        needed = min(needed, self.size)
        with self._changed:
            self._changed.wait_for(lambda: needed <= self._free)
            self._free -= needed
        try:
            yield
        finally:
            with self._changed:
                self._free += needed
                self._changed.notify_all()


class Decoded(NamedTuple):
    """The image of a file, (C, H, W) uint8, and notes for its user.

    "largest": a bound of the samples of a file of 16 bits, where it is small; "pages": those of a TIFF of several, of
    which this is the first.
    """

    pixels: NDArray[np.uint8]
    notes: dict[str, int]


def decode_file(path: Path | MemberFile, form: Form, room: Room | None = None, page_at: int = 0) -> Decoded:
    """The image upright, resized with antialiasing and brought to `form`: (C, H, W) uint8.

    Transparency is composited on white, 16-bit grey scaled to 8 bits, animations give their first image, a TIFF the
    page whose directory lies `page_at`; 0: its first. One channel is luma, three are RGB. Names of files say nothing.

    Raises:
        Undecodable: the reason, for people.
    """
    try:
        with path.open("rb") as file:
            if not file.read(1):
                raise Undecodable("empty file")
            return _decode_mended(at_page(file, page_at) if page_at else file, form, room or Room(2**62))
    except Undecodable:
        raise
    except UnidentifiedImageError:
        raise Undecodable(f"no image of a kind that is read ({', '.join(FORMATS)})") from None
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


def _decode_mended(file: BinaryIO, form: Form, room: Room) -> Decoded:
    try:
        return _decode(file, form, room)
    except (Undecodable, MemoryError, Image.DecompressionBombError):
        raise
    except Exception as error:
        if getattr(error, "errno", None) is not None or not (mended := _mended(file, room)):
            raise
        return _decode(io.BytesIO(mended), form, room)


def _mended(file: BinaryIO, room: Room) -> bytes:
    """A PNG or JPEG without what Pillow may refuse it for and is no pixel of it; nothing of other kinds."""
    file.seek(0)
    start = file.read(8)
    if start.startswith(_JPEG):
        jpeg = without_metadata(start + file.read()).rstrip(b"\xff")
        return jpeg + EOI if _lacks_only_its_end(jpeg, room) else jpeg
    kept = [start] if start == _PNG else []
    while kept and len(head := file.read(8)) == 8:
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        if kind[:1].islower() and kind not in (b"tRNS", b"eXIf", b"iTXt"):
            file.seek(length + 4, io.SEEK_CUR)
            continue
        body, crc = file.read(length), file.read(4)
        turning = kind == b"eXIf" or body.startswith(b"XML:com.adobe.xmp\0\0")
        if kind[:1].isupper() or kind == b"tRNS" or (turning and crc == zlib.crc32(kind + body).to_bytes(4, "big")):
            kept += [head, body, crc]
    return b"".join(kept)


def _lacks_only_its_end(jpeg: bytes, room: Room) -> bool:
    """Whether what a file without EOI has lost cannot change a pixel: whatever would follow, they stay the same."""
    if not has_every_scan(jpeg):
        return False
    found = []
    for following in (b"", _ANYTHING):
        image = _opened(io.BytesIO(jpeg + following + EOI))
        if image.width * image.height > MAX_PIXELS:
            image.draft(None, (1, 1))
        with room.hold(BYTES_PER_PIXEL * image.width * image.height):
            found.append(hashlib.blake2b(image.tobytes()).digest())
    return found[0] == found[1]


def _opened(file: BinaryIO) -> Image.Image:
    """The image, not loaded yet; a JPEG that can be decoded row by row at reduced scale may have any number of pixels.

    Raises:
        Undecodable: decoding it is a bomb. Each byte of a JPEG codes at most 256 pixels: a block of 64 takes two bits.
    """
    try:
        image: Image.Image = Image.open(file, formats=FORMATS)
    except Image.DecompressionBombError:
        file.seek(0)
        if file.read(3) != _JPEG:
            raise
        file.seek(0)
        image = JpegImageFile(file)
    if (pixels := image.width * image.height) > MAX_PIXELS:
        file.seek(0)
        start = file.read(pixels // 64) if image.format in ("JPEG", "MPO") else b""
        if len(start) < pixels // 256 or not is_interleaved(start):
            raise Undecodable(f"declares {image.width}x{image.height} pixels, more than {MAX_PIXELS:,}: {_BOMB}")
    return image


def _decode(file: BinaryIO, form: Form, room: Room) -> Decoded:
    source = _opened(file)
    whole = source.width * source.height if source.info.get("progressive") else 0  # its coefficients are kept
    source, extent = _at_reduced_scale(source, file, max(form.height, form.width))  # whichever way it turns
    if source.width * source.height > MAX_PIXELS:
        raise Undecodable(f"{source.width}x{source.height} pixels even at reduced scale, over {MAX_PIXELS:,}: {_BOMB}")
    with room.hold(BYTES_PER_PIXEL * max(source.width * source.height, whole)):
        return _pixels(source, extent, file, form)


def _pixels(source: Image.Image, extent: tuple[float, float] | None, file: BinaryIO, form: Form) -> Decoded:
    image, largest = _eight_bits(source, file)
    orientation = 1
    with suppress(Exception):  # damaged EXIF makes its parser raise anything; the pixels are good
        orientation = int(source.getexif().get(ExifTags.Base.Orientation, 1))
    across, down = extent or image.size
    swaps = orientation in (5, 6, 7, 8)  # height and width
    lying = replace(form, height=form.width, width=form.height) if swaps else form
    (width, height), size = lying.placed(across, down)
    left, top = (across - width) / 2, (down - height) / 2
    crop = (left, top, left + width, top + height)  # centred, so turning may come last: the result is the same
    image = image.resize(size, Image.Resampling.BICUBIC, crop, reducing_gap=3.0)  # RGBA: premultiplied inside
    image.info.clear()  # what is left in it of a damaged EXIF
    image.getexif()[ExifTags.Base.Orientation] = orientation
    image = ImageOps.exif_transpose(image)
    page = Image.new(image.mode, (form.width, form.height), "white")
    corner = (page.width - image.width) // 2, (page.height - image.height) // 2
    page.alpha_composite(image, corner) if image.mode == "RGBA" else page.paste(image, corner)
    pixels = np.asarray(page.convert("L" if form.channels == 1 else "RGB")).reshape(form.height, form.width, -1)
    notes = {"largest": largest} if largest < SLIVER else {}
    if source.format == "TIFF":
        notes["pages"] = len(page_offsets(file))
    return Decoded(np.ascontiguousarray(pixels.transpose(2, 0, 1)), notes)


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


def _eight_bits(image: Image.Image, file: BinaryIO) -> tuple[Image.Image, int]:
    """The image, loaded, as L, RGB or, with any transparency, RGBA; and a bound of its samples, scaled to 16 bits."""
    tile: Any = image.tile[0] if isinstance(image, ImageFile) and image.tile else ("", None, 0, "")
    codec, _, offset, coding = tile
    if codec == "ppm" and coding[0] in ("L", "RGB"):  # Pillow's own decoder takes seconds for a megapixel
        (mode, top), kind = coding, np.dtype("u1" if coding[1] < 256 else ">u2")
        shape = (image.height, image.width, 3)[: 3 if mode == "RGB" else 2]
        file.seek(offset)
        content = file.read(math.prod(shape) * kind.itemsize)
        if len(content) < math.prod(shape) * kind.itemsize:
            raise OSError("image file is truncated")
        return _scaled(np.frombuffer(content, kind).reshape(shape), top)
    image.load()
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM"):  # Pillow itself clips at 255
        tags = getattr(image, "tag_v2", {})
        top = 4095 if tags.get(ExifTags.Base.BitsPerSample) == (12,) else 65535
        return _scaled(np.asarray(image), top, tags.get(ExifTags.Base.PhotometricInterpretation) == 0)
    if image.mode in ("I", "F"):
        numbers = "signed or 32-bit integers" if image.mode == "I" else "floating-point numbers"
        raise Undecodable(f"its pixels are {numbers}, which have no agreed range: convert it to 8 or 16 bits")
    if image.has_transparency_data:
        image = image.convert("RGBA")
    elif image.mode != "L":
        image = image.convert("RGB")
    if ";16" not in str(coding) or image.mode == "L":
        return image, 65535
    return image, 256 * int(np.asarray(image)[..., :3].max()) + 255  # of colours of 16 bits Pillow keeps the upper 8


def _scaled(samples: NDArray[Any], top: int, zero_is_white: bool = False) -> tuple[Image.Image, int]:
    table = np.rint(np.arange(65536) / top * 255).clip(max=255).astype(np.uint8)
    return Image.fromarray((255 - table if zero_is_white else table)[samples]), int(samples.max()) * 65535 // top
