"""Trained runs that the tests of this folder ask for images."""

from pathlib import Path

import pytest
import torch
from commands import run, write_yaml

from wgan.networks.build import new_generator

CONDITIONAL = {"conditional": True, "classes": [3, 5, 8], "critic_its": 1, "learning_rate": 0.01}


def made(factory: pytest.TempPathFactory, name: str, **keys: object) -> Path:
    folder = factory.mktemp(name)
    status, told = run(write_yaml(folder, **{"metrics": [], **keys}))
    assert status == 0, told
    return folder / "out/run"


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's directory, with best.pt."""
    return made(
        tmp_path_factory, "trained", metrics=["paired"], metrics_every=4, best_metric="psnr", learning_rate=0.01
    )


@pytest.fixture(scope="session")
def conditional(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That of a run of residual networks that knows three classes."""
    return made(tmp_path_factory, "conditional", network="resnet", **CONDITIONAL)


@pytest.fixture(scope="session")
def lively(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights of a generator whose images differ as much as images can: nobody trained it."""
    generator = new_generator("conv", 8, (1, 28, 28), 4, torch.Generator().manual_seed(0))
    path = tmp_path_factory.mktemp("lively") / "weights.pt"
    torch.save({name: 10 * x if x.dim() == 4 else x for name, x in generator.state_dict().items()}, path)
    return path


@pytest.fixture(scope="session")
def points(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That of a run on points in the plane."""
    return made(tmp_path_factory, "points", dataset="8gaussians", num_steps=4, gen_feature_maps=1, dis_feature_maps=1)


@pytest.fixture(scope="session")
def dense(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That of a run of dense networks on images."""
    return made(tmp_path_factory, "dense", network="dense", num_steps=4)
