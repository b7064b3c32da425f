"""Starting and stopping the process of one run (`wgan.sweep.__main__`). On a Ray cluster this module travels."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

SOURCE = Path(__file__).parent.parent.parent  # holds image_generation.py and wgan
POLL = 0.2  # seconds between looks at a process


def open_worker(
    yaml: Path, output: Path, environ: Mapping[str, str], cwd: Path | None = None
) -> subprocess.Popen[bytes]:
    """A process that trains as `yaml` says until its standard input is closed; what it prints is added to `output`."""
    output.parent.mkdir(parents=True, exist_ok=True)
    paths = [str(SOURCE), *filter(None, [environ.get("PYTHONPATH")])]
    if output.is_symlink() or not output.is_file():
        output.unlink(missing_ok=True)  # of a link or a pipe it is not known who reads and writes it
    with output.open("ab") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "wgan.sweep", str(yaml)],
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env={**environ, "PYTHONPATH": os.pathsep.join(paths)},
            start_new_session=True,  # a terminal's Ctrl-C is for the sweep, which then stops its runs, once
        )


def stop(worker: subprocess.Popen[bytes]) -> None:
    """Let a worker save and end."""
    assert worker.stdin is not None
    worker.stdin.close()


def attend(yaml: Path, output: Path, cwd: Path, threads: int) -> int:
    """`open_worker` as a Ray task: its exit status. Cancelling it, a KeyboardInterrupt here, lets it save."""
    # a cluster that a script started in the background ignores SIGINT, and with it every request to stop
    signal.signal(signal.SIGINT, signal.default_int_handler)
    worker = open_worker(yaml, output, {**os.environ, "OMP_NUM_THREADS": str(threads)}, cwd)
    try:
        while worker.poll() is None:
            time.sleep(POLL)
    finally:
        stop(worker)
        while worker.poll() is None:
            with contextlib.suppress(KeyboardInterrupt):  # cancelled once more while it saves
                worker.wait()
    return worker.returncode
