"""Runs of a sweep as tasks of a Ray cluster: where a machine is lost, its runs go on elsewhere from their checkpoints.

All machines must see `out`, this program and its Python packages at the same paths, as with a shared home folder. The
cache of decoded images may be each machine's own.
"""

import math
import os
import signal
import socket
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from wgan.config.constraints import RAY_MISSING
from wgan.config.schema import TrainConfig
from wgan.sweep import worker
from wgan.sweep.local import Executor
from wgan.sweep.plan import SweepRun
from wgan.utils.console import warn
from wgan.utils.errors import InputError

CANCEL_AGAIN = 60.0  # seconds until a run that goes on is asked to stop once more: the first request may be lost
RETRIES = 20  # lost machines that a run survives; each time it goes on from its last checkpoint


class RayRuns(Executor):
    """The runs of a sweep that train on a Ray cluster now: the one at RAY_ADDRESS, or else this machine's.

    Each is a task with `cpus` cores and `n_gpu` accelerators; Ray finds a machine that has them free.
    """

    def __init__(self, config: TrainConfig) -> None:
        super().__init__(config.parallel if config.origin("parallel") != "default" else math.inf)
        self.ray = _connected(config)
        self.cpus = config.cpus or 1
        self.running: dict[str, tuple[Any, SweepRun]] = {}
        self._attend = self.ray.remote(worker.attend)
        self._cancelled = math.inf  # when the runs were last asked to stop, by time.monotonic()

    def start(self, one: SweepRun) -> None:
        needs = {"num_cpus": self.cpus, "num_gpus": one.config.n_gpu}
        if not _fits(self.ray.nodes(), **needs):
            wanted = f"{self.cpus} CPUs and {one.config.n_gpu} GPUs"
            warn(f"{one.name}: waits until a machine with {wanted} joins the cluster")
        task = self._attend.options(name=one.name, max_retries=RETRIES, **needs)
        here = Path.cwd()
        self.running[one.name] = task.remote(here / one.yaml, here / one.output, here, self.cpus), one

    def ended(self) -> dict[str, int]:
        if time.monotonic() - self._cancelled > CANCEL_AGAIN:
            self.stop()
        names = {reference: name for name, (reference, _) in self.running.items()}
        ready, _ = self.ray.wait(list(names), num_returns=len(names), timeout=0) if names else ([], [])
        return {names[reference]: self._status(*self.running.pop(names[reference])) for reference in ready}

    def stop(self) -> None:
        self._cancelled = time.monotonic()
        for reference, _ in self.running.values():
            self.ray.cancel(reference)

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self.ray.shutdown()

    def _status(self, reference: Any, one: SweepRun) -> int:
        try:
            return int(self.ray.get(reference))
        except (self.ray.exceptions.TaskCancelledError, KeyboardInterrupt):
            return -signal.SIGTERM
        except self.ray.exceptions.RayError as error:
            one.run.directory.mkdir(parents=True, exist_ok=True)
            with one.output.open("a", encoding="utf-8") as file:
                file.write(f"Ray gave the run up: {' '.join(str(error).split())}\n")
            return 1


def _connected(config: TrainConfig) -> Any:
    """The module `ray`, connected."""
    where = config.where("executor")
    try:
        ray: Any = import_module("ray")
    except ImportError:
        raise InputError(f"{where}: {RAY_MISSING}") from None
    address = os.environ.get("RAY_ADDRESS", "")
    if reason := _unreachable(address):
        raise InputError(f"{where}: no Ray cluster answers at {address} (RAY_ADDRESS): {reason}")
    ray.init(log_to_driver=False, logging_level="ERROR", configure_logging=False, ignore_reinit_error=True)
    ray.cloudpickle.register_pickle_by_value(worker)
    return ray


def _unreachable(address: str) -> str | None:
    """Why nobody answers at host:port; None where somebody does. Ray tries for minutes, and then ends the process."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        return None  # "auto", "local" or nothing: Ray finds or starts its own
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except OSError as error:
        return error.strerror or str(error)
    return None


def _fits(nodes: list[dict[str, Any]], num_cpus: int, num_gpus: int) -> bool:
    """Whether one of a cluster's machines, with nothing else on it, could take such a task."""
    held = [node["Resources"] for node in nodes if node["Alive"]]
    return any(one.get("CPU", 0) >= num_cpus and one.get("GPU", 0) >= num_gpus for one in held)
