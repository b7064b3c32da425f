"""Weights of other implementations, wrapped and named as they save them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from asked import asked, made
from torch import nn

from wgan.networks.pretrained import load_generator
from wgan.runs import checkpoint


def example() -> nn.Sequential:
    """The generator of PyTorch's DCGAN example (examples/dcgan/main.py), two stages shorter."""
    return nn.Sequential(
        nn.ConvTranspose2d(10, 16, 4, 1, 0, bias=False), nn.BatchNorm2d(16), nn.ReLU(True),
        nn.ConvTranspose2d(16, 8, 4, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(True),
        nn.ConvTranspose2d(8, 4, 4, 2, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU(True),
        nn.ConvTranspose2d(4, 3, 4, 2, 1, bias=False), nn.Tanh(),
    )  # fmt: skip


WRAPPERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "bare": lambda weights: weights,
    "DataParallel": lambda weights: {f"module.{name}": x for name, x in weights.items()},
    "netG": lambda weights: {"epoch": 3, "netG": weights, "netD": {"main.0.weight": torch.zeros(4, 3, 4, 4)}},
    "state_dict": lambda weights: {"state_dict": {f"module.{name}": x for name, x in weights.items()}},
    "generator": lambda weights: {"generator": weights, "discriminator": {}, "optimizer": {"lr": 1e-3}},
    "lightning": lambda weights: {"state_dict": {f"generator.{name}": x for name, x in weights.items()}},
    "nested": lambda weights: {"netG": {"state_dict": weights}},
}


@pytest.mark.parametrize("old", [False, True], ids=["zip", "old_format"])
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_generator_of_the_dcgan_example_loads_however_it_was_saved(wrapper: str, old: bool, tmp_path: Path) -> None:
    network = example()
    weights = {f"main.{name}": tensor for name, tensor in network.state_dict().items()}
    torch.save(WRAPPERS[wrapper](weights), tmp_path / "netG.pth", _use_new_zipfile_serialization=not old)
    generator = load_generator(tmp_path / "netG.pth")
    latents = torch.randn(4, 10)
    with torch.no_grad():
        assert torch.allclose(generator(latents), network.eval()(latents[:, :, None, None]), atol=1e-5)


def test_the_command_samples_from_the_old_format(tmp_path: Path) -> None:
    weights = {f"module.main.{name}": tensor for name, tensor in example().state_dict().items()}
    torch.save({"netG": weights}, tmp_path / "netG.pth", _use_new_zipfile_serialization=False)
    assert (made(tmp_path, tmp_path / "netG.pth", quantity=2) / "00001.png").is_file()


class Harmful:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("touched"),)


def test_the_old_format_runs_no_code_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"netG": Harmful()}, "netG.pth", _use_new_zipfile_serialization=False)
    with pytest.raises(checkpoint.Damaged, match=r"netG\.pth: not loaded, since it holds more than tensors"):
        load_generator(Path("netG.pth"))
    assert not Path("touched").exists()


@pytest.mark.parametrize("size", [20, 300, 4000])
def test_a_damaged_file_of_the_old_format_is_one_line(size: int, tmp_path: Path) -> None:
    weights = {f"main.{name}": tensor for name, tensor in example().state_dict().items()}
    torch.save(weights, tmp_path / "netG.pth", _use_new_zipfile_serialization=False)
    (tmp_path / "netG.pth").write_bytes((tmp_path / "netG.pth").read_bytes()[:size])
    status, told = asked(tmp_path, tmp_path / "netG.pth")
    assert (status, told.count("\n"), "Traceback" in told) == (2, 1, False), told
    assert "netG.pth: not" in told


def test_a_layer_that_does_not_fit_is_named(tmp_path: Path) -> None:
    weights = {f"main.{name}": tensor for name, tensor in example().state_dict().items()}
    weights["main.4.weight"] = torch.zeros(5)
    torch.save(weights, tmp_path / "netG.pth")
    status, told = asked(tmp_path, tmp_path / "netG.pth")
    assert status == 2
    assert "its layers are not those of a DCGAN generator (size mismatch for main.4.weight" in told


def test_the_card_of_weights_that_came_alone_says_so(tmp_path: Path) -> None:
    torch.save({f"main.{name}": x for name, x in example().state_dict().items()}, tmp_path / "netG.pth")
    card = (made(tmp_path, tmp_path / "netG.pth", quantity=2, export="pt2") / "README.md").read_text(encoding="utf-8")
    assert "A generator of 32x32 colour images from 10 standard normal numbers.\n" in card
    assert "Unknown: these weights came without a description." in card
    assert "None was computed." in card
