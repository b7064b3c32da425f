"""`arch: Generator` through the command itself."""

from pathlib import Path

import numpy as np
import yaml
from commands import run
from PIL import Image


def asked(folder: Path, checkpoint: Path, *arguments: str, **keys: object) -> tuple[int, str]:
    """Exit status and output of a YAML in a folder; its images go to folder/out/generated."""
    folder.mkdir(parents=True, exist_ok=True)
    values = {"arch": "Generator", "checkpoint": str(checkpoint), "out": str(folder / "out"), **keys}
    (folder / "input.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    return run(folder / "input.yaml", *arguments)


def made(folder: Path, checkpoint: Path, **keys: object) -> Path:
    """The directory that the command filled."""
    status, told = asked(folder, checkpoint, **keys)
    assert (status, "Traceback" in told) == (0, False), told
    return folder / "out/generated"


def pixels(path: Path) -> np.ndarray:
    """(H, W) or (H, W, 3), as integers that can be subtracted."""
    with Image.open(path) as image:
        return np.asarray(image).astype(int)
