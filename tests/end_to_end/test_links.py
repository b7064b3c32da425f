"""Links that others put into a run's directory: nothing that they lead to is written, renamed or removed."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from commands import write_yaml

import image_generation
from wgan.config.resolve import load_config, to_yaml
from wgan.reporting import live
from wgan.training.evaluator import ImageSamples

SHORT = {"num_steps": 1, "critic_its": 1, "metrics": [], "batch_size": 4}
PAGES = ("loss_plot.png", "report.html", "training.gif", "real_fake_grid.png", "interpolation.png")
FILES = (
    *PAGES,
    "config.yaml",
    "state.json",
    "log.csv",
    "metrics.json",
    "metrics_report.out",
    "samples/step_000001.png",
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(ImageSamples, "measured", 64)
    monkeypatch.setattr(live, "MAX_COST", 0)
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """Somebody's folder; its names are such as a training writes."""
    folder = tmp_path / "precious"
    (folder / "samples").mkdir(parents=True)
    for name in (*FILES, "last.pt", "step_000001.png", ".x.0123456789ab.tmp"):
        (folder / name).write_text(f"precious {name}")
    return folder


def test_files_that_are_links_are_replaced_and_a_run_on_another_disk_is_fine(precious: Path, tmp_path: Path) -> None:
    """`out` is a link, and so is the run's directory; inside, every file that a training writes."""
    disk, elsewhere = tmp_path / "disk", tmp_path / "elsewhere"
    disk.mkdir()
    (elsewhere / "samples").mkdir(parents=True)
    (elsewhere / "checkpoints").mkdir()
    yaml = write_yaml(tmp_path, **SHORT)
    (tmp_path / "out").symlink_to(disk)
    (disk / "run").symlink_to(elsewhere)
    (disk / "index.html").symlink_to(precious / "report.html")
    config = load_config(yaml)
    (precious / "config.yaml").write_text(to_yaml(config))
    for name in FILES:
        (elsewhere / name).symlink_to(precious / name)
    for name in ("last.pt", "best.pt"):
        (elsewhere / "checkpoints" / name).symlink_to(precious / "nothing")
    before = contents(precious)
    assert image_generation.main([str(yaml)]) == 0
    assert contents(precious) == before
    assert json.loads((elsewhere / "state.json").read_text())["state"] == "finished"
    written = [disk / "index.html", elsewhere / "checkpoints/last.pt", *(elsewhere / name for name in FILES)]
    assert [path for path in written if path.is_symlink() or not path.is_file()] == []


@pytest.mark.parametrize("name", ["samples", "checkpoints", "tensorboard", ".lock"])
def test_what_cannot_be_replaced_is_refused_in_one_line(
    name: str, precious: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    yaml = write_yaml(tmp_path, **SHORT, tensorboard=name == "tensorboard")
    (tmp_path / "out/run").mkdir(parents=True)
    (tmp_path / "out/run" / name).symlink_to(precious / ("log.csv" if name == ".lock" else ""))
    before = contents(precious)
    assert image_generation.main([str(yaml)]) in (1, 2)
    assert contents(precious) == before
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(str(tmp_path / "out/run" / name))
    assert not (tmp_path / "out/run/config.yaml").exists(), "the name is free for other settings"


def test_a_page_that_cannot_be_written_leaves_the_run_finished(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    yaml = write_yaml(tmp_path, **SHORT)
    blocked = [tmp_path / "out/index.html", *(tmp_path / "out/run" / name for name in PAGES)]
    for path in blocked:
        (path / "x").mkdir(parents=True)
    for pictures in (2, 0):  # of a run that is finished the pages alone are drawn again
        assert image_generation.main([str(yaml)]) == 0
        told = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
        assert json.loads((tmp_path / "out/run/state.json").read_text())["state"] == "finished"
        if pictures:
            assert [line.partition(": not brought")[0].count("out") for line in told] == [2, 2, 3], (
                "first, then the pictures, last"
            )
