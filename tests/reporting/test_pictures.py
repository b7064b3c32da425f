"""Grids, curves and animations as files: what a person sees is what the generator and the log gave."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from wgan.reporting.animation import training_gif
from wgan.reporting.curves import learning_curve, loss_plot, smoothed
from wgan.reporting.grids import class_rows, real_fake_grid, save_grid, to_uint8
from wgan.reporting.pages import lines_of
from wgan.reporting.pictures import corner, first_images
from wgan.reporting.run_record import Sample
from wgan.runs.csv_log import read_log


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def test_every_byte_survives_the_way_into_training_and_back() -> None:
    original = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
    assert torch.equal(to_uint8(original.float() / 127.5 - 1), original)


def test_a_dim_image_stays_dim(tmp_path: Path) -> None:
    dim, bright = torch.full((1, 1, 64, 64), -0.5), torch.full((1, 1, 64, 64), 0.9)
    save_grid(torch.cat([dim, bright]), tmp_path / "grid.png")
    grid = pixels(tmp_path / "grid.png")
    assert grid[30, 30] == 64
    assert grid[30, 66 + 30] == 242


def test_images_stand_row_by_row_and_small_ones_are_enlarged_by_whole_pixels(tmp_path: Path) -> None:
    images = torch.linspace(-1, 1, 10).reshape(10, 1, 1, 1).expand(10, 1, 28, 28).clone()
    images[3, 0, 5, 7] = 1
    save_grid(images, tmp_path / "grid.png", columns=4)
    grid = pixels(tmp_path / "grid.png")
    assert grid.shape == (3 * 86 + 2, 4 * 86 + 2)
    for index, (row, column) in enumerate(itertools.islice(itertools.product(range(3), range(4)), 10)):
        assert grid[row * 86 + 2, column * 86 + 2] == to_uint8(images)[index, 0, 0, 0]
    enlarged = grid[2 + 15 : 2 + 18, 3 * 86 + 2 + 21 : 3 * 86 + 2 + 24]
    assert (enlarged == 255).all()
    assert grid[2 + 14, 3 * 86 + 2 + 21] != 255
    assert (grid[2 * 86 + 2 : -2, 2 * 86 + 2 :] == 128).all(), "the last row's free places show the background"


def test_rows_have_their_names_left_of_the_same_pixels_and_a_contact_sheet_cuts_behind_them(tmp_path: Path) -> None:
    images = torch.linspace(-1, 1, 24).reshape(24, 1, 1, 1).expand(24, 1, 28, 28)
    save_grid(images, tmp_path / "plain.png")
    save_grid(
        images,
        tmp_path / "named.png",
        names=[
            "i",
            "\u0301\x1b[0m" + "W" * 90,
            "",
        ],
    )
    plain, named = pixels(tmp_path / "plain.png"), pixels(tmp_path / "named.png")
    assert np.array_equal(named[:, 96:], plain)
    ink = [(255 - named[2 + 86 * row : 86 * (row + 1), :96].astype(int)).sum() for row in range(3)]
    assert 0 < ink[0] < ink[1] / 5, "the long name is cut"
    assert ink[2] == 0
    assert (named[:, 94:96] == 255).all()
    assert corner(tmp_path / "plain.png", 3, 2).size == (3 * 86 + 2, 2 * 86 + 2)
    assert corner(tmp_path / "named.png", 3, 2).size == (96 + 3 * 86 + 2, 2 * 86 + 2)


def test_a_class_of_few_images_leaves_its_places_grey() -> None:
    rows = class_rows([torch.ones(2, 1, 28, 28), -torch.ones(11, 1, 28, 28), torch.zeros(0, 1, 28, 28)])
    assert rows.shape == (24, 1, 28, 28)
    assert rows[:, 0, 0, 0].tolist() == [1.0] * 2 + [0.0] * 6 + [-1.0] * 8 + [0.0] * 8


def test_colours_keep_their_channels(tmp_path: Path) -> None:
    red = torch.full((1, 3, 64, 64), -1.0)
    red[:, 0] = 1
    save_grid(red, tmp_path / "grid.png")
    assert pixels(tmp_path / "grid.png")[30, 30].tolist() == [255, 0, 0]


def test_a_diverged_generator_still_gets_its_grid(tmp_path: Path) -> None:
    save_grid(torch.full((2, 1, 8, 8), torch.nan), tmp_path / "grid.png")
    assert pixels(tmp_path / "grid.png")[4, 4] == 0


def test_real_images_stand_left_of_generated_ones(tmp_path: Path) -> None:
    real_fake_grid(torch.ones(20, 3, 32, 32), -torch.ones(16, 3, 32, 32), tmp_path / "both.png")
    picture = pixels(tmp_path / "both.png")
    assert picture[60, 30].tolist() == [255, 255, 255]
    assert picture[60, -30].tolist() == [0, 0, 0]
    labels = picture[:28, :, 0]
    assert labels[:, : labels.shape[1] // 2].min() < 100, "each half has its name above it"
    assert labels[:, labels.shape[1] // 2 :].min() < 100


@pytest.mark.parametrize(("side", "columns", "rows"), [(28, 5, 2), (32, 4, 2), (48, 2, 1), (96, 1, 1)])
def test_the_first_images_of_a_grid_have_their_own_pixels(side: int, columns: int, rows: int, tmp_path: Path) -> None:
    images = torch.randint(0, 256, (64, 3, side, side), generator=torch.Generator().manual_seed(1)).float() / 127.5 - 1
    save_grid(images, tmp_path / "grid.png")
    found = np.asarray(first_images(tmp_path / "grid.png", 144, 72))
    exact = to_uint8(images).permute(0, 2, 3, 1).numpy()
    cells = [  # every image stands somewhere in it, as it was generated
        any(
            (found[top : top + side, left : left + side] == exact[8 * row + column]).all()
            for top in range(found.shape[0] - side + 1)
            for left in range(found.shape[1] - side + 1)
        )
        for row in range(rows)
        for column in range(columns)
    ]
    assert all(cells)
    assert found.shape[0] <= max(72, side + 4)
    assert found.shape[1] <= max(144, side + 4)


def noise_frames(folder: Path, count: int, side: int, mode: str) -> list[Sample]:
    rng = np.random.default_rng(0)
    shape = (side, side) if mode == "L" else (side, side, 3)
    frames = [Sample(500 * index, folder / f"{index}.png") for index in range(count)]
    for frame in frames:
        Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)).save(frame.path)
    return frames


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_the_gif_of_incompressible_frames_stays_under_its_bound(tmp_path: Path, mode: str) -> None:
    frames = noise_frames(tmp_path, 30, 256, mode)
    training_gif(frames, tmp_path / "training.gif", max_bytes=400_000)
    assert (tmp_path / "training.gif").stat().st_size <= 400_000
    with Image.open(tmp_path / "training.gif") as gif:
        assert gif.n_frames >= 12


def test_a_small_gif_keeps_all_frames_and_holds_the_last(tmp_path: Path) -> None:
    frames = noise_frames(tmp_path, 5, 64, "L")
    training_gif(frames, tmp_path / "training.gif")
    with Image.open(tmp_path / "training.gif") as gif:
        durations = []
        for index in range(gif.n_frames):
            gif.seek(index)
            durations.append(gif.info["duration"])
        assert len(durations) == 5
        assert durations[-1] > 5 * durations[0]
        gif.seek(4)
        shown = np.asarray(gif.convert("L"))[-64:]
    assert (shown == pixels(frames[-1].path)).all(), "grey images keep all their 256 greys"


LOG = """step,epoch,critic_loss,generator_loss,wasserstein_estimate,gradient_penalty,gradient_norm,images_per_second
50,0.1,-1.5,,1.6,0.1,0.9,1000
100,0.2,-2.5,0.3,2.6,0.1,1.1,1100
150,0.3,nan,0.4,,0.1,1.1,1100
200,0.4,-2.
"""


def test_a_log_with_empty_cells_and_a_half_line_is_read(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(LOG)
    log = read_log(tmp_path / "log.csv")
    assert log["step"] == [50, 100, 150]
    assert np.isnan(log["generator_loss"]).tolist() == [True, False, False]
    assert read_log(tmp_path / "none.csv") == {}


def test_smoothing_keeps_a_constant_and_starts_without_bias() -> None:
    assert smoothed([3.0] * 5, 4) == pytest.approx([3.0] * 5)
    assert smoothed([7.0, 1.0], 3)[0] == pytest.approx(7.0)
    assert smoothed([1.0, 5.0, 2.0], 1) == [1.0, 5.0, 2.0]


SCORES = "step,critic_loss,generator_loss,critic_real,critic_fake\n" + "".join(
    f"{step},-2,{-step},{step + 2},{step}\n" for step in range(10, 100, 10)
)


def test_the_critics_scores_and_the_generators_loss_share_a_plot(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(SCORES)
    log = read_log(tmp_path / "log.csv")
    assert [*lines_of(log, "critic_real")] == ["critic_real", "critic_fake", "generator_loss"]
    assert lines_of(log, "generator_loss") == {"generator_loss": ""}
    loss_plot(tmp_path / "log.csv", tmp_path / "loss_plot.png")
    picture = pixels(tmp_path / "loss_plot.png").astype(int)
    for colour in ((0x25, 0x63, 0xEB), (0xD9, 0x77, 0x06), (0x05, 0x96, 0x69)):
        assert (abs(picture[..., :3] - colour).max(-1) < 4).sum() > 100


def test_samples_are_pinned_on_the_curve_in_the_order_of_their_steps(tmp_path: Path) -> None:
    """Each grid has a colour of its own; the middle of its patch tells its place in the picture."""
    (tmp_path / "log.csv").write_text("step,wasserstein_estimate\n" + "".join(f"{s},{s % 7}\n" for s in range(1, 101)))
    (tmp_path / "samples").mkdir()
    colours = {0: (255, 0, 0), 50: (0, 255, 0), 100: (255, 0, 255)}
    for step, colour in colours.items():
        Image.new("RGB", (90, 90), colour).save(tmp_path / "samples" / f"step_{step:06d}.png")
    learning_curve(tmp_path, tmp_path / "learning_curve.png")
    picture = pixels(tmp_path / "learning_curve.png")[..., :3]
    places = [np.argwhere((picture == colour).all(-1)) for colour in colours.values()]
    assert min(map(len, places)) > 5_000
    middles = [place.mean(0) for place in places]
    assert middles[0][1] < middles[1][1] < middles[2][1]
    assert max(place[:, 0].max() for place in places) < len(picture) / 3, "they stand above the curve"


@pytest.mark.parametrize("log", ["", "step,critic_loss\n50,nan\n", "step,critic_loss\n50,1\n"])
def test_no_learning_curve_is_drawn_before_there_are_a_curve_and_two_grids(tmp_path: Path, log: str) -> None:
    (tmp_path / "log.csv").write_text(log)
    learning_curve(tmp_path, tmp_path / "learning_curve.png")
    assert not (tmp_path / "learning_curve.png").exists()


@pytest.mark.parametrize("log", [LOG, "", "step,critic_loss\n", "step,critic_loss\n50,1.0\n"])
def test_a_plot_is_drawn_of_whatever_was_logged(tmp_path: Path, log: str) -> None:
    (tmp_path / "log.csv").write_text(log)
    loss_plot(tmp_path / "log.csv", tmp_path / "loss_plot.png")
    picture = pixels(tmp_path / "loss_plot.png")
    assert picture.min() < 128, "something is drawn"
