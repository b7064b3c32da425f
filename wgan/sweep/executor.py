"""Where the runs of a sweep train: what this machine (`local`) and a Ray cluster (`cluster`) have in common."""

import time
from abc import abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from wgan.sweep.plan import SweepRun
from wgan.sweep.worker import POLL


class Executor(AbstractContextManager["Executor"]):
    """The runs that train now. Leaving it stops them and waits until they have saved.

    Args:
        parallel: how many at a time; None where the cluster decides.
    """

    def __init__(self, parallel: int | None) -> None:
        self.parallel = parallel
        self.running: dict[str, Any] = {}  # name -> what a subclass knows it by

    @property
    def has_room(self) -> bool:
        """Whether one more may start."""
        return self.parallel is None or len(self.running) < self.parallel

    @abstractmethod
    def start(self, one: SweepRun) -> None:
        """Train in a new process, now or as soon as a machine is free."""

    @abstractmethod
    def ended(self) -> Mapping[str, int]:
        """The runs that have ended since the last call -> exit status, negative for the signal that killed it."""

    @abstractmethod
    def stop(self) -> None:
        """Let every run save and end; `ended` tells when."""

    def close(self) -> None:
        """Called at the end, when nothing trains any more."""

    def __exit__(self, *_: object) -> None:
        self.stop()
        while self.running:
            self.ended()
            time.sleep(POLL)
        self.close()
