"""Single trainings with a fault, each in a process that has imported torch; what went otherwise than it must."""

import io
import os
import re
import signal
from contextlib import redirect_stderr, redirect_stdout
from errno import EACCES, EIO, ENOSPC
from functools import partial
from pathlib import Path

from commands import undrawn_curves, write_yaml
from file_faults import Act, Changes, failing, filling, watched
from run_comparison import differences

import image_generation
from wgan.data import named_sets
from wgan.reporting import live
from wgan.runs import checkpoint
from wgan.training.evaluator import ImageSamples

SHORT = {"num_steps": 4, "log_every": 4, "sample_every": 4, "checkpoint_every": 2, "metrics": []}
FAULTS = {os.strerror(error): partial(failing, error) for error in (ENOSPC, EIO, EACCES)}
MIDWAY = "No space left on device"
"""What the system says when the disk is full in the middle of a file."""


def quicken() -> None:
    """For a process: all files are written the same way, with less in them; the set is small and read once."""
    digits = named_sets.mnist_5k()[::10]
    named_sets.mnist_5k = lambda: digits
    ImageSamples.shown = ImageSamples.measured = ImageSamples.searched = 16
    live.MAX_COST = 0  # pages at the start and the end alone, however fast the machine is
    undrawn_curves()


def train(yaml: Path, act: Act = lambda *_: None) -> tuple[int, list[str], list[tuple[str, str]]]:
    """Train with a fault; the exit status, what was said on stderr but progress, and all changes of files."""
    told = io.StringIO()
    folder = yaml.parent / "out"
    with redirect_stderr(told), redirect_stdout(io.StringIO()), watched(Changes(folder, act)) as changes:
        status = image_generation.main([str(yaml)])
    lines = [line for line in told.getvalue().splitlines() if not re.match(r"step \d+/", line)]
    return status, lines, changes.seen


def whole(folder: Path) -> list[tuple[str, str]]:
    """All changes of an undisturbed training in `folder`."""
    status, told, changes = train(write_yaml(folder, **SHORT))
    assert status == 0, told
    return changes


def with_faults(undisturbed: Path, folder: Path, number: int, midway: bool, saved: bool, finished: bool) -> list[str]:
    """Let one change fail in every way, each in a training of its own, and train again without a fault.

    Which error it is makes no difference to what goes on from there if the same files are left: after the fault nothing
    can be written. So one training goes on for all errors, and one for the fault in the middle of a file.

    Args:
        undisturbed: the folder of `whole`.
        folder: of these trainings.
        number: of the change.
        midway: let the content of the file fail as well, not only its opening.
        saved: whether a checkpoint stands there by then.
        finished: whether the run is, so that the change is one of a page.
    """
    trainings = {folder / str(index): kind for index, kind in enumerate(FAULTS)}
    known = saved, finished
    problems = [line for each, kind in trainings.items() for line in _failed(each, FAULTS[kind](number), kind, *known)]
    left = [sorted(path.relative_to(each) for path in each.rglob("*")) for each in trainings]
    problems += [f"{kind}: left {files}" for files, kind in zip(left, FAULTS, strict=True) if files != left[0]]
    problems += _goes_on(undisturbed, folder / "0")
    if midway:
        problems += _failed(folder / "midway", filling(number), MIDWAY, *known)
        problems += _goes_on(undisturbed, folder / "midway")
    return problems


def _failed(folder: Path, act: Act, fault: str, saved: bool, finished: bool) -> list[str]:
    status, told, _ = train(write_yaml(folder, **SHORT), act)
    problems = [] if status == (0 if finished else 1) else [f"{fault}: status {status}"]
    pages = [line for line in told if re.match(r"warning: .*(png|gif|html): not brought", line)]
    if len(told) - (0 if finished else len(pages)) != 1 or any(
        fault not in line or str(folder) not in line for line in told
    ):
        problems.append(f"{fault}: said {told}")
    if saved and checkpoint.newest(folder / "out/run/checkpoints") is None:
        problems.append(f"{fault}: no checkpoint is left")
    return problems


def killed(undisturbed: Path, folder: Path, number: int) -> list[str]:
    """Let the process die just before a change, then train again."""
    yaml = write_yaml(folder, **SHORT)
    child = os.fork()  # with one thread (see `forking`): a fork of more would wait for threads that it does not have
    if child == 0:
        try:
            train(yaml, lambda index, *_: os.kill(os.getpid(), signal.SIGKILL) if index == number else None)
        finally:
            os._exit(0)  # whatever happened: only one process may go on as the pool's worker
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return ([] if status == -9 else [f"status {status}"]) + _goes_on(undisturbed, folder)


def _goes_on(undisturbed: Path, folder: Path) -> list[str]:
    status, told, _ = train(folder / "input.yaml")
    if status:
        return [f"went on with status {status}: {told}"]
    return differences(undisturbed / "out/run", folder / "out/run")
