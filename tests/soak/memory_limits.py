"""Let the memory of trainings run out at every moment, and look at what each says, leaves, and goes on to.

python tests/soak/memory_limits.py --limits 300            forks of a process that has imported torch
python tests/soak/memory_limits.py --limits 40 --fresh     full starts, the import included
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2]))

from commands import ROOT, run, write_yaml
from run_comparison import differences

from wgan.runs import checkpoint
from wgan.trainers.base import Trainer
from wgan.training.evaluator import ImageSamples
from wgan.utils.errors import InputError

KEYS: dict[str, Any] = {"metrics_every": 6, "metrics": ["swd"], "dataset": None, "number_channels": 3}
MOMENTS = (None, 0, 7)
"""When the limit is set: in a process that has done nothing yet, or in that many steps."""
WIDEST, SMALLEST_FRESH, WIDEST_FRESH = 240_000_000, 40_000_000, 6_000_000_000
"""Bytes of address space: beyond what the process has at that moment; in all."""


@dataclass
class Tally:
    """What came of it.

    Attributes:
        statuses: exit status -> how many.
        failures: a line for each that ended otherwise than in one line, or left what does not go on.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        counts = ", ".join(f"{count} with status {status}" for status, count in sorted(self.statuses.items()))
        return f"{self.statuses.total()} limits: {counts}; {len(self.failures)} of them wrong"


def put_images(folder: Path) -> None:
    """40 images that must be decoded."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for number in range(40):
        pixels = random.integers(0, 256, (300, 400, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.{'png' if number % 2 else 'jpg'}")


def few_metrics() -> None:
    """For `before`: they take most of the time otherwise."""
    ImageSamples.measured = 256


def limit_memory(spare: int) -> None:
    """For `before`: this process may map so many bytes more."""
    few_metrics()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + spare
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def limit_memory_in_step(step: int, spare: int) -> None:
    """The same, as soon as the training takes a step."""
    few_metrics()
    update = Trainer.critic_update

    def limited(trainer: Trainer, real: Any, at: int, *labels: Any) -> Any:
        if at == step:
            limit_memory(spare)
        return update(trainer, real, at, *labels)

    Trainer.critic_update = limited  # type: ignore[method-assign]


class MemoryLimits:
    """Trainings that run out of memory, and what they leave.

    Args:
        folder: an empty folder for all of it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.tally = folder, Tally()
        put_images(folder / "images")
        self.keys = {**KEYS, "path": str(folder / "images"), "cache": str(folder / "cache")}
        self.whole = write_yaml(folder / "whole", **self.keys)
        status, said = run(self.whole, before=few_metrics)
        assert status == 0, said

    def try_fork(self, moment: int | None, spare: int) -> None:
        """With so many bytes left in so many steps, or at the start."""
        yaml = self._begin(f"{'start' if moment is None else f'step-{moment}'}-{spare}")
        before = partial(limit_memory, spare) if moment is None else partial(limit_memory_in_step, moment, spare)
        self._look(yaml, *run(yaml, before=before))

    def try_fresh(self, limit: int) -> None:
        """A full start with so many bytes in all."""
        yaml = self._begin(f"fresh-{limit}")
        self._look(yaml, *start_fresh(yaml, limit))

    def _begin(self, name: str) -> Path:
        shutil.rmtree(self.folder / "cache", ignore_errors=True)
        return write_yaml(self.folder / name, **self.keys)

    def _look(self, yaml: Path, status: int, said: str) -> None:
        """Judge what it has said and left, and bring it to its end without a limit."""
        wrong = []
        lines = said.splitlines() or [""]
        if status not in (0, 1, 2) or "Traceback" in said or (status and "memory" not in lines[-1]):
            wrong.append(f"status {status}: {' / '.join(lines[-12:])}")
        last = yaml.parent / "out/run/checkpoints/last.pt"
        try:
            if last.exists():
                checkpoint.load(last)
        except InputError as error:
            wrong.append(str(error))
        again, told = run(yaml, before=few_metrics)
        if again:
            wrong.append(f"afterwards {again}: {told}")
        elif not yaml.parent.name.startswith("fresh"):  # which has computed other metrics
            wrong += differences(self.whole.parent / "out/run", yaml.parent / "out/run")
        self.tally.statuses[status] += 1
        self.tally.failures += [f"{yaml.parent.name}: {'; '.join(wrong)}"] if wrong else []
        print(f"{yaml.parent.name}: {status}, {lines[-1]}{'; WRONG' if wrong else ''}", flush=True)


def start_fresh(yaml: Path, limit: int) -> tuple[int, str]:
    """A full start with so many bytes of address space."""
    command = [sys.executable, str(ROOT / "image_generation.py"), str(yaml)]
    ended = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        preexec_fn=partial(resource.setrlimit, resource.RLIMIT_AS, (limit, limit)),
    )
    return ended.returncode, ended.stdout


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limits", type=int, default=100, help="for each moment")
    parser.add_argument("--fresh", action="store_true", help="full starts")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="memory_limits_") as folder:
        trials = MemoryLimits(Path(folder))
        for number in range(options.limits):
            if options.fresh:
                trials.try_fresh(SMALLEST_FRESH + (WIDEST_FRESH - SMALLEST_FRESH) * number // options.limits)
            for moment in () if options.fresh else MOMENTS:
                trials.try_fork(moment, WIDEST * number // options.limits)
    print(trials.tally, *trials.tally.failures, sep="\n")
    return 1 if trials.tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
