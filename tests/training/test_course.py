"""The distances that a training notes with its sample grids: when, of what, and across a restart."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from commands import run, write_yaml

from wgan.config.resolve import load_config
from wgan.config.schema import TrainConfig
from wgan.data.load import load_data
from wgan.metrics.swd import SampleDistance
from wgan.networks.pretrained import load_generator
from wgan.reporting.grids import to_uint8
from wgan.training.evaluator import ImageSamples
from wgan.training.periodic import is_noted


def noted(sample_every: int, last: int) -> list[int]:
    return [step for step in range(0, last + 1, sample_every) if is_noted(step, sample_every)]


def test_ever_fewer_grids_are_noted_and_none_of_a_short_training() -> None:
    assert noted(500, 5_000) == [*range(500, 5_001, 500)]
    assert noted(4, 60) == []
    assert noted(30, 600) == [120, 240, 360, 480, 600]
    assert noted(100, 1_000) == [*range(100, 1_001, 100)]
    assert len(noted(100, 100_000)) < 64
    gaps = [b - a for a, b in pairwise(noted(100, 10_000))]
    assert gaps == sorted(gaps)


@pytest.mark.slow
def test_a_training_notes_what_its_generators_are_away_from_real_digits_and_goes_on_after_a_stop(
    tmp_path: Path,
) -> None:
    keys = {"num_steps": 200, "sample_every": 100, "checkpoint_every": 100, "keep_checkpoints": 5, "metrics": []}
    status, said = run(write_yaml(tmp_path, **keys))
    assert status == 0, said
    course = json.loads((tmp_path / "out/run/state.json").read_text())["course"]
    assert course["steps"] == [0, 100, 200]
    assert f"SWD of samples {course['values'][-1]:.3g} (real {course['real']:.3g})" in said

    config = load_config(tmp_path / "input.yaml")
    assert isinstance(config, TrainConfig)
    data = load_data(config)
    distance = SampleDistance(data.held_out.images, data.train.images[:500])
    assert distance.floor == pytest.approx(course["real"], rel=1e-3)
    latents = ImageSamples(config, data)._latents(2_048, "metric latents")[:500]
    for step, value in zip(course["steps"], course["values"], strict=True):
        with torch.no_grad():
            name = "last" if step == 200 else f"step_{step:08d}"
            images = load_generator(tmp_path / f"out/run/checkpoints/{name}.pt")(latents)
        assert distance(to_uint8(images)) == pytest.approx(value, rel=0.01)  # sampled in batches there

    stopped = write_yaml(tmp_path / "stopped", **keys | {"num_steps": 100})
    assert run(stopped)[0] == 0
    assert run(write_yaml(tmp_path / "stopped", **keys))[0] == 0
    assert json.loads((tmp_path / "stopped/out/run/state.json").read_text())["course"] == course
