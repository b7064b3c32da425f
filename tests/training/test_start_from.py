"""`start_from` begins with another run's weights, whatever else differs; `freeze_critic` holds its first layers."""

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from commands import run, write_yaml
from run_comparison import differences
from torch import Tensor

from wgan import train as job
from wgan.config.resolve import load_config
from wgan.config.schema import TrainConfig
from wgan.preflight import Preflight
from wgan.runs import checkpoint
from wgan.trainers.base import Trainer
from wgan.utils.errors import InputError

pytestmark = pytest.mark.usefixtures("quick")

NETWORKS = ("generator", "critic", "ema")
Weights = dict[str, dict[str, Tensor]]


def train(folder: Path, **keys: Any) -> int:
    config = load_config(write_yaml(folder, **{"metrics": [], "num_steps": 4, **keys}), check=Preflight())
    assert isinstance(config, TrainConfig)
    return job.train(config)


def saved(run: Path) -> Weights:
    trainer = checkpoint.load(run / "checkpoints/last.pt")["trainer"]
    return {name: trainer[name] for name in NETWORKS}


def begun_with(folder: Path, monkeypatch: pytest.MonkeyPatch, **keys: Any) -> Weights:
    """Train, and give the weights before the first step."""
    seen: list[Weights] = []
    update = Trainer.critic_update

    def noting(trainer: Trainer, *arguments: Any) -> dict[str, Tensor]:
        if not seen:
            kept = {name: network.state_dict() for name, network in trainer.networks.items()}
            seen.append({name: {key: t.clone() for key, t in state.items()} for name, state in kept.items()})
        return update(trainer, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "critic_update", noting)
        assert train(folder, **keys) == 0
    return seen[0]


@pytest.fixture
def other(tmp_path: Path) -> Path:
    assert train(tmp_path / "other", classes=[0, 1, 2, 3, 4], learning_rate=3e-3) == 0
    return tmp_path / "other/out/run"


OTHERWISE: dict[str, dict[str, Any]] = {
    "images, batch, rates, weight of the penalty": {
        **{"classes": [5, 6, 7, 8, 9], "batch_size": 8, "learning_rate": 1e-3, "gp_lambda": 1},
    },
    "augmentation, loss": {"arch": "R3GAN", "augment": ["auto", "flip"], "critic_its": 1},
    "optimiser": {"optimizer": "rmsprop", "learning_rate_decay": "linear"},
}


@pytest.mark.parametrize("keys", OTHERWISE.values(), ids=OTHERWISE)
def test_all_weights_are_those_of_the_other_run(
    keys: dict[str, Any], other: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    there = saved(other)
    for number, place in enumerate((other, other / "checkpoints/last.pt")):
        found = begun_with(tmp_path / f"new{number}", monkeypatch, start_from=str(place), **keys)
        assert all(torch.equal(found[name][key], t) for name in NETWORKS for key, t in there[name].items())
        assert f"The weights are those of {place}\n" in capsys.readouterr().out
    now = saved(tmp_path / "new0/out/run")
    assert not torch.equal(now["critic"]["main.0.weight"], there["critic"]["main.0.weight"]), "and learn on"


UNLIKE: dict[str, tuple[dict[str, Any], str]] = {
    "colour": ({"number_channels": 3}, "generator.main.6, critic.main.0"),
    "latents": ({"latent_vector": 5}, "generator.main.0"),
    "classes": (
        {"conditional": True},
        "generator.main.1, generator.main.4, critic.main.4.score, critic.main.4.embedding",
    ),
}


@pytest.mark.parametrize(("keys", "named"), UNLIKE.values(), ids=UNLIKE)
def test_what_fits_is_taken_and_the_rest_is_named_in_one_line(
    keys: dict[str, Any], named: str, other: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    there = saved(other)
    capsys.readouterr()
    fresh = begun_with(tmp_path / "fresh", monkeypatch, **keys)
    found = begun_with(tmp_path / "new", monkeypatch, start_from=str(other), **keys)
    line = f"The weights are those of {other}; these do not fit, and begin anew: {named}\n"
    assert line in capsys.readouterr().out
    for name in NETWORKS:
        for key, tensor in found[name].items():
            layer = f"{name}.{key.rpartition('.')[0]}".replace("ema.", "generator.")
            fits = there[name].get(key, torch.empty(0)).shape == tensor.shape
            assert fits or layer in named.split(", ")
            assert torch.equal(tensor, (there if fits else fresh)[name][key]), key


def test_a_run_goes_on_without_the_one_it_began_from(
    other: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {"start_from": str(other), "num_steps": 10, "batch_size": 8}
    assert train(tmp_path / "whole", **keys) == 0
    update = Trainer.critic_update

    def stopping(trainer: Trainer, real: Tensor, at: int, *rest: Any) -> dict[str, Tensor]:
        if at == 6:
            os.kill(os.getpid(), signal.SIGINT)
        return update(trainer, real, at, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "critic_update", stopping)
        assert train(tmp_path / "stopped", **keys) == 130
    shutil.rmtree(other)
    assert train(tmp_path / "stopped", **keys) == 0
    assert differences(tmp_path / "whole/out/run", tmp_path / "stopped/out/run") == []


def test_what_cannot_be_begun_from_is_one_line_and_leaves_no_run(other: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "new"
    (tmp_path / "garbage.pt").write_bytes(b"no checkpoint")
    torch.save({"main.0.weight": torch.zeros(8, 8, 4, 4)}, tmp_path / "bare.pt")
    (tmp_path / "empty").mkdir()
    cases = {
        "gone": r"input.yaml:\d+: start_from: there is no file or folder ",
        "garbage.pt": r"garbage.pt: not a whole checkpoint",
        "bare.pt": r"bare.pt: holds no checkpoint of a training$",
        "empty": r"empty: holds no checkpoints/: name a run's directory or a checkpoint file$",
    }
    for name, message in cases.items():
        with pytest.raises(InputError, match=message) as error:
            train(wrong, start_from=str(tmp_path / name))
        assert "\n" not in str(error.value)
    with pytest.raises(InputError, match="none of its weights has a place in these networks"):
        train(wrong, start_from=str(other), network="dense")
    assert not (wrong / "out/run/config.yaml").exists()
    assert train(wrong, start_from=str(other)) == 0, "the name is free"


def test_a_run_that_begins_beside_another_says_how_to_take_its_weights(other: Path, capsys: Any) -> None:
    folder = other.parents[1]
    keys = {"classes": [0, 1, 2, 3, 4], "learning_rate": 3e-3}
    assert train(folder, batch_size=8, **keys) == 0
    told = capsys.readouterr().out
    assert f"(to begin with the weights there: start_from: {other})" in told
    assert "batch_size 16, here 8" in told


BLOCKS = {"conv": 3, "resnet": 3, "dense": 4, "mnist": 3, "resnet32": 4, "resnet64": 4}


@pytest.mark.parametrize("arch", ["WGAN-GP", "SNGAN", "WGAN-CLIP"])
@pytest.mark.parametrize("network", BLOCKS)
def test_the_first_layers_stay_and_the_others_learn(
    network: str, arch: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A residual block is one; clipping leaves those that are held as they are."""
    keys = {"arch": arch, "network": network, "critic_its": 1, "learning_rate": 1e-3}
    keys |= {"critic_norm": "none"} if network == "dense" else {}
    assert train(tmp_path / "other", **{**keys, "arch": "WGAN-GP", "critic_norm": "none"} | {"num_steps": 1}) == 0
    most = BLOCKS[network] - 1
    for held in (1, most):
        folder = tmp_path / str(held)
        start = {"start_from": str(tmp_path / "other/out/run")} if arch == "WGAN-CLIP" else {}
        before = begun_with(folder, monkeypatch, freeze_critic=held, num_steps=3, **keys, **start)["critic"]
        after = saved(folder / "out/run")["critic"]
        learnt = [key for key in before if key.endswith(("weight", "bias", "original"))]
        places = sorted({int(key.split(".")[1]) for key in learnt if before[key].dim() > 1})
        for key in learnt:
            if (stays := int(key.split(".")[1]) < places[held]) or before[key].dim() > 1:  # biases may have no gradient
                assert torch.equal(before[key], after[key]) is stays, key
    with pytest.raises(InputError, match=rf"input.yaml:\d+: freeze_critic: this critic has {most + 1} layers"):
        train(tmp_path / "all", freeze_critic=most + 1, **keys)


def test_a_training_with_held_layers_goes_on_with_the_same_bits(tmp_path: Path) -> None:
    keys = {"freeze_critic": 1, "network": "resnet", "num_steps": 8, "conditional": True}
    assert train(tmp_path / "whole", **keys) == 0
    assert train(tmp_path / "parts", **keys | {"num_steps": 5}) == 0
    assert train(tmp_path / "parts", **keys) == 0
    one, other = (saved(tmp_path / name / "out/run") for name in ("whole", "parts"))
    assert all(torch.equal(one[name][key], other[name][key]) for name in NETWORKS for key in one[name])
    moments = checkpoint.load(tmp_path / "whole/out/run/checkpoints/last.pt")["trainer"]["critic_optimizer"]["state"]
    assert 0 < len(moments) < len(list(one["critic"]))


def test_the_command_takes_all_that_is_for_few_images_at_once(tmp_path: Path) -> None:
    assert run(write_yaml(tmp_path / "other", num_steps=2))[0] == 0
    keys: dict[str, Any] = {
        "start_from": str(tmp_path / "other/out/run"),
        "freeze_critic": 1,
        "augment": ["auto", "flip"],
    }
    keys |= {"metrics": ["paired"], "best_metric": "psnr", "metrics_every": 2, "patience": 100, "num_steps": 4}
    yaml = write_yaml(tmp_path, **keys)
    status, told = run(yaml, "--check")
    assert (status, (tmp_path / "out").exists()) == (0, False), told
    assert f"start_from            {keys['start_from']}" in told
    status, told = run(yaml)
    assert (status, "Traceback" in told) == (0, False), told
    status, told = run(yaml, "--check", "--set", "freeze_critic=9")
    assert status == 2
    assert "freeze_critic: this critic has 3 layers" in told
    status, told = run(yaml, "--set", "start_from=nowhere")
    assert (status, "start_from: there is no file or folder nowhere" in told, "Traceback" in told) == (2, True, False)
