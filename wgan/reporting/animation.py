"""training.gif: the same latents' images growing out of noise, small enough to post."""

import io
import re
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from wgan.reporting.pages import thinned
from wgan.utils.atomic_io import replacing

_BAND = 24  # pixels above the grid, for the step
_FRAME_MS, _LAST_FRAME_MS = 150, 2500
_MOST_FRAMES, _LARGEST_SIDE = 100, 720
_REDUCTIONS = (("count", 40), ("side", 360), ("count", 12), ("side", 64))  # what a GIF that is too large gives up


def training_gif(frames: Sequence[Path], path: Path, max_bytes: int = 5_000_000) -> None:
    """Write sample grids as a looping GIF, with the step above each and the last one held longer.

    Too large a GIF gives up frames down to 40 (first and last stay, the others are thinned evenly), then pixels down to
    360 a side, then frames down to 12, then pixels.

    Args:
        frames: grids named `step_000500.png`; shown in the order of their steps; at least one.
        path: the GIF, replaced in one rename.
        max_bytes: the size that it does not exceed.

    Raises:
        ValueError: no frames, a name without a step, or `max_bytes` below what 12 frames of 64 pixels a side take.
    """
    if not frames:
        raise ValueError("a GIF needs at least one frame")
    frames = sorted(frames, key=step_of)
    with Image.open(frames[-1]) as last:
        size = {"count": min(len(frames), _MOST_FRAMES), "side": min(max(last.size), _LARGEST_SIDE)}
    encoded = _encode(thinned(frames, size["count"]), size["side"])
    for what, least in _REDUCTIONS:
        while (excess := len(encoded) / max_bytes) > 1 and size[what] > least:
            share = 1 / excess if what == "count" else 0.97 / excess**0.5
            size[what] = max(least, min(size[what] - 1, int(share * size[what])))
            encoded = _encode(thinned(frames, size["count"]), size["side"])
    if len(encoded) > max_bytes:
        raise ValueError(f"{size['count']} frames of {size['side']} pixels do not fit into {max_bytes} bytes")
    with replacing(path) as temporary:
        temporary.write_bytes(encoded)


def step_of(frame: Path) -> int:
    """The training step that a sample grid's name carries: 500 for `step_000500.png`.

    Raises:
        ValueError: the name has another form.
    """
    match = re.fullmatch(r"step_(\d+)", frame.stem)
    if match is None:
        raise ValueError(f"{frame.name}: a sample grid is named step_ and its step, such as step_000500.png")
    return int(match[1])


def _encode(frames: list[Path], side: int) -> bytes:
    pictures = [_picture(frame, side) for frame in frames]
    durations = [_FRAME_MS] * (len(pictures) - 1) + [_LAST_FRAME_MS]
    buffer = io.BytesIO()
    pictures[0].save(
        buffer, "GIF", save_all=True, append_images=pictures[1:], duration=durations, loop=0, optimize=False
    )
    return buffer.getvalue()


def _picture(frame: Path, side: int) -> Image.Image:
    """One frame with its band: grey images in a grey palette, others in 256 colours of their own."""
    # The octree is 100 times faster than the median cut and as near.
    with Image.open(frame) as opened:
        grid = opened.convert("L" if opened.mode == "L" else "RGB")
    grid.thumbnail((side, side), Image.Resampling.BOX)
    page = Image.new(grid.mode, (grid.width, grid.height + _BAND), "white")
    page.paste(grid, (0, _BAND))
    text = f"step {step_of(frame):,}"
    ImageDraw.Draw(page).text((4, _BAND / 2), text, "black", ImageFont.load_default(15), anchor="lm")
    return page if page.mode == "L" else page.quantize(256, Image.Quantize.FASTOCTREE)
