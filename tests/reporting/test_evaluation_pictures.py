"""Pictures of an evaluation hold the pixels they claim to hold."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from real_digits import digits, noisy, random_pixels

from wgan.metrics.neighbours import nearest_rows
from wgan.reporting.grids import interpolation_strip, neighbour_picture
from wgan.reporting.plots import class_chart


def tile(path: Path, row: int, column: int, side: int) -> np.ndarray:
    """One image of a grid, at its own size."""
    with Image.open(path) as picture:
        grid, text = np.asarray(picture), picture.text
    factor, gap, cell = int(text["enlarged"]), int(text["gap"]), int(text["cell_width"])
    top, left = (gap + place * (cell + gap) for place in (row, column))
    found = grid[top : top + cell : factor, left : left + cell : factor]
    assert found.shape[:2] == (side, side)
    return found


def test_a_copied_training_image_stands_first_beside_its_original(tmp_path: Path) -> None:
    train = digits().images[:500]
    fake = noisy(digits().images[600:640], 40)
    fake[17] = train[123]
    neighbour_picture(nearest_rows(fake, train), tmp_path / "near.png")
    first, original = (tile(tmp_path / "near.png", 0, column, 28) for column in (0, 1))
    assert np.array_equal(first, train[123, 0].numpy())
    assert np.array_equal(original, train[123, 0].numpy())
    distance = torch.cdist(fake.flatten(1).float(), train.flatten(1).float())
    farthest = int(distance.min(dim=1).values.argmax())
    assert np.array_equal(tile(tmp_path / "near.png", 7, 0, 28), fake[farthest, 0].numpy())
    third = int(distance[farthest].argsort()[2])
    assert np.array_equal(tile(tmp_path / "near.png", 7, 3, 28), train[third, 0].numpy())


def test_fewer_images_than_places_give_a_smaller_picture(tmp_path: Path) -> None:
    neighbour_picture(nearest_rows(random_pixels(3, 3, 48), random_pixels(2, 3, 48, 1)), tmp_path / "few.png")
    with Image.open(tmp_path / "few.png") as picture:
        assert (picture.mode, picture.text["columns"]) == ("RGB", "3")


def test_the_strip_has_a_row_for_each_line_through_the_latents(tmp_path: Path) -> None:
    images = torch.linspace(-1, 1, 2 * 5).reshape(2, 5, 1, 1, 1).expand(2, 5, 1, 32, 32)
    interpolation_strip(images, tmp_path / "strip.png")
    expected = [[round((float(images[r, c, 0, 0, 0]) + 1) * 127.5) for c in range(5)] for r in range(2)]
    assert [[int(tile(tmp_path / "strip.png", r, c, 32)[0, 0]) for c in range(5)] for r in range(2)] == expected


@pytest.mark.parametrize("sets", [1, 3])
def test_class_bars_are_as_high_as_the_counts(sets: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[float] = []
    from matplotlib.axes import Axes

    bar = Axes.bar

    def watched(self: Axes, x: object, height: list[float], *rest: object, **options: object) -> object:
        drawn.extend(height)
        return bar(self, x, height, *rest, **options)

    monkeypatch.setattr(Axes, "bar", watched)
    counts = {f"set {k}": [k, 10 + k, 100] for k in range(sets)}
    class_chart(["a", "b", "a long name"], counts, tmp_path / "classes.png")
    assert drawn == [value for values in counts.values() for value in values]
    with Image.open(tmp_path / "classes.png") as picture:
        assert picture.width > picture.height > 300
