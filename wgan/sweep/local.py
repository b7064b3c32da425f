"""Where the runs of a sweep train: as processes of this machine, among which its cores and accelerators are shared out.

A Ray cluster (`wgan.sweep.cluster`) is the other `Executor`.
"""

import os
import time
from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from wgan.sweep.plan import SweepRun
from wgan.sweep.worker import POLL, open_worker, stop
from wgan.utils.system import cores

VISIBLE = {"cuda": "CUDA_VISIBLE_DEVICES", "xpu": "ZE_AFFINITY_MASK"}
"""Kind of accelerator -> the variable that shows a process some of them; ROCm's kind is cuda too."""


class Executor(AbstractContextManager["Executor"]):
    """The runs that train now, `parallel` at a time, or as many as the cluster takes. Leaving it stops them."""

    def __init__(self, parallel: float) -> None:
        self.parallel = parallel
        self.running: dict[str, Any] = {}  # name -> what a subclass knows it by

    @abstractmethod
    def start(self, one: SweepRun) -> None:
        """Train in a new process, now or as soon as a machine is free."""

    @abstractmethod
    def ended(self) -> Mapping[str, int]:
        """The runs that have ended since the last call -> exit status, negative for the signal that killed it."""

    @abstractmethod
    def stop(self) -> None:
        """Let every run save and end; `ended` tells when."""

    def __exit__(self, *_: object) -> None:
        self.stop()
        while self.running:
            self.ended()
            time.sleep(POLL)


class LocalRuns(Executor):
    """The runs that train on this machine: each on `cpus` cores (0: its share), all on so many accelerators of a kind.

    The `kind` is called as in torch, and empty where no run uses one.
    """

    def __init__(self, parallel: int, cpus: int = 0, kind: str = "", devices: int = 0) -> None:
        super().__init__(parallel)
        self.threads = cpus or max(1, cores() // parallel)
        self.variable = VISIBLE.get(kind, "")
        self.loads = Counter(dict.fromkeys(visible(os.environ.get(self.variable, ""), devices), 0))

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
    """The environment of one run, from the sweep's own: its threads, unless the user set a number, and its devices."""
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
