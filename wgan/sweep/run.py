"""`sweep`: one YAML -> a run for each combination of values, each in its own directory and process."""

import json
import signal
import time
from collections import deque
from collections.abc import Sequence

from wgan.config.resolve import to_yaml
from wgan.config.schema import TrainConfig
from wgan.reporting.live import LivePage, draw_all, sweep_pages
from wgan.reporting.sweep_summary import ranking_table
from wgan.runs import run_dir
from wgan.runs.run_dir import Run
from wgan.sweep.cluster import RayRuns
from wgan.sweep.local import Executor, LocalRuns
from wgan.sweep.plan import SWEEP_YAML, SweepRun, folder, plan, prepare
from wgan.sweep.progress import SweepProgress
from wgan.sweep.worker import POLL
from wgan.utils.atomic_io import open_regular, write_text
from wgan.utils.console import say
from wgan.utils.errors import explain_disk_errors
from wgan.utils.signals import Interrupted, Interruption


def sweep(config: TrainConfig) -> int:
    """Train every run of the sweep that is not finished, then write the pages that compare all of them.

    Returns:
        0 when all runs are finished, 1 when some failed, 130 or 143 after SIGINT or SIGTERM (all saved; can go on).

    Raises:
        InputError: the images or devices that the runs ask for are not there, or another process runs this sweep.
        RunFault: what belongs to no single run cannot be written.
    """
    own = folder(config)
    with Interruption() as interruption:
        planned = plan(config)
        pending = [one for one in planned if not run_dir.is_finished(one.run, one.config)]
        finished = len(planned) - len(pending)
        say(f"{len(planned)} runs over {', '.join(config.sweep or {})}, {finished} of them finished already")
        try:
            with interruption.abortable():
                executor = open_executor(config, pending)  # first: a missing device is known at once
                lengths = prepare(pending)
        except Interrupted:
            return interruption.exit_status
        with Run(own).lock(), explain_disk_errors(own):
            write_text(own / SWEEP_YAML, to_yaml(config))
            for one in pending:
                write_text(one.yaml, to_yaml(one.config))
                one.failure.unlink(missing_ok=True)
            directories = {one.run.directory: one.chosen for one in planned}
            _, index, page = pages = sweep_pages(own, directories)
            if pending:
                draw_all(pages)
                say(f"Figures:  {page.path}", f"All runs: {index.path}")
            progress = SweepProgress(pending, lengths, finished, min(executor.parallel, len(pending)))
            with executor, progress.bar:
                failed = train_all(pending, executor, progress, interruption, pages)
            if interruption.signal:
                draw_all([index, page], whether_due_or_not=True)
                say("Stopped, and every run has saved. The same command goes on from there.")
                return interruption.exit_status
            draw_all(pages, whether_due_or_not=True)
    say(f"{len(planned) - len(failed)} of {len(planned)} runs are finished")
    say(*ranking_table(directories).split("\n"), f"Figures:  {page.path}", f"All runs: {index.path}")
    for one in planned:
        if one.name in failed:
            say(f"failed: {one.run.directory}/: {failed[one.name]}", f"  all it said: {one.output}")
    return 1 if failed else 0


def open_executor(config: TrainConfig, pending: Sequence[SweepRun]) -> Executor:
    """A Ray cluster, or this machine with its accelerators where runs use them.

    Raises:
        InputError: Ray is not there, or a run asks for more accelerators than this machine has.
    """
    if config.executor == "ray":
        return RayRuns(config)
    using = [one.config for one in pending if one.config.n_gpu]
    if not using:
        return LocalRuns(config.parallel, config.cpus)
    from wgan.runtime.device import count_accelerators, open_device  # loads torch

    kinds = [open_device(one).type for one in using]
    return LocalRuns(config.parallel, config.cpus, kinds[0], count_accelerators())


def train_all(
    pending: Sequence[SweepRun],
    executor: Executor,
    progress: SweepProgress,
    interruption: Interruption,
    pages: Sequence[LivePage],
) -> dict[str, str]:
    """Train all runs, or, after a signal, wait until those under way have saved; name -> reason, of the failed."""
    named, waiting, failed = {one.name: one for one in pending}, deque(pending), dict[str, str]()
    stopping = False
    while executor.running or (waiting and not interruption.signal):
        if interruption.signal and not stopping:
            stopping = True
            executor.stop()
        while waiting and len(executor.running) < executor.parallel and not interruption.signal:
            executor.start(waiting.popleft())
        for name, status in executor.ended().items():
            if status and not interruption.signal:
                failed[name] = why_failed(named[name], status)
                if not named[name].run.config.exists():
                    write_text(named[name].failure, json.dumps({"state": "failed", "problem": failed[name]}))
            if not status or name in failed:  # else stopped, as it was asked to
                progress.ended(name, failed.get(name))
        progress.show()
        draw_all(pages)
        time.sleep(POLL)
    return failed


def why_failed(one: SweepRun, status: int) -> str:
    """Why a run failed, in one line: the signal that killed it, or the last line it printed."""
    if status < 0:
        killed = signal.Signals(-status).name
        return f"killed by {killed}{', as systems do when memory runs out' if killed == 'SIGKILL' else ''}"
    with open_regular(one.output) as file:
        printed = file.read().decode("utf-8", errors="replace").splitlines()
    return next((line.strip() for line in reversed(printed) if line.strip()), f"ended with status {status}")
