"""PSNR, SSIM, MS-GMSD, MDSI, HaarPSI: piq's values at every size, and pairs that mean something."""

import piq
import pytest
import torch
from real_digits import digits, noisy, random_pixels

from wgan.metrics.evaluate import evaluate
from wgan.metrics.images import draw
from wgan.metrics.paired import MAX_PAIRS, MIN_PAIRS, compare

DIGITS = digits()
HELD_OUT, TRAIN = DIGITS[:300], DIGITS[300:1300]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [28, 32, 48, 64, 96, 128, 256])
def test_each_size_and_number_of_channels_gives_what_piq_gives(side: int, channels: int) -> None:
    x, y = random_pixels(4, channels, side, 1), random_pixels(4, channels, side, 2)
    y[2:] = noisy(x[2:], 10)
    loss = {
        "PSNR": piq.psnr,
        "SSIM": piq.ssim,
        "MS-GMSD": piq.multi_scale_gmsd,
        "HaarPSI": piq.haarpsi,
        "MDSI": piq.mdsi,
    }
    a, b = x / 255, y / 255
    for name, values in compare(x, y).items():
        a3, b3 = (a.repeat(1, 3, 1, 1), b.repeat(1, 3, 1, 1)) if name == "MDSI" and channels == 1 else (a, b)
        one_by_one = [float(loss[name](p[None], q[None], data_range=1.0)) for p, q in zip(a3, b3, strict=True)]
        assert values.tolist() == pytest.approx(one_by_one, abs=1e-5), name
        assert values.isfinite().all()


@pytest.mark.parametrize("side", [28, 256])
def test_identical_images_reach_the_best_value_of_each_metric(side: int) -> None:
    images = random_pixels(3, 3, side)
    values = {name: value.tolist() for name, value in compare(images, images).items()}
    best = {"PSNR": 80.0, "SSIM": 1.0, "MS-GMSD": 0.0, "MDSI": 0.0, "HaarPSI": 1.0}
    assert values == {name: pytest.approx([value] * 3, abs=1e-4) for name, value in best.items()}


def test_images_of_one_colour_give_numbers() -> None:
    black, white = torch.zeros(2, 1, 28, 28, dtype=torch.uint8), torch.full((2, 1, 28, 28), 255, dtype=torch.uint8)
    for pair in ((black, black), (black, white), (white, white)):
        assert all(value.isfinite().all() for value in compare(*pair).values())


def test_figures_are_the_means_over_the_documented_pairs() -> None:
    fake = noisy(DIGITS.images[1300:1600], 30)
    report = evaluate(fake, HELD_OUT, TRAIN, ["paired"], 7, "cpu")
    x, y = fake[draw(300, 300, 7, "pairs/generated")], HELD_OUT.images[draw(300, 300, 7, "pairs/held-out")]
    assert report.values()["psnr"] == pytest.approx(float(piq.psnr(x / 255, y / 255)), abs=1e-4)
    distance = torch.cdist(x.flatten(1).double(), TRAIN.images.flatten(1).double())
    closest = TRAIN.images[distance.argmin(dim=1)]
    assert report.values()["nearest_psnr"] == pytest.approx(float(piq.psnr(x / 255, closest / 255)), abs=1e-4)


def test_real_images_lie_within_the_interval_of_real_against_real() -> None:
    report = evaluate(DIGITS.images[1300:1600], HELD_OUT, TRAIN, ["paired"], 0, "cpu")
    inside = [f.low <= f.real <= f.high for f in report.metrics]
    assert sum(inside) >= 9, "of ten 95 % intervals, correlated ones at that, one may miss"


def test_repeated_training_images_stand_out_by_their_nearest_pairs() -> None:
    report = evaluate(TRAIN.images[:300], HELD_OUT, TRAIN, ["paired"], 0, "cpu")
    figures = {figure.key: figure for figure in report.metrics}
    assert figures["nearest_psnr"].value == pytest.approx(80, abs=1e-3)
    assert figures["nearest_psnr"].real < 20
    assert figures["nearest_ssim"].value == pytest.approx(1, abs=1e-4)


def test_few_images_are_paired_again_and_the_report_says_so() -> None:
    report = evaluate(DIGITS.images[2000:2040], HELD_OUT[:50], TRAIN, ["paired"], 0, "cpu")
    assert f"{MIN_PAIRS} random pairs" in report.metrics[0].section
    assert report.notes == (
        "Only 40 generated images and 50 held-out images for 256 pairs: images repeat, "
        "so the intervals are too narrow.",
    )


def test_draws_repeat_nothing_before_everything_was_drawn() -> None:
    drawn = draw(250, 100, 3, "test")
    assert drawn[:100].unique().numel() == drawn[100:200].unique().numel() == 100
    assert drawn[200:].unique().numel() == 50
    assert torch.equal(drawn, draw(250, 100, 3, "test"))
    assert not torch.equal(drawn, draw(250, 100, 4, "test"))
    assert MAX_PAIRS >= MIN_PAIRS >= 256
