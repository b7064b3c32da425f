"""`tensorboard: true` through the command line."""

import csv
from pathlib import Path

import numpy as np
import pytest
from commands import run, write_yaml
from PIL import Image

from wgan.config.resolve import load_config
from wgan.config.schema import TrainConfig
from wgan.data.load import load_data


@pytest.mark.slow
@pytest.mark.optional
def test_a_run_leaves_its_log_and_its_grids_as_event_files(tmp_path: Path) -> None:
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", reason="needs tensorboard")
    status, text = run(write_yaml(tmp_path, tensorboard=True))
    assert status == 0, text
    folder = tmp_path / "out" / "run"
    read = reader.EventAccumulator(str(folder / "tensorboard")).Reload()
    rows = list(csv.DictReader((folder / "log.csv").open(encoding="utf-8")))
    logged = [(int(row["step"]), float(row["critic_loss"])) for row in rows]
    seen = [(event.step, event.value) for event in read.Scalars("critic_loss")]
    assert [step for step, _ in seen] == [step for step, _ in logged]
    assert [value for _, value in seen] == pytest.approx([value for _, value in logged], rel=1e-4)
    grids = sorted(int(path.stem.removeprefix("step_")) for path in (folder / "samples").glob("*.png"))
    assert [image.step for image in read.Images("samples")] == grids
    (real,) = read.Images("real")
    with (
        Image.open(folder / "tensorboard" / "real.png") as kept,
        Image.open(folder / "samples" / "step_000000.png") as generated,
    ):
        assert kept.size == generated.size
        assert real.encoded_image_string[:4] == b"\x89PNG"
        first = np.asarray(kept.convert("L"))[2:86:3, 2:86:3]
    config = load_config(tmp_path / "input.yaml")
    assert isinstance(config, TrainConfig)
    assert (first == load_data(config).train.images[0, 0].numpy()).all()
