"""Pictures of points in the plane, looked at pixel by pixel."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from wgan.reporting.toy_2d import GENERATED, REAL, depth_picture, plane_picture, side_by_side


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def coloured(picture: np.ndarray, colour: str) -> np.ndarray:
    """(K, 2) rows and columns of what is nearly of a colour; the legend's corner is left out."""
    wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
    near = np.abs(picture - wanted).sum(2) < 60
    near[:80, 320:] = False
    return np.argwhere(near)


def circle(count: int, radius: float = 1.0) -> torch.Tensor:
    """Each point ten times, since one dot is half transparent."""
    angle = torch.arange(count) * (2 * torch.pi / count)
    return radius * torch.stack([angle.cos(), angle.sin()], 1).repeat(10, 1)


def test_points_appear_where_they_are_and_up_is_up(tmp_path: Path) -> None:
    fake = torch.tensor([[0.0, 0.8]]) + 0.02 * circle(400)
    plane_picture(circle(400), fake, lambda x: x[:, 0], tmp_path / "plane.png")
    picture = pixels(tmp_path / "plane.png")
    assert picture.shape == (480, 480, 3)
    row, column = coloured(picture, GENERATED).mean(0)
    assert 80 < row < 160, "0.8 of the radius above the middle"
    assert abs(column - 240) < 8
    real_row, real_column = coloured(picture, REAL).mean(0)
    assert abs(real_row - 250) < 25
    assert abs(real_column - 235) < 25


def test_the_contours_of_a_slope_along_x_are_vertical(tmp_path: Path) -> None:
    far = torch.full((4, 2), 100.0)
    plane_picture(circle(8), far, lambda x: x[:, 0], tmp_path / "plane.png")
    picture = pixels(tmp_path / "plane.png")
    dark = (255 * 3 - picture.sum(2))[200:216, 8:-8]  # a strip in which no real point lies but at the edges
    assert (dark.std(0) < 25).mean() > 0.9, "each column is the same from top to bottom"
    assert dark.sum(0).std() > 100, "columns differ"


def test_a_critic_that_says_nothing_has_no_contours(tmp_path: Path) -> None:
    plane_picture(circle(8), circle(8), lambda x: torch.zeros(len(x)), tmp_path / "plane.png")
    assert (tmp_path / "plane.png").stat().st_size > 1000


def test_real_and_generated_stand_side_by_side_in_one_frame(tmp_path: Path) -> None:
    side_by_side(circle(100), 0.5 * circle(100), tmp_path / "both.png")
    picture = pixels(tmp_path / "both.png")
    half = picture.shape[1] // 2
    left, right = coloured(picture, REAL), coloured(picture, GENERATED)
    assert left[:, 1].max() < half < right[:, 1].min()
    assert np.ptp(right[:, 0]) < 0.7 * np.ptp(left[:, 0]), "half the radius in the same frame"


def test_the_depth_of_several_critics_is_one_picture(tmp_path: Path) -> None:
    weights = {"clip": torch.tensor([-0.1, 0.1]).repeat(50), "penalty": torch.randn(100)}
    depth_picture(weights, {"clip": [1e-9, 1e-3, 1.0], "penalty": [1.0, 1.1, 0.9]}, tmp_path / "depth.png", bound=0.1)
    assert pixels(tmp_path / "depth.png").shape[1] > 900
