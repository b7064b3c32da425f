"""`n_gpu` is compared with the accelerators there are, with the YAML's other mistakes."""

from pathlib import Path

import pytest

from wgan import preflight
from wgan.config.resolve import load_config
from wgan.preflight import Preflight
from wgan.runtime import device
from wgan.utils.errors import InputError


def test_too_many_are_told_with_the_other_mistakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    monkeypatch.setattr(device, "count_accelerators", lambda: 2)
    yaml = tmp_path / "input.yaml"
    yaml.write_text(f"arch: WGAN-GP\ndataset: mnist-5k\nout: {tmp_path}/out\nn_gpu: 4\ngp_lambda: -1\n")
    with pytest.raises(InputError) as caught:
        load_config(yaml, check=Preflight())
    assert str(caught.value).splitlines() == [
        f"{yaml}:4: n_gpu: asks for 4, but this machine has 2: set at most 2",
        f"{yaml}:5: gp_lambda: must be at least 0, got -1",
    ]
    assert load_config(yaml, ["gp_lambda=1", "n_gpu=2"], check=Preflight()).n_gpu == 2
    swept = ["gp_lambda=1", "n_gpu=0", "sweep={n_gpu: [0, 4]}"]
    with pytest.raises(InputError, match=r"sweep\.n_gpu: asks for 4, but this machine has 2"):
        load_config(yaml, swept, check=Preflight())
    on_a_cluster = ["gp_lambda=1", "sweep={seed: [1, 2]}", "executor=ray"]
    monkeypatch.setattr(preflight, "find_spec", lambda _: object())
    assert load_config(yaml, on_a_cluster, check=Preflight()).n_gpu == 4, "its workers are other machines"
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert load_config(yaml, ["gp_lambda=1"], check=Preflight()).n_gpu == 4, "torchrun says how many there are"
