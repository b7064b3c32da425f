"""Spoilt files for every reader: no traceback, no hang, no memory without bound, nothing written elsewhere.

    python tests/fuzz/fuzz.py --inputs 1000000 --jobs 2      half an hour; prints how many were read, and each failure
    python tests/fuzz/fuzz.py --only image --inputs 20000

An input is a function of the seed, the reader's name and its number, so a failure comes again with `--only`, `--seed`
and `--first`; its file is kept in `--keep`. Put it into tests/fuzz/corpus/ when it is mended: the tests read that.
"""

import argparse
import contextlib
import faulthandler
import io
import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import FrameType

HERE = Path(__file__).parent
sys.path += [str(HERE), str(HERE.parent), str(HERE.parents[1])]

from file_faults import Changes, watched  # noqa: E402 - beside the tests
from targets import TARGETS, Target  # noqa: E402 - beside this file

SECONDS = 10
"""Within which every input must be read."""
MEMORY = 4 * 2**30
"""Bytes that reading one may take beside what the process has."""


@dataclass
class Outcome:
    """What some inputs of one reader gave."""

    name: str
    read: int = 0
    refused: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    failures: list[str] = field(default_factory=list)


class TooSlow(BaseException):
    """Not an Exception, so that no reader mistakes it for a fault of the file."""


def made(name: str, seed: int, number: int) -> bytes:
    """The input of that number."""
    target = TARGETS[name]
    return target.spoil(Random(f"{seed}/{name}/{number}"), target.files())


def failure(target: Target, folder: Path, content: bytes) -> tuple[bool, str]:
    """Whether reading refused an input in a clear line; what it must not do and did, if anything."""
    elsewhere: list[Path] = []
    changes = Changes(Path("/"), lambda _, __, path: elsewhere.append(path))
    written = io.StringIO()
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        with watched(changes), contextlib.redirect_stdout(written), contextlib.redirect_stderr(written):
            target.read(folder, content)
        refused = False
    except target.allowed as error:
        refused = True
        if not str(error).strip():
            return True, f"{type(error).__name__} without a word"
    except TooSlow:
        return False, f"took more than {SECONDS} s"
    except Exception:
        return False, traceback.format_exc(limit=-6)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    outside = [path for path in elsewhere if not {folder, Path(os.devnull)} & {path, *path.parents}]
    if outside:
        return refused, f"wrote {outside[0]}"
    return refused, "shows a traceback" if "Traceback" in written.getvalue() else ""


def fuzz(name: str, seed: int, numbers: range, keep: Path | None = None) -> Outcome:
    """Read these inputs of one reader."""
    target, outcome = TARGETS[name], Outcome(name)
    target.files()  # what is made once is no part of any input
    signal.signal(signal.SIGALRM, _too_slow)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch).resolve()
        with contextlib.suppress(*target.allowed):
            target.read(folder, target.files()[0])
        for number in numbers:
            content = made(name, seed, number)
            began = time.perf_counter()
            refused, problem = failure(target, folder, content)
            took = time.perf_counter() - began
            outcome.read += 1
            outcome.refused += refused
            outcome.seconds += took
            outcome.slowest = max(outcome.slowest, took)
            if problem:
                outcome.failures.append(f"{name}, seed {seed}, input {number}: {problem}")
                if keep:
                    keep.mkdir(parents=True, exist_ok=True)
                    (keep / f"{name.replace(' ', '_')}-{seed}-{number}").write_bytes(content)
    return outcome


def _too_slow(_signal: int, _frame: FrameType | None) -> None:
    raise TooSlow


def _job(work: tuple[str, int, range, Path]) -> Outcome:
    return fuzz(*work)


def _limited() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.enable()
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    import torch

    torch.set_num_threads(1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=10_000, help="of all readers together")
    parser.add_argument("--only", choices=TARGETS, action="append", help="a reader; again for more")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-failures"), help="folder for the inputs that fail")
    given = parser.parse_args()
    names = given.only or list(TARGETS)
    shares = sum(TARGETS[name].share for name in names)
    work = []
    for name in names:
        count = -(-given.inputs * TARGETS[name].share // shares)
        step = 500
        work += [
            (name, given.seed, range(at, min(given.first + count, at + step)), given.keep)
            for at in range(given.first, given.first + count, step)
        ]
    Random(0).shuffle(work)  # Ctrl-C ends it at any time, with all readers tried
    total: dict[str, Outcome] = {name: Outcome(name) for name in names}
    pools = multiprocessing.get_context("fork")
    with contextlib.suppress(KeyboardInterrupt), pools.Pool(given.jobs, _limited) as pool:
        for outcome in pool.imap_unordered(_job, work):
            of = total[outcome.name]
            of.read += outcome.read
            of.refused += outcome.refused
            of.seconds += outcome.seconds
            of.slowest = max(of.slowest, outcome.slowest)
            of.failures += outcome.failures
            for problem in outcome.failures:
                print(problem, flush=True)
    print(f"{'reader':22} {'inputs':>9} {'refused':>9} {'failed':>7} {'slowest':>9} {'CPU min':>8}")
    for of in total.values():
        print(
            f"{of.name:22} {of.read:9,} {of.refused:9,} {len(of.failures):7,} {of.slowest:8.2f}s {of.seconds / 60:8.1f}"
        )
    failed = sum(len(of.failures) for of in total.values())
    print(f"{sum(of.read for of in total.values()):,} inputs, {failed:,} failures")
    kinds = Counter(problem.strip().splitlines()[-1][:150] for of in total.values() for problem in of.failures)
    for kind, times in kinds.most_common(20):
        print(f"{times:6,}  {kind}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
