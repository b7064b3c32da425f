"""The sizes that networks can make, and how any image is brought to one."""

from dataclasses import dataclass
from itertools import product
from typing import Literal, TypeAlias

Size: TypeAlias = int | tuple[int, int]  # the side of a square; or height and width, which then differ
SIDES = {base << n: n for n in range(2, 8) for base in (4, 5, 6, 7) if base << n <= 512}
"""Side in pixels -> how often its smallest map, of 4 to 7 pixels, is doubled."""
SIZES = [(height, width) for height, width in product(SIDES, repeat=2) if SIDES[height] == SIDES[width]]


def size_of(height: int, width: int) -> Size:
    """The size of an image of these sides; a ValueError that names the nearest, where no networks can make it."""
    if (height, width) in SIZES:
        return height if height == width else (height, width)
    h, w = (min(max(side, min(SIDES)), max(SIDES)) for side in (height, width))
    smaller = max((size for size in SIZES if size[0] <= h and size[1] <= w), key=sum)
    larger = min((size for size in SIZES if size[0] >= h and size[1] >= w), key=sum)
    near = " or ".join(dict.fromkeys(_written(*size) for size in (smaller, larger)))
    rule = "each side must be 4, 5, 6 or 7 times the same power of two, from 16 to 512 pixels"
    raise ValueError(f"{rule}, got {_written(height, width)}: {near} would work")


def _written(height: int, width: int) -> str:
    return str(height) if height == width else f"[{height}, {width}]"


@dataclass(frozen=True)
class Form:
    """What all images of a run are brought to: channels, size in pixels, and how those of another shape get it."""

    channels: int  # 1: grey, 3: colour
    height: int
    width: int
    fit: Literal["crop", "pad", "stretch"] = "crop"  # lose what is beside the middle; white beside it; neither

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return self.channels, self.height, self.width

    @property
    def name(self) -> str:
        """Size and fit in the names of caches and in fingerprints, where those of cropped squares are old: "64"."""
        sides = [str(self.height)] if self.height == self.width else [str(self.height), str(self.width)]
        return "x".join(sides) + (self.fit if self.fit != "crop" else "")

    def placed(self, width: float, height: float) -> tuple[tuple[float, float], tuple[int, int]]:
        """Of an image of this size: (width, height) of its middle that is shown, and that it is shown at."""
        whole, wanted = (width, height), (self.width, self.height)
        if self.fit == "crop":
            return _inscribed(wanted, whole), wanted
        across, down = _inscribed(whole, wanted) if self.fit == "pad" else wanted
        return whole, (max(1, round(across)), max(1, round(down)))


def _inscribed(shape: tuple[float, float], frame: tuple[float, float]) -> tuple[float, float]:
    """(width, height) of the largest rectangle in `frame` that has the proportions of `shape`."""
    (across, down), (width, height) = shape, frame
    return min(width, height * across / down), min(height, width * down / across)
