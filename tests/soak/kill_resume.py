"""Kill trainings with SIGKILL at random moments and compare what they end with, bit by bit, with undisturbed ones.

python tests/soak/kill_resume.py --kills 200            processes forked from one that has imported torch
python tests/soak/kill_resume.py --kills 20 --fresh     full starts of the command line, some seconds each
"""

import argparse
import itertools
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2]))

from commands import ROOT, Command, slow_disk, undrawn_curves, write_yaml
from run_comparison import differences

from wgan.config.algorithms import ALGORITHMS
from wgan.training.evaluator import ImageSamples

ARCHS = tuple(ALGORITHMS)
EXTRAS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "spectral norm": {"spectral_norm": True},
    "resnet": {"network": "resnet"},
    "metrics": {"metrics_every": 10, "metrics": ["swd"]},
    "TensorBoard": {"tensorboard": True},
    "augmentation": {"augment": ["flip", "translation", "color", "cutout"]},
    "accumulate": {"accumulate": 2},
}
"""What the trainings have beside their algorithm and number format, in turn: all 56 combinations come up."""
LENGTH = {"num_steps": 40, "log_every": 3, "sample_every": 8, "checkpoint_every": 5, "metrics": []}
PATIENCE = 900.0
"""Seconds after which a training counts as hanging."""
POLL = 0.002
Combinations = Iterator[tuple[int, tuple[tuple[str, str], str]]]


@dataclass
class Tally:
    """What came of it.

    Attributes:
        kills: that met a living process.
        saving: of these, how many left a half written checkpoint behind.
        runs: trainings that were killed and brought to their end.
        failures: a line for each that ended otherwise than its undisturbed twin.
    """

    kills: int = 0
    saving: int = 0
    runs: int = 0
    failures: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.kills} kills, {self.saving} of them while a checkpoint was being written; "
            f"{self.runs} trainings, {len(self.failures)} of them ended otherwise than undisturbed ones"
        )


def kill_and_resume(
    folder: Path, kills: int, seed: int, fresh: bool = False, extras: Sequence[str] = tuple(EXTRAS)
) -> Tally:
    """Train, kill, go on, compare, until so many kills are done; two trainings at a time.

    Args:
        folder: an empty folder for all of it.
        kills: how many SIGKILLs at least.
        seed: of the moments.
        fresh: start every process as a user does, rather than as a fork.
        extras: names of `EXTRAS`.
    """
    _train(write_yaml(folder / "warm-up", **LENGTH), fresh)  # starts the process that the others are forked from
    tally = Tally()
    plain = [(arch, precision) for precision in ("fp32", "bf16") for arch in ARCHS]
    combinations = enumerate(zip(itertools.cycle(plain), itertools.cycle(extras), strict=True))
    with ThreadPoolExecutor(2) as workers:
        for worker in [workers.submit(_work, folder, combinations, kills, seed, fresh, tally) for _ in range(2)]:
            worker.result()
    return tally


def _work(folder: Path, combinations: Combinations, kills: int, seed: int, fresh: bool, tally: Tally) -> None:
    """Disturb one training after the other until there were enough kills."""
    while tally.kills < kills:
        number, ((arch, precision), extra) = next(combinations)
        keys = {"arch": arch, "precision": precision, "seed": number, **LENGTH, **EXTRAS[extra]}
        seconds = _train(write_yaml(folder / f"{number}-whole", **keys), fresh)
        try:
            _disturb(
                write_yaml(folder / f"{number}-killed", **keys), seconds, random.Random(seed + number), fresh, tally
            )
            found = differences(*(folder / f"{number}-{name}/out/run" for name in ("whole", "killed")))
        except (RuntimeError, TimeoutError) as error:
            found = [str(error)]
        tally.runs += 1
        if found:
            tally.failures.append(f"{number}-killed ({arch}, {precision}, {extra}): {'; '.join(found)}")
        print(f"{tally.kills} kills; {arch} {precision} {extra}: {'; '.join(found) or 'the same bits'}", flush=True)


def _train(yaml: Path, fresh: bool) -> float:
    """Train undisturbed; the seconds it took."""
    began = time.monotonic()
    status = _start(yaml, fresh).wait(PATIENCE)
    assert status == 0, (yaml.parent / "output.txt").read_text()
    return time.monotonic() - began


def _disturb(yaml: Path, seconds: float, chance: random.Random, fresh: bool, tally: Tally) -> None:
    """Bring a training to its end, killing it again and again: at any moment, or as soon as it writes a checkpoint."""
    checkpoints = yaml.parent / "out/run/checkpoints"
    while True:
        process = _start(yaml, fresh)
        at_saving = chance.random() < 0.5
        moment = time.monotonic() + chance.uniform(0, 0.6 * seconds)
        while process.status is None and time.monotonic() < moment + PATIENCE:
            writing = at_saving and any(checkpoints.glob(".last.*"))
            if time.monotonic() >= moment and (writing or not at_saving):
                break
            time.sleep(POLL)
        if process.status is None:
            process.kill()
        if process.status == -9:
            tally.kills += 1
            tally.saving += any(checkpoints.glob(".last.*"))
        elif process.status == 0:
            return
        else:
            raise RuntimeError(f"status {process.status}: {(yaml.parent / 'output.txt').read_text()}")


class _Forked(Command):
    """A fork; `status` is None while it runs."""

    @property
    def status(self) -> int | None:
        return self.process.exitcode


class _Fresh:
    """A full start, with the same methods."""

    def __init__(self, yaml: Path) -> None:
        self.output = (yaml.parent / "output.txt").open("wb")
        command = [sys.executable, str(ROOT / "image_generation.py"), str(yaml)]
        self.process = subprocess.Popen(command, stdout=self.output, stderr=subprocess.STDOUT)

    @property
    def status(self) -> int | None:
        return self.process.poll()

    def wait(self, timeout: float) -> int:
        return self.process.wait(timeout)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def _start(yaml: Path, fresh: bool) -> _Forked | _Fresh:
    return _Fresh(yaml) if fresh else _Forked(yaml.parent / "output.txt", [yaml], hasten)


def hasten() -> None:
    """For `before`: metrics of fewer images, and a disk that takes as long to flush as a slow one."""
    ImageSamples.measured = 256
    slow_disk()
    undrawn_curves()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--fresh", action="store_true", help="full starts")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kill_resume_") as folder:
        tally = kill_and_resume(Path(folder), options.kills, options.seed, options.fresh)
    print(tally, *tally.failures, sep="\n")
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
