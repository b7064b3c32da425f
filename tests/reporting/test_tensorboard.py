"""Event files read back by TensorBoard's own reader."""

import sys
from pathlib import Path

import pytest
import torch

from wgan.config.resolve import resolve
from wgan.reporting.grids import save_grid
from wgan.reporting.tensorboard import FOLDER, EventFiles
from wgan.utils.errors import InputError


def settings() -> dict[str, object]:
    return resolve({"arch": "WGAN-GP", "dataset": "mnist-5k", "augment": ["flip"]}).model_dump(mode="json")


def test_without_the_package_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(InputError, match="pip install tensorboard"):
        EventFiles(tmp_path, settings())


@pytest.mark.optional
def test_scalars_grids_and_settings_come_back_as_they_were_written(tmp_path: Path) -> None:
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", reason="needs tensorboard")
    save_grid(torch.zeros(4, 1, 28, 28), tmp_path / "grid.png")
    events = EventFiles(tmp_path, settings())
    for step in (50, 100, 150):
        events.row(
            step, {"step": step, "critic_loss": step / 100, "generator_loss": None, "gradient_norm": float("nan")}
        )
    events.grid(100, tmp_path / "grid.png")
    events.close()
    again = EventFiles(tmp_path, settings(), step=100)
    again.row(150, {"critic_loss": 7.0})
    again.metrics(150, {"psnr": 11.5})
    again.close()

    read = reader.EventAccumulator(str(tmp_path / FOLDER)).Reload()
    assert [(event.step, event.value) for event in read.Scalars("critic_loss")] == [(50, 0.5), (100, 1.0), (150, 7.0)]
    assert read.Scalars("metrics/psnr")[0].value == 11.5
    assert set(read.Tags()["scalars"]) == {"critic_loss", "metrics/psnr"}
    (image,) = read.Images("samples")
    assert (image.step, image.width) == (100, 4 * 86 + 2)
    content = read.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    assert b"gp_lambda" in content
    assert b"[flip]" in content
