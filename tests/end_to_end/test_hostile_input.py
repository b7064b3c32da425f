"""What no input may do: show a traceback, write where it should not. The messages are tested beside each reader."""

from collections.abc import Iterator
from pathlib import Path

import matplotlib.font_manager  # noqa: F401 - writes its cache when it is first imported, and not in a test
import pytest
from commands import write_yaml
from file_faults import Changes, watched
from image_files import HOSTILE, encoded, hostile_bytes, picture

import image_generation


@pytest.fixture
def written() -> Iterator[list[Path]]:
    """Every file that is written, made, renamed or removed anywhere during the test."""
    paths: list[Path] = []
    with watched(Changes(Path("/"), lambda _, __, path: paths.append(path))):
        yield paths


def test_a_training_on_hostile_files_writes_below_out_and_the_cache_alone(
    written: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images, out, cache = tmp_path / "images", tmp_path / "out", tmp_path / "cache"
    keys = {
        "dataset": None,
        "path": str(images),
        "cache": str(cache),
        "loader_workers": 0,
        "metrics": [],
        "num_steps": 2,
    }
    yaml = write_yaml(tmp_path, **keys)
    images.mkdir()
    for name in HOSTILE:
        (images / name).write_bytes(hostile_bytes(name))
    for index in range(40):
        (images / f"{index}\n<b>.png").write_bytes(encoded(picture(30, 30, index), "PNG"))
    written.clear()
    assert image_generation.main([str(yaml)]) == 0
    told = capsys.readouterr()
    assert "Traceback" not in told.out + told.err
    assert f"{len(HOSTILE)} files skipped" in told.out
    allowed = {out, cache, Path("/dev/null")}
    assert [path for path in written if not allowed & {path, *path.parents}] == []
