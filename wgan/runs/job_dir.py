"""Where jobs that train nothing write: a directory of their own, never into that of a training or of another job."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wgan.config.resolve import to_yaml
from wgan.config.schema import EvaluateConfig, GenerateConfig
from wgan.runs.run_dir import Run, numbered
from wgan.utils.atomic_io import read_regular, write_text
from wgan.utils.errors import InputError, RunFault, explain


def directory_of(config: GenerateConfig | EvaluateConfig) -> Path:
    """out/run/, or out/run-2/ ... where other results stand there: the same job finds the same place again.

    Nothing is written yet.

    Raises:
        InputError: out/run/ holds a training.
    """
    first = Run(config.out / config.run)
    if first.checkpoints.is_dir() or first.state.exists():
        problem = f"{first.directory} holds a training: give this job another name (run:)"
        raise InputError(f"{config.where('run')}: {problem}")
    return next(found for name in numbered(config.run) if _is_free_for(config, found := config.out / name))


@contextmanager
def filling(directory: Path, config: GenerateConfig | EvaluateConfig, batch_size: int, device: str) -> Iterator[None]:
    """Write config.yaml into what `directory_of` gave, then let the block write the rest.

    `batch_size` is the key that gives way where memory runs out, 1 for a job without it; `device` is its name.

    Raises:
        RunFault: the disk is full, the directory cannot be written, or memory runs out.
    """
    try:
        write_text(directory / "config.yaml", _text(config, directory))
        yield
    except (OSError, MemoryError, RuntimeError) as error:
        if explanation := explain(error, batch_size, device, directory):
            raise RunFault(explanation) from error
        raise


def _is_free_for(config: GenerateConfig | EvaluateConfig, directory: Path) -> bool:
    """Whether nothing stands there, or what this very job wrote."""
    try:
        return read_regular(directory / "config.yaml") == _text(config, directory).encode()
    except OSError:  # there is none, or it cannot be read
        return not directory.exists()


def _text(config: GenerateConfig | EvaluateConfig, directory: Path) -> str:
    """A job's config.yaml in a directory: runs again as it is, there."""
    return to_yaml(config.model_copy(update={"run": directory.name}))
