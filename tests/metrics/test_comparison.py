"""Two sets side by side: a difference counts when it exceeds the noise of both."""

import json

import pytest
from real_digits import blurred, digits, noisy

from wgan.config.metrics import Metric
from wgan.metrics import swd
from wgan.metrics.comparison import comparison_dict, comparison_table, differences
from wgan.metrics.evaluate import evaluate
from wgan.metrics.report import Report


def report(value: float, half: float | None, better: str = "lower", real: float | None = 0.0) -> Report:
    low, high = (None, None) if half is None else (value - half, value + half)
    return Report((Metric("x", "X", "section", value, better, real, low, high),))


@pytest.mark.parametrize(
    ("a", "b", "better", "winner"),
    [
        (report(1.0, 0.3), report(2.0, 0.4), "lower", 0),
        (report(2.0, 0.3, "higher"), report(1.0, 0.4, "higher"), "higher", 0),
        (report(1.0, 0.3, "higher"), report(2.0, 0.4, "higher"), "higher", 1),
        (report(1.0, 0.8), report(2.0, 0.7), "lower", None),
        (report(1.0, None), report(2.0, None), "lower", None),
        (report(12.0, 0.1, "real", 10.0), report(9.5, 0.1, "real", 10.0), "real", 1),
        (report(11.0, 0.1, "real", 10.0), report(9.0, 0.1, "real", 10.0), "real", None),
    ],
)
def test_the_better_set_is_named_only_beyond_the_noise(a: Report, b: Report, better: str, winner: int | None) -> None:
    (found,) = differences(a, b)
    assert a.metrics[0].better == better
    assert found.better == winner
    assert differences(b, a)[0].better == (None if winner is None else 1 - winner)


def test_noise_is_that_of_both_added_as_independent() -> None:
    assert differences(report(1.0, 0.3), report(2.0, 0.4))[0].noise == pytest.approx(0.5)
    assert differences(report(1.0, None), report(2.0, 0.4))[0].noise is None


@pytest.mark.slow
def test_equal_generators_are_told_apart_by_nothing_and_a_worse_one_by_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swd, "DIRECTIONS", 128)
    real = digits()
    held_out, train = real[:400], real[400:1600]
    one, other = real.images[1600:2000], real.images[2000:2400]
    groups = ["swd", "emd"]
    reports = [evaluate(x, held_out, train, groups, 0, "cpu") for x in (one, other, noisy(blurred(other, 1), 20))]
    same = differences(reports[0], reports[1])
    assert sum(d.better is not None for d in same) <= 1, "one of five 95 % intervals may miss"
    worse = {d.first.key: d.better for d in differences(reports[0], reports[2])}
    assert worse["swd_28"] == worse["swd_14"] == worse["swd"] == worse["emd_colour"] == 0


def test_table_and_json_hold_both_sets() -> None:
    a = Report(report(1.0, 0.3).metrics, ("shared", "of A"), (("cat", 1, 3), ("dog", 2, 3)))
    b = Report(report(2.0, None).metrics, ("shared",), (("cat", 0, 3), ("dog", 3, 3)))
    text = comparison_table(("out/a", "out/b"), a, b)
    assert text.splitlines()[:2] == ["A: out/a", "B: out/b"]
    assert "X       1.000  2.000      -     0       -" in text
    assert "dog    2  3     3" in text
    assert "Note: shared\nNote on A: of A" in text
    read = json.loads(json.dumps(comparison_dict(("out/a", "out/b"), a, b), allow_nan=False))
    assert [fake["name"] for fake in read["fakes"].values()] == ["out/a", "out/b"]
    assert read["differences"]["x"] == {
        **{"name": "X", "section": "section", "first": 1.0, "second": 2.0},
        **{"noise": None, "real": 0.0, "better": None},
    }
