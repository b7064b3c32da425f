"""Which sizes there are, and what of an image is shown at one."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wgan.config.image_form import SIZES, Form, size_of
from wgan.config.resolve import resolve, to_yaml
from wgan.config.schema import TrainConfig

SIDES = [side for side in range(16, 513) if any(side == base * 2**n for base in (4, 5, 6, 7) for n in range(8))]


def doublings(side: int) -> int:
    return 0 if side < 8 else 1 + doublings(side // 2)


def test_a_size_is_two_sides_of_as_many_doublings() -> None:
    assert sorted(SIZES) == [(h, w) for h in SIDES for w in SIDES if doublings(h) == doublings(w)]


@given(st.integers(-5, 2000), st.integers(-5, 2000))
def test_a_size_that_does_not_work_is_answered_with_the_nearest_that_do(height: int, width: int) -> None:
    if (height, width) in SIZES:
        assert size_of(height, width) == (height if height == width else (height, width))
        return
    with pytest.raises(ValueError, match="would work") as refused:
        size_of(height, width)
    height, width = (min(max(side, 16), 512) for side in (height, width))  # nothing is nearer to what lies beyond
    below = [size for size in SIZES if size[0] <= height and size[1] <= width]
    above = [size for size in SIZES if size[0] >= height and size[1] >= width]
    named = str(refused.value).rpartition(": ")[2].removesuffix(" would work").split(" or ")
    lost = min(height - h + width - w for h, w in below)
    gained = min(h - height + w - width for h, w in above)
    for name, distance in zip(named, (lost, gained) if lost else (0,), strict=True):
        h, w = map(int, (name.strip("[]").split(", ") * 2)[:2])
        assert abs(h - height) + abs(w - width) == distance


@pytest.mark.parametrize("written", [64, "64", 64.0, [64], [64, 64], ["64", 64.0], (64, 64)])
def test_a_square_has_one_spelling_in_the_end(written: object) -> None:
    config = resolve({"arch": "WGAN-GP", "path": "x", "image_size": written})
    assert isinstance(config, TrainConfig)
    assert config.image_size == 64
    assert "image_size: 64\n" in to_yaml(config)


def test_height_comes_first() -> None:
    config = resolve({"arch": "WGAN-GP", "path": "x", "image_size": [64, 96]})
    assert isinstance(config, TrainConfig)
    assert config.image_size == (64, 96)
    assert "image_size:\n- 64\n- 96\n" in to_yaml(config)


@given(st.integers(1, 3000), st.integers(1, 3000), st.sampled_from(SIZES))
def test_cropping_loses_the_least_and_padding_nothing(width: int, height: int, size: tuple[int, int]) -> None:
    (across, down), shown_at = Form(3, *size, "crop").placed(width, height)
    wanted = Fraction(size[1], size[0])
    most = min(width, height * wanted), min(height, width / wanted)  # of these proportions, in exact arithmetic
    assert (across, down) == pytest.approx(tuple(map(float, most)), rel=1e-12)
    assert across <= width
    assert down <= height
    assert shown_at == (size[1], size[0])

    whole, (across, down) = Form(3, *size, "pad").placed(width, height)
    scale = min(Fraction(size[1], width), Fraction(size[0], height))
    assert whole == (width, height)
    assert abs(across - max(1, width * scale)) <= 0.5
    assert abs(down - max(1, height * scale)) <= 0.5


@given(st.integers(1, 100_000).map(lambda eighths: eighths / 8), st.sampled_from(SIDES))
def test_a_square_is_cropped_to_whole_sides(side: float, size: int) -> None:
    """Bit by bit what versions gave that knew squares alone: caches and runs of theirs go on."""
    assert Form(3, size, size).placed(side, side + 17.125)[0] == (side, side)
    assert Form(3, size, size).placed(side + 17.125, side)[0] == (side, side)
