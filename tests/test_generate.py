"""`arch: Generator`: where its images go, and what they never touch."""

import hashlib
from errno import ENOSPC
from pathlib import Path

import pytest
from commands import run, write_yaml
from file_faults import Changes, failing, watched

from wgan.config.resolve import load_config, resolve
from wgan.config.schema import GenerateConfig
from wgan.generate import generate
from wgan.utils.errors import InputError, RunFault


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's directory."""
    folder = tmp_path_factory.mktemp("training")
    status, text = run(write_yaml(folder, metrics=[]))
    assert status == 0, text
    return folder / "out/run"


def sampled(out: Path, checkpoint: Path, **keys: object) -> int:
    config = resolve({"arch": "Generator", "checkpoint": str(checkpoint), "out": str(out), "quantity": 3, **keys})
    assert isinstance(config, GenerateConfig)
    return generate(config)


def content(folder: Path) -> dict[str, str]:
    """Every file below a folder, and a digest of it."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_images_of_other_settings_never_stand_in_one_folder(trained: Path, tmp_path: Path) -> None:
    sampled(tmp_path, trained)
    first = content(tmp_path / "generated")
    assert set(first) == {"00000.png", "00001.png", "00002.png", "config.yaml", "grid.png"}
    sampled(tmp_path, trained)
    assert content(tmp_path) == {f"generated/{name}": digest for name, digest in first.items()}
    sampled(tmp_path, trained, seed=1)
    sampled(tmp_path, trained / "checkpoints/step_00000010.pt")
    assert content(tmp_path / "generated") == first
    others = [content(tmp_path / f"generated-{number}") for number in (2, 3)]
    assert all(other.keys() == first.keys() and other["00000.png"] != first["00000.png"] for other in others)
    generate_again = load_config(tmp_path / "generated-2/config.yaml")
    assert isinstance(generate_again, GenerateConfig)
    generate(generate_again)
    assert content(tmp_path / "generated-2") == others[0]
    assert len(list(tmp_path.iterdir())) == 3


def test_a_trainings_directory_is_refused_and_untouched(trained: Path) -> None:
    before = content(trained)
    with pytest.raises(InputError, match=r"^run: .*out/run holds a training: give this job another name \(run:\)$"):
        sampled(trained.parent, trained, run="run")
    assert content(trained) == before


def test_what_stands_in_the_way_is_left_alone(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "generated").write_text("mine")
    sampled(tmp_path, trained)
    assert (tmp_path / "generated").read_text() == "mine"
    assert (tmp_path / "generated-2/00002.png").is_file()


@pytest.mark.parametrize("number", range(8))
def test_a_disk_that_fills_at_any_file_is_told_in_one_line(number: int, trained: Path, tmp_path: Path) -> None:
    with (
        watched(Changes(tmp_path, failing(ENOSPC, number))),
        pytest.raises(RunFault, match=r"^\S*generated\S*: No space left on device: free some space on that disk, .*$"),
    ):
        sampled(tmp_path, trained)
