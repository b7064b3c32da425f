"""The pages as files: what stands in a run's directory stands in the page, whatever is missing there, and as text."""

import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from made_runs import make_run, write_sweep_report
from PIL import Image

from wgan.reporting import report
from wgan.reporting.gallery import write_index
from wgan.reporting.report import write_report
from wgan.reporting.run_record import find_runs, read_run
from wgan.runs.run_dir import Run

HOSTILE = "<script>alert(1)</script>"


class Page(HTMLParser):
    """Tags, their attributes, and the text outside scripts and styles."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.data: dict[str, object] = {}
        self._inside: tuple[str, dict[str, str | None]] = ("", {})
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = (tag, dict(attrs))
        self.tags.append(self._inside)

    def handle_endtag(self, tag: str) -> None:
        self._inside = ("", {})

    def handle_data(self, data: str) -> None:
        tag, attributes = self._inside
        if attributes.get("id") == "data":
            self.data = json.loads(data)
        elif tag not in ("script", "style"):
            self.text += data


def test_the_report_holds_all_that_the_directory_says(tmp_path: Path) -> None:
    page = Page(write_report(make_run(tmp_path, "digits", gp_lambda=1, warnings=["The critic wins."])))
    assert [sample["step"] for sample in page.data["samples"]] == list(range(0, 5001, 500))
    assert page.data["steps"][-1] == 5000
    assert {curve["title"] for curve in page.data["curves"]} >= {"Wasserstein estimate", "Generator loss"}
    assert page.data["curves"][2]["lines"][0]["values"][0] is None, "the generator's first, empty cell"
    for text in ("finished", "The critic wins.", "PSNR", "10.90", "gp_lambda", "WGAN-GP", "2.14.1", "CPU (2 threads)"):
        assert text in page.text


def test_the_critics_scores_stand_in_one_plot_with_the_generators_loss(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "digits")
    assert "Critic's mean scores, generator loss" not in {
        curve["title"] for curve in Page(write_report(folder)).data["curves"]
    }, "a log of an earlier version has none"
    header, *rows = (folder / "log.csv").read_text().splitlines()
    rows = [f"{row},{place},{-place}" for place, row in enumerate(rows)]
    (folder / "log.csv").write_text("\n".join([f"{header},critic_real,critic_fake", *rows]) + "\n")
    curves = {curve["title"]: curve["lines"] for curve in Page(write_report(folder)).data["curves"]}
    lines = {line["name"]: line["values"] for line in curves["Critic's mean scores, generator loss"]}
    assert [*lines] == ["critic on real", "critic on generated", "generator"]
    assert (lines["critic on real"][7], lines["critic on generated"][7]) == (7, -7)
    assert "critic_fake" not in curves, "drawn once"


def test_every_picture_has_an_alternative_text_and_comes_with_the_page(tmp_path: Path) -> None:
    page = Page(write_report(make_run(tmp_path, "digits")))
    pictures = [attributes for tag, attributes in page.tags if tag == "img"]
    assert len(pictures) == 2
    assert all(picture["alt"] and picture["src"].startswith("data:image/") for picture in pictures)
    sources = [attributes.get("src") or "" for _, attributes in page.tags]
    assert all(source.startswith("data:") or not source for source in sources)


def test_the_pictures_of_a_finished_run_are_shown_with_what_they_are(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "digits")
    for name in ("learning_curve", "interpolation", "nearest_neighbours"):
        shutil.copy(folder / "real_fake_grid.png", folder / f"{name}.png")
    page = Page(write_report(folder))
    texts = [attributes["alt"] or "" for tag, attributes in page.tags if tag == "img"]
    assert len(set(texts)) == 5
    assert ["pinned" in texts[1], "latent" in texts[3], "nearest" in texts[4]] == [True, True, True]


def test_what_differs_from_the_algorithms_defaults_is_marked_with_the_default(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "digits", gp_lambda=1, learning_rate=3e-4)
    assert read_run(folder).changed == {
        "image_size": 64,
        "number_channels": 3,
        "num_steps": None,
        "gp_lambda": 10.0,
        "learning_rate": 1e-4,
    }
    page = write_report(folder).read_text()
    assert re.search(r'class="changed"><td><code>gp_lambda</code></td><td>1</td><td>10</td>', page)


@pytest.mark.parametrize("gone", ["state.json", "log.csv", "metrics.json", "samples", "config.yaml"])
@pytest.mark.parametrize("how", ["missing", "half", "wrong"])
def test_a_directory_without_a_file_or_with_half_of_it_still_gets_its_page(tmp_path: Path, gone: str, how: str) -> None:
    folder = make_run(tmp_path, "digits", every=2500)
    path = folder / gone
    if gone == "samples":
        path = path / "step_005000.png"
    content = {"missing": b"", "half": path.read_bytes()[: path.stat().st_size // 2], "wrong": b"[1, 2"}[how]
    path.unlink()
    if how != "missing":
        path.write_bytes(content)
    page = Page(write_report(folder))
    assert "digits" in page.text
    assert write_index(tmp_path).exists()
    if gone.endswith(".json") and how != "missing":
        assert f"{gone} cannot be read" in page.text


def test_values_of_another_type_than_expected_do_no_harm(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "digits", every=2500)
    (folder / "state.json").write_text('{"state": 7, "step": "x", "num_steps": NaN, "warnings": 3, "versions": [1]}')
    (folder / "metrics.json").write_text('{"figures": {"psnr": {"value": "high"}, "ssim": 3}, "notes": 1}')
    (folder / "config.yaml").write_text("arch: 3\nlearning_rate: [1]\n")
    page = Page(write_report(folder))
    assert "unknown" in page.text
    assert "Not evaluated yet" in page.text


def test_a_run_that_has_just_begun_gets_a_page_that_refreshes_and_a_finished_one_stands_still(tmp_path: Path) -> None:
    begun = make_run(tmp_path, "a", state="running", steps=0)
    with Run(begun).lock():
        assert Page(write_report(begun)).data["refreshSeconds"] > 0
    assert Page(write_report(make_run(tmp_path, "b", state="finished"))).data["refreshSeconds"] == 0


def test_markup_in_names_and_warnings_is_shown_as_text(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "<img src=x onerror=alert(1)>", run="x", warnings=[HOSTILE], state="running")
    config = folder / "config.yaml"
    config.write_text(
        config.read_text().replace("run: x", f"run: {HOSTILE}").replace("dataset: mnist-5k", f"path: {HOSTILE}")
    )
    harmless = make_run(tmp_path / "other", "digits", warnings=["none"], state="running")
    for write, hostile, other in ((write_report, folder, harmless), (write_index, tmp_path, tmp_path / "other")):
        page = Page(write(hostile))
        assert "<img src=x onerror=alert(1)>" in page.text
        assert "<script>alert(1)</script>" in page.text
        assert [tag for tag, _ in page.tags].count("script") == [tag for tag, _ in Page(write(other)).tags].count(
            "script"
        )
        assert not any("onerror" in attributes for _, attributes in page.tags)


def test_nothing_in_a_page_turns_the_direction_of_writing_or_controls_a_terminal(tmp_path: Path) -> None:
    """Names of folders, values of a YAML and what a state says, in the text, in attributes and in data for scripts."""
    hostile = "a\u202egnp.\x1b[2J\u2066"
    folder = make_run(tmp_path, "run", gp_lambda=1, warnings=[hostile])
    folder = folder.rename(tmp_path / f"{hostile}\n")
    config = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(config.replace("dataset: mnist-5k", r'path: "x\u202e\e[2J"'))
    (folder / "log.csv").write_text(f"step,critic_loss,{hostile}\n1,1,1\n2,1,1\n", encoding="utf-8")
    study = tmp_path / f"study{hostile}"
    pages = write_report(folder), write_index(tmp_path), write_sweep_report(study, {folder: {"path": hostile}})
    for path in pages:
        page, shown = Page(path), hostile.encode("unicode_escape").decode()
        written = path.read_text(encoding="utf-8") + json.dumps(page.data, ensure_ascii=False)
        assert shown in page.text
        assert shown in json.dumps(page.data, ensure_ascii=False).replace(r"\\", "\\")
        assert re.findall("[\0-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", written) == []


def test_many_large_grids_leave_the_page_within_its_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_run(tmp_path, "photographs", steps=0)
    rng = np.random.default_rng(0)
    for step in range(0, 20_000, 500):
        noise = rng.integers(0, 256, (160, 160, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / "samples" / f"step_{step:06d}.png")
    monkeypatch.setattr(report, "IMAGE_BYTES", 500_000)
    page = write_report(folder)
    steps = [sample["step"] for sample in Page(page).data["samples"]]
    assert 12 <= len(steps) < 40
    assert (steps[0], steps[-1]) == (0, 19_500)
    assert page.stat().st_size < 500_000 * 4 / 3 + 200_000
    assert "of 40 grids are in this page" in page.read_text()


def test_the_index_finds_runs_at_any_depth_and_nothing_else(tmp_path: Path) -> None:
    for name in ("b", "a", "sweep/x", "sweep/y"):
        make_run(tmp_path, name, every=5000)
    (tmp_path / "notes").mkdir()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "config.yaml").write_text("arch: DCGAN\n")
    assert [run.relative_to(tmp_path).as_posix() for run in find_runs(tmp_path)] == ["a", "b", "sweep/x", "sweep/y"]
    page = Page(write_index(tmp_path))
    assert [run["name"] for run in page.data["runs"]] == ["a", "b", "sweep/x", "sweep/y"]


def test_the_index_points_at_files_that_exist(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "a run with spaces & signs #1?", every=1000)
    write_report(folder)
    page = Page(write_index(tmp_path))
    (run,) = page.data["runs"]
    for step in run["samples"]:
        assert (tmp_path / unquote(run["folder"]) / "samples" / f"step_{step:06d}.png").is_file()
    links = {attributes["href"] for tag, attributes in page.tags if tag == "a"}
    assert {unquote(link) for link in links} == {"a run with spaces & signs #1?/report.html"}


def test_the_best_run_of_each_metric_is_marked_by_its_own_direction(tmp_path: Path) -> None:
    def marks() -> list[int]:
        rows = re.findall(r"<tr data-run=.*?</tr>", write_index(tmp_path).read_text(), re.DOTALL)
        return [row.count(" best") for row in rows]

    make_run(tmp_path, "a-blurred", quality=0.2, every=5000)
    assert marks() == [0], "one run alone is best of none"
    make_run(tmp_path, "b-clear", quality=0.9, every=5000)
    assert marks() == [0, 2], "SWD low, coverage high; PSNR and SSIM do not rank"
    make_run(tmp_path, "c-larger", quality=0.99, every=5000, image_size=32)
    assert marks() == [0, 0, 0], "images of another size are another scale"


@pytest.mark.slow
def test_the_index_of_500_runs_stays_under_15_megabytes(tmp_path: Path) -> None:
    one = make_run(tmp_path / "made", "run", every=500)
    for number in range(500):
        folder = tmp_path / "out" / f"run-{number}"
        (folder / "samples").mkdir(parents=True)
        for name in ("log.csv", "state.json", "metrics.json", *(f"samples/{p.name}" for p in one.glob("samples/*"))):
            os.link(one / name, folder / name)
        config = (one / "config.yaml").read_text().replace("gp_lambda: 10", f"gp_lambda: {number}")
        (folder / "config.yaml").write_text(config.replace("seed: 42", f"seed: {number % 5}"))
    index = write_index(tmp_path / "out")
    assert len(Page(index).data["runs"]) == 500
    assert index.stat().st_size < 15_000_000


def test_an_empty_folder_gets_an_index_that_says_so(tmp_path: Path) -> None:
    assert "No run has been started here yet" in Page(write_index(tmp_path)).text


def test_the_gallery_never_loads_torch() -> None:
    code = "import sys, wgan.reporting.gallery, wgan.reporting.report; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
