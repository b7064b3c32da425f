"""A run is a directory: where its files stand, who may write there, and what to do when it exists already."""

import errno
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from wgan.config.algorithms import unused_keys
from wgan.config.resolve import load_config, to_yaml
from wgan.config.schema import FOLLOWING, TrainConfig, resume_safe_keys
from wgan.utils.atomic_io import open_regular, read_regular, write_text
from wgan.utils.console import warn
from wgan.utils.errors import InputError, RunFault, explain_disk_errors

LOOK = 0.2  # seconds in which a lock that is held is asked for again: `is_locked` holds it for a moment
LONGEST_NAME = 110  # a name with values in it is cut here; a number may follow, and the YAML takes 120 characters
PATIENCE = 5.0  # seconds for who holds a lock to say what it is for
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP)  # of a network share without a lock service


@dataclass(unsafe_hash=True)  # of the directory alone: the other places follow from it
class Run:
    """The places in a run's directory, out/run."""

    directory: Path

    def __post_init__(self) -> None:
        self.config = self.directory / "config.yaml"
        self.state = self.directory / "state.json"
        self.log = self.directory / "log.csv"
        self.samples = self.directory / "samples"
        self.checkpoints = self.directory / "checkpoints"

    def sample_grid(self, step: int) -> Path:
        return self.samples / f"step_{step:06d}.png"

    def read_state(self) -> dict[str, Any]:
        """What `state.json` says; empty where there is none that can be read: the checkpoints know all that matters."""
        try:
            state = json.loads(read_regular(self.state))
        except (OSError, ValueError, RecursionError):
            return {}
        return state if isinstance(state, dict) else {}

    def write_state(self, **state: Any) -> None:
        """Replace `state.json`."""
        write_text(self.state, json.dumps(state, indent=2) + "\n")

    def forget_unless_begun(self) -> None:
        """Leave the name to others where a training has got no further than its config.yaml."""
        if not self.state.exists():
            self.config.unlink(missing_ok=True)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other processes out. The operating system drops the lock when this process dies, however it dies.

        Raises:
            InputError: another process trains here.
            RunFault: the directory cannot be written.
        """
        path = self.directory / ".lock"
        lock = FileLock(path, timeout=LOOK, poll_interval=LOOK / 10)
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout:
            raise InputError(
                f"{self.directory}: another process is training here: wait for it, or give this run another name (run:)"
            ) from None
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise RunFault(f"{error.filename or path}: {error.strerror}: make it writable, or set out:") from error
            warn(f"{path}: this file system has no locks: let no other process train here")
        try:
            yield
        finally:
            lock.release()

    def is_locked(self) -> bool | None:
        """Whether a process trains here now; None where the system or the file system does not tell.

        Asked with a shared lock, so that any number may look at once, and a reader needs no right to write.
        """
        try:
            import fcntl  # not on Windows

            with open_regular(self.directory / ".lock") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        except (ImportError, OSError):
            return None
        return False


def find(config: TrainConfig, images: str = "") -> tuple[Run, TrainConfig]:
    """The directory for this configuration, nothing written yet.

    The same settings find the same directory again. Other settings under the same name find one named after what
    differs, so that no run ever overwrites another: `digits`, `digits-gp_lambda=1`, `digits-gp_lambda=1-2`, ...

    `images` is `Data.fingerprint`, where it is known: the same images under another path are the same training's. With
    the run comes the configuration that has its name as `run`.

    Raises:
        InputError: a config.yaml that stands there cannot be read.
    """
    changed = changes(Run(config.out / config.run), config, images)
    names = numbered(named(config.run, changed) if changed else config.run)
    free = next(name for name in names if not changes(Run(config.out / name), config, images))
    return Run(config.out / free), config.model_copy(update={"run": free})


def numbered(name: str) -> Iterator[str]:
    """What a directory may be called: name, name-2, name-3, ..."""
    return chain([name], (f"{name}-{number}" for number in count(2)))


@contextmanager
def claimed(config: TrainConfig, images: str = "") -> Iterator[tuple[Run, TrainConfig]]:
    """`find`, and keep other processes out of what it found; errors are those of `find` and `Run.lock`.

    Its config.yaml stands there at once, for who comes next with other settings; it goes where the run does not begin.
    """
    patience = time.monotonic() + PATIENCE
    while True:
        run, named = find(config, images)
        with ExitStack() as stack:
            try:
                stack.enter_context(run.lock())
            except InputError:  # another process trains here, or is about to say what
                if time.monotonic() > patience or (run.config.exists() and find(config, images)[0] == run):
                    raise
                time.sleep(0.05)
                continue
            if find(config, images)[0] == run:  # nobody began something else there meanwhile
                if not os.path.lexists(run.config):
                    stack.callback(run.forget_unless_begun)
                    with explain_disk_errors(run.directory):
                        write_text(run.config, to_yaml(named))
                yield run, named
                return


def changes(run: Run, config: TrainConfig, images: str = "") -> dict[str, Any]:
    """The keys in which a configuration differs from that of a run, with its values; none where there is no run."""
    saved = read_config(run)
    found = differing_keys(saved, config) if saved else {}
    if images and run.read_state().get("images") == images:
        found.pop("path", None)
    return found


def differing_keys(config: TrainConfig, other: TrainConfig) -> dict[str, Any]:
    """The keys in which `other` differs so that other weights come out, with `other`'s values.

    Left out: keys under another value of which the same training goes on (`RESUME_SAFE`), keys that neither algorithm
    looks at, and what follows from another key.
    """
    ignored = set(resume_safe_keys() | (unused_keys(config.arch) & unused_keys(other.arch)))
    if config.dataset and config.dataset == other.dataset:
        ignored.add("path")  # where a named set's files lie
    if config.path and other.path and config.path.resolve() == other.path.resolve():
        ignored.add("path")
    if config.optimizer == other.optimizer == "rmsprop":
        ignored |= {"beta_adam", "beta2_adam"}
    for key, followed in FOLLOWING.items():
        if all(getattr(one, key) == getattr(one, followed) for one in (config, other)):
            ignored.add(key)
    return {
        name: getattr(other, name)
        for name in TrainConfig.model_fields
        if name not in ignored and getattr(config, name) != getattr(other, name)
    }


def is_finished(run: Run, config: TrainConfig) -> bool:
    """Whether all that a configuration asks for stands in its run's directory."""
    saved = read_config(run)
    asked = ("num_epochs", "num_steps", "max_minutes", "patience", "metrics")
    same = saved is not None and all(getattr(saved, key) == getattr(config, key) for key in asked)
    return same and run.read_state().get("state") == "finished"


def read_config(run: Run) -> TrainConfig | None:
    """The configuration that a run was started with; None where there is no run."""
    if not os.path.lexists(run.config):
        return None
    if not run.config.is_file():  # to read a pipe would wait for whoever writes to it
        raise InputError(f"{run.config}: is no file: give this run another name (run:), or remove it")
    saved = load_config(run.config)
    if not isinstance(saved, TrainConfig):
        raise InputError(f"{run.config}: holds {saved.arch}, not a training: give this run another name (run:)")
    return saved


def named(run: str, changed: Mapping[str, Any]) -> str:
    """A run's name with some values in it: digits-critic_its=1-gp_lambda=0.1."""
    texts = {key: f"{value:g}" if isinstance(value, float) else str(value) for key, value in changed.items()}
    parts = [f"{key}={re.sub(r'[^A-Za-z0-9.+]+', '-', text).strip('-')}" for key, text in texts.items()]
    return "-".join([run, *parts])[:LONGEST_NAME].rstrip("-. ")


def has_generator(path: Path) -> bool:
    """Whether images come from the generator of a run's directory or a checkpoint file; else they are files."""
    return path.is_file() or checkpoints_of(path) is not None


def checkpoints_of(path: Path) -> Path | None:
    """The folder of a run's checkpoints, given the run's directory or that very folder."""
    inner = Run(path).checkpoints
    return next((folder for folder in (inner, path) if folder.name == inner.name and folder.is_dir()), None)
