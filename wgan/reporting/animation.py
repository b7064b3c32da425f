"""training.gif: the same latents' images growing out of noise, small enough to post."""

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from wgan.reporting.pages import thinned
from wgan.reporting.run_record import Sample
from wgan.utils.atomic_io import open_regular, replacing

_BAND = 24  # pixels above the grid, for the step
_FRAME_MS, _LAST_FRAME_MS = 150, 2500
_MOST_FRAMES, _LARGEST_SIDE = 100, 720
_REDUCTIONS = (("count", 40), ("side", 360), ("count", 12), ("side", 64))  # what a GIF that is too large gives up


def training_gif(samples: Sequence[Sample], path: Path, max_bytes: int = 5_000_000) -> None:
    """Write sample grids as a looping GIF, in their order, with the step above each and the last one held longer.

    Too large a GIF gives up frames down to 40 (first and last stay, the others are thinned evenly), then pixels down to
    360 a side, then frames down to 12, then pixels.

    Raises:
        ValueError: no samples, or `max_bytes` below what 12 frames of 64 pixels a side take.
    """
    if not samples:
        raise ValueError("a GIF needs at least one frame")
    with open_regular(samples[-1].path) as file, Image.open(file) as last:
        size = {"count": min(len(samples), _MOST_FRAMES), "side": min(max(last.size), _LARGEST_SIDE)}
    encoded = _encode(thinned(samples, size["count"]), size["side"])
    for what, least in _REDUCTIONS:
        while (excess := len(encoded) / max_bytes) > 1 and size[what] > least:
            share = 1 / excess if what == "count" else 0.97 / excess**0.5
            size[what] = max(least, min(size[what] - 1, int(share * size[what])))
            encoded = _encode(thinned(samples, size["count"]), size["side"])
    if len(encoded) > max_bytes:
        raise ValueError(f"{size['count']} frames of {size['side']} pixels do not fit into {max_bytes} bytes")
    with replacing(path) as temporary:
        temporary.write_bytes(encoded)


def _encode(samples: Sequence[Sample], side: int) -> bytes:
    first, *others = (_frame(sample, side) for sample in samples)
    durations = [_FRAME_MS] * len(others) + [_LAST_FRAME_MS]
    buffer = io.BytesIO()
    first.save(buffer, "GIF", save_all=True, append_images=others, duration=durations, loop=0, optimize=False)
    return buffer.getvalue()


def _frame(sample: Sample, side: int) -> Image.Image:
    """A grid under its step: grey images in a grey palette, others in 256 colours of their own."""
    # The octree is 100 times faster than the median cut and as near.
    with open_regular(sample.path) as file, Image.open(file) as opened:
        grid = opened.convert("L" if opened.mode == "L" else "RGB")
    grid.thumbnail((side, side), Image.Resampling.BOX)
    page = Image.new(grid.mode, (grid.width, grid.height + _BAND), "white")
    page.paste(grid, (0, _BAND))
    text = f"step {sample.step:,}"
    ImageDraw.Draw(page).text((4, _BAND / 2), text, "black", ImageFont.load_default(15), anchor="lm")
    return page if page.mode == "L" else page.quantize(256, Image.Quantize.FASTOCTREE)
