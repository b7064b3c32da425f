"""Runs of a sweep as processes of this machine: its cores and accelerators are shared out among them."""

import os
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from types import TracebackType

from wgan.sweep.plan import SweepRun
from wgan.sweep.worker import open_worker, stop

VISIBLE = {"cuda": "CUDA_VISIBLE_DEVICES", "xpu": "ZE_AFFINITY_MASK"}
"""Kind of accelerator -> the variable that shows a process some of them; ROCm's kind is cuda too."""


class LocalRuns:
    """The runs of a sweep that train on this machine now.

    Args:
        parallel: how many at a time.
        cpus: cores of each run; 0 shares out this machine's.
        kind: of the accelerators, as torch names it; empty where no run uses one.
        devices: how many accelerators there are.
    """

    def __init__(self, parallel: int, cpus: int = 0, kind: str = "", devices: int = 0) -> None:
        self.parallel = parallel
        self.threads = cpus or max(1, cores() // parallel)
        self.variable = VISIBLE.get(kind, "")
        self.loads = Counter(dict.fromkeys(visible(os.environ.get(self.variable, ""), devices), 0))
        self._running: dict[str, tuple[subprocess.Popen[bytes], Sequence[str]]] = {}

    @property
    def has_room(self) -> bool:
        """Whether one more may start."""
        return len(self._running) < self.parallel

    def start(self, one: SweepRun) -> None:
        """Train in a new process."""
        chosen = least_loaded(self.loads, one.config.n_gpu)
        self.loads.update(chosen)
        environ = environment(os.environ, self.threads, self.variable, chosen)
        self._running[one.name] = open_worker(one.yaml, one.output, environ), chosen

    def ended(self) -> dict[str, int]:
        """The runs that have ended since the last call -> exit status, negative for the signal that killed it."""
        found = {name: status for name, (process, _) in self._running.items() if (status := process.poll()) is not None}
        for name in found:
            process, chosen = self._running.pop(name)
            stop(process)
            self.loads.subtract(chosen)
        return found

    def stop(self) -> None:
        """Let every run save and end; `ended` tells when."""
        for process, _ in self._running.values():
            stop(process)

    def __enter__(self) -> "LocalRuns":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.stop()
        for process, _ in self._running.values():
            process.wait()


def environment(base: Mapping[str, str], threads: int, variable: str, devices: Sequence[str]) -> dict[str, str]:
    """The environment of one run.

    Args:
        base: the sweep's own.
        threads: for computing; a number that the user set stays.
        variable: shows a process some of the accelerators; empty where there is none.
        devices: those that the run may use.
    """
    shown = {variable: ",".join(devices)} if variable and devices else {}
    return {"OMP_NUM_THREADS": str(threads), **base, **shown}


def least_loaded(loads: Mapping[str, int], count: int) -> list[str]:
    """The `count` devices on which the fewest runs train, the first of equals; all where there are fewer."""
    chosen = sorted(loads, key=lambda device: loads[device])[:count]
    return sorted(chosen, key=list(loads).index)


def visible(listed: str, devices: int) -> list[str]:
    """The accelerators' names for the variable: those that it lists already, else their numbers."""
    names = [name.strip() for name in listed.split(",") if name.strip()]
    return names[:devices] if names else [str(number) for number in range(devices)]


def cores() -> int:
    """The cores that this process may use, which a container or a batch system may have narrowed."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
