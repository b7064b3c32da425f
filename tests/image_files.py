"""Image files of all kinds, made in memory: good, odd, damaged and hostile ones."""

import gzip
import io
import struct
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image


def picture(width: int, height: int, seed: int = 0) -> Image.Image:
    """A smooth RGB picture without any symmetry, in which orientation, scale and position can be seen."""
    y, x = np.mgrid[0:height, 0:width]
    u, v = x / width, y / height
    phase = np.random.default_rng(seed).random(3)[:, None, None]
    waves = np.sin(2 * np.pi * (phase + u * np.array([1.0, 0.5, 0.2])[:, None, None] + 0.7 * v))
    channels = 127.5 + 50 * waves + 70 * (u - 0.5) * np.array([1, -1, 0])[:, None, None] + 50 * (v - 0.5)
    return Image.fromarray(channels.clip(0, 255).astype(np.uint8).transpose(1, 2, 0))


def put(root: Path, *names: str) -> Path:
    """Files below `root` that only their names make images; `root`."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """The file's bytes."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def png_chunk(kind: bytes, body: bytes, crc: int | None = None) -> bytes:
    """One chunk of a PNG, with its own or a wrong checksum."""
    return (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body) if crc is None else crc)
    )


def png(width: int, height: int, depth: int = 8, colour: int = 2, body: bytes = b"", extra: bytes = b"") -> bytes:
    """A PNG written by hand: any header, any pixel data."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    data = png_chunk(b"IDAT", zlib.compress(body, 9))
    return b"\x89PNG\r\n\x1a\n" + header + extra + data + png_chunk(b"IEND", b"")


def _flipped(data: bytes, where: float, count: int = 40) -> bytes:
    at = int(len(data) * where)
    return data[:at] + bytes(b ^ 0x5A for b in data[at : at + count]) + data[at + count :]


def _jpeg(**options: object) -> bytes:
    return encoded(picture(1400, 1200), "JPEG", quality=90, **options)


def _jpeg_size(data: bytes, width: int, height: int) -> bytes:
    at = next(data.index(marker) for marker in (b"\xff\xc0", b"\xff\xc2") if marker in data)
    return data[: at + 5] + struct.pack(">HH", height, width) + data[at + 9 :]


def _tiff_bomb() -> bytes:
    data = encoded(picture(40, 30), "TIFF")
    return data.replace(struct.pack("<HHII", 256, 4, 1, 40), struct.pack("<HHII", 256, 4, 1, 2**31 - 1))


def _big_png() -> bytes:
    row = bytes(1 + 12_000 // 8)
    return png(12_000, 12_000, depth=1, colour=0, body=row * 12_000)


_KIND, _DAMAGED, _BOMB, _RANGE = "no image of a kind", "damaged", "refused as a decompression bomb", "no agreed range"

HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing.png": (lambda: b"", "empty file"),
    "nothing.jpg": (lambda: b"", "empty file"),
    "one byte.gif": (lambda: b"G", _KIND),
    "text.png": (lambda: b"not a picture\n" * 50, _KIND),
    "page.jpg": (lambda: b"<!DOCTYPE html><html><body>404</body></html>", _KIND),
    "drawing.png": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', _KIND),
    "postscript.jpg": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n", _KIND),
    "document.png": (lambda: b"%PDF-1.7\n1 0 obj<<>>endobj\n", _KIND),
    "archive.jpeg": (lambda: gzip.compress(b"x" * 1000), _KIND),
    "phone.jpg": (lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(500), _KIND),
    "noise.webp": (lambda: np.random.default_rng(1).bytes(5000), _KIND),
    "zeros.tif": (lambda: bytes(5000), _KIND),
    "signature only.png": (lambda: b"\x89PNG\r\n\x1a\n", _KIND),
    "header crc.png": (lambda: _flipped(png(20, 20, body=bytes(61) * 20), 0.15, 4), _KIND),
    "no width.png": (lambda: png(0, 20, body=bytes(20)), _KIND),
    "no pixels.png": (lambda: png(20, 20), _DAMAGED),
    "cut.png": (lambda: encoded(picture(300, 200), "PNG")[:9000], _DAMAGED),
    "flipped.png": (lambda: _flipped(encoded(picture(300, 200), "PNG"), 0.5), _DAMAGED),
    "bomb header.png": (lambda: png(60_000, 60_000), _BOMB),
    "bomb.png": (_big_png, _BOMB),
    "start only.jpg": (lambda: b"\xff\xd8\xff", _KIND),
    "cut.jpg": (lambda: _jpeg()[:30_000], _DAMAGED),
    "cut in a scan.jpg": (lambda: _jpeg(progressive=True)[:-9000], _DAMAGED),
    "cut after the first scan.jpg": (lambda: _jpeg(progressive=True)[:12_000], _DAMAGED),
    "bomb.jpg": (lambda: _jpeg_size(_jpeg(), 65_500, 65_500), _BOMB),
    "bomb progressive.jpg": (lambda: _jpeg_size(_jpeg(progressive=True), 15_000, 12_000), _BOMB),
    "header only.gif": (lambda: encoded(picture(60, 40), "GIF")[:13], _KIND),
    "cut.gif": (lambda: encoded(picture(200, 150), "GIF")[:4000], _DAMAGED),
    "bomb.gif": (
        lambda: b"GIF89a" + struct.pack("<HHxxxcHHHHx", 65_535, 65_535, b",", 0, 0, 65_535, 65_535) + bytes(9),
        _BOMB,
    ),
    "cut.bmp": (lambda: encoded(picture(200, 150), "BMP")[:4000], _DAMAGED),
    "bomb.bmp": (
        lambda: b"BM" + struct.pack("<IHHIIiiHHIIiiII", 99, 0, 0, 54, 40, 50_000, 50_000, 1, 24, 0, 0, 0, 0, 0, 0),
        _BOMB,
    ),
    "cut.tif": (lambda: encoded(picture(200, 150), "TIFF")[:400], _DAMAGED),
    "bomb.tif": (_tiff_bomb, _BOMB),
    "integers.tif": (lambda: encoded(Image.new("I", (40, 30), 7), "TIFF"), _RANGE),
    "floats.tif": (lambda: encoded(Image.new("F", (40, 30), 0.5), "TIFF"), _RANGE),
    "cut.webp": (lambda: encoded(picture(200, 150), "WEBP", lossless=True)[:3000], _DAMAGED),
    "flipped.webp": (lambda: _flipped(encoded(picture(200, 150), "WEBP", lossless=True), 0.02, 200), _DAMAGED),
    "letters.ppm": (lambda: b"P6\nabc def\n255\n" + bytes(300), _DAMAGED),
    "cut.ppm": (lambda: b"P6\n100 100\n255\n" + bytes(300), _DAMAGED),
    "bomb.ppm": (lambda: b"P6\n99999 99999\n255\n" + bytes(300), _BOMB),
}
"""Name -> (how its bytes are made, what the reason must contain)."""


@cache
def hostile_bytes(name: str) -> bytes:
    """The bytes of one of HOSTILE."""
    return HOSTILE[name][0]()
