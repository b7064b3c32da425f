import io

import numpy as np
import pytest
from image_files import encoded, picture
from PIL import Image

from wgan.data.progressive import drop_details


def noisy(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """A picture with detail at every frequency."""
    noise = np.random.default_rng(3).integers(-30, 31, (height, width, 3))
    return Image.fromarray((np.asarray(picture(width, height)) + noise).clip(0, 255).astype(np.uint8)).convert(mode)


def at_an_eighth(content: bytes) -> np.ndarray:
    image = Image.open(io.BytesIO(content))
    image.draft(None, (image.width // 8, image.height // 8))
    image.load()
    assert image.width < 200
    return np.asarray(image)


@pytest.mark.parametrize("size", [(640, 480), (641, 487), (799, 801)])
@pytest.mark.parametrize(("mode", "subsampling"), [("RGB", 0), ("RGB", 1), ("RGB", 2), ("L", 0), ("CMYK", 0)])
@pytest.mark.parametrize("quality", [30, 85])
def test_an_eighth_of_a_progressive_jpeg_does_not_need_the_details(
    size: tuple[int, int], mode: str, subsampling: int, quality: int
) -> None:
    content = encoded(noisy(*size, mode), "JPEG", quality=quality, progressive=True, subsampling=subsampling)
    lean = drop_details(content)
    assert len(lean) < 0.8 * len(content)
    assert (at_an_eighth(lean) == at_an_eighth(content)).all()


def test_metadata_stays() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    lean = drop_details(encoded(noisy(640, 480), "JPEG", progressive=True, exif=exif))
    assert Image.open(io.BytesIO(lean)).getexif()[0x0112] == 6


@pytest.mark.parametrize(
    "options", [{"progressive": False}, {"progressive": True, "restart_marker_blocks": 4}], ids=["baseline", "restarts"]
)
def test_other_files_stay_as_they_are(options: dict[str, object]) -> None:
    content = encoded(noisy(320, 240), "JPEG", **options)
    assert drop_details(content) == content


def test_a_truncated_file_is_still_truncated_afterwards() -> None:
    content = encoded(noisy(320, 240), "JPEG", progressive=True)
    for end in range(700, len(content) - 2, len(content) // 40):
        cut = content[:end]
        with pytest.raises((OSError, SyntaxError)):
            at_an_eighth(drop_details(cut))


def test_bytes_that_are_no_jpeg_stay_as_they_are() -> None:
    for content in (b"", b"\xff\xd8", b"\xff\xd8\xff\xd9", b"nothing of the kind", bytes(1000)):
        assert drop_details(content) == content
