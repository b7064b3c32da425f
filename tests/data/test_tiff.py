"""The chain of a TIFF's directories: what it holds, and what a hostile one may claim."""

import io
import struct

import numpy as np
import pytest
from image_files import encoded, picture
from PIL import Image

from wgan.data import tiff
from wgan.data.tiff import at_page, page_offsets

PAGES = [picture(20 + page, 30, seed=page) for page in range(4)]


@pytest.mark.parametrize("big", [False, True], ids=["TIFF", "BigTIFF"])
@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_deflate", "packbits"])
def test_every_page_opens_as_pillow_opens_it(compression: str | None, big: bool) -> None:
    content = encoded(PAGES[0], "TIFF", save_all=True, append_images=PAGES[1:], compression=compression, big_tiff=big)
    offsets = page_offsets(io.BytesIO(content))
    assert len(offsets) == len(PAGES)
    for page, offset in zip(PAGES, offsets, strict=True):
        with Image.open(at_page(io.BytesIO(content), offset)) as opened:
            assert np.array_equal(np.asarray(opened), np.asarray(page))


def directory(kind: int, following: int) -> bytes:
    """A little-endian one with its NewSubfileType alone."""
    return struct.pack("<H", 1) + struct.pack("<HHII", 254, 4, 1, kind) + struct.pack("<I", following)


def chain(*kinds: int, last: int = 0) -> bytes:
    starts = [8 + 18 * place for place in range(len(kinds))]
    links = [*starts[1:], last]
    body = b"".join(directory(kind, link) for kind, link in zip(kinds, links, strict=True))
    return struct.pack("<2sHI", b"II", 42, 8) + body


def test_smaller_versions_and_masks_are_no_images() -> None:
    assert page_offsets(io.BytesIO(chain(0, 1, 2, 4, 0))) == [8, 8 + 2 * 18, 8 + 4 * 18]
    assert page_offsets(io.BytesIO(chain(1, 1))) == [8], "the first page is what a file shows"


@pytest.mark.parametrize("last", [8, 26, 2**31, 5])
def test_a_chain_that_runs_in_a_circle_or_out_of_the_file_ends(last: int) -> None:
    assert page_offsets(io.BytesIO(chain(0, 0, last=last)))[:2] == [8, 26]


def test_a_chain_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiff, "MOST_PAGES", 3)
    assert len(page_offsets(io.BytesIO(chain(0, 0, 0, 0)))) == 3


@pytest.mark.parametrize("content", [b"", b"II*\0", b"MM\0+" + bytes(12), encoded(PAGES[0], "PNG")])
def test_anything_else_has_no_pages(content: bytes) -> None:
    assert page_offsets(io.BytesIO(content)) == []
