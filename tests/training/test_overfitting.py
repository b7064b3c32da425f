"""The gauge of overfitting: what it says of critics whose answer is known, its error, and that it changes nothing."""

import os
import signal
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from commands import write_yaml
from PIL import Image
from run_comparison import differences, log_rows
from torch import Tensor

from wgan import train as job
from wgan.config.algorithms import ALGORITHMS
from wgan.config.resolve import load_config, resolve
from wgan.config.schema import TrainConfig
from wgan.data.image_set import Data, ImageSet
from wgan.runs import checkpoint
from wgan.trainers.base import Trainer, build_trainer
from wgan.training import overfitting
from wgan.training.health import Watch
from wgan.training.overfitting import OverfittingGauge
from wgan.utils.errors import InputError

pytestmark = pytest.mark.usefixtures("quick")

TINY = {"image_size": 28, "number_channels": 1, "gen_feature_maps": 4, "dis_feature_maps": 4, "latent_vector": 8}
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overfitting, "EVERY", 3)


def noise(count: int, seed: int) -> ImageSet:
    numbers = torch.Generator().manual_seed(seed)
    pixels = torch.randint(256, (count, 1, 28, 28), dtype=torch.uint8, generator=numbers)
    return ImageSet(pixels, torch.arange(count) % 3, ("a", "b", "c"))


def data_of(train: ImageSet, held_out: ImageSet) -> Data:
    return Data(train, held_out, (), "", "")


def trainer_of(data: Data, **keys: Any) -> Trainer:
    config = resolve({"dataset": "mnist-5k", **TINY, **keys})
    assert isinstance(config, TrainConfig)
    classes = data.train.class_counts if config.conditional else {}
    return build_trainer(config, data.train.images.shape[1:], CPU, classes=classes)


def bits(trainer: Trainer) -> bytes:
    networks = trainer.generator, trainer.critic, trainer.ema.model
    return b"".join(t.contiguous().numpy().tobytes() for n in networks for t in n.state_dict().values())


def gauged(data: Data, **keys: Any) -> OverfittingGauge:
    config = resolve({"arch": "WGAN-GP", "dataset": "mnist-5k", **keys})
    assert isinstance(config, TrainConfig)
    return OverfittingGauge(data, config)


def gauge_of(rows: int, train: int, held_out: int) -> OverfittingGauge:
    return gauged(data_of(noise(train, 0), noise(held_out, 1)), batch_size=rows)


def test_of_constant_scores_it_is_the_ratio_of_their_differences() -> None:
    gauge = gauge_of(8, 100, 50)
    assert gauge.row() == {}
    for step in range(3):
        gauge.add(step, [[5.0, 3.0, 1.0], [0.0, 0.0, 0.0]])
    assert gauge.row() == {"overfitting": pytest.approx(0.5), "overfitting_error": 0.0}
    gauge.add(4, [[np.nan, 3.0, 1.0], [0.0, 0.0, 0.0]])
    assert gauge.row()["overfitting"] == pytest.approx(0.5), "what is no number is left out"


def test_nothing_is_said_before_training_images_score_above_generated_ones() -> None:
    gauge = gauge_of(8, 100, 50)
    gauge.add(3, [[1.0, 0.9, 0.9], [1.0, 1.0, 1.0]])
    assert gauge.row() == {}
    assert Watch().row({"step": 50, "critic_loss": 1.0, **gauge.row()}) == []


@pytest.mark.parametrize(("held_out", "share"), [(20, 0.0), (200, 0.3)])
def test_its_error_is_the_spread_over_many_trainings(held_out: int, share: float) -> None:
    """Simulated: sets drawn from populations of known means, batches drawn from the sets, thirty times each."""
    random = np.random.default_rng(0)
    rows, ratios, errors = 16, [], []
    for _ in range(400):
        sets = random.normal(3, 1, 300), random.normal(3 - 3 * share, 2, held_out)
        gauge = gauge_of(rows, 300, held_out)
        for step in range(30):
            batches = [random.choice(numbers, rows) for numbers in sets] + [random.normal(0, 1, rows)]
            gauge.add(step, [[float(b.mean()) for b in batches], [float(b.var(ddof=1)) for b in batches]])
        ratios.append(gauge.row()["overfitting"])
        errors.append(gauge.row()["overfitting_error"])
    assert statistics.fmean(ratios) == pytest.approx(share, abs=0.03)
    assert statistics.fmean(errors) == pytest.approx(statistics.stdev(ratios), rel=0.12)


CRITICS = [
    *({"arch": arch} for arch in ALGORITHMS),
    {"arch": "SNGAN", "network": "resnet", "conditional": True},
    {"arch": "DCGAN", "conditional": True},
    {"arch": "WGAN-GP", "critic_norm": "layer", "augment": ["flip", "translation", "color", "cutout"]},
    {"arch": "WGAN-GP", "critic_norm": "instance", "dequantise": True, "accumulate": 2},
]


@pytest.mark.parametrize("keys", CRITICS, ids=lambda keys: "-".join(map(str, keys.values())))
def test_measuring_changes_no_bit_of_the_networks_or_of_what_follows(keys: dict[str, Any]) -> None:
    """Batch norm's statistics, spectral norm's power iteration and the training's random numbers stay as they are."""
    data = data_of(noise(40, 0), noise(20, 1))
    ended = []
    for measuring in (True, False):
        trainer, gauge = trainer_of(data, **{"batch_size": 8, **keys}), gauged(data, batch_size=8)
        for step in range(3):
            rows = slice(8 * step, 8 * step + 8)
            real = data.train.images[rows].float() / 127.5 - 1
            labels = data.train.labels[rows] if trainer.generator.classes else None  # type: ignore[index]
            trainer.critic_update(real, step, labels)
            trainer.generator_update(8, step, real, labels)
            before = bits(trainer)
            if measuring:
                assert np.isfinite(gauge.measure(trainer, step)).all()
                assert trainer.critic.training
            assert bits(trainer) == before
        ended.append(bits(trainer))
    assert ended[0] == ended[1]


def test_without_a_norm_it_measures_the_mean_scores_of_each_kind() -> None:
    """Of sets of one image each: the very scores that the critic gives to them."""
    one, other = noise(1, 0), noise(1, 1)
    many = [ImageSet(images.images.repeat(16, 1, 1, 1)) for images in (one, other)]
    data = data_of(*many)
    trainer = trainer_of(data, arch="WGAN-GP", batch_size=8)
    means, variances = gauged(data, batch_size=8).measure(trainer, 3)
    with torch.no_grad():
        scores = [float(trainer.critic(found.images.float() / 127.5 - 1)) for found in (one, other)]
    assert means[:2] == pytest.approx(scores, rel=1e-4)
    assert variances[0] < 1e-9 < variances[2]


def trained(data: Data, steps: int, **keys: Any) -> dict[str, float]:
    trainer, gauge = trainer_of(data, **keys), gauged(data, batch_size=32)
    for step in range(steps):
        rows = torch.arange(32 * step, 32 * step + 32) % len(data.train)
        real: Tensor = data.train.images[rows]
        real = real if real.is_floating_point() else real.float() / 127.5 - 1
        trainer.critic_update(real, step)
        trainer.generator_update(32, step, real)
        if step % 3 == 0:
            gauge.add(step, gauge.measure(trainer, step))
    return gauge.row()


def test_a_critic_of_noise_images_can_only_learn_them_by_heart() -> None:
    """No image of noise tells anything of another: to the critic unseen ones are what its training images are not."""
    keys = {"arch": "DCGAN", "network": "dense", "learning_rate": 5e-4, "critic_norm": "none"}
    few = trained(data_of(noise(32, 0), noise(64, 1)), 150, **keys)
    assert few["overfitting"] - 2 * few["overfitting_error"] > 0.5, few
    row = {"step": 150, "critic_loss": 0.1, **few}
    watch = Watch()
    assert "learns its training images by heart" in watch.row(row)[0]
    assert "augment" in watch.warnings[0]
    assert watch.row(row) == []


def test_a_critic_that_has_seen_no_image_twice_does_not_know_it() -> None:
    keys = {"arch": "DCGAN", "network": "dense", "learning_rate": 5e-4, "critic_norm": "none"}
    many = trained(data_of(noise(3200, 0), noise(400, 1)), 100, **keys)
    assert abs(many["overfitting"]) < 3 * many["overfitting_error"] < 0.3, many


def train(folder: Path, **keys: Any) -> int:
    config = load_config(write_yaml(folder, **{"metrics": [], **keys}))
    assert isinstance(config, TrainConfig)
    return job.train(config)


def test_the_probability_follows_the_ratio_by_a_fixed_amount(monkeypatch: pytest.MonkeyPatch) -> None:
    """Up above the target, down below it, within [0, 1]; from 0 to 1 while RAMP training images pass."""
    monkeypatch.setattr(overfitting, "RAMP", 200)
    none = [0.0, 0.0, 0.0]
    gauge = gauged(data_of(noise(40, 0), noise(20, 1)), batch_size=10, augment=["auto", "flip"])
    seen = []
    for held_out in (0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, *[-9.0] * 9):
        gauge.sums = [0.0] * 7  # of this measurement alone
        gauge.add(0, [[1.0, held_out, 0.0], none])
        seen.append(gauge.row()["augment_p"])
    step = 3 * 10 / 200
    assert seen[:7] == pytest.approx([step, 2 * step, step, 0, 0, 0, 0])
    assert seen[7:] == pytest.approx([min(1.0, k * step) for k in range(1, 10)])
    assert gauge_of(8, 40, 20).row().keys().isdisjoint({"augment_p"}), "without auto there is none"


@pytest.mark.parametrize(
    ("arch", "augment"),
    [("DCGAN", []), ("SNGAN", []), ("WGAN-GP", []), ("DCGAN", ["auto"]), ("R3GAN", ["flip", "auto"])],
)
def test_the_log_has_it_and_a_training_stopped_anywhere_ends_with_the_same_bits(
    arch: str, augment: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overfitting, "TARGET", -1e9)  # so that the probability rises with each measurement
    monkeypatch.setattr(overfitting, "RAMP", 200)
    keys = {"arch": arch, "augment": augment, "num_steps": 24, "log_every": 4, "critic_its": 1, "learning_rate": 5e-3}
    assert train(tmp_path / "whole", **keys) == 0
    update = Trainer.critic_update
    for stop in (5, 8, 14):  # beside a measurement, and with a row and a checkpoint between two

        def stopping(trainer: Trainer, real: Tensor, at: int, *rest: Any, stop: int = stop) -> dict[str, Tensor]:
            if at == stop:
                os.kill(os.getpid(), signal.SIGINT)
            return update(trainer, real, at, *rest)

        with monkeypatch.context() as patch:
            patch.setattr(Trainer, "critic_update", stopping)
            assert train(tmp_path / "stopped", **keys) == 130
    assert train(tmp_path / "stopped", **keys) == 0
    assert differences(tmp_path / "whole/out/run", tmp_path / "stopped/out/run") == []
    rows = log_rows(tmp_path / "whole/out/run")
    assert any(row.get("overfitting") and float(row["overfitting_error"]) > 0 for row in rows), rows
    if augment:
        chances = [float(row["augment_p"]) for row in rows]
        assert chances == sorted(chances)
        assert chances[-1] > 0
    with monkeypatch.context() as patch:
        patch.setattr(overfitting, "EVERY", 10**9)
        assert train(tmp_path / "unmeasured", **keys) == 0
    with_it, without = (
        checkpoint.load(tmp_path / name / "out/run/checkpoints/last.pt")["trainer"] for name in ("whole", "unmeasured")
    )
    equal = [torch.equal(with_it[n][k], without[n][k]) for n in ("generator", "critic", "ema") for k in with_it[n]]
    assert all(equal) is not bool(augment)
    if arch == "DCGAN":  # a checkpoint of an older version has none
        path = tmp_path / "whole/out/run/checkpoints/last.pt"
        content = checkpoint.load(path)
        del content["gauge"]
        checkpoint.save(path.parent, content, None, 1)
        assert train(tmp_path / "whole", **keys | {"num_steps": 30}) == 0


def test_too_few_held_out_images_are_said_once_and_nothing_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "images").mkdir()
    for index, image in enumerate(noise(24, 0).images):
        Image.fromarray(image[0].numpy()).save(tmp_path / f"images/{index}.png")
    keys = {"dataset": None, "path": str(tmp_path / "images"), "cache": str(tmp_path / "cache"), "batch_size": 4}
    assert train(tmp_path, **keys) == 0
    assert "overfitting is not measured: fewer than 16 images are held out" in capsys.readouterr().out
    assert not any("overfitting" in row for row in log_rows(tmp_path / "out/run"))
    with pytest.raises(InputError, match=r"augment: auto needs 16 held-out images, here are 6"):
        train(tmp_path, **keys, augment="auto")
