"""`n_gpu` is compared with the driver's count, with the YAML's other mistakes and without torch."""

import ctypes
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from wgan.config import accelerators
from wgan.config.accelerators import built_for_nvidia_alone, nvidia_gpus
from wgan.config.resolve import load_config
from wgan.utils.errors import InputError


class Driver:
    """NVIDIA's management library, as far as it is asked."""

    def __init__(self, count: int, fault: int = 0) -> None:
        self.count, self.fault = count, fault

    def nvmlInit_v2(self) -> int:
        return self.fault

    def nvmlDeviceGetCount_v2(self, count: object) -> int:
        count._obj.value = self.count  # type: ignore[attr-defined]
        return 0


@pytest.fixture(autouse=True)
def no_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.mark.parametrize(
    ("visible", "seen"),
    [(None, 4), ("0,1", 2), ("", 0), ("-1", 0), ("GPU-a, GPU-b", 2), ("2,-1,3", 1), ("0,1,2,3,4", 4)],
)
def test_the_drivers_count_and_what_the_environment_hides(
    visible: str | None, seen: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: Driver(4))
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert nvidia_gpus() == seen


@pytest.mark.parametrize(
    ("installed", "fault", "seen"),
    [((), 0, 0), (("libcuda",), 0, None), (("libcuda", "libnvidia-ml"), 9, None), (("libcuda", "libnvidia-ml"), 0, 4)],
)
def test_without_a_driver_there_is_no_gpu_and_one_that_does_not_answer_tells_nothing(
    installed: tuple[str, ...], fault: int, seen: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(name: str) -> Driver:
        if name.split(".")[0] not in installed:
            raise OSError(f"{name}: cannot open shared object file")
        return Driver(4, fault)

    monkeypatch.setattr(ctypes, "CDLL", opened)
    assert nvidia_gpus() == seen


@pytest.mark.parametrize(
    ("text", "alone"),
    [
        ("cuda = '13.0'\nhip = None\nxpu = None\n", True),
        ("cuda = None\nhip = None\n", False),  # the CPU's build: back ends of others are added to it
        ("cuda = None\nhip = '6.4'\n", False),
        ("cuda = '13.0'\nxpu = '2025.1'\n", False),
    ],
)
def test_only_a_build_for_nvidia_alone_is_judged(
    text: str, alone: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "version.py").write_text(text)
    monkeypatch.setattr(accelerators, "find_spec", lambda _: SimpleNamespace(origin=str(tmp_path / "__init__.py")))
    monkeypatch.setattr(sys, "platform", "linux")
    assert built_for_nvidia_alone() is alone
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not built_for_nvidia_alone()


def test_too_many_are_told_with_the_other_mistakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accelerators, "built_for_nvidia_alone", lambda: True)
    monkeypatch.setattr(ctypes, "CDLL", lambda _: Driver(2))
    yaml = tmp_path / "input.yaml"
    text = f"arch: WGAN-GP\ndataset: mnist-5k\nout: {tmp_path}/out\nn_gpu: 4\ngp_lambda: -1\n"
    yaml.write_text(text)
    with pytest.raises(InputError) as caught:
        load_config(yaml, check_machine=True)
    assert str(caught.value).splitlines() == [
        f"{yaml}:4: n_gpu: asks for 4, but this machine has 2: set at most 2",
        f"{yaml}:5: gp_lambda: must be at least 0, got -1",
    ]
    assert load_config(yaml, ["gp_lambda=1", "n_gpu=2"], check_machine=True).n_gpu == 2
    on_a_cluster = ["gp_lambda=1", "sweep={seed: [1, 2]}", "executor=ray"]
    monkeypatch.setattr("wgan.config.packages.find_spec", lambda _: object())
    assert load_config(yaml, on_a_cluster, check_machine=True).n_gpu == 4, (
        "the head need not have what its workers have"
    )
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert load_config(yaml, ["gp_lambda=1"], check_machine=True).n_gpu == 4, "torchrun says how many there are"
