"""What a folder's listing tells is told with the YAML's other mistakes, before any image is decoded."""

from pathlib import Path

import pytest
from image_files import put

from wgan.config.datasets import NAMED_SETS, NamedSet
from wgan.config.image_form import Form
from wgan.config.resolve import load_config
from wgan.data.load import load_named
from wgan.preflight import Preflight
from wgan.utils.errors import InputError


def problems(tmp_path: Path, text: str) -> list[str]:
    yaml = tmp_path / "input.yaml"
    yaml.write_text(f"arch: WGAN-GP\nout: {tmp_path}/out\n{text}", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_config(yaml, check=Preflight())
    assert not (tmp_path / "out").exists()
    return [line.removeprefix(f"{tmp_path}/") for line in str(caught.value).splitlines()]


def test_what_is_known_of_a_folder_is_told_with_the_other_mistakes(tmp_path: Path) -> None:
    images = put(tmp_path / "images", *(f"{name}/{i}.png" for name in "ab" for i in range(20)))
    text = f"path: {images}\nclasses: [c]\nbatch_size: 64\ngp_lambda: -1\n"
    assert problems(tmp_path, text) == [
        "input.yaml:4: classes: c is not one of this set's classes: a, b.",
        "input.yaml:6: gp_lambda: must be at least 0, got -1",
    ]
    assert problems(tmp_path, f"path: {images}\nbatch_size: 31\ngp_lambda: -1\n") == [
        "input.yaml:4: batch_size: 31 is more than the 30 training images: set at most 30",
        "input.yaml:5: gp_lambda: must be at least 0, got -1",
    ]
    assert problems(tmp_path, f"path: {images}\nclasses: [a]\nbatch_size: 16\n") == [
        "input.yaml:5: batch_size: 16 is more than the 15 training images: set at most 15"
    ]


def test_classes_of_a_folder_without_labels_and_a_folder_without_images(tmp_path: Path) -> None:
    flat = put(tmp_path / "flat", "1.png", "2.png", "notes.txt")
    (found,) = problems(tmp_path, f"path: {flat}\nclasses: [3]\nbatch_size: 1\n")
    assert found.startswith("input.yaml:4: classes: these images have no classes. A folder has them where every image")
    none = put(tmp_path / "none", "notes.txt")
    (found,) = problems(tmp_path, f"path: {none}\n")
    assert found.startswith(f"input.yaml:3: path: {none} holds no image (PNG, JPEG, ")
    assert found.endswith("only 1 .txt")


def test_the_runs_of_a_sweep_are_told_of_in_the_users_own_file(tmp_path: Path) -> None:
    images = put(tmp_path / "images", *(f"{i}.png" for i in range(40)))
    assert problems(tmp_path, f"path: {images}\nsweep:\n  batch_size: [8, 100]\n  seed: [1, 2]\n") == [
        "input.yaml:5: sweep.batch_size: 100 is more than the 30 training images: set at most 30"
    ]


def test_a_batch_larger_than_a_named_set(tmp_path: Path) -> None:
    assert problems(tmp_path, "dataset: mnist-5k\nbatch_size: 5000\n") == [
        "input.yaml:4: batch_size: 5000 is more than the 4500 training images: set at most 4500"
    ]


def test_classes_of_a_named_set(tmp_path: Path) -> None:
    assert problems(tmp_path, "dataset: mnist\nclasses: [3, cat]\n") == [
        "input.yaml:4: classes: cat is not one of this set's classes: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9."
    ]
    assert problems(tmp_path, "dataset: swissroll\nclasses: [0]\n")[0].startswith("input.yaml:4: classes: these images")


@pytest.mark.parametrize("name", ["mnist-5k", "8gaussians", "25gaussians", "swissroll"])
def test_what_is_known_of_a_set_is_what_it_holds(name: str, tmp_path: Path) -> None:
    known, held = NAMED_SETS[name], load_named(name, Form(1, 28, 28), seed=0, folder=tmp_path).train
    assert (len(held), held.class_names) == (known.training, known.class_names)
    if known.class_sizes:
        assert held.labels is not None
        assert tuple(held.labels.bincount().tolist()) == known.class_sizes


@pytest.mark.parametrize("known", NAMED_SETS.values(), ids=list(NAMED_SETS))
def test_the_classes_of_a_set_make_up_the_whole(known: NamedSet) -> None:
    assert known.class_sizes == () or sum(known.class_sizes) == known.training
    assert len(known.class_sizes) in (0, len(known.class_names))


def test_a_batch_larger_than_some_classes_of_a_named_set(tmp_path: Path) -> None:
    assert problems(tmp_path, "dataset: mnist\nclasses: [3, 7]\nbatch_size: 13000\ngp_lambda: -1\n") == [
        "input.yaml:5: batch_size: 13000 is more than the 12396 training images: set at most 12396",
        "input.yaml:6: gp_lambda: must be at least 0, got -1",
    ]


def test_the_classifiers_figure_needs_classes(tmp_path: Path) -> None:
    chosen = "metrics: [classifier]\nmetrics_every: 100\nbest_metric: frechet_classifier\n"
    flat = put(tmp_path / "flat", *(f"{i}.png" for i in range(200)))
    assert problems(tmp_path, f"path: {flat}\n{chosen}") == [
        "input.yaml:6: best_metric: frechet_classifier needs images of two classes or more, and these are of none"
    ]
    assert problems(tmp_path, f"dataset: mnist-5k\nclasses: [3]\n{chosen}") == [
        "input.yaml:7: best_metric: frechet_classifier needs images of two classes or more, and these are of 1"
    ]


@pytest.mark.parametrize(("key", "value"), [("conditional", "true"), ("class_balance", "even")])
def test_what_takes_classes_is_told_where_there_are_none(key: str, value: str, tmp_path: Path) -> None:
    flat = put(tmp_path / "flat", *(f"{i}.png" for i in range(200)))
    what = f"{key}: {value} needs images of two classes or more, and these are of"
    assert problems(tmp_path, f"path: {flat}\n{key}: {value}\n") == [f"input.yaml:4: {what} none"]
    assert problems(tmp_path, f"dataset: mnist-5k\nclasses: [3]\n{key}: {value}\n") == [f"input.yaml:5: {what} 1"]
    stray = put(tmp_path / "some", *(f"{name}/{i}.png" for name in "ab" for i in range(90)), "stray.png")
    found = problems(tmp_path, f"path: {stray}\n{key}: {value}\n")
    assert found == [f"input.yaml:4: {what} none: stray.png lies in no sub-folder"]
    if key == "class_balance":
        assert problems(tmp_path, f"dataset: swissroll\n{key}: {value}\n") == [f"input.yaml:4: {what} none"]


def test_generated_images_are_looked_for_too(tmp_path: Path) -> None:
    none = put(tmp_path / "none", "notes.txt")
    images = put(tmp_path / "images", *(f"{i}.png" for i in range(40)))
    (tmp_path / "best.pt").touch()
    text = f"arch: Evaluate\ndataset: mnist-5k\nimage_size: 28\nnumber_channels: 1\nout: {tmp_path}/out\nfakes: "
    yaml = tmp_path / "input.yaml"
    yaml.write_text(f"{text}[{images}, {none}]\n")
    with pytest.raises(InputError, match=rf"^{yaml}:6: fakes: {none} holds no image"):
        load_config(yaml, check=Preflight())
    yaml.write_text(f"{text}[{tmp_path}/best.pt, {images}]\n")
    assert load_config(yaml, check=Preflight()).warnings == ()
    yaml.write_text(f"{text}[{tmp_path}/best.pt, {images}]\nloader_workers: 4\n")
    assert load_config(yaml, check=Preflight()).warnings == ()
    yaml.write_text(f"{text}{tmp_path}/best.pt\nloader_workers: 4\n")
    (warning,) = load_config(yaml, check=Preflight()).warnings
    assert warning == f"{yaml}:7: warning: loader_workers: not used: there is nothing to decode"
    yaml.write_text(f"{text}{tmp_path}/best.pt\nloader_workers: 4\nconfig_version: 1\n")
    assert load_config(yaml, check=Preflight()).warnings == (), "a run's config.yaml holds all keys, asked for or not"
    yaml.write_text(f"{text}{tmp_path}/last.pt\n")
    with pytest.raises(InputError, match=rf"^{yaml}:6: fakes: there is no file or folder {tmp_path}/last.pt$"):
        load_config(yaml, check=Preflight())


def test_an_archive_of_another_kind_is_to_be_unpacked(tmp_path: Path) -> None:
    archive = put(tmp_path, "images.7Z") / "images.7Z"
    assert problems(tmp_path, f"path: {archive}\n") == [
        f"input.yaml:3: path: {archive} is an archive that is not read; unpack it, or pack it as .zip or .tar"
    ]
