"""The classifier that counts classes: what it sees, and that it is trained once."""

import io
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from real_digits import digits, random, random_pixels

from wgan.data.image_set import ImageSet
from wgan.metrics import classifier
from wgan.metrics.evaluate import evaluate

REAL = digits()
HELD_OUT, TRAIN = REAL[:500], REAL[500:4000]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier, "MOST_UPDATES", 100)  # enough for these digits


@pytest.mark.slow
def test_missing_classes_show_in_coverage_and_counts(cache: Path) -> None:
    rest = REAL[4000:]
    odd = rest.images[rest.labels % 2 == 1]
    report = evaluate(odd, HELD_OUT, TRAIN, ["classifier"], 0, "cpu", cache=cache)
    values = report.values()
    assert 0.5 <= values["class_coverage"] <= 0.6, "five classes of ten, and perhaps one more by its mistakes"
    assert values["class_imbalance"] == pytest.approx(0.5, abs=0.07)
    counts = {name: generated for name, generated, _ in report.class_counts}
    assert sum(counts[name] for name in "13579") > 0.95 * sum(counts.values())
    accuracy = float(report.notes[0].split("names ")[1].split("%")[0])
    assert accuracy > 93
    whole = evaluate(rest.images, HELD_OUT, TRAIN, ["classifier"], 0, "cpu", cache=cache).values()
    assert whole["class_coverage"] == 1
    assert whole["frechet_classifier"] < values["frechet_classifier"] / 3


@pytest.mark.slow
def test_it_is_trained_once_and_then_read_from_the_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = evaluate(REAL.images[4000:], HELD_OUT, TRAIN, ["classifier"], 0, "cpu", cache=cache)

    def untimely(*_: object) -> None:
        raise AssertionError("the classifier was trained again")

    monkeypatch.setattr(classifier, "_train", untimely)
    for seed in (0, 1, 2):
        again = evaluate(REAL.images[4000:], HELD_OUT, TRAIN, ["classifier"], seed, "cpu", cache=cache)
        assert again.metrics == first.metrics, "the ruler is the same for every run's seed"
    with pytest.raises(AssertionError, match="trained again"):
        evaluate(REAL.images[4000:], HELD_OUT, REAL[501:4000], ["classifier"], 0, "cpu", cache=cache)


def test_its_training_is_a_function_of_the_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier, "MOST_UPDATES", 10)
    reports = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        reports.append(evaluate(REAL.images[4000:], HELD_OUT, TRAIN[:800], ["classifier"], seed, "cpu"))
    assert reports[0].metrics
    assert reports[0].metrics == reports[1].metrics
    assert reports[0].class_counts == reports[1].class_counts


@pytest.mark.slow
def test_a_damaged_or_foreign_file_is_trained_anew_and_a_cache_that_cannot_be_written_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classifier, "MOST_UPDATES", 10)
    few = TRAIN[:600]
    whole = classifier.trained(few, "cpu", tmp_path)[0].state_dict()
    (file,) = (tmp_path / "classifiers").glob("*.pt")
    content = file.read_bytes()
    flipped = bytearray(content)
    flipped[content.index(b"data/0") + 1000] ^= 1  # in the weights, where nothing but their checksum tells
    other = io.BytesIO()
    torch.save({name: value.flatten()[:1] for name, value in whole.items()}, other)
    known = b"", content[:1000], bytes(flipped), b"hello world\n", b"\x80\x02aaaa.", b"cw\xe4\n.", bytes(5000)

    def check() -> None:
        again, notes = classifier.trained(few, "cpu", tmp_path)
        assert notes == ()
        assert all(torch.equal(whole[name], value) for name, value in again.state_dict().items())
        assert not again.training
        assert file.read_bytes() == content

    for damaged in (*known, other.getvalue()):
        file.write_bytes(damaged)
        check()
    if hasattr(os, "mkfifo"):
        file.unlink()
        os.mkfifo(file)  # reading it would wait for ever
        check()
    (tmp_path / "file").touch()
    _, notes = classifier.trained(few, "cpu", tmp_path / "file")
    assert len(notes) == 1
    assert "it will be trained again" in notes[0]


def test_processes_that_need_the_same_one_train_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier, "MOST_UPDATES", 10)
    trained = []
    train = classifier._train
    monkeypatch.setattr(classifier, "_train", lambda *args: trained.append(1) or train(*args))
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: classifier.trained(TRAIN[:300], "cpu", tmp_path), range(3)))
    assert len(trained) == 1


@pytest.mark.parametrize(("channels", "side"), [(1, 28), (3, 48), (3, 128)])
def test_every_size_has_64_features_which_other_images_of_the_batch_do_not_change(channels: int, side: int) -> None:
    images = random_pixels(5, channels, side)
    network = classifier.Classifier(ImageSet(images, torch.zeros(5, dtype=torch.int64), ("a", "b"))).eval()
    with torch.no_grad():
        features = network.features(images)
        assert features.shape == (5, 64)
        assert torch.allclose(network.features(images[:1]), features[:1], atol=1e-4)


def test_shifts_move_each_image_by_whole_pixels_and_repeat_its_edge() -> None:
    images = random_pixels(40, 1, 28)
    found = classifier.shifted(images, torch.arange(40), random())
    moves = set()
    for image, moved in zip(images[:, 0], found[:, 0], strict=True):
        inner = moved[1:-1, 1:-1]
        places = [(y, x) for y in range(3) for x in range(3) if torch.equal(image[y : y + 26, x : x + 26], inner)]
        assert len(places) == 1
        moves.add(places[0])
    assert len(moves) == 9


def test_images_that_are_no_squares_move_by_as_much_of_each_side() -> None:
    """A side below 28 pixels stays where it is."""
    images = random_pixels(60, 1, 56)[:, :, :24]
    found = classifier.shifted(images, torch.arange(60), random())
    places = [
        [x for x in range(5) if torch.equal(image[:, x : x + 52], moved[:, 2:-2])]
        for image, moved in zip(images[:, 0], found[:, 0], strict=True)
    ]
    assert {x for (x,) in places} == set(range(5))


def test_without_labels_the_group_is_left_out_with_the_reason() -> None:
    unlabelled = replace(TRAIN, labels=None, class_names=())
    report = evaluate(REAL.images[4000:], HELD_OUT, unlabelled, ["classifier", "emd"], 0, "cpu")
    assert report.notes == ("classifier needs labelled images of two classes or more and was left out.",)
    assert {figure.key for figure in report.metrics} == {"emd", "emd_colour"}


def test_the_classifier_sees_no_copy_of_what_is_kept_from_it() -> None:
    images = torch.arange(200, dtype=torch.uint8).reshape(-1, 1, 1, 1).expand(-1, 1, 2, 2)
    twice = ImageSet(torch.cat([images, images]), torch.arange(400) % 2, ("a", "b"))
    seen, unseen = (set(part.images[:, 0, 0, 0].tolist()) for part in classifier.kept_back(twice))
    assert seen.isdisjoint(unseen)
    assert len(unseen) >= 20
    once = ImageSet(images, torch.arange(200) % 2, ("a", "b"))
    assert len(classifier.kept_back(once)[1]) == 40
