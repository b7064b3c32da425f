"""From a checkpoint to a training that goes on, checked: its shapes, its images, its numbers."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from wgan.runs import checkpoint
from wgan.trainers.base import Trainer
from wgan.training.environment import setting
from wgan.utils import faults
from wgan.utils.console import warn
from wgan.utils.errors import InputError

REQUIRED_FIELDS = {"step": int, "log_rows": int, "seconds": float, "row_seconds": float, "window": dict, "watch": dict}
"""What a checkpoint holds beside the trainer's state, and what the loop relies on."""


def newest_checked(folder: Path, trainer: Trainer, fingerprint: str) -> dict[str, Any] | None:
    """Load a run's newest whole checkpoint into its trainer; damaged ones are set aside, and said.

    Args:
        folder: the run's checkpoints.
        trainer: takes up the weights and the optimisers' moments.
        fingerprint: of the images there are.

    Returns:
        What else the checkpoint holds; None where there is none.

    Raises:
        InputError: all checkpoints are damaged; or the newest is of another run, of other images.
    """
    found = checkpoint.newest(folder, set_aside=True)
    if found is None:
        return None
    state, path, damaged = found
    for line in damaged:
        warn(line)
    try:
        if state["format"] != checkpoint.FORMAT:
            raise InputError(f"{path}: was written by another version of this tool")
        if state["fingerprint"] != fingerprint:
            raise InputError(
                f"{path}: was trained on other images than those that are there now. Restore them, or give this run "
                "another name (run:)"
            )
        if wrong := [name for name, kind in REQUIRED_FIELDS.items() if type(state[name]) is not kind]:
            raise TypeError(f"{wrong[0]} is no {REQUIRED_FIELDS[wrong[0]].__name__}")
        before = state["setting"]
        changed = {name: value for name, value in setting(trainer).items() if value != before[name]}
        trainer.load_state_dict(state["trainer"])
        require_matching(trainer.generator_optimizer, trainer.critic_optimizer)
    except Exception as error:  # of a file that anybody can have made, reading may say anything
        if isinstance(error, InputError) or faults.is_out_of_memory(error):
            raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path}: is no checkpoint of this run ({reason}): remove it to go on without it") from error
    for name, value in changed.items():
        warn(f"{name} was {before[name]}, now it is {value}: the numbers may differ from here on")
    return state


def first_broken(step: int, state: Mapping[str, Any]) -> tuple[int, str, float] | None:
    """(step, name, value) of the first tensor that is not finite; None if all are. Waits for the device once."""
    named = dict(_tensors(state, ""))
    if not named:
        return None
    device = max((tensor.device for tensor in named.values()), key=lambda found: found.type != "cpu")
    finite = torch.stack([tensor.isfinite().all().to(device) for tensor in named.values()]).tolist()
    name = next((name for name, good in zip(named, finite, strict=True) if not good), None)
    return None if name is None else (step, name, float(named[name][~named[name].isfinite()][0]))


def require_matching(*optimizers: torch.optim.Optimizer) -> None:
    """Torch loads moments of any shape, and fails in the first step.

    Raises:
        ValueError: an optimiser's moments are not of its weights' shapes.
    """
    for optimizer in optimizers:
        for weight, moments in optimizer.state.items():
            for name, moment in moments.items():
                if isinstance(moment, Tensor) and moment.dim() and moment.shape != weight.shape:
                    raise ValueError(f"{name} is {tuple(moment.shape)} for a weight of {tuple(weight.shape)}")


def _tensors(state: object, name: str) -> Iterator[tuple[str, Tensor]]:
    if isinstance(state, Tensor):
        yield name, state
    elif isinstance(state, Mapping):
        for key, value in state.items():
            yield from _tensors(value, f"{name}.{key}" if name else str(key))
