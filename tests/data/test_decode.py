import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from image_files import HOSTILE, encoded, hostile_bytes, picture, png
from numpy.typing import NDArray
from PIL import Image, ImageOps

from wgan.data.decode import MAX_PIXELS, Undecodable, decode

Write = Callable[[bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes bytes to a file whose name says nothing."""

    def write(content: bytes) -> Path:
        path = tmp_path / "image.png"
        path.write_bytes(content)
        return path

    return write


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
        decode(path, 64, 3)
    assert not refusal.value.transient
    assert "\n" not in str(refusal.value)


def test_at_least_25_hostile_files_are_tried() -> None:
    assert len(HOSTILE) >= 25
    assert len({HOSTILE[name][1] for name in HOSTILE}) == 5


def test_a_file_that_vanished_may_be_there_next_time(tmp_path: Path) -> None:
    with pytest.raises(Undecodable, match="cannot be read: No such file") as refusal:
        decode(tmp_path / "gone.png", 32, 3)
    assert refusal.value.transient


def test_the_pixel_limit_admits_the_largest_photographs() -> None:
    assert 12_000 * 9_000 < MAX_PIXELS < 12_000 * 12_000


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "PPM"])
@pytest.mark.parametrize(("width", "height"), [(300, 200), (200, 301), (64, 64), (20, 30), (1, 9)])
def test_every_format_is_cropped_to_its_centre_and_resized(kind: str, width: int, height: int, write: Write) -> None:
    original = picture(width, height)
    lossy = {"quality": 95, "subsampling": 0} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    decoded = decode(write(encoded(original, kind, **lossy)), 64, 3)
    assert decoded.shape == (3, 64, 64)
    assert decoded.dtype == np.uint8
    assert worst(decoded, plainly(original, 64)) <= (6 if kind == "JPEG" else 2)


def test_an_image_of_the_right_size_stays_as_it_is(write: Write) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 48, 3), np.uint8))
    assert worst(decode(write(encoded(noise, "PNG")), 48, 3), plainly(noise, 48)) == 0
    assert (decode(write(encoded(noise, "PNG")), 48, 3) == np.asarray(noise).transpose(2, 0, 1)).all()


def test_a_fine_pattern_becomes_grey_instead_of_moire(write: Write) -> None:
    board = np.indices((512, 512)).sum(0) % 2 * 255
    decoded = decode(write(encoded(Image.fromarray(board.astype(np.uint8)), "PNG")), 32, 1)
    assert abs(decoded.astype(int) - 127).max() <= 2


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"])
def test_every_colour_mode_gives_the_asked_channels(mode: str, channels: int, write: Write) -> None:
    kind = "TIFF" if mode in ("CMYK", "YCbCr") else "PNG"
    original = picture(90, 70).convert(mode)
    wanted = plainly(original.convert("RGB").convert("L" if channels == 1 else "RGB"), 32)
    decoded = decode(write(encoded(original, kind)), 32, channels)
    assert decoded.shape == (channels, 32, 32)
    assert worst(decoded, wanted) <= (1 if mode == "1" else 3)


def test_transparency_is_composited_on_white(write: Write) -> None:
    red = Image.new("RGBA", (40, 40), (255, 0, 0, 255))
    red.paste((0, 0, 255, 0), (0, 0, 40, 20))  # the upper half: invisible, whatever its colour
    red.paste((0, 0, 0, 128), (0, 30, 40, 40))  # the lowest quarter: black, half there
    decoded = decode(write(encoded(red, "PNG")), 40, 3)
    assert (decoded[:, :20] == 255).all()
    assert (decoded[:, 20:30] == np.array([255, 0, 0])[:, None, None]).all()
    assert abs(decoded[:, 30:].astype(int) - 127).max() <= 1


def test_an_invisible_colour_does_not_bleed_into_its_neighbours(write: Write) -> None:
    image = Image.new("RGBA", (64, 64), (255, 255, 255, 255))
    image.paste((0, 0, 0, 0), (0, 0, 33, 64))
    assert decode(write(encoded(image, "PNG")), 16, 3).min() >= 254


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
    decoded = decode(write(content), 20, 3)
    assert (decoded[:, :10] == 255).all()
    assert (decoded[:, 10:] == expected_lower).all()


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_to_eight(kind: str, write: Write) -> None:
    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64)
    decoded = decode(write(encoded(Image.fromarray(ramp.round().astype(np.uint16)), kind)), 64, 1)
    assert (decoded[0] == (ramp / 257).round()).all()


def test_sixteen_bit_colour_is_scaled_to_eight(write: Write) -> None:
    values = np.linspace(0, 65535, 20 * 20 * 3).astype(">u2").reshape(20, 60)
    body = b"".join(b"\0" + row.tobytes() for row in values)
    decoded = decode(write(png(20, 20, depth=16, colour=2, body=body)), 20, 3)
    assert worst(decoded, (values.reshape(20, 20, 3).transpose(2, 0, 1) / 257).astype(np.int32)) <= 1


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_honoured(kind: str, orientation: int, write: Write) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(picture(91, 60), kind, exif=exif, **({"lossless": True} if kind == "WEBP" else {}))
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB")
    assert worst(decode(write(content), 32, 3), plainly(upright, 32)) <= 2


def test_damaged_exif_leaves_the_image_as_it_is(write: Write) -> None:
    content = encoded(picture(80, 80), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f" + b"\xee" * 40)
    assert worst(decode(write(content), 32, 3), plainly(Image.open(io.BytesIO(content)), 32)) <= 2


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_an_animation_gives_its_first_frame(kind: str, write: Write) -> None:
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "lime", "blue")]
    content = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **_lossless(kind))
    assert (decode(write(content), 32, 3) == np.array([255, 0, 0])[:, None, None]).all()


def _lossless(kind: str) -> dict[str, object]:
    return {"lossless": True} if kind == "WEBP" else {}


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("size", [28, 64, 256])
def test_a_jpeg_decoded_at_reduced_scale_looks_like_the_whole_one(size: int, progressive: bool, write: Write) -> None:
    content = encoded(picture(1500, 1201), "JPEG", quality=90, progressive=progressive)
    whole = plainly(Image.open(io.BytesIO(content)), size)
    decoded = decode(write(content), size, 3)
    assert worst(decoded, whole) <= 3
    assert np.abs(decoded - whole).mean() < 0.5


@pytest.mark.parametrize(("side", "scale"), [(127, 1), (128, 1), (255, 1), (256, 2), (512, 4), (1024, 8), (4096, 8)])
def test_reduced_scale_stays_at_least_twice_above_the_target(
    side: int, scale: int, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = []
    load = Image.Image.resize
    monkeypatch.setattr(Image.Image, "resize", lambda self, *a, **k: loaded.append(self.size) or load(self, *a, **k))
    decode(write(encoded(Image.new("RGB", (side, side)), "JPEG")), 64, 3)
    assert loaded[0] == (-(-side // scale), -(-side // scale))


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
        decoded = decode(write(bytes(content[: int(len(content) * max(kept, 0.3))])), 28, 3)
    except Undecodable:
        return
    assert decoded.shape == (3, 28, 28)
