from pathlib import Path

import numpy as np
import pytest
import torch
from image_files import HOSTILE, encoded, hostile_bytes, picture
from PIL import Image

from wgan.config.image_form import Form
from wgan.config.resolve import resolve
from wgan.data import cache
from wgan.data.image_set import Data
from wgan.data.load import load_data, load_folder
from wgan.utils.errors import InputError


def loaded(tmp_path: Path, **keys: object) -> Data:
    defaults = {"arch": "WGAN-GP", "cache": str(tmp_path / "cache"), "out": str(tmp_path / "images" / "out")}
    return load_data(resolve({**defaults, **keys}))


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """24 cats, 16 dogs, a damaged file and a file that is none of ours."""
    root = tmp_path / "images"
    for name, count in (("cat", 24), ("dog", 16)):
        (root / name).mkdir(parents=True)
        for number in range(count):
            (root / name / f"{number}.png").write_bytes(encoded(picture(40, 30, seed=100 * count + number), "PNG"))
    (root / "dog" / "bad.jpg").write_text("woof")
    (root / "readme.txt").write_text("cats and dogs")
    return root


def stack(count: int, first_seed: int = 0) -> bytes:
    """A TIFF of so many pages."""
    pages = [picture(30, 30, seed=first_seed + seed) for seed in range(count)]
    return encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:], compression="tiff_lzw")


def test_the_embedded_digits_are_a_path_or_a_dataset(tmp_path: Path) -> None:
    for keys in ({"dataset": "mnist-5k"}, {"path": "mnist-5k"}):
        data = loaded(tmp_path, **keys, image_size=32, number_channels=1)
        assert data.train.images.shape == (4500, 1, 32, 32)
        assert data.held_out.images.shape == (500, 1, 32, 32)
        assert data.description == "mnist-5k: 4,500 grey images of 32x32 in 10 classes, 500 more held out"


def test_a_folder_gives_images_labels_and_what_was_skipped(images: Path, tmp_path: Path) -> None:
    data = loaded(tmp_path, path=str(images), image_size=32)
    assert data.train.images.shape == (30, 3, 32, 32)
    assert data.held_out.images.shape == (10, 3, 32, 32)
    assert data.train.class_names == ("cat", "dog")
    assert data.train.labels is not None
    assert (data.train.labels.bincount() + data.held_out.labels.bincount()).tolist() == [24, 16]
    assert [str(skip.path) for skip in data.skipped] == [str(images / "dog" / "bad.jpg")]
    assert data.description == (f"{images}: 30 colour images of 32x32 in 2 classes, 10 more held out; 1 file skipped")


def test_held_out_images_are_never_trained_on(images: Path, tmp_path: Path) -> None:
    data = loaded(tmp_path, path=str(images), image_size=32)
    distances = torch.cdist(data.train.images.flatten(1).float(), data.held_out.images.flatten(1).float())
    assert distances.min() > 0


def test_one_class_of_a_folder(images: Path, tmp_path: Path) -> None:
    cats = loaded(tmp_path, path=str(images), classes=["cat"], image_size=32)
    assert len(cats.train) + len(cats.held_out) == 24
    assert cats.train.class_names == ("cat",)
    assert not cats.skipped
    assert loaded(tmp_path, path=str(images), classes=[1], image_size=32).train.class_names == ("dog",)


def test_results_inside_the_folder_are_no_images_of_it(images: Path, tmp_path: Path) -> None:
    grid = images / "out" / "run" / "samples" / "step_000500.png"
    grid.parent.mkdir(parents=True)
    grid.write_bytes(encoded(picture(300, 300), "PNG"))
    data = loaded(tmp_path, path=str(images), image_size=32)
    assert len(data.train) + len(data.held_out) == 40


def test_the_fingerprint_changes_with_the_data(images: Path, tmp_path: Path) -> None:
    keys = {"path": str(images), "image_size": 32}
    before = loaded(tmp_path, **keys).fingerprint
    assert loaded(tmp_path, **keys).fingerprint == before
    assert loaded(tmp_path, **keys, number_channels=1).fingerprint != before
    (images / "cat" / "0.png").write_bytes(encoded(picture(41, 30), "PNG"))
    assert loaded(tmp_path, **keys).fingerprint != before


def test_a_folder_full_of_hostile_files_gives_the_good_images_and_a_reason_for_each_other(
    images: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in HOSTILE:
        (images / "dog" / name).write_bytes(hostile_bytes(name))
    data = loaded(tmp_path, path=str(images), image_size=32)
    assert len(data.train) + len(data.held_out) == 40
    reasons = {skip.path.name: skip.reason for skip in data.skipped if skip.path.name != "bad.jpg"}
    assert reasons.keys() == HOSTILE.keys()
    assert [name for name, reason in reasons.items() if HOSTILE[name][1] not in reason] == []
    assert capfd.readouterr() == ("", "")  # no warning of a codec, no progress bar outside a terminal


def test_points_have_a_plain_description(tmp_path: Path) -> None:
    assert loaded(tmp_path, dataset="swissroll").description == "swissroll: 100,000 points, 10,000 more held out"


@pytest.mark.usefixtures("images")
@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"path": "missing"}, "missing: No such file or directory"),
        ({"path": "empty"}, "empty holds no image .*, only nothing at all"),
        ({"path": "texts"}, r"texts holds no image .*, only 2 \.txt"),
        ({"path": "bad"}, r"bad holds no usable image. Of 7 files:\n  .*/0\.png: empty file\n(.*\n){4}  and 2 more$"),
        ({"path": "images", "classes": ["bird"]}, "bird is not one of this set's classes: cat, dog"),
        ({"path": "images/cat", "classes": ["cat"]}, "these images have no classes"),
        ({"dataset": "mnist-5k", "classes": [10]}, "10 is not one of this set's classes"),
    ],
)
def test_what_cannot_be_used_is_an_input_error(
    keys: dict[str, object], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("empty", "texts", "bad"):
        (tmp_path / name).mkdir()
    for number in range(7):
        (tmp_path / "bad" / f"{number}.png").touch()
    (tmp_path / "texts" / "a.txt").touch()
    (tmp_path / "texts" / "b.txt").touch()
    with pytest.raises(InputError, match=message) as refusal:
        loaded(tmp_path, **keys, image_size=32)
    assert str(refusal.value).startswith("classes: " if "classes" in keys else "path: ")


def test_the_classes_that_were_named_are_said_with_their_counts(tmp_path: Path) -> None:
    data = loaded(tmp_path, dataset="mnist-5k", classes=[8, 3])
    counts = [int((data.train.labels == label).sum()) for label in (0, 1)]
    assert data.description.startswith(
        f"mnist-5k: {sum(counts)} colour images of 64x64 (3: {counts[0]}, 8: {counts[1]}), "
    )


def test_one_usable_image_is_too_few(tmp_path: Path) -> None:
    root = tmp_path / "images"
    root.mkdir()
    (root / "good.png").write_bytes(encoded(picture(40, 30, seed=1), "PNG"))
    (root / "bad.png").write_text("woof")
    with pytest.raises(InputError, match="holds one usable image: two are needed"):
        loaded(tmp_path, path=str(root))


def test_no_copy_of_a_held_out_image_is_trained_on(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "images"
    root.mkdir()
    for number in range(40):
        for name in ("", "copy of "):
            (root / f"{name}{number}.png").write_bytes(encoded(picture(40, 30, seed=number), "PNG"))
    data = loaded(tmp_path, path=str(root), image_size=28)
    seen, held_out = ({image.numpy().tobytes() for image in part.images} for part in (data.train, data.held_out))
    assert not seen & held_out
    assert len(seen | held_out) == 40
    assert 20 <= len(data.held_out) <= 21
    unused = 80 - len(data.train) - len(data.held_out)
    told = f"; 40 of all 80 are copies of others ({unused} are not used, so that none is trained on and held out)"
    assert data.description.endswith(told)
    assert capfd.readouterr() == ("", "")


def test_a_folder_of_one_image_many_times_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "images"
    root.mkdir()
    for number in range(8):
        (root / f"{number}.png").write_bytes(encoded(picture(40, 30), "PNG"))
    with pytest.raises(InputError, match=r"holds one image 8 times: two are needed, one of them held out"):
        loaded(tmp_path, path=str(root), image_size=28)
    everything = load_folder(root, Form(3, 28, 28), workers=1, cache=tmp_path / "cache", all_to_train=True)
    assert (len(everything.train), len(everything.held_out)) == (8, 0)  # a generator that has collapsed is measured


def test_dark_files_of_16_bits_and_stacks_by_other_names_are_told_in_a_line_each_at_every_start(
    images: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for number in range(5):
        values = np.random.default_rng(number).integers(0, 4090 + number, (30, 30)).astype(np.uint16)
        values[0, 0] = 4091 + number
        (images / "cat" / f"scan {number}.png").write_bytes(encoded(Image.fromarray(values), "PNG"))
    for name, count in (("a", 3), ("b", 7)):
        (images / "dog" / f"{name}.png").write_bytes(stack(count))
    expected = (
        f"warning: {images}: 5 of its files of 16 bits hold no value above 4,095 of 65,535, nearly black: scale them "
        "to the whole range if they are 12-bit data or the like\n"
        f"warning: {images}: dog/b.png is a TIFF of 7 pages, of which only the first is read; so of 1 more files: "
        "call it .tif\n"
    )
    for _ in range(2):
        loaded(tmp_path, path=str(images), image_size=28, number_channels=1)
        assert capfd.readouterr().err == expected
    (images / "cat" / "one more.png").write_bytes(
        encoded(picture(30, 30, seed=99), "PNG")
    )  # the others are copied over
    loaded(tmp_path, path=str(images), image_size=28, number_channels=1)
    assert capfd.readouterr().err == expected


def test_each_page_of_a_tiff_is_an_image(images: Path, tmp_path: Path) -> None:
    (images / "dog" / "stack.TIF").write_bytes(stack(7, 500))
    (images / "cat" / "half.tiff").write_bytes(stack(3, 600)[:-2000])  # its last page is damaged
    for _ in range(2):
        data = loaded(tmp_path, path=str(images), image_size=28, number_channels=1)
        assert [str(skip.path.relative_to(images)) for skip in data.skipped] == ["cat/half.tiff, page 3", "dog/bad.jpg"]
        assert data.train.labels is not None
        assert data.held_out.labels is not None
        labels = torch.cat([data.train.labels, data.held_out.labels])
        assert torch.bincount(labels).tolist() == [24 + 2, 16 + 7]
        rows = torch.cat([data.train.images, data.held_out.images])
        assert len(rows.flatten(1).unique(dim=0)) == 49


def test_a_single_tiff_is_a_training_set(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "stack.tif").write_bytes(stack(40))
    assert len(loaded(tmp_path, path=str(tmp_path / "images"), image_size=28, number_channels=1).train) == 30


def test_a_cache_of_first_pages_is_completed(images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (images / "dog" / "stack.tif").write_bytes(stack(5, 500))
    keys = {"path": str(images), "image_size": 28, "number_channels": 1}
    with monkeypatch.context() as patch:
        patch.setattr(cache, "pages_in", lambda _: [])  # as earlier versions did
        assert len(loaded(tmp_path, **keys).train) == 31
    decoded: list[str] = []
    whole = cache.decode_file
    monkeypatch.setattr(cache, "decode_file", lambda path, *rest: decoded.append(path.name) or whole(path, *rest))
    data = loaded(tmp_path, **keys)
    assert len(data.train) + len(data.held_out) == 45
    assert decoded == ["stack.tif"] * 4, "what is there is copied over"
