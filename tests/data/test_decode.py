import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from image_files import HOSTILE, encoded, hostile_bytes, picture, png, png_chunk
from numpy.typing import NDArray
from PIL import Image, ImageOps

from wgan.config.image_form import Form
from wgan.data.decode import MAX_PIXELS, Undecodable, decode_file

COLOUR, GREY = Form(3, 32, 32), Form(1, 20, 20)
Write = Callable[[bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes bytes to a file whose name says nothing."""

    def write(content: bytes) -> Path:
        path = tmp_path / "image.png"
        path.write_bytes(content)
        return path

    return write


def decode(path: Path, form: Form) -> NDArray[np.uint8]:
    return decode_file(path, form).pixels


def plainly(image: Image.Image, size: int) -> NDArray[np.int32]:
    """The centre square of an 8-bit image, resized by Pillow in one step: (C, size, size)."""
    side = min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    small = image.resize((size, size), Image.Resampling.BICUBIC, (left, top, left + side, top + side))
    return np.asarray(small).reshape(size, size, -1).transpose(2, 0, 1).astype(np.int32)


def worst(a: NDArray[np.uint8], b: NDArray[np.int32]) -> int:
    return int(np.abs(a.astype(np.int32) - b).max())


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_file_that_gives_no_image_is_refused_with_its_reason(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(hostile_bytes(name))
    with pytest.raises(Undecodable, match=HOSTILE[name][1]) as refusal:
        decode(path, Form(3, 64, 64))
    assert not refusal.value.transient
    assert "\n" not in str(refusal.value)


def test_at_least_25_hostile_files_are_tried() -> None:
    assert len(HOSTILE) >= 25
    assert len({HOSTILE[name][1] for name in HOSTILE}) == 5


def test_a_file_that_vanished_may_be_there_next_time(tmp_path: Path) -> None:
    with pytest.raises(Undecodable, match="cannot be read: No such file") as refusal:
        decode(tmp_path / "gone.png", COLOUR)
    assert refusal.value.transient


def test_the_pixel_limit_admits_the_largest_photographs() -> None:
    assert 12_000 * 9_000 < MAX_PIXELS < 12_000 * 12_000


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "PPM"])
@pytest.mark.parametrize(("width", "height"), [(300, 200), (200, 301), (64, 64), (20, 30), (1, 9)])
def test_every_format_is_cropped_to_its_centre_and_resized(kind: str, width: int, height: int, write: Write) -> None:
    original = picture(width, height)
    lossy = {"quality": 95, "subsampling": 0} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    decoded = decode(write(encoded(original, kind, **lossy)), Form(3, 64, 64))
    assert decoded.shape == (3, 64, 64)
    assert decoded.dtype == np.uint8
    assert worst(decoded, plainly(original, 64)) <= (6 if kind == "JPEG" else 2)


def test_an_image_of_the_right_size_stays_as_it_is(write: Write) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 48, 3), np.uint8))
    assert worst(decode(write(encoded(noise, "PNG")), Form(3, 48, 48)), plainly(noise, 48)) == 0
    assert (decode(write(encoded(noise, "PNG")), Form(3, 48, 48)) == np.asarray(noise).transpose(2, 0, 1)).all()


def test_a_fine_pattern_becomes_grey_instead_of_moire(write: Write) -> None:
    board = np.indices((512, 512)).sum(0) % 2 * 255
    decoded = decode(write(encoded(Image.fromarray(board.astype(np.uint8)), "PNG")), Form(1, 32, 32))
    assert abs(decoded.astype(int) - 127).max() <= 2


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"])
def test_every_colour_mode_gives_the_asked_channels(mode: str, channels: int, write: Write) -> None:
    kind = "TIFF" if mode in ("CMYK", "YCbCr") else "PNG"
    original = picture(90, 70).convert(mode)
    wanted = plainly(original.convert("RGB").convert("L" if channels == 1 else "RGB"), 32)
    decoded = decode(write(encoded(original, kind)), Form(channels, 32, 32))
    assert decoded.shape == (channels, 32, 32)
    assert worst(decoded, wanted) <= (1 if mode == "1" else 3)


def test_transparency_is_composited_on_white(write: Write) -> None:
    red = Image.new("RGBA", (40, 40), (255, 0, 0, 255))
    red.paste((0, 0, 255, 0), (0, 0, 40, 20))  # the upper half: invisible, whatever its colour
    red.paste((0, 0, 0, 128), (0, 30, 40, 40))  # the lowest quarter: black, half there
    decoded = decode(write(encoded(red, "PNG")), Form(3, 40, 40))
    assert (decoded[:, :20] == 255).all()
    assert (decoded[:, 20:30] == np.array([255, 0, 0])[:, None, None]).all()
    assert abs(decoded[:, 30:].astype(int) - 127).max() <= 1


def test_an_invisible_colour_does_not_bleed_into_its_neighbours(write: Write) -> None:
    image = Image.new("RGBA", (64, 64), (255, 255, 255, 255))
    image.paste((0, 0, 0, 0), (0, 0, 33, 64))
    assert decode(write(encoded(image, "PNG")), Form(3, 16, 16)).min() >= 254


@pytest.mark.parametrize("mode", ["P", "L", "RGB", "LA"])
def test_a_transparent_colour_or_palette_entry_becomes_white(mode: str, write: Write) -> None:
    image = Image.new("RGB", (20, 20), (10, 10, 10))
    image.paste((200, 200, 200), (0, 0, 20, 10))
    if mode == "LA":
        image = image.convert("L")
        image.putalpha(Image.new("L", (20, 20), 255).point(lambda _: 0))
        content = encoded(image, "PNG")
        expected_lower = 255
    else:
        image = image.quantize(2) if mode == "P" else image.convert(mode)
        content = encoded(image, "PNG", transparency=image.getpixel((0, 0)))
        expected_lower = 10
    decoded = decode(write(content), Form(3, 20, 20))
    assert (decoded[:, :10] == 255).all()
    assert (decoded[:, 10:] == expected_lower).all()


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_to_eight(kind: str, write: Write) -> None:
    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64)
    decoded = decode(write(encoded(Image.fromarray(ramp.round().astype(np.uint16)), kind)), Form(1, 64, 64))
    assert (decoded[0] == (ramp / 257).round()).all()


def netpbm(values: NDArray[np.int64], maxval: int, plain: bool = False) -> bytes:
    """A PGM, or of (H, W, 3) a PPM."""
    magic = f"P{(2 if plain else 5) + (values.ndim == 3)}"
    body = (
        " ".join(map(str, values.flat)).encode() if plain else values.astype(">u2" if maxval > 255 else "u1").tobytes()
    )
    return f"{magic}\n{values.shape[1]} {values.shape[0]}\n{maxval}\n".encode() + body


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("maxval", [100, 255, 256, 1023, 4095, 65535])
@pytest.mark.parametrize("colours", [1, 3])
def test_netpbm_is_scaled_from_its_own_maximum(colours: int, maxval: int, plain: bool, write: Write) -> None:
    values = np.linspace(0, maxval, 20 * 20 * colours).round().astype(int).reshape(20, 20, -1)
    content = netpbm(values if colours == 3 else values[:, :, 0], maxval, plain)
    decoded = decode_file(write(content), Form(colours, 20, 20))
    assert worst(decoded.pixels, (values / maxval * 255).round().astype(np.int32).transpose(2, 0, 1)) <= 1
    assert not decoded.notes


def test_a_large_pgm_of_twelve_bits_takes_no_seconds(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("PIL.PpmImagePlugin.PpmDecoder.decode", lambda *_: pytest.fail("a loop over pixels"))
    assert decode(write(netpbm(np.full((1000, 1000), 4095), 4095)), Form(1, 32, 32)).min() == 255


def test_the_largest_value_of_sixteen_bits_is_noted_where_it_is_small(write: Write) -> None:
    dark = np.linspace(0, 4095, 400).round().astype(np.uint16).reshape(20, 20)
    for content in (encoded(Image.fromarray(dark), "PNG"), encoded(Image.fromarray(dark), "TIFF"), netpbm(dark, 65535)):
        assert decode_file(write(content), GREY).notes["largest"] == 4095
    assert "largest" not in decode_file(write(encoded(Image.fromarray(dark * 5), "PNG")), GREY).notes  # 20,475
    assert "largest" not in decode_file(write(encoded(Image.new("L", (20, 20)), "PNG")), GREY).notes  # black, of 8 bits
    colour = b"".join(b"\0" + np.repeat(row, 3).astype(">u2").tobytes() for row in dark)
    assert decode_file(write(png(20, 20, depth=16, colour=2, body=colour)), Form(3, 20, 20)).notes["largest"] == 4095


def tiff_of_12_or_16_bits(values: NDArray[np.uint16], bits: int, zero_is_white: bool = False) -> bytes:
    """A little-endian grey TIFF, written by hand; (H, W) with an even W."""
    pairs = values.astype(int).reshape(-1, 2)
    packed = np.stack([pairs[:, 0] >> 4, (pairs[:, 0] & 15) << 4 | pairs[:, 1] >> 8, pairs[:, 1] & 255], 1).astype(
        np.uint8
    )
    data = packed.tobytes() if bits == 12 else values.astype("<u2").tobytes()
    height, width = values.shape
    tags = {
        256: width,
        257: height,
        258: bits,
        259: 1,
        262: 1 - zero_is_white,
        273: 8,
        277: 1,
        278: height,
        279: len(data),
    }
    entries = b"".join(
        struct.pack("<HHII", tag, 4 if tag in (273, 279) else 3, 1, value) for tag, value in tags.items()
    )
    return struct.pack("<2sHI", b"II", 42, 8 + len(data)) + data + struct.pack("<H", len(tags)) + entries + bytes(4)


def test_a_tiff_of_twelve_bits_fills_the_range(write: Write) -> None:
    values = np.linspace(0, 4095, 400).round().astype(np.uint16).reshape(20, 20)
    decoded = decode_file(write(tiff_of_12_or_16_bits(values, 12)), GREY)
    assert (decoded.pixels[0] == (values / 4095 * 255).round()).all()
    assert "largest" not in decoded.notes


def test_a_tiff_of_sixteen_bits_whose_zero_is_white_is_no_negative(write: Write) -> None:
    values = np.linspace(0, 65535, 400).round().astype(np.uint16).reshape(20, 20)
    decoded = decode(write(tiff_of_12_or_16_bits(values, 16, zero_is_white=True)), GREY)
    assert (decoded[0] == 255 - (values / 257).round()).all()


def test_sixteen_bit_colour_is_scaled_to_eight(write: Write) -> None:
    values = np.linspace(0, 65535, 20 * 20 * 3).astype(">u2").reshape(20, 60)
    body = b"".join(b"\0" + row.tobytes() for row in values)
    decoded = decode(write(png(20, 20, depth=16, colour=2, body=body)), Form(3, 20, 20))
    assert worst(decoded, (values.reshape(20, 20, 3).transpose(2, 0, 1) / 257).astype(np.int32)) <= 1


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_honoured(kind: str, orientation: int, write: Write) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(picture(91, 60), kind, exif=exif, **({"lossless": True} if kind == "WEBP" else {}))
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB")
    assert worst(decode(write(content), COLOUR), plainly(upright, 32)) <= 2


def by_imageops(image: Image.Image, form: Form) -> Image.Image:
    """The same by Pillow's own words for it."""
    size = form.width, form.height
    if form.fit == "crop":
        return ImageOps.fit(image, size, Image.Resampling.BICUBIC)
    if form.fit == "pad":
        return ImageOps.pad(image, size, Image.Resampling.BICUBIC, "white")
    return image.resize(size, Image.Resampling.BICUBIC)


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 7])
@pytest.mark.parametrize("sides", [(64, 96), (96, 64), (40, 40)])
def test_an_image_of_another_shape_is_cropped_padded_or_stretched(
    sides: tuple[int, int], orientation: int, fit: Any, write: Write
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(picture(150, 120), "PNG", exif=exif)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    form = Form(3, *sides, fit)
    decoded = decode(write(content), form)
    assert decoded.shape == form.shape
    assert worst(decoded, np.asarray(by_imageops(upright, form)).transpose(2, 0, 1).astype(np.int32)) <= 2


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_large_jpeg_is_turned_before_it_is_cropped(orientation: int, write: Write) -> None:
    """At reduced scale it still has twice the pixels wanted on both sides, whichever way it turns."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(picture(1600, 500), "JPEG", exif=exif, quality=95)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    form = Form(3, 64, 112)
    expected = np.asarray(by_imageops(upright, form)).transpose(2, 0, 1).astype(np.int32)
    assert np.abs(decode(write(content), form) - expected).mean() < 1.5


def test_what_is_padded_or_transparent_is_white(write: Write) -> None:
    decoded = decode(write(encoded(Image.new("RGBA", (40, 20), (0, 0, 0, 0)), "PNG")), Form(1, 32, 32, "pad"))
    assert (decoded == 255).all()
    decoded = decode(write(encoded(Image.new("L", (40, 20), 0), "PNG")), Form(1, 32, 32, "pad"))
    assert (decoded == np.where(abs(np.arange(32) - 15.5) < 8, 0, 255)[None, :, None]).all()


def test_damaged_exif_leaves_the_image_as_it_is(write: Write) -> None:
    content = encoded(picture(80, 80), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f" + b"\xee" * 40)
    assert worst(decode(write(content), COLOUR), plainly(Image.open(io.BytesIO(content)), 32)) <= 2


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_an_animation_gives_its_first_frame(kind: str, write: Write) -> None:
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "lime", "blue")]
    content = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **_lossless(kind))
    assert (decode(write(content), COLOUR) == np.array([255, 0, 0])[:, None, None]).all()


def test_the_pages_of_a_tiff_are_counted(write: Write) -> None:
    pages = [Image.new("L", (8, 8), grey) for grey in (10, 20, 30)]
    stack = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    assert decode_file(write(stack), Form(1, 8, 8)).notes["pages"] == 3
    assert decode_file(write(encoded(pages[0], "TIFF")), Form(1, 8, 8)).notes.get("pages", 1) == 1


def _lossless(kind: str) -> dict[str, object]:
    return {"lossless": True} if kind == "WEBP" else {}


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("size", [28, 64, 256])
def test_a_jpeg_decoded_at_reduced_scale_looks_like_the_whole_one(size: int, progressive: bool, write: Write) -> None:
    content = encoded(picture(1500, 1201), "JPEG", quality=90, progressive=progressive)
    whole = plainly(Image.open(io.BytesIO(content)), size)
    decoded = decode(write(content), Form(3, size, size))
    assert worst(decoded, whole) <= 3
    assert np.abs(decoded - whole).mean() < 0.5


@pytest.mark.parametrize(("side", "scale"), [(127, 1), (128, 1), (255, 1), (256, 2), (512, 4), (1024, 8), (4096, 8)])
def test_reduced_scale_stays_at_least_twice_above_the_target(
    side: int, scale: int, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = []
    load = Image.Image.resize
    monkeypatch.setattr(Image.Image, "resize", lambda self, *a, **k: loaded.append(self.size) or load(self, *a, **k))
    decode(write(encoded(Image.new("RGB", (side, side)), "JPEG")), Form(3, 64, 64))
    assert loaded[0] == (-(-side // scale), -(-side // scale))


HUGE = zlib.compress(bytes(2**21))
IDLE_CHUNKS = {
    "checksum of a text": png_chunk(b"tEXt", b"a\0b", crc=5),
    "checksum of the resolution": png_chunk(b"pHYs", bytes(9), crc=5),
    "checksum of EXIF": png_chunk(b"eXIf", bytes(9), crc=5),
    "no resolution": png_chunk(b"pHYs", b""),
    "compressed text": png_chunk(b"zTXt", b"a\0\0" + HUGE),
    "compressed international text": png_chunk(b"iTXt", b"a\0\1\0\0\0" + HUGE),
    "colour profile": png_chunk(b"iCCP", b"a\0\0" + HUGE),
    "70 MB of text": png_chunk(b"tEXt", b"a\0" + bytes(2**20)) * 70,
}


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("name", IDLE_CHUNKS)
def test_what_is_no_pixel_of_a_png_does_not_stop_it(name: str, behind: bool, write: Write) -> None:
    plain = encoded(picture(60, 50), "PNG")
    at = plain.index(b"IEND" if behind else b"IDAT") - 4
    assert (decode(write(plain[:at] + IDLE_CHUNKS[name] + plain[at:]), COLOUR) == decode(write(plain), COLOUR)).all()
    damaged = plain[: at - 300] + bytes(8) + plain[at - 292 : at] if behind else plain[:at]
    with pytest.raises(Undecodable, match="damaged"):
        decode(write(damaged + IDLE_CHUNKS[name] + plain[at : None if behind else -300]), COLOUR)


def test_a_png_stays_upright_and_transparent_without_its_metadata(write: Write) -> None:
    image, exif = picture(60, 50).convert("RGBA"), Image.Exif()
    image.putalpha(Image.linear_gradient("L").resize((60, 50)))
    exif[0x0112] = 6
    for content in (encoded(image, "PNG", exif=exif), encoded(image.convert("P"), "PNG", exif=exif, transparency=3)):
        at = content.index(b"IDAT") - 4
        broken = content[:at] + IDLE_CHUNKS["checksum of a text"] + content[at:]
        assert (decode(write(broken), COLOUR) == decode(write(content), COLOUR)).all()


JPEGS: dict[str, dict[str, object]] = {
    "baseline": {},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_blocks": 3},
    "progressive restarts": {"progressive": True, "restart_marker_rows": 1},
}


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("name", JPEGS)
def test_a_jpeg_that_lost_its_end_is_read_only_if_all_pixels_are_there(name: str, mode: str, write: Write) -> None:
    content = encoded(picture(150, 120).convert(mode), "JPEG", quality=80, **JPEGS[name])
    whole = decode(write(content), Form(3, 16, 16))
    for ended in (content[:-1], content[:-2], content[:-2] + bytes(100), content + bytes(100), content + b"<html>"):
        assert (decode(write(ended), Form(3, 16, 16)) == whole).all()
    for lost in (5, 12, *range(30, len(content) - 400, len(content) // 20)):
        with pytest.raises(Undecodable, match=r"damaged|no image"):
            decode(write(content[:-lost]), Form(3, 16, 16))


def test_a_jpeg_whose_later_scans_are_missing_is_damaged(write: Write) -> None:
    content = encoded(picture(150, 120), "JPEG", progressive=True)
    ends = [i for i in range(len(content)) if content[i : i + 2] in (b"\xff\xda", b"\xff\xc4")]
    for end in [end for end in ends if end > content.index(b"\xff\xda")]:  # exactly before a scan or its table
        with pytest.raises(Undecodable, match="damaged"):
            decode(write(content[:end]), Form(3, 16, 16))


@pytest.mark.parametrize("segment", [b"\xed\0\x14Photoshop 3.0\x008BIM", b"\xe0\0\x06JFIF", b"\xe2\0\x0eICC_PROFILE\0"])
def test_what_is_no_pixel_of_a_jpeg_does_not_stop_it(segment: bytes, write: Write) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    content = encoded(picture(60, 50), "JPEG", exif=exif)
    assert (
        decode(write(content[:2] + b"\xff" + segment + content[2:]), COLOUR) == decode(write(content), COLOUR)
    ).all()


def test_a_photograph_of_200_megapixels_is_read_at_an_eighth(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (640, 800), np.uint8)
    content = encoded(Image.fromarray(noise), "JPEG")
    scans = encoded(Image.open(io.BytesIO(content)), "JPEG", progressive=True)
    wanted = decode(write(content), Form(1, 16, 16))
    monkeypatch.setattr("wgan.data.decode.MAX_PIXELS", 100_000)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50_000)
    assert (decode(write(content), Form(1, 16, 16)) == wanted).all()
    with pytest.raises(Undecodable, match="refused as a decompression bomb"):
        decode(write(content), Form(1, 200, 200))  # all pixels of the picture at once
    assert Image.MAX_IMAGE_PIXELS == 50_000
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    with pytest.raises(Undecodable, match="refused as a decompression bomb"):
        decode(write(scans), Form(1, 16, 16))  # few pixels, but all coefficients


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(["PNG", "JPEG", "progressive", "WEBP", "GIF", "TIFF", "BMP"]),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8),
    kept=st.floats(0, 1),
)
def test_a_mutated_file_gives_an_image_or_a_reason(
    kind: str, changes: list[tuple[float, int]], kept: float, write: Write
) -> None:
    options: dict[str, object] = {"progressive": True} if kind == "progressive" else {}
    content = bytearray(encoded(picture(160, 140), "JPEG" if options else kind, **options))
    for where, value in changes:
        content[int(where * min(len(content), 2000))] = value  # most of what a parser believes stands at the start
    try:
        decoded = decode(write(bytes(content[: int(len(content) * max(kept, 0.3))])), Form(3, 28, 28))
    except Undecodable:
        return
    assert decoded.shape == (3, 28, 28)
