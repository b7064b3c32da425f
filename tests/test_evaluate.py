"""`arch: Evaluate` on folders and runs: the same table as a training's, side by side for two."""

import json
from errno import ENOSPC
from pathlib import Path

import pandas
import pytest
import torch
import yaml
from commands import run, write_yaml
from file_faults import Changes, failing, watched
from PIL import Image

from wgan.config.resolve import load_config, resolve
from wgan.config.schema import EvaluateConfig
from wgan.data import load
from wgan.data.named_sets import mnist_5k
from wgan.evaluate import evaluate_job, load_fakes
from wgan.metrics import classifier, distribution
from wgan.utils import console
from wgan.utils.errors import InputError, RunFault

DIGITS = mnist_5k()


def folder(path: Path, start: int, blur: bool = False) -> Path:
    """300 real digits of all classes as PNG files in sub-folders, as another tool could leave them."""
    for index in range(start, 5000, 5000 // 300):
        target = path / str(index % 3) / f"{index}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(DIGITS.images[index, 0].numpy())
        (image.resize((14, 14)).resize((28, 28)) if blur else image).save(target)
    return path


def config(folder: Path, fakes: list[Path], **keys: object) -> EvaluateConfig:
    values = {"arch": "Evaluate", "dataset": "mnist-5k", "image_size": 28, "number_channels": 1}
    places = {"out": str(folder / "out"), "cache": str(folder / "cache"), "fakes": [str(path) for path in fakes]}
    found = resolve({**values, **places, "metrics": ["paired", "swd", "emd"], **keys})
    assert isinstance(found, EvaluateConfig)
    return found


@pytest.mark.slow
def test_a_folder_of_another_tools_images_gets_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate_job(config(tmp_path, [folder(tmp_path / "theirs", 0)])) == 0
    results = tmp_path / "out/evaluation"
    assert {file.name for file in results.iterdir()} == {
        *("config.yaml", "metrics.json", "metrics_report.out", "nearest_neighbours.png", "report.html")
    }
    table = (results / "metrics_report.out").read_text()
    assert table in capsys.readouterr().out
    figures = json.loads((results / "metrics.json").read_text())["metrics"]
    assert {"psnr", "nearest_haarpsi", "swd_28", "emd", "emd_colour"} <= set(figures)
    assert figures["nearest_psnr"]["value"] > figures["nearest_psnr"]["real"] + 5, "most of these are training images"


@pytest.mark.slow
def test_two_folders_stand_side_by_side_and_the_blurred_one_loses(tmp_path: Path) -> None:
    fakes = [folder(tmp_path / "sharp", 3), folder(tmp_path / "blurred", 3, blur=True)]
    evaluate_job(config(tmp_path, fakes))
    read = json.loads((tmp_path / "out/evaluation/metrics.json").read_text())
    assert [fake["name"] for fake in read["fakes"].values()] == [str(path) for path in fakes]
    assert read["differences"]["swd_28"]["better"] == 0
    assert read["differences"]["swd_28"]["second"] > read["differences"]["swd_28"]["first"]
    opened = pandas.read_json(tmp_path / "out/evaluation/metrics.json")["fakes"]["A"]["metrics"]
    expected = {key: figure["value"] for key, figure in read["fakes"]["A"]["metrics"].items()}
    assert {key: figure["value"] for key, figure in opened.items()} == pytest.approx(expected)  # it rounds last digits
    text = (tmp_path / "out/evaluation/metrics_report.out").read_text()
    assert text.startswith("A is better: SWD ")
    assert max(map(len, text.split("\n\n", 2)[2].splitlines())) <= 80
    page = (tmp_path / "out/evaluation/report.html").read_text()
    assert text.split("\n")[0] in page
    assert page.count('src="data:image/png') == 2
    assert (tmp_path / "out/evaluation/nearest_neighbours_B.png").is_file()


@pytest.mark.slow
def test_the_same_evaluation_writes_the_same_place_and_another_its_own(tmp_path: Path) -> None:
    theirs = folder(tmp_path / "theirs", 0)
    first = config(tmp_path, [theirs], metrics=["emd"])
    evaluate_job(first)
    once = (tmp_path / "out/evaluation/metrics_report.out").read_bytes()
    evaluate_job(first)
    assert (tmp_path / "out/evaluation/metrics_report.out").read_bytes() == once
    evaluate_job(config(tmp_path, [theirs], metrics=["swd"]))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["evaluation", "evaluation-2", "index.html"]
    assert "SWD" in (tmp_path / "out/evaluation-2/metrics_report.out").read_text()
    saved = load_config(tmp_path / "out/evaluation-2/config.yaml")
    assert (saved.run, saved.metrics) == ("evaluation-2", ("swd",))
    (tmp_path / "out/other").mkdir()
    (tmp_path / "out/other/notes.txt").write_text("mine")
    evaluate_job(config(tmp_path, [theirs], metrics=["emd"], run="other"))
    assert [path.name for path in (tmp_path / "out/other").iterdir()] == ["notes.txt"]


def test_what_the_figures_do_not_look_at_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(distribution, "LARGEST_BYTES", 200 * 28 * 28)
    theirs = folder(tmp_path / "theirs", 0)
    found = config(tmp_path, [theirs])
    images, _ = load_fakes(theirs, found, load.load_data(found), torch.device("cpu"))
    assert len(images) == len(images.flatten(1).unique(dim=0)) == 200
    assert "Generated: 313 images in " in (said := capsys.readouterr().out)
    assert "200 of them measured" in said


def test_quiet_says_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with console.at(console.Loudness.QUIET):
        evaluate_job(config(tmp_path, [folder(tmp_path / "theirs", 0)], metrics=["emd"]))
    assert capfd.readouterr() == ("", "")


def test_without_metrics_no_empty_table_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evaluate_job(config(tmp_path, [folder(tmp_path / "theirs", 0)], metrics=[]))
    assert (tmp_path / "out/evaluation/metrics_report.out").read_text() == ""
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == [
        "Real",
        "Generated",
        "Report",
        "All results",
    ]


@pytest.mark.parametrize("part", ["state.json", "checkpoints"])
def test_a_trainings_directory_is_refused(part: str, tmp_path: Path) -> None:
    place = tmp_path / "out/mine" / part
    place.parent.mkdir(parents=True)
    place.write_text("{}") if part == "state.json" else place.mkdir()
    with pytest.raises(InputError, match=r"^run: .*out/mine holds a training: give this job another name \(run:\)$"):
        evaluate_job(config(tmp_path, [folder(tmp_path / "theirs", 0)], run="mine"))
    assert [path.name for path in (tmp_path / "out/mine").iterdir()] == [part]


def test_a_disk_that_is_full_is_told_in_one_line(tmp_path: Path) -> None:
    with (
        watched(Changes(tmp_path / "out", failing(ENOSPC, 5))),
        pytest.raises(RunFault, match=r"out/evaluation.*: No space left on device: free some space on that disk.*"),
    ):
        evaluate_job(config(tmp_path, [folder(tmp_path / "theirs", 0)], metrics=["emd"]))


@pytest.mark.slow
def test_a_trained_run_is_sampled_and_measured_at_another_size(tmp_path: Path) -> None:
    status, text = run(write_yaml(tmp_path / "training", cache=str(tmp_path / "cache")))
    assert status == 0, text
    found = config(tmp_path, [tmp_path / "training/out/run"], image_size=32, number_channels=3, metrics=["emd"])
    path = tmp_path / "evaluate.yaml"
    values = yaml.safe_load(yaml.safe_dump(json.loads(found.model_dump_json(exclude_none=True))))
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    status, text = run(path)
    assert status == 0, text
    assert "Generated: 500 images" in text
    figures = json.loads((tmp_path / "out/evaluation/metrics.json").read_text())["metrics"]
    assert figures["emd_colour"]["value"] > 5 * figures["emd_colour"]["real"], "twelve steps teach no digits"
    checkpoints = tmp_path / "training/out/run/checkpoints"
    of_file = [
        load_fakes(path, found, load.load_data(found), torch.device("cpu"))[0]
        for path in (checkpoints / "last.pt", checkpoints / "step_00000010.pt", tmp_path / "training/out/run")
    ]
    assert torch.equal(of_file[0], of_file[2]), "a run's directory stands for its newest checkpoint"
    assert not torch.equal(of_file[0], of_file[1])


@pytest.mark.slow
def test_a_conditional_run_and_the_folders_it_fills_are_measured_by_the_class_that_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classifier, "MOST_UPDATES", 10)
    training = write_yaml(tmp_path / "training", conditional=True, classes=[3, 5], metrics=[], num_steps=2)
    status, text = run(training)
    assert status == 0, text
    trained = tmp_path / "training/out/run"
    found = config(tmp_path, [trained], metrics=["classifier", "cas"], cache=str(tmp_path / "cache"))
    data = load.load_data(found)
    images, asked = load_fakes(trained, found, data, torch.device("cpu"))
    assert len(images) == len(data.train) == 4500, "as many as there are to train on"
    assert asked is not None
    assert asked.bincount().nonzero().flatten().tolist() == [3, 5], "labels of the real images, not of the run"
    assert evaluate_job(found) == 0
    metrics = json.loads((tmp_path / "out/evaluation/metrics.json").read_text())["metrics"]
    assert {"class_asked", "cas"} <= metrics.keys()
    with Image.open(tmp_path / "out/evaluation/confusion.png") as picture:
        assert min(picture.size) > 200

    for name in ("3", "5", "frog"):
        (tmp_path / "made" / name).mkdir(parents=True)
    for number in range(10):
        for name, value in (("3", 9), ("5", 200)):
            Image.new("L", (28, 28), value).save(tmp_path / "made" / name / f"{number}.png")
    images, asked = load_fakes(tmp_path / "made", found, data, torch.device("cpu"))
    assert asked is not None
    assert sorted(zip(images[:, 0, 0, 0].tolist(), asked.tolist(), strict=True)) == [(9, 3)] * 10 + [(200, 5)] * 10
    Image.new("L", (28, 28)).save(tmp_path / "made/frog/1.png")
    assert load_fakes(tmp_path / "made", found, data, torch.device("cpu"))[1] is None, "no digit is a frog"


def test_a_folder_without_images_is_an_error_at_its_key(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    path = tmp_path / "evaluate.yaml"
    keys = f"arch: Evaluate\ndataset: mnist-5k\nimage_size: 28\nnumber_channels: 1\nfakes: [{tmp_path}/empty]\n"
    path.write_text(f"{keys}out: {tmp_path}/out\n")
    status, text = run(path)
    assert status == 2
    assert "evaluate.yaml:5: fakes" in text
    assert "holds no image" in text
    assert not (tmp_path / "out").exists()
