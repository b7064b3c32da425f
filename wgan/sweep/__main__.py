"""One run of a sweep: image_generation.py in a process of its own, which saves and ends when its sweep is gone.

    python -m wgan.sweep out/digits-sweep-seed/digits-seed=1.yaml

The sweep holds the other end of this process's standard input. It closes it to stop the run; the operating system
closes it when the sweep dies, however it dies. Either way the run gets the SIGTERM that makes a training save.
"""

import os
import runpy
import signal
import sys
import threading
import time
from pathlib import Path

from wgan.config.resolve import load_config
from wgan.runs.run_dir import Run
from wgan.sweep.worker import SOURCE
from wgan.utils.errors import InputError

PATIENCE = 120.0  # seconds for another process in the run's directory: its sweep was killed, it may still be saving


def main(yaml: Path) -> None:
    """Train as `yaml` says; ends the process with the entry's exit status."""
    threading.Thread(target=_stop_with_the_sweep, daemon=True).start()
    config = load_config(yaml)
    _wait_for_predecessor(Run(config.out / config.run))
    entry = str(SOURCE / "image_generation.py")
    sys.argv = [entry, str(yaml)]
    runpy.run_path(entry, run_name="__main__")


def _stop_with_the_sweep() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        continue  # nothing is ever written: this returns empty when the sweep closes its end, or is gone
    os.kill(os.getpid(), signal.SIGTERM)


def _wait_for_predecessor(run: Run) -> None:
    """Return when the run's directory is free, or after `PATIENCE`; the training then says who holds it."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            with run.lock():
                return
        except InputError:
            time.sleep(0.2)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
