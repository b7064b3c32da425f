"""`spectral_norm: true` trains, with every network: its layers have children of their own, and no leaf is a product."""

from pathlib import Path

import pytest
from commands import run, write_yaml
from run_comparison import log_rows


@pytest.mark.slow
@pytest.mark.parametrize("arch", ["WGAN-GP", "WGAN-CLIP"])
@pytest.mark.parametrize("network", ["conv", "resnet", "dense", "mnist"])
def test_a_training_with_spectral_norm_takes_its_steps(arch: str, network: str, tmp_path: Path) -> None:
    keys = {"network": network, "critic_norm": "none", "num_steps": 2, "log_every": 1, "metrics": []}
    status, text = run(write_yaml(tmp_path, arch=arch, spectral_norm=True, **keys))
    assert status == 0, text
    assert [row["step"] for row in log_rows(tmp_path / "out/run")] == ["1", "2"]
