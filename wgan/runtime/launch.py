"""Starts the ranks of a training on this machine, where nobody (torchrun) has started them yet."""

import logging
import os
import signal
import sys
from collections.abc import Callable
from functools import partial

from wgan.config.schema import TrainConfig
from wgan.runtime.device import open_device
from wgan.runtime.distributed import started
from wgan.utils.errors import RunFault, exit_status


def must_launch(config: TrainConfig) -> bool:
    """Whether the YAML asks for several accelerators, this machine has them, and nobody started the ranks yet."""
    return config.n_gpu > 1 and not started() and open_device(config).type != "cpu"


def launch(job: Callable[[TrainConfig], int], config: TrainConfig, processes: int) -> int:
    """Run `job` in that many ranks on this machine, by torch's elastic launcher, and give the exit status.

    That is 0, that of the rank which failed first, or 128 + the signal that this process got.
    """
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    plan = LaunchConfig(1, 1, processes, run_id="wgan", rdzv_backend="c10d", rdzv_endpoint="localhost:0")
    plan.max_restarts = 0  # the same command goes on, as it does for one process
    logging.disable(logging.ERROR)  # the launcher's own report of what the ranks have reported
    try:
        elastic_launch(plan, _rank)(job, config)
    except SignalException as stopped:
        return 128 + stopped.sigval
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        if failure.exitcode < 0:
            killed = f"Rank {rank} was killed ({signal.Signals(-failure.exitcode).name})"
            raise RunFault(f"{killed}. The same command goes on from the last checkpoint.") from None
        return int(failure.exitcode)
    finally:
        logging.disable(logging.NOTSET)
    return 0


def _rank(job: Callable[[TrainConfig], int], config: TrainConfig) -> None:
    """What a process of `launch` does."""
    if hasattr(os, "setsid"):
        os.setsid()  # Ctrl-C on the terminal reaches the launcher alone, which passes it on: once, not twice
    sys.exit(exit_status(partial(job, config)))
