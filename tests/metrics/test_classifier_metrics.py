"""The classifier that counts classes: what it sees, and that it is trained once."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from real_digits import digits

from wgan.metrics import classifier
from wgan.metrics.evaluate import evaluate

REAL = digits()
HELD_OUT, TRAIN = REAL[:500], REAL[500:4000]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier, "STEPS", 200)  # enough for these digits


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


def test_it_is_trained_once_and_then_read_from_the_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = evaluate(REAL.images[4000:], HELD_OUT, TRAIN, ["classifier"], 0, "cpu", cache=cache)

    def untimely(*_: object) -> None:
        raise AssertionError("the classifier was trained again")

    monkeypatch.setattr(classifier, "_train", untimely)
    again = evaluate(REAL.images[4000:], HELD_OUT, TRAIN, ["classifier"], 0, "cpu", cache=cache)
    assert again.metrics == first.metrics
    with pytest.raises(AssertionError, match="trained again"):
        evaluate(REAL.images[4000:], HELD_OUT, TRAIN, ["classifier"], 1, "cpu", cache=cache)
    with pytest.raises(AssertionError, match="trained again"):
        evaluate(REAL.images[4000:], HELD_OUT, REAL[501:4000], ["classifier"], 0, "cpu", cache=cache)


def test_its_training_is_a_function_of_images_and_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier, "STEPS", 5)
    torch.manual_seed(1)
    first = classifier.trained(TRAIN, 3, "cpu", None)[0].state_dict()
    torch.manual_seed(2)
    second = classifier.trained(TRAIN, 3, "cpu", None)[0].state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_damaged_cache_is_trained_anew_and_one_that_cannot_be_written_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classifier, "STEPS", 5)
    whole = classifier.trained(TRAIN, 3, "cpu", tmp_path)[0].state_dict()
    (file,) = (tmp_path / "classifiers").iterdir()
    content = file.read_bytes()
    flipped = bytearray(content)
    flipped[content.index(b"data/0") + 1000] ^= 1  # in the weights, where nothing but their checksum tells
    for damaged in (b"", content[:1000], bytes(flipped), b"hello world\n", b"\x80\x02aaaa.", b"cw\xe4\n.", bytes(5000)):
        file.write_bytes(damaged)
        again, notes = classifier.trained(TRAIN, 3, "cpu", tmp_path)
        assert notes == ()
        assert all(torch.equal(whole[name], value) for name, value in again.state_dict().items())
        assert file.read_bytes() == content
    (tmp_path / "file").touch()
    _, notes = classifier.trained(TRAIN, 3, "cpu", tmp_path / "file")
    assert len(notes) == 1
    assert "it will be trained again" in notes[0]


def test_without_labels_the_group_is_left_out_with_the_reason() -> None:
    unlabelled = replace(TRAIN, labels=None, class_names=())
    report = evaluate(REAL.images[4000:], HELD_OUT, unlabelled, ["classifier", "emd"], 0, "cpu")
    assert report.notes == ("classifier needs labelled images of two classes or more and was left out.",)
    assert {figure.key for figure in report.metrics} == {"emd", "emd_colour"}
