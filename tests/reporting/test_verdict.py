"""What the verdict's rules say of made courses whose answer is known, and of what other programs may write."""

import math
import random

import pytest

from wgan.config.metrics import CATALOGUE, Metric
from wgan.metrics.comparison import Difference
from wgan.reporting.verdict import Course, compared, verdict

FLOOR, START = 16.0, 200.0


def course(*values: float, every: int = 500) -> Course:
    return Course({every * place: value for place, value in enumerate(values)}, FLOOR)


def noisy(values: list[float], seed: int = 1) -> Course:
    dice = random.Random(seed)
    return course(*(value * math.exp(dice.gauss(0, 0.01)) for value in values))


def metric(key: str, value: float, real: float | None = None) -> Metric:
    spec = CATALOGUE[key]
    return Metric(key, spec.name, "", value, spec.better, real)


FALLING = [START * (FLOOR * 2 / START) ** (place / 19) for place in range(20)]


def test_the_way_is_measured_in_the_distances_logarithm() -> None:
    middle = math.sqrt(START * FLOOR)
    assert course(START, middle, middle).way == pytest.approx(0.5)
    assert course(START, FLOOR, FLOOR).way == pytest.approx(1)
    assert course(START, 2 * START, 2 * START).way == 0
    for known_too_little in (course(), course(START), Course({500: START, 1000: FLOOR}, FLOOR), Course({0: 1.0}, 0.0)):
        assert known_too_little.way is None


@pytest.mark.parametrize("seed", range(20))
def test_a_fall_a_plateau_and_a_rise_are_told_apart_in_spite_of_noise(seed: int) -> None:
    assert noisy(FALLING, seed).trend == "still getting better"
    assert noisy([START] + 19 * [60.0], seed).trend == "hardly changing since step 5,000"
    rising = [*FALLING[:10], *(FALLING[10] * 1.12**place for place in range(10))]
    assert noisy(rising, seed).trend.startswith("getting worse since about step 4,") or "5,000" in noisy(rising).trend


def test_a_slope_within_its_own_error_is_no_trend() -> None:
    """Distances that jump to and fro: a line through them falls by a tenth, and says nothing."""
    assert course(START, *[66, 54] * 5).trend.startswith("hardly changing since step ")
    assert course(START, *[54, 66] * 5, 54).trend.startswith("hardly changing since step ")


def test_a_small_rise_near_real_images_is_no_loss() -> None:
    found = course(START, 60, 30, 22, 18, 18.5, 19, 19.5, 20)
    assert found.trend == "and SWD sees no change: look at the samples"


def test_nothing_is_said_of_a_trend_while_there_is_too_little() -> None:
    assert course(200, 100, 50, 25).trend == ""
    assert course(200, 100, 50, 25, 20).trend != ""


def test_the_line_fits_a_terminal_and_names_the_real_value_and_the_start() -> None:
    (line,) = verdict({"swd": metric("swd", 22.8, 16.02)}, noisy(FALLING))
    assert line.startswith("SWD 22.8 (real 16, start 20")
    assert line.endswith("): textures near real ones, still getting better") or "half-way" in line
    assert len(line) <= 80


def test_without_metrics_the_samples_own_distance_stands_there() -> None:
    assert verdict({}, course(200, 60, 50)) == ["SWD of samples 50 (real 16): textures half-way"]
    assert verdict({}, course()) == []
    assert verdict({"psnr": metric("psnr", 12, 9)}, course()) == [], "no rule for what does not rank"


def test_metrics_that_disagree_are_said_to() -> None:
    near, far = course(START, 18, 17), course(START, 150, 140)
    swd = {"swd": metric("swd", 17, 16)}
    cases = {
        "most kinds are missing": (near, {"coverage": metric("coverage", 0.1, 0.95)}),
        "no kind is missing": (far, {"coverage": metric("coverage", 0.9, 0.95)}),
        "distance is 5 times that of real images": (near, {"frechet_classifier": metric("frechet_classifier", 10, 2)}),
    }
    for words, (found, others) in cases.items():
        lines = verdict({**others, **swd}, found)
        assert len(lines) == 2
        assert lines[1].startswith("The metrics disagree: ")
        assert words in lines[1]
        assert len(lines[1]) <= 80
    assert len(verdict({**swd, "coverage": metric("coverage", 0.9, 0.95)}, near)) == 1


def test_a_course_comes_back_from_json_and_from_anything_else_empty() -> None:
    found = course(200, 100, 50)
    assert Course.from_json(found.as_json()) == found
    for spoilt in (None, 3, [], {}, {"steps": 1, "values": [2]}, {"steps": [{}], "values": ["x"], "real": "y"}):
        assert Course.from_json(spoilt).distances == {}
    assert Course.from_json({"steps": [0, 1], "values": [-1, math.nan], "real": 1e400}).distances == {}


def test_which_of_two_is_better_is_what_the_ranking_metrics_say_beyond_their_noise() -> None:
    swd, worse = metric("swd", 174), metric("swd", 132)
    cover, less = metric("coverage", 0.5), metric("coverage", 0.4)
    assert compared([Difference(swd, worse, 6.0, 1)]) == "B is better: SWD 132 against 174 (noise 6)"
    assert compared([Difference(worse, swd, 6.0, 0), Difference(cover, less, 0.01, 0)]) == (
        "A is better: SWD 132 against 174 (noise 6); Coverage 0.5 against 0.4 (noise 0.01)"
    )
    neither = "Neither is better by more than noise: SWD 174 and 132 (noise 60)"
    assert compared([Difference(swd, worse, 60.0, None)]) == neither
    assert compared([Difference(swd, worse, 6.0, 1), Difference(cover, less, 0.01, 0)]) == (
        "The metrics disagree: A is better by Coverage 0.5 against 0.4 (noise 0.01); "
        "B is better by SWD 132 against 174 (noise 6)"
    )
    assert compared([Difference(swd, worse, None, None)]).startswith("Neither")
    assert compared([]) == ""
