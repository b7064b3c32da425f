"""Paths in the YAML: `~`, environment variables, and whether they can be read or written.

A relative path is taken from the working directory, as on any command line: seed 000's YAML lies beside the program
and is run from there, `out: out` then means the same in every file under configs/, and a run's config.yaml, which lies
in the run's own directory, runs again unchanged.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from wgan.config.diagnostics import Problem
from wgan.config.schema import EvaluateKeys, GenerateKeys, Keys, TrainKeys

_VARIABLE = re.compile(r"\$(?:\{([^}]*)\}|([A-Za-z_]\w*))")


def expanded(text: str) -> str:
    """A path with `~` and `$NAME`, `${NAME}` filled in.

    Raises:
        ValueError: what is wrong with it, as the message's second half.
    """
    if not text.strip():
        raise ValueError("must be a path, got nothing")
    if re.match(r"[A-Za-z][\w+.-]*://", text):
        raise ValueError(
            f"must be a folder or file of this machine, got the URL {text}; a mounted or shared one will do"
        )
    if "\0" in text:
        raise ValueError("must be a path, but holds the character NUL")
    for match in _VARIABLE.finditer(text):
        name = match[1] or match[2] or ""
        if name not in os.environ:
            raise ValueError(f"names the environment variable {name}, which is not set")
    filled = _VARIABLE.sub(lambda match: os.environ[match[1] or match[2]], text)
    try:
        os.fsencode(filled)
    except UnicodeEncodeError as error:
        raise ValueError(f"must be a path, got {filled!r}, which no file system can hold") from error
    try:
        return str(Path(filled).expanduser())
    except RuntimeError as error:
        raise ValueError(f"{filled.split('/')[0]} is nobody's home folder here") from error


def checked(config: Keys) -> Iterator[Problem]:
    """What is wrong with a configuration's paths. Reads and writes nothing."""
    if isinstance(config, TrainKeys | EvaluateKeys):
        if config.path is not None and config.dataset is None:
            yield from _readable("path", config.path, "folder")
        if config.inception_weights is not None:
            yield from _readable("inception_weights", config.inception_weights, "file")
    if isinstance(config, EvaluateKeys):
        for i, fakes in enumerate(config.fakes):
            kind = "file or folder" if fakes.suffix == ".pt" else "folder"  # a checkpoint, or images
            yield from (Problem(("fakes", i), problem.message) for problem in _readable("fakes", fakes, kind))
    if isinstance(config, GenerateKeys):
        yield from _readable("checkpoint", config.checkpoint, "file or folder")
    yield from _writable(config.out)
    if isinstance(config, TrainKeys) and config.path is not None and config.path.resolve() == config.out.resolve():
        yield Problem(("out",), "is the folder of the images too; give the results another", involves=("path",))


def _readable(key: str, path: Path, kind: str) -> Iterator[Problem]:
    problem = ""
    try:
        is_folder = path.is_dir()
        if not path.exists():
            relative = "" if path.is_absolute() else f" (looked for in {Path.cwd()})"
            problem = f"there is no {kind} {path}{relative}"
        elif kind == "folder" and not is_folder:
            problem = f"{path} is a file; give the folder that holds it"
        elif kind == "file" and is_folder:
            problem = f"{path} is a folder; give the file in it"
        elif not os.access(path, os.R_OK | (os.X_OK if is_folder else 0), effective_ids=_EFFECTIVE):
            problem = f"{path} cannot be read: permission denied"
    except OSError as error:
        problem = f"{path} cannot be read: {error.strerror}"
    if problem:
        yield Problem((key,), problem)


def _writable(out: Path) -> Iterator[Problem]:
    """Whether `out` is a folder that takes files, or can be made in one that does."""
    problem = ""
    try:
        existing = next((folder for folder in (out, *out.parents) if folder.exists()), Path())
        if not existing.is_dir():
            problem = f"{existing} is a file; results need a folder"
        elif not os.access(existing, os.W_OK | os.X_OK, effective_ids=_EFFECTIVE):
            problem = f"{existing} cannot be written to: permission denied"
    except OSError as error:
        problem = f"{out} cannot be written to: {error.strerror}"
    if problem:
        yield Problem(("out",), problem)


_EFFECTIVE = os.access in os.supports_effective_ids
