"""docs/scheme.py draws what the tables of the document behind configs/seeds/001_wgan.yaml say."""

import sys
from pathlib import Path
from types import ModuleType

import pytest
from commands import ROOT, docs_script


@pytest.fixture(scope="module")
def scheme() -> ModuleType:
    return docs_script("scheme")


def test_the_maps_are_those_of_the_tables(scheme: ModuleType) -> None:
    drawn = scheme.networks(ROOT / "configs" / "seeds" / "001_wgan.yaml")
    sides = [(1024, 4), (512, 8), (256, 16), (128, 32), (3, 64)]
    assert [box.shape for box in drawn["Generator"]] == [(100, 1, 1), *[(maps, side, side) for maps, side in sides]]
    sides = [(3, 64), (64, 32), (128, 16), (256, 8), (512, 4), (1, 1)]
    assert [box.shape for box in drawn["Critic"]] == [(maps, side, side) for maps, side in sides]
    norms = [[layer for layer in box.layers if "norm" in layer] for box in drawn["Critic"]]
    assert norms == [[], [], ["instance norm"], ["instance norm"], ["instance norm"], []]
    assert drawn["Generator"][-1].layers == ["transposed conv", "tanh"]


def test_networks_with_branches_are_refused(scheme: ModuleType) -> None:
    with pytest.raises(AssertionError, match="branches"):
        scheme.networks(ROOT / "configs" / "seeds" / "002_resnet.yaml")


def test_the_picture_is_drawn(scheme: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["scheme.py", "--out", str(tmp_path / "scheme.png")])
    scheme.main()
    assert (tmp_path / "scheme.png").stat().st_size > 10_000
