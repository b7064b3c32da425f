"""`arch: Generator`: where its images go, and what they never touch."""

import hashlib
import subprocess
import sys
from errno import ENOSPC
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import ROOT, run, write_yaml
from file_faults import Changes, failing, watched
from image_files import put
from PIL import Image

import wgan
from wgan.config.resolve import load_config, resolve
from wgan.config.schema import GenerateConfig
from wgan.generate import generate
from wgan.networks.base import drawn_labels
from wgan.reporting.grids import to_uint8
from wgan.runs.checkpoint import load
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


def test_the_folder_of_a_runs_checkpoints_stands_for_the_run(trained: Path, tmp_path: Path) -> None:
    for name, checkpoint in (("run", trained), ("folder", trained / "checkpoints")):
        sampled(tmp_path / name, checkpoint)
    one, other = (content(tmp_path / name / "generated") for name in ("run", "folder"))
    assert one.pop("config.yaml") != other.pop("config.yaml")
    assert one == other


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


def test_a_notebook_samples_the_images_that_the_yaml_writes(trained: Path, tmp_path: Path) -> None:
    sampled(tmp_path, trained, seed=1, quantity=3)
    generator = wgan.load_generator(str(trained))
    images = generator.sample(3, seed=1)
    assert (images.shape, images.dtype, images.requires_grad) == ((3, 1, 28, 28), torch.float32, False)
    assert -1 <= images.min() <= images.max() <= 1
    for index, image in enumerate(to_uint8(images)):
        with Image.open(tmp_path / f"generated/{index:05d}.png") as written:
            assert np.array_equal(np.asarray(written), image[0].numpy())
    many = generator.sample(2050, seed=1, batch_size=500)
    assert torch.allclose(many[:3], images, atol=1e-6), "image i depends on (seed, i) alone"
    assert not torch.equal(generator.sample(3), images), "another seed, other images"


@pytest.fixture(scope="module")
def conditional(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a run that knows three classes."""
    folder = tmp_path_factory.mktemp("conditional")
    status, text = run(
        write_yaml(folder, metrics=[], conditional=True, classes=[3, 5, 8], critic_its=1, learning_rate=0.01)
    )
    assert status == 0, text
    return folder / "out/run"


def test_each_class_that_is_asked_for_gets_a_folder_of_its_name(conditional: Path, tmp_path: Path) -> None:
    sampled(tmp_path, conditional, classes=[8, "3"], seed=1, batch_size=2)
    made = content(tmp_path / "generated")
    numbers = ("00000.png", "00001.png", "00002.png")
    assert set(made) == {f"{name}/{number}" for name in "38" for number in numbers} | {"config.yaml", "grid.png"}
    assert {made[f"3/{number}"] for number in numbers}.isdisjoint(made[f"8/{number}"] for number in numbers)
    generator = wgan.load_generator(conditional)
    images = generator.sample(6, seed=1, classes=["3", 8])  # in turn
    for name, row in (("3", 0), ("8", 1), ("3", 2)):
        with Image.open(tmp_path / f"generated/{name}/{row:05d}.png") as written:
            assert np.array_equal(np.asarray(written), to_uint8(images[row])[0].numpy()), (name, row)
    with Image.open(tmp_path / "generated/grid.png") as grid:
        assert grid.info["left"] == "96"
        assert grid.height < grid.width / 3, "two rows of eight places"


def test_rare_classes_of_a_folder_are_filled_up(conditional: Path, tmp_path: Path) -> None:
    put(tmp_path / "mine", *(f"3/{n}.png" for n in range(5)), "5/a.png", "5/b.png", *(f"8/{n}.jpg" for n in range(4)))
    sampled(tmp_path, conditional, fill=str(tmp_path / "mine"), seed=1)
    made = content(tmp_path / "generated")
    numbers = [f"{number:05d}.png" for number in range(3)]
    assert set(made) == {*(f"5/{number}" for number in numbers), "8/00000.png", "config.yaml", "grid.png"}
    images = wgan.load_generator(conditional).sample(3, seed=1, classes=["5"] * 3)
    with Image.open(tmp_path / "generated/5/00002.png") as written:
        assert np.array_equal(np.asarray(written), to_uint8(images[2])[0].numpy())
    sampled(tmp_path, conditional, fill=str(tmp_path / "mine"), classes=[8], run="eights")
    assert {name for name in content(tmp_path / "eights") if "/" in name} == {"8/00000.png"}


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["3/a.png", "4/a.png"], r"fill: 4 is not one of this set's classes: 3, 5, 8"),
        (["a.png", "b.png"], r"fill: .*mine has no sub-folder for each class"),
        (["3/a.png", "5/a.png"], r"fill: all classes of .*mine have as many images already"),
        (["notes.txt"], r"fill: .*mine holds no image"),
    ],
)
def test_a_folder_that_cannot_be_filled_up_is_an_error_at_its_key(
    conditional: Path, tmp_path: Path, names: list[str], problem: str
) -> None:
    put(tmp_path / "mine", *names)
    with pytest.raises(InputError, match=problem):
        sampled(tmp_path, conditional, fill=str(tmp_path / "mine"))
    assert not (tmp_path / "generated").exists()


def test_without_classes_they_come_as_often_as_in_the_data(conditional: Path) -> None:
    generator = wgan.load_generator(conditional)
    assert dict(generator.classes) == {"3": 451, "5": 437, "8": 441}
    labels = drawn_labels({"a": 6, "b": 3, "c": 1}, range(20_000), 5)
    assert torch.allclose(labels.bincount() / 20_000, torch.tensor([0.6, 0.3, 0.1]), atol=0.015)
    assert torch.equal(drawn_labels({"a": 6, "b": 3, "c": 1}, range(3), 5), labels[:3]), (
        "label i depends on (seed, i) alone"
    )
    images = generator.sample(200, seed=2)
    assert torch.allclose(images[:40], generator.sample(40, seed=2, batch_size=7), atol=1e-6)
    mine = generator.sample(
        40, seed=2, classes=[[*"358"][label] for label in drawn_labels(generator.classes, range(40), 2)]
    )
    assert torch.allclose(images[:40], mine, atol=1e-6)


@pytest.mark.parametrize(
    ("classes", "problem"),
    [
        (["frog"], r"^classes: frog is not one of this set's classes: 3, 5, 8\.$"),
        ([3, 4], r"^classes: 4 is not one of"),
    ],
)
def test_a_class_it_does_not_know(conditional: Path, tmp_path: Path, classes: list[object], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        sampled(tmp_path, conditional, classes=classes)
    assert not (tmp_path / "generated").exists()


def test_classes_of_a_run_that_was_trained_without(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^classes: this generator was trained without classes; train one with"):
        sampled(tmp_path, trained, classes=[3])
    yaml = tmp_path / "input.yaml"
    yaml.write_text(f"arch: Generator\ncheckpoint: {trained}\nclasses: 3\nout: {tmp_path}/out\n", encoding="utf-8")
    for arguments in ([], ["--check"]):
        status, told = run(yaml, *arguments)
        assert status == 2
        assert f"{yaml}:3: classes: this generator was trained without classes" in told


@pytest.mark.parametrize("name", ["../outside", "..", "", "a/b", "a\nb"])
def test_a_checkpoint_does_not_choose_where_files_go(conditional: Path, tmp_path: Path, name: str) -> None:
    state = load(conditional / "checkpoints/last.pt")
    state["classes"] = {name: 1, "5": 1, "8": 1}
    torch.save(state, tmp_path / "made.pt")
    with pytest.raises(InputError, match=r"made\.pt: its classes cannot name folders$"):
        sampled(tmp_path / "below/out", tmp_path / "made.pt", classes=[name, "5"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made.pt"]


@pytest.mark.parametrize(
    "classes", [{"a": 0, "b": 1, "c": 1}, {"a": -1, "b": 1, "c": 1}, {1: 1, 2: 2, 3: 3}, [1, 2, 3], 3]
)
def test_a_checkpoint_whose_classes_are_none_is_told(conditional: Path, tmp_path: Path, classes: object) -> None:
    torch.save({**load(conditional / "checkpoints/last.pt"), "classes": classes}, tmp_path / "made.pt")
    with pytest.raises(InputError, match=r"made\.pt: a checkpoint, but not of a generator that this version knows"):
        wgan.load_generator(tmp_path / "made.pt")


def test_importing_wgan_and_naming_its_door_loads_no_torch() -> None:
    code = "import sys, wgan; wgan.load_generator, wgan.__version__; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
