"""Generators that were trained already: from runs, from checkpoints, from other implementations' files."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from wgan.config.resolve import resolve
from wgan.config.schema import GenerateConfig, TrainConfig
from wgan.data.image_folder import Unusable, located
from wgan.networks.base import NO_CLASSES, Critic, Generator
from wgan.networks.build import build_critic, build_generator, new_generator
from wgan.runs import checkpoint
from wgan.runs.run_dir import Run, checkpoints_of
from wgan.utils.console import say, warn
from wgan.utils.errors import InputError, is_out_of_memory

Network = TypeVar("Network", bound=nn.Module)


def load_generator(path: Path, weights: str = "average") -> Generator:
    """The generator of a run, on the CPU, ready to sample.

    From a run's directory or its checkpoints/ (the newest whole one; best.pt if `patience` ended the run), a checkpoint
    file, or a bare state_dict of a DCGAN-like generator (`main.0.weight`, ..., wrapped as many save it), whose sizes
    are read off its tensors. `weights` as the key of that name: the running "average", the "last" ones it is taken of,
    or the average in best.pt.

    Raises:
        InputError: there is no such file, it is damaged, or it holds no generator, or no such weights.
    """
    state = _read(path, weights)
    if "trainer" not in state:
        return _from_state_dict(path, _unwrapped(state))
    return _restored(path, state, build_generator, "generator" if weights == "last" else "ema")


def load_critic(path: Path, weights: str = "average") -> Critic:
    """The critic of the checkpoint that `load_generator` takes, on the CPU, in evaluation mode; errors likewise."""
    state = _read(path, weights)
    if "trainer" not in state:
        raise Unusable("pick", f"{path} holds a generator without the critic that would choose")
    return _restored(path, state, build_critic, "critic")


def _restored(path: Path, state: Mapping[str, Any], build: Callable[..., Network], part: str) -> Network:
    """One of a checkpoint's networks."""
    try:
        config = resolve(state["config"])
        assert isinstance(config, TrainConfig)
        classes = state.get("classes", NO_CLASSES)  # which checkpoints of older versions do not have
        if not all(isinstance(name, str) and count in range(1, 2**53) for name, count in classes.items()):
            raise ValueError(f"its classes are {classes}")
        return _filled(lambda: build(config, state["shape"], classes), state["trainer"][part])
    except Exception as error:  # of a file that anybody can have made, networks may say anything
        if is_out_of_memory(error):
            raise
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: a checkpoint, but not of a generator that this version knows ({reason})") from error


def take_weights(path: Path, networks: Mapping[str, nn.Module]) -> list[str]:
    """Fill networks, by their names in a checkpoint, with the tensors there that fit; the layers of the others.

    Raises:
        InputError: `path` is neither a run's directory nor a checkpoint of a training, or nothing of it fits.
    """
    found = _read(path).get("trainer")
    if not isinstance(found, Mapping) or not all(isinstance(found.get(name), Mapping) for name in networks):
        raise InputError(f"{path}: holds no checkpoint of a training")
    left, fits = list[str](), False
    for name, network in networks.items():
        own, theirs = network.state_dict(), {key: t for key, t in found[name].items() if isinstance(t, Tensor)}
        taken = {key: theirs[key] for key, t in own.items() if key in theirs and theirs[key].shape == t.shape}
        network.load_state_dict(own | taken)
        left += [f"{name}.{key.rpartition('.')[0]}" for key in own if key not in taken and name != "ema"]
        fits |= any(tensor.dim() for tensor in taken.values())
    if not fits:
        raise InputError(f"{path}: none of its weights has a place in these networks; set the same network")
    return [*dict.fromkeys(left)]


def chosen_classes(config: GenerateConfig, generator: Generator) -> list[str]:
    """The names of the `classes` to generate, none without the key; an InputError where it knows them not."""
    with located(config):
        chosen = generator.labels_of(config.classes).unique().tolist() if config.classes else []
    names = [[*generator.classes][label] for label in chosen]
    if not all(name.isprintable() and Path(name).name == name not in ("", "..") for name in names):
        raise InputError(f"{config.checkpoint}: its classes cannot name folders")
    return names


def _filled(build: Callable[[], Network], weights: Mapping[str, Any]) -> Network:
    """What `build` makes, with these weights: compared with its own before any of it takes memory."""
    with torch.device("meta"):
        empty = build()
    empty.load_state_dict(weights, assign=True)
    network = build()
    network.load_state_dict(weights)
    return network.eval()


def _read(path: Path, weights: str = "average") -> dict[str, Any]:
    folder = checkpoints_of(path)
    best = (folder or path) / checkpoint.BEST
    if weights == "average" and folder and best.exists() and Run(folder.parent).read_state().get("ended_early") is True:
        say(f"{best} is taken, since the training ended when it became no better")
        weights = "best"
    if weights == "best":
        if not best.exists():
            raise Unusable("weights", f"{path} has no best.pt, which a training with metrics_every keeps: set average")
        return checkpoint.load(best)
    if not path.is_dir():
        return checkpoint.load(path)
    found = checkpoint.newest(folder) if folder else None
    if found is None:
        raise InputError(f"{path}: holds no checkpoints/: name a run's directory or a checkpoint file")
    state, _, damaged = found
    for line in damaged:
        warn(line)
    return state


def _unwrapped(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """The weights within {"netG": ...}, {"state_dict": {"module.main.0.weight": ...}} and the like."""
    for name in ("state_dict", "netG", "generator", "state_dict"):
        state = inner if isinstance(inner := state.get(name), Mapping) else state
    return {re.sub(r"^((module|netG|generator)\.)+", "", str(name)): value for name, value in state.items()}


def _from_state_dict(path: Path, state: Mapping[str, Any]) -> Generator:
    """A generator of transposed convolutions, its sizes read off its weights."""
    weights = {
        int(match[1]): value
        for name, value in state.items()
        if (match := re.fullmatch(r"main\.(\d+)\.weight", str(name))) and isinstance(value, Tensor) and value.dim() == 4
    }
    if not weights:
        raise InputError(f"{path}: holds neither a checkpoint of this tool nor a DCGAN generator (main.0.weight, ...)")
    first, last = weights[min(weights)], weights[max(weights)]
    height, width = (side << len(weights) - 1 for side in first.shape[2:])
    try:
        shape = last.shape[1], height, width
        return _filled(lambda: new_generator("conv", first.shape[0], shape, last.shape[0]), dict(state))
    except Exception as error:
        if is_out_of_memory(error):
            raise
        reason = (str(error) or type(error).__name__).splitlines()[-1].strip()
        raise InputError(f"{path}: its layers are not those of a DCGAN generator ({reason})") from error
