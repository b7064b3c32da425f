"""Runs of a sweep as processes of this machine: its cores and accelerators are shared out among them."""

import os
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence

from wgan.sweep.executor import Executor
from wgan.sweep.plan import SweepRun
from wgan.sweep.worker import open_worker, stop

VISIBLE = {"cuda": "CUDA_VISIBLE_DEVICES", "xpu": "ZE_AFFINITY_MASK"}
"""Kind of accelerator -> the variable that shows a process some of them; ROCm's kind is cuda too."""


class LocalRuns(Executor):
    """The runs of a sweep that train on this machine now.

    Args:
        parallel: how many at a time.
        cpus: cores of each run; 0 shares out this machine's.
        kind: of the accelerators, as torch names it; empty where no run uses one.
        devices: how many accelerators there are.
    """

    def __init__(self, parallel: int, cpus: int = 0, kind: str = "", devices: int = 0) -> None:
        super().__init__(parallel)
        self.threads = cpus or max(1, cores() // parallel)
        self.variable = VISIBLE.get(kind, "")
        self.loads = Counter(dict.fromkeys(visible(os.environ.get(self.variable, ""), devices), 0))
        self.running: dict[str, tuple[subprocess.Popen[bytes], Sequence[str]]] = {}

    def start(self, one: SweepRun) -> None:
        chosen = least_loaded(self.loads, one.config.n_gpu)
        self.loads.update(chosen)
        environ = environment(os.environ, self.threads, self.variable, chosen)
        self.running[one.name] = open_worker(one.yaml, one.output, environ), chosen

    def ended(self) -> dict[str, int]:
        found = {name: status for name, (process, _) in self.running.items() if (status := process.poll()) is not None}
        for name in found:
            process, chosen = self.running.pop(name)
            stop(process)
            self.loads.subtract(chosen)
        return found

    def stop(self) -> None:
        for process, _ in self.running.values():
            stop(process)


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
