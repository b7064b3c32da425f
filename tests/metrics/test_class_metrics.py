"""Images of which the class was asked for: whether it came, how far each class is, what they teach a classifier."""

import pytest
import torch
from real_digits import digits, random_pixels
from torch import Tensor

from wgan.data.image_set import relabelled
from wgan.metrics import classifier
from wgan.metrics.evaluate import evaluate
from wgan.metrics.report import Report

pytestmark = pytest.mark.slow

REAL = digits()
HELD_OUT, TRAIN, REST = REAL[:500], REAL[500:4000], REAL[4000:]


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier, "MOST_UPDATES", 100)  # enough for these digits


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Report]:
    """Real digits as if they were generated, for the class that they are of and for others; no class was asked for."""
    cache = tmp_path_factory.mktemp("cache")
    swapped = torch.tensor([0, 1, 2, 5, 4, 3, 6, 7, 8, 9])[REST.labels]
    asked: dict[str, Tensor | None] = {"own": REST.labels, "3 for 5": swapped, "none": None}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classifier, "MOST_UPDATES", 100)
        groups, sets = ["classifier"], (HELD_OUT, TRAIN)
        return {k: evaluate(REST.images, *sets, groups, 0, "cpu", asked=v, cache=cache) for k, v in asked.items()}


def test_digits_asked_for_by_their_own_name_are_taken_for_it(judged: dict[str, Report]) -> None:
    (metric,) = (m for m in judged["own"].metrics if m.key == "class_asked")
    assert metric.real is not None
    assert metric.value == pytest.approx(metric.real, abs=0.05), "as often as other real ones"
    assert metric.value > 0.9


def test_threes_that_were_asked_for_as_fives_show_in_each_of_the_new_metrics_alone(judged: dict[str, Report]) -> None:
    own, swapped = judged["own"], judged["3 for 5"]
    share = float((REST.labels == 3).double().mean() + (REST.labels == 5).double().mean())
    assert own.values()["class_asked"] - swapped.values()["class_asked"] == pytest.approx(share, abs=0.06)
    assert swapped.values()["frechet_classes"] > 1.5 * own.values()["frechet_classes"]
    alike = {"frechet_classifier", "class_imbalance", "class_coverage", "class_confidence"}
    assert {key: own.values()[key] for key in alike} == {key: swapped.values()[key] for key in alike}
    assert swapped.notes[-1].startswith(
        ("Fréchet distance by class, the largest: 3 ", "Fréchet distance by class, the largest: 5 ")
    )
    table = torch.tensor(swapped.confusion)
    assert table.shape == (10, 10)
    assert table[3].argmax() == 5
    assert table[5].argmax() == 3
    assert [int(row.argmax()) for row in table[[0, 1, 2, 4, 6, 7, 8, 9]]] == [0, 1, 2, 4, 6, 7, 8, 9]
    assert int(table.sum()) == 500
    assert table.sum(0).tolist() == [made for _, made, _ in swapped.class_counts]


def test_without_a_class_asked_for_the_group_is_as_it_was(judged: dict[str, Report]) -> None:
    plain = judged["none"]
    assert {m.key for m in judged["own"].metrics} - set(plain.values()) == {"class_asked", "frechet_classes"}
    assert plain.metrics == judged["own"].metrics[:4]
    assert plain.confusion == ()


def test_a_classifier_learns_from_real_digits_and_not_from_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier, "MOST_UPDATES", 120)  # enough for digits

    def cas(images: Tensor) -> Report:
        return evaluate(images, HELD_OUT, TRAIN, ["cas"], 0, "cpu", asked=REST.labels)

    (real,), (noise,) = cas(REST.images).metrics, cas(random_pixels(len(REST), 1, 28)).metrics
    assert real.value > 0.85
    assert real.real == noise.real == pytest.approx(real.value, abs=0.06)
    assert noise.value < 0.3
    shuffled = REST.labels[torch.randperm(len(REST))]
    (wrong,) = evaluate(REST.images, HELD_OUT, TRAIN, ["cas"], 0, "cpu", asked=shuffled).metrics
    assert wrong.value < 0.3
    report = evaluate(REST.images, HELD_OUT, TRAIN, ["cas"], 0, "cpu")
    assert report.notes == ("cas needs generated images of which the class is known and was left out.",)


def test_labels_are_compared_by_their_names() -> None:
    labels = torch.tensor([0, 1, 1])
    found = relabelled(labels, ["newt", "frog"], ["frog", "ibis", "newt"])
    assert found is not None
    assert found.tolist() == [2, 0, 0]
    assert relabelled(labels, ["newt", "toad"], ["frog", "newt"]) is None
    assert relabelled(None, [], ["frog", "newt"]) is None
