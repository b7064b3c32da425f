"""Generators that were trained already: from runs, from checkpoints, from other implementations' files."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from wgan.config.resolve import resolve
from wgan.config.schema import GenerateConfig, TrainConfig
from wgan.data.image_folder import located
from wgan.networks.base import NO_CLASSES, Generator
from wgan.networks.build import build_generator, new_generator
from wgan.runs import checkpoint
from wgan.runs.run_dir import Run, checkpoints_of
from wgan.utils.console import say, warn
from wgan.utils.errors import InputError, is_out_of_memory


def load_generator(path: Path) -> Generator:
    """The averaged generator of a run, on the CPU, ready to sample.

    From a run's directory or its checkpoints/ (the newest whole one; best.pt if `patience` ended the run), a checkpoint
    file, or a bare state_dict of a DCGAN-like generator (`main.0.weight`, ..., as many save it), whose sizes are read
    off its tensors.

    Raises:
        InputError: there is no such file, it is damaged, or it holds no generator.
    """
    state = _read(path)
    if "trainer" not in state:
        return _from_state_dict(path, state)
    try:
        config = resolve(state["config"])
        assert isinstance(config, TrainConfig)
        classes = state.get("classes", NO_CLASSES)  # which checkpoints of older versions do not have
        if not all(isinstance(name, str) and count in range(1, 2**53) for name, count in classes.items()):
            raise ValueError(f"its classes are {classes}")
        return _filled(lambda: build_generator(config, state["shape"], classes), state["trainer"]["ema"])
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


def _filled(build: Callable[[], Generator], weights: Mapping[str, Any]) -> Generator:
    """What `build` makes, with these weights: compared with its own before any of it takes memory."""
    with torch.device("meta"):
        empty = build()
    empty.load_state_dict(weights, assign=True)
    generator = build()
    generator.load_state_dict(weights)
    return generator.eval()


def _read(path: Path) -> dict[str, Any]:
    if not path.is_dir():
        return checkpoint.load(path)
    folder = checkpoints_of(path)
    if (
        folder
        and Run(folder.parent).read_state().get("ended_early") is True
        and (best := folder / checkpoint.BEST).exists()
    ):
        say(f"{best} is taken, since the training ended when it became no better")
        return checkpoint.load(best)
    found = checkpoint.newest(folder) if folder else None
    if found is None:
        raise InputError(f"{path}: holds no checkpoints/: name a run's directory or a checkpoint file")
    state, _, damaged = found
    for line in damaged:
        warn(line)
    return state


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
