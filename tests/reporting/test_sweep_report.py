"""A sweep's figures: rows and columns where they belong, seeds taken together, the best value on top."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from made_runs import make_run, write_sweep_report
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from wgan.config.metrics import Metric, in_order, titles
from wgan.reporting import sweep_figures
from wgan.reporting.gallery import write_index
from wgan.reporting.pictures import corner
from wgan.reporting.report import write_report
from wgan.reporting.run_record import read_run
from wgan.reporting.sweep_summary import group_runs, rank, ranking_metrics

pytestmark = pytest.mark.slow

QUALITY = {0.1: 0.3, 1: 0.8, 10: 1.0, 100: 0.5}
Runs = dict[Path, dict[str, object]]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Four values, two seeds each, and their figures in `study` beside them."""
    out = tmp_path_factory.mktemp("out")
    runs: Runs = {}
    for value, quality in QUALITY.items():
        for seed in (1, 2):
            every = 1000 if seed == 1 else 5000
            folder = make_run(out, f"digits-{value}-{seed}", gp_lambda=value, seed=seed, quality=quality, every=every)
            runs[folder] = {"gp_lambda": value, "seed": seed}
    write_sweep_report(out / "study", runs)
    return runs


@pytest.fixture(scope="module")
def study(runs: Runs) -> Path:
    return next(iter(runs)).parent / "study"


def test_seeds_are_taken_together_and_the_best_value_is_on_top(runs: Runs) -> None:
    places = rank(group_runs(runs))
    assert [place.values for place in places] == [{"gp_lambda": value} for value in (10, 1, 100, 0.1)]
    assert [place.mean_rank for place in places] == [1, 2, 3, 4]
    spread = places[0].spread("swd")
    assert spread is not None
    assert spread.mean == pytest.approx(np.mean(spread.values))
    assert spread.deviation == pytest.approx(np.std(spread.values, ddof=1))
    assert len(spread.values) == 2


def measure(key: str, name: str, better: str) -> Metric:
    return Metric(key, name, "", 1.0, better)


def test_runs_are_ranked_by_what_follows_a_training_and_once_for_each_kind() -> None:
    names = "psnr density swd_28 swd precision emd coverage mmd mmd_cubic frechet_classifier"
    metrics = [measure(key, key, "real" if key == "psnr" else "lower") for key in names.split()]
    assert [m.key for m in ranking_metrics(metrics)] == ["frechet_classifier", "swd", "mmd", "coverage"]
    assert [m.key for m in in_order(metrics)][:4] == ["frechet_classifier", "swd", "mmd", "coverage"]
    assert in_order(metrics)[-1].key == "psnr"
    pairs = [measure("psnr", "PSNR", "real"), measure("nearest_psnr", "PSNR", "real"), measure("ssim", "SSIM", "real")]
    assert ranking_metrics(pairs) == [], "blurred averages would win"
    assert ranking_metrics([]) == []


def test_figures_of_one_name_are_told_apart_by_their_keys() -> None:
    pairs = [measure("psnr", "PSNR", "real"), measure("nearest_psnr", "PSNR", "real"), measure("fid", "FID", "lower")]
    assert titles(pairs) == ["psnr", "nearest_psnr", "FID"]


def test_a_sweep_over_seeds_alone_keeps_them_apart(tmp_path: Path) -> None:
    runs = {make_run(tmp_path, f"seed-{seed}", seed=seed, every=5000): {"seed": seed} for seed in (1, 2, 3)}
    assert [group.label() for group in group_runs(runs)] == ["seed = 1", "seed = 2", "seed = 3"]


def test_equal_scores_share_their_rank_and_runs_without_metrics_come_last(tmp_path: Path) -> None:
    runs: Runs = {
        make_run(tmp_path, "a", gp_lambda=1, seed=5, every=5000, state="diverged"): {"gp_lambda": 1},
        make_run(tmp_path, "b", gp_lambda=2, seed=5, every=5000): {"gp_lambda": 2},
        make_run(tmp_path, "c", gp_lambda=3, seed=5, every=5000): {"gp_lambda": 3},
    }
    places = rank(group_runs(runs))
    assert [place.mean_rank for place in places] == [1.5, 1.5, None]
    assert places[-1].label() == "gp_lambda = 1"


def test_the_contact_sheet_shows_each_settings_own_images_at_each_step(runs: Runs, study: Path) -> None:
    with Image.open(study / "contact_sheet.png") as image:
        sheet = np.asarray(image.convert("L"))
    first_seeds = [folder for folder, values in runs.items() if values["seed"] == 1]
    for row, folder in enumerate(first_seeds):
        for column, step in enumerate(range(1000, 5001, 1000)):
            cell = np.asarray(corner(folder / "samples" / f"step_{step:06d}.png", 4, 2))
            height, width = cell.shape
            top = sheet.shape[0] - (len(first_seeds) - row) * (height + 10)
            left = sheet.shape[1] - (5 - column) * (width + 10)
            assert (sheet[top : top + height, left : left + width] == cell).all(), (folder.name, step)


def test_a_corner_is_the_first_images_of_the_first_rows(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "digits", steps=0)
    path = folder / "samples" / "step_000000.png"
    with Image.open(path) as image:
        whole = np.asarray(image)
    assert (np.asarray(corner(path, 4, 2)) == whole[: 2 * 86 + 2, : 4 * 86 + 2]).all()
    Image.fromarray(whole).save(path)
    assert np.asarray(corner(path, 4, 2)).shape == whole.shape, "a picture without geometry is taken whole"


@pytest.mark.parametrize("name", ["cell_width", "cell_height", "gap"])
@pytest.mark.parametrize("value", ["-28", "9" * 400])
def test_a_grid_of_impossible_geometry_is_taken_whole(name: str, value: str, tmp_path: Path) -> None:
    facts = PngInfo()
    for key, usual in {"cell_width": "28", "cell_height": "28", "gap": "2", name: value}.items():
        facts.add_text(key, usual)
    Image.new("L", (92, 62)).save(tmp_path / "grid.png", pnginfo=facts)
    assert corner(tmp_path / "grid.png", 2, 1).size == (92, 62)


def test_the_ranking_opens_as_a_table_of_numbers(study: Path) -> None:
    rows = list(csv.DictReader((study / "ranking.csv").open()))
    assert [float(row["gp_lambda"]) for row in rows] == [10, 1, 100, 0.1]
    assert all(float(row["swd_std"]) >= 0 and row["runs"] == "2" for row in rows)


def test_no_value_is_a_formula_in_a_spreadsheet(tmp_path: Path) -> None:
    values = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "plain", -0.5, True, None]
    write_sweep_report(tmp_path, {tmp_path / str(number): {"path": value} for number, value in enumerate(values)})
    cells = [row["path"] for row in csv.DictReader((tmp_path / "ranking.csv").open())]
    assert cells == ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "\\t=1", "plain", "-0.5", "True", ""]


def test_every_figure_and_the_page_are_written_and_the_index_links_to_it(study: Path) -> None:
    page = (study / "sweep.html").read_text()
    for name in ("contact_sheet.png", "metrics.png", "curves.png"):
        with Image.open(study / name) as picture:
            assert np.asarray(picture.convert("L")).std() > 5, f"{name} shows something"
    assert page.count("data:image/png;base64,") == 2
    assert "report.html" not in page, "a link to what is not there is none"
    assert 'href="study/sweep.html"' in write_index(study.parent).read_text()


def test_the_noise_before_any_training_is_shown_only_where_there_is_nothing_else(tmp_path: Path) -> None:
    sizes = []
    for steps in (0, 500, 1000):
        folder = make_run(tmp_path, str(steps), steps=steps)
        write_sweep_report(tmp_path, {folder: {"seed": 1}})
        with Image.open(tmp_path / "contact_sheet.png") as sheet:
            sizes.append(sheet.width)
    assert sizes[0] == sizes[1] < sizes[2]


def test_the_page_links_to_the_reports_that_there_are_and_to_the_index(tmp_path: Path) -> None:
    runs: Runs = {make_run(tmp_path, name, every=5000): {"seed": name} for name in ("a", "b")}
    write_report(tmp_path / "a")
    write_index(tmp_path)
    page = write_sweep_report(tmp_path / "sweep", runs).read_text()
    assert re.findall(r'href="(?!data:)([^"]+)"', page) == ["../index.html", "../a/report.html"]


def test_written_again_the_same_runs_give_the_same_files(runs: Runs, study: Path) -> None:
    write_index(study.parent)  # the page has a link to it, where it is there
    write_sweep_report(study, runs)
    first = {path.name: path.read_bytes() for path in study.iterdir()}
    write_sweep_report(study, runs)
    assert {path.name: path.read_bytes() for path in study.iterdir()} == first


@pytest.mark.parametrize("values", [[True, False], ["conv", "dense"], [["flip"], []]])
def test_values_that_are_no_numbers_are_drawn_too(tmp_path: Path, values: list[object]) -> None:
    runs: Runs = {make_run(tmp_path, f"run-{i}", seed=i, every=5000): {"key": value} for i, value in enumerate(values)}
    write_sweep_report(tmp_path / "sweep", runs)
    assert (tmp_path / "sweep" / "metrics.png").exists()


def test_metrics_noted_on_the_way_are_drawn_against_updates_and_minutes(tmp_path: Path) -> None:
    """32 images at 16 a second: two seconds for each critic update, and five of them for one of the generator."""
    runs: Runs = {}
    for arch in ("WGAN-GP", "WGAN-CLIP"):
        runs[make_run(tmp_path, arch, arch=arch, every=5000, critic_its=5, batch_size=32)] = {"arch": arch}
        rows = "step,images_per_second,swd\n30,16,0.9\n60,16,\n90,32,0.5\n"
        (tmp_path / arch / "log.csv").write_text(rows)
    assert sweep_figures._noted(read_run(tmp_path / "WGAN-GP"), "swd") == [(6, 1, 0.9), (18, 2.5, 0.5)]
    (tmp_path / "WGAN-CLIP" / "log.csv").write_text(rows.replace(",16,", ",0,"))  # whatever somebody wrote there
    page = write_sweep_report(tmp_path / "sweep", runs).read_text()
    assert "Metrics against the generator&#39;s updates and against time" in page
    with Image.open(tmp_path / "sweep" / "metrics_along_training.png") as picture:
        assert picture.height == pytest.approx((3.1 + 0.4) * 120, abs=2), "one metric stands in the logs"


def test_two_swept_keys_give_a_row_of_plots_each(tmp_path: Path) -> None:
    runs: Runs = {
        make_run(tmp_path, f"run-{a}-{b}", gp_lambda=a, critic_its=b, seed=b, every=5000): {
            "gp_lambda": a,
            "critic_its": b,
        }
        for a in (1, 10)
        for b in (1, 5)
    }
    write_sweep_report(tmp_path / "sweep", runs)
    with Image.open(tmp_path / "sweep" / "metrics.png") as picture:
        assert picture.height == pytest.approx(2 * 3.1 * 120, abs=2)


@pytest.mark.parametrize("state", ["running", "failed"])
def test_a_sweep_that_has_only_begun_gets_its_page(tmp_path: Path, state: str) -> None:
    begun = make_run(tmp_path, "begun", state=state, steps=0)
    empty = tmp_path / "empty"
    empty.mkdir()
    page = write_sweep_report(tmp_path / "sweep", {begun: {"gp_lambda": 1}, empty: {"gp_lambda": 10}}).read_text()
    assert "No run has been evaluated yet" in page
    assert state in page
