"""A training on points in the plane through the command line: pictures, exact W1 beside the estimate, modes."""

import csv
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def run_cli(*arguments: str) -> str:
    """What the program prints; it must succeed."""
    command = [sys.executable, str(ROOT / "image_generation.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("points")
    small = ["num_steps=60", "log_every=20", "sample_every=30", "gen_feature_maps=2", "dis_feature_maps=2"]
    settings = [f"out={out}", f"cache={out / 'cache'}", *small]
    run_cli(str(ROOT / "configs/points.yaml"), *[word for item in settings for word in ("--set", item)])
    return out / "points"


def test_samples_are_pictures_of_the_plane_and_make_a_gif(run: Path) -> None:
    pictures = sorted((run / "samples").glob("step_*.png"))
    assert [picture.name for picture in pictures] == ["step_000000.png", "step_000030.png", "step_000060.png"]
    for name in (*pictures, run / "real_fake_grid.png", run / "critic_depth.png", run / "loss_plot.png"):
        with Image.open(name) as image:
            assert image.width >= 480
    with Image.open(run / "training.gif") as gif:
        assert getattr(gif, "n_frames", 1) == 3


def test_the_exact_distance_stands_beside_the_estimate_in_every_row(run: Path) -> None:
    with (run / "log.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["20", "40", "60"]
    for row in rows:
        assert 0 < float(row["exact_w1"]) < 10
        assert math.isfinite(float(row["wasserstein_estimate"]))


def test_the_metrics_are_the_exact_distance_and_the_modes(run: Path) -> None:
    figures = json.loads((run / "metrics.json").read_text(encoding="utf-8"))["metrics"]
    assert set(figures) == {"w1", "modes_covered", "near_a_mode"}
    assert figures["modes_covered"]["real"] == 25
    assert figures["w1"]["low"] <= figures["w1"]["value"] <= figures["w1"]["high"]


def test_a_trained_generator_gives_its_points_as_a_table(run: Path, tmp_path: Path) -> None:
    job = tmp_path / "generate.yaml"
    job.write_text(f"arch: Generator\ncheckpoint: {run}\nout: {tmp_path}\nquantity: 7\n", encoding="utf-8")
    run_cli(str(job))
    lines = (tmp_path / "generated" / "points.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "x,y"
    assert len(lines) == 8
    assert all(len([float(number) for number in line.split(",")]) == 2 for line in lines[1:])
