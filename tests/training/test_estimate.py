"""What `--check` says of the time."""

import re
from pathlib import Path

import pytest
import torch
from commands import TINY, run, write_yaml

from wgan.config.metrics import GROUPS
from wgan.config.resolve import resolve
from wgan.training import estimate


def test_every_group_of_metrics_has_a_cost() -> None:
    assert estimate.METRIC_SECONDS.keys() == GROUPS.keys()


@pytest.mark.slow
@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"conditional": True, "arch": "SNGAN"},
        {"arch": "DCGAN", "gen_batch_size": 8, "accumulate": 2, "metrics": [*GROUPS]},
        {"dataset": "8gaussians", "arch": "WGAN-DIV", "metrics": []},
    ],
    ids=["images", "classes", "parts", "points"],
)
def test_the_time_is_told_whatever_is_trained(keys: dict[str, object], tmp_path: Path) -> None:
    status, said = run(write_yaml(tmp_path, num_steps=100_000, **keys), "--check")
    assert status == 0, said
    minutes, each = re.findall(r"^Time: about (\d+) (?:min|h).*: ([\d.]+) ms a step; beside it about ", said, re.M)[0]
    assert int(minutes) > 0
    assert float(each) > 0
    assert not (tmp_path / "out").exists()


def test_every_evaluation_counts_and_the_classifier_once() -> None:
    few, many = (
        resolve({"arch": "WGAN-GP", "dataset": "mnist-5k", **TINY, "metrics": groups, "metrics_every": 100})
        for groups in (["swd"], ["swd", "classifier"])
    )
    swd = 4 * 0.5 / torch.get_num_threads()
    assert estimate.other_seconds(few, 500, 1000) == pytest.approx(estimate.BESIDE + 10 * swd)
    more = estimate.other_seconds(many, 500, 1000) - estimate.other_seconds(few, 500, 1000)
    assert more == pytest.approx(15 * swd)


@pytest.mark.slow
def test_max_minutes_is_honoured(tmp_path: Path) -> None:
    rare = {"sample_every": 1_000_000_000, "checkpoint_every": 1_000_000_000}
    said = run(write_yaml(tmp_path, num_steps=100_000_000, max_minutes=2, **rare), "--check")[1]
    assert "Time: about 2 min, which max_minutes allows: " in said
    assert "more than a day" not in said
    assert "more than a day" in run(write_yaml(tmp_path, num_steps=900_000_000, **rare), "--check")[1]
