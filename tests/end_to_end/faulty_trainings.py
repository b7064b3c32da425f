"""Single trainings with a fault, each in a process that has imported torch; what went otherwise than it must."""

import io
import os
import re
import signal
from contextlib import redirect_stderr, redirect_stdout
from errno import EACCES, EIO, ENOSPC
from functools import lru_cache, partial
from pathlib import Path

from commands import write_yaml
from file_faults import Act, Changes, failing, filling, watched
from run_comparison import differences

import image_generation
from wgan.data import named_sets
from wgan.reporting import live
from wgan.runs import checkpoint
from wgan.training.evaluator import ImageSamples
from wgan.utils.atomic_io import write_text

SHORT = {"num_steps": 4, "log_every": 4, "sample_every": 4, "checkpoint_every": 2, "metrics": []}
FAULTS = {os.strerror(error): partial(failing, error) for error in (ENOSPC, EIO, EACCES)}
MIDWAY = "No space left on device"
"""What the system says when the disk is full in the middle of a file."""


def quicken() -> None:
    """For a process: curves are written the same way but not drawn, the set is read once."""
    named_sets.mnist_5k = lru_cache(named_sets.mnist_5k)
    ImageSamples.measured = 64
    live.MAX_COST = 0  # pages at the end alone, however fast the machine is
    live.loss_plot = lambda _, path: write_text(path, "curves")


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


def with_fault(undisturbed: Path, folder: Path, number: int, fault: str, midway: bool, saved: bool) -> list[str]:
    """Let one change fail, then train again without a fault.

    Args:
        undisturbed: the folder of `whole`.
        folder: of this training.
        number: of the change.
        fault: what the system says.
        midway: let the content of the file fail, rather than its opening.
        saved: whether a checkpoint stands there by then.
    """
    yaml = write_yaml(folder, **SHORT)
    act = filling(number) if midway else FAULTS[fault](number)
    status, told, _ = train(yaml, act)
    problems = [] if status == 1 else [f"status {status}"]
    if len(told) != 1 or fault not in told[0] or str(folder) not in told[0]:
        problems.append(f"said {told}")
    if saved and checkpoint.newest(folder / "out/run/checkpoints") is None:
        problems.append("no checkpoint is left")
    return problems + _goes_on(undisturbed, folder)


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
