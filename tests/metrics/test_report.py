"""The report: a table for people, JSON for programs, and the same numbers for the same seed."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pandas
import pytest
import torch
from real_digits import digits, random, random_pixels

from wgan.config.metrics import CATALOGUE, GROUPS, Metric
from wgan.metrics import classifier, distribution, swd
from wgan.metrics.distribution import Sets, measure
from wgan.metrics.evaluate import evaluate
from wgan.metrics.report import Report, finite, number
from wgan.metrics.resampling import SUBSETS, half_width, subsets
from wgan.utils.errors import InputError

REAL = digits()
QUICK = ["paired", "swd", "emd"]


@pytest.fixture(autouse=True)
def few_directions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swd, "DIRECTIONS", 32)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_report_and_another_seed_another() -> None:
    sets = (REAL.images[:256], REAL[256:512], REAL[512:900])
    first = evaluate(*sets, QUICK, 5, "cpu")
    torch.manual_seed(99)
    torch.rand(7)
    assert evaluate(*sets, QUICK, 5, "cpu").metrics == first.metrics
    assert evaluate(*sets, QUICK, 6, "cpu").metrics != first.metrics


@pytest.mark.slow
def test_json_holds_every_figure_with_its_real_value_and_interval() -> None:
    report = evaluate(REAL.images[:256], REAL[256:512], REAL[512:900], QUICK, 0, "cpu")
    read = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    assert set(read["metrics"]) == set(report.values())
    for figure in read["metrics"].values():
        assert figure["low"] <= figure["value"] <= figure["high"]
        assert math.isfinite(figure["real"])
    assert set(read["seconds"]) == set(QUICK)


@pytest.mark.slow
def test_each_group_computes_what_the_catalogue_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier, "MOST_UPDATES", 20)
    computed = [group for group in GROUPS if group != "inception"]  # whose weights are not here: test_inception.py
    for group in computed:
        asked = REAL.labels[:128]
        report = evaluate(REAL.images[:128], REAL[128:256], REAL[256:1000], [group], 0, "cpu", asked=asked)
        named = {key for key, spec in CATALOGUE.items() if spec.group == group}
        levels = {key for key in report.values() if key.startswith("swd_")}
        assert named == set(report.values()) - levels, group


def test_pandas_opens_the_json_as_a_table(tmp_path: Path) -> None:
    figures = (
        Metric("psnr", "PSNR", "pairs", 12.634, "real", 12.8, 12.51, 12.75),
        Metric("fid", "FID", "Inception", 5.0, "lower"),
    )
    for report in (Report(figures, ("Something.",), (("cat", 3, 4),), {"paired": 1.0}), Report(figures), Report(())):
        (tmp_path / "metrics.json").write_text(json.dumps(report.as_dict()), encoding="utf-8")
        table = pandas.read_json(tmp_path / "metrics.json")
        found = {key: figure["value"] for key, figure in table["metrics"].dropna().items()}
        assert found == report.values()
        assert list(table["notes"].dropna()) == list(report.notes)


def test_nothing_computed_is_no_table() -> None:
    assert Report(()).as_table() == ""
    assert Report((), ("Left out.",)).as_table() == "Note: Left out.\n"


def test_the_table_names_every_figure_and_stands_in_columns() -> None:
    figures = (
        Metric("psnr", "PSNR", "pairs", 12.634, "real", 12.8, 12.51, 12.75),
        Metric("fid", "FID", "Inception", 5.0, "lower"),
    )
    text = Report(figures, ("Something.",), (("cat", 3, 4),)).as_table()
    assert text.splitlines() == [
        "Metric  generated   95 % interval   real   better",
        "-------------------------------------------------",
        "[pairs]",
        "PSNR        12.63  12.51 .. 12.75  12.80  as real",
        "",
        "[Inception]",
        "FID         5.000               -      -    lower",
        "",
        "Class  generated  real",
        "----------------------",
        "cat            3     4",
        "",
        "Note: Something.",
    ]


@pytest.mark.parametrize(
    ("value", "text"), [(12.634, "12.63"), (0.12345, "0.1235"), (-0.00004, "-0.0000"), (1234.5, "1234"), (0.0, "0")]
)
def test_numbers_have_four_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_a_figure_that_is_no_number_is_left_out_and_named() -> None:
    good, bad = Metric("a", "A", "s", 1.0, "lower"), Metric("b", "B", "s", math.nan, "lower")
    worse = Metric("c", "C", "s", 1.0, "lower", low=-math.inf)
    kept, notes = finite([good, bad, worse])
    assert kept == (good,)
    assert [note.split(" ")[0] for note in notes] == ["B", "C"]


def test_the_jackknifes_interval_of_a_mean_is_its_t_interval() -> None:
    values = torch.randn(200, generator=random(), dtype=torch.float64)
    from scipy import stats

    blocks = values.reshape(SUBSETS, 10).mean(1).numpy()
    low, high = stats.t.interval(0.95, SUBSETS - 1, blocks.mean(), stats.sem(blocks))
    assert half_width([float(values[kept].mean()) for kept in subsets(200)]) == pytest.approx((high - low) / 2, 1e-3)
    halves = half_width([float(values[kept].mean()) for kept in subsets(200, halves=True)], halves=True)
    assert halves == pytest.approx(2.093 * float(values.std()) / 200**0.5, rel=0.3)


def test_the_interval_of_many_images_is_that_of_the_first_narrower_by_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = torch.randn(3, 800, 1, generator=random(), dtype=torch.float64)

    def half() -> float:
        (found,) = measure(lambda a, b: {"kid": float(a.mean() - b.mean())}, Sets(*rows), "")
        assert found.high is not None
        return found.high - found.value

    whole = half()
    monkeypatch.setattr(distribution, "RESAMPLED", 200)
    assert half() == pytest.approx(whole, rel=0.5)


def test_every_subset_leaves_other_rows_out() -> None:
    out = [set(range(131)) - set(kept.tolist()) for kept in subsets(131)]
    assert sorted(row for rows in out for row in rows) == list(range(131))
    assert {len(set(kept.tolist())) for kept in subsets(131, halves=True)} == {66}


def test_an_unknown_group_is_an_error_that_names_the_known() -> None:
    with pytest.raises(InputError, match="no group 'fidelity'; the groups are " + ", ".join(GROUPS)):
        evaluate(REAL.images[:256], REAL[256:512], REAL[512:900], ["fidelity"], 0, "cpu")


def test_a_group_named_twice_is_computed_once() -> None:
    report = evaluate(REAL.images[:256], REAL[256:512], REAL[512:900], ["emd", "emd"], 0, "cpu")
    assert [figure.key for figure in report.metrics] == ["emd", "emd_colour"]


def test_images_of_another_shape_are_an_error() -> None:
    with pytest.raises(InputError, match="differ in shape"):
        evaluate(random_pixels(256, 3, 28), REAL[256:512], REAL[512:900], ["paired"], 0, "cpu")


@pytest.mark.slow
def test_importing_the_metrics_imports_no_training_code() -> None:
    code = "import sys, wgan.metrics.evaluate; print(*[m for m in sys.modules if m.startswith('wgan.')])"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {m.split(".")[1] for m in modules} <= {"metrics", "config", "data", "utils"}


def test_the_table_begins_with_what_ranks_whatever_the_yaml_names_first() -> None:
    report = evaluate(REAL.images[:256], REAL[256:512], REAL[512:900], ["paired", "swd"], 0, "cpu")
    assert [metric.key for metric in report.metrics][:3] == ["swd_28", "swd_14", "swd"]
    assert report.metrics[-1].key == "nearest_haarpsi"
