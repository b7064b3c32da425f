"""log.csv has no row twice and none missing, whoever reads it."""

import subprocess
import sys
from pathlib import Path

import pytest
from commands import ROOT

from wgan.runs.csv_log import COLUMNS, LogFile, last_step, read_log


def row(step: int, **more: float) -> dict[str, float]:
    return {"step": step, "epoch": step / 10, "critic_loss": -step / 3, "images_per_second": 100.0, **more}


def steps(path: Path) -> list[str]:
    return [line.split(",")[0] for line in path.read_text().splitlines()]


def test_rows_after_the_checkpoint_are_dropped_and_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    log = LogFile(path, 0, 0)
    for step in (10, 20, 30):
        log.append(row(step))
    again = LogFile(path, 20, 2)
    assert [found["step"] for found in again.begun] == [10, 20]
    again.append(row(30))
    assert steps(path) == ["step", "10", "20", "30"]
    assert again.count == 3


def test_a_row_of_the_checkpoints_own_step_that_came_after_it_is_dropped(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log.csv", 0, 0)
    log.append(row(10))
    log.append(row(20))
    assert LogFile(tmp_path / "log.csv", 20, 1).count == 1


def test_a_file_reads_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    log = LogFile(path, 0, 0)
    log.append(row(10, gradient_norm=1 / 3))
    text = path.read_text()
    assert text.splitlines()[1] == "10,1,-3.33333,,,,0.333333,100,,"
    LogFile(path, 10, 1)
    assert path.read_text() == text


def test_a_new_metric_becomes_a_new_column_which_is_empty_above(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    log = LogFile(path, 0, 0)
    log.append(row(10))
    log.append(row(20, fid=3.5))
    log.append(row(30))
    assert path.read_text().splitlines()[0] == ",".join([*COLUMNS, "fid"])
    assert [line.split(",")[-1] for line in path.read_text().splitlines()[1:]] == ["", "3.5", ""]
    again = LogFile(path, 20, 2)
    again.append(row(30))
    assert [line.split(",")[-1] for line in path.read_text().splitlines()[1:]] == ["", "3.5", ""]


def test_a_log_of_an_earlier_version_gets_the_new_columns_at_its_end(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    old = "step,epoch,critic_loss,generator_loss,wasserstein_estimate,gradient_penalty,gradient_norm,images_per_second"
    path.write_text(f"{old},swd\n10,1,-3.3,,,,,100,5\n20,2,-3.3,,,,,100,\n")
    log = LogFile(path, 10, 1)
    assert path.read_text() == f"{old},swd\n10,1,-3.3,,,,,100,5\n"
    log.append(row(20, critic_real=4.5, critic_fake=-2))
    lines = [f"{old},swd,critic_real,critic_fake", "10,1,-3.3,,,,,100,5,,", "20,2,-6.66667,,,,,100,,4.5,-2"]
    assert path.read_text().splitlines() == lines
    assert read_log(path)["critic_fake"][1] == -2


@pytest.mark.parametrize(
    "tail",
    [
        "10,1,-3.3,,,,,100,,\n",
        "20,2",
        "x,2,-3.3,,,,,100,,\n",
        "20,2,nan,,,,,1,,\n",
        "\x00\n",
        "20,2,1,,,,,1,9,,\n",
        "5,1,1,,,,,1,,\n",
    ],
    ids=["twice", "torn", "no step", "NaN", "NUL", "too long", "backwards"],
)
def test_what_is_no_row_of_the_training_is_left_out(tail: str, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    LogFile(path, 0, 0).append(row(10))
    with path.open("a") as file:
        file.write(tail)
    assert LogFile(path, 30, 2).count == 1
    assert steps(path) == ["step", "10"]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"\n\n", b"a,b\n1,2\n", b'"step\n'])
def test_a_file_that_is_no_log_begins_anew(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(content)
    log = LogFile(path, 10, 1)
    assert log.count == 0
    assert path.read_text() == ",".join(COLUMNS) + "\n"


def test_the_last_step_is_that_of_the_last_whole_row(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    assert last_step(path) == 0
    path.write_text("step,epoch\n")
    assert last_step(path) == 0
    path.write_text("step,epoch\n50,0.1\n100,0.2\n15")
    assert last_step(path) == 100
    path.write_text("step,epoch\n" + "".join(f"{step},0.123456789\n" for step in range(1, 5001)))
    assert last_step(path) == 5000


def test_a_row_without_its_line_break_is_left_out_by_all_readers(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    log = LogFile(path, 0, 0)
    log.append(row(1_234_567))
    with path.open("a") as file:
        file.write("1234570,1,-3.3,,,,,10")  # of 100 images a second
    assert read_log(path)["step"] == [1_234_567]
    assert last_step(path) == 1_234_567
    assert LogFile(path, 2_000_000, 2).count == 1
    assert steps(path) == ["step", "1234567"]


def test_reading_a_log_needs_no_torch() -> None:
    code = "import sys, wgan, wgan.runs.csv_log, wgan.runs.job_dir; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
