"""`tensorboard: true`: the log, the sample grids and the settings as event files, for those who live in TensorBoard."""

from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from wgan.reporting.grids import save_grid
from wgan.reporting.pages import shown
from wgan.utils.atomic_io import make_folder
from wgan.utils.errors import InputError

FOLDER = "tensorboard"  # in a run's directory; `tensorboard --logdir out` finds those of all runs


class EventFiles:
    """Writes a run's event files, beside log.csv and never instead of it; every key as a hyperparameter.

    `step` is the checkpoint's that the training goes on from: later events of an earlier process are struck out.

    Raises:
        InputError: the package tensorboard is not installed.
    """

    def __init__(self, run_dir: Path, config: Mapping[str, Any], step: int = 0) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
            from torch.utils.tensorboard.summary import hparams
        except ImportError as error:
            raise InputError(
                "tensorboard: true needs the package tensorboard, which is not installed here (or is broken): "
                f"pip install tensorboard, or set tensorboard: false. log.csv holds the same figures. ({error})"
            ) from error
        make_folder(run_dir / FOLDER)
        self._writer = SummaryWriter(str(run_dir / FOLDER), purge_step=step + 1 if step else None)
        plain = bool | int | float | str
        values = {key: value if isinstance(value, plain) else shown(value) for key, value in config.items()}
        _, session_start, _ = hparams(values, {})  # without an experiment TensorBoard takes every scalar for a metric
        file_writer: Any = self._writer.file_writer  # declared as None there, until it opens
        file_writer.add_summary(session_start)

    def row(self, step: int, figures: Mapping[str, float | None]) -> None:
        """Add a row of log.csv; the step itself and what is no finite number are left out."""
        for name, value in figures.items():
            if name != "step" and value is not None and isfinite(value):
                self._writer.add_scalar(name, value, step)

    def metrics(self, step: int, figures: Mapping[str, float]) -> None:
        """Add an evaluation, each figure as `metrics/` and its key."""
        self.row(step, {f"metrics/{key}": value for key, value in figures.items()})

    def grid(self, step: int, path: Path, name: str = "samples") -> None:
        """Add a grid as it was written."""
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))
        self._writer.add_image(name, pixels, step, dataformats="HWC")

    def real(self, images: Tensor) -> None:
        """Add real images, (N, C, H, W) in [-1, 1], in a grid like those of the samples; it stays as real.png."""
        path = Path(self._writer.log_dir) / "real.png"
        save_grid(images, path)
        self.grid(0, path, "real")

    def close(self) -> None:
        """Write what is waiting."""
        self._writer.close()
