"""Every key of a training at a value other than its default, for each algorithm and network that it applies to.

Each trains two steps. A key of which another value may continue the same run changes no bit of the weights; every other
one changes some: no key is without effect. A new key needs a value here.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import TINY, run, write_yaml
from PIL import Image

from wgan.config.algorithms import ALGORITHMS, unused_keys
from wgan.config.resolve import load_config
from wgan.config.schema import TrainConfig, resume_safe_keys
from wgan.data import named_sets
from wgan.metrics import toy_2d
from wgan.preflight import Preflight
from wgan.reporting.live import Pages
from wgan.runs.run_dir import Run
from wgan.train import train
from wgan.trainers.base import Trainer, build_trainer
from wgan.training import finalize, loop
from wgan.training.evaluator import ImageSamples

NETWORKS = ("conv", "resnet", "mnist", "dense", "resnet32", "resnet64")
BASE = {**TINY, "num_steps": 2, "critic_its": 1, "batch_size": 8, "metrics": [], "log_every": 1}
OTHER: dict[str, Any] = {
    "seed": 7,
    "cache": "cache",
    "path": {"dataset": None, "path": "images"},
    "dataset": {"dataset": None, "path": "images"},
    "classes": [3, 5],
    "conditional": True,
    "class_balance": "even",
    "image_size": [28, 20],
    "number_channels": 3,
    "augment": ["flip", "translation", "color", "cutout"],
    "loader_workers": 1,
    "num_epochs": {"num_steps": None, "num_epochs": 12 / 4500},
    "num_steps": {"num_steps": None, "num_epochs": 16 / 4500},
    "max_minutes": 60,
    "optimizer": {"adam": "rmsprop", "rmsprop": "adam"},
    "learning_rate": 3e-3,
    "critic_learning_rate": 3e-3,
    "learning_rate_decay": "linear",
    "learning_rate_warm_up": 3,
    "beta_adam": 0.7,
    "beta2_adam": 0.7,
    "dequantise": True,
    "batch_size": 4,
    "gen_batch_size": 4,
    "accumulate": 2,
    "critic_its": 2,
    "critic_warm_up": True,
    "gp_lambda": 3,
    "one_sided": True,
    "penalty_at": "both",
    "clip_value": 0.03,
    "div_k": 1e8,  # the term takes the sixth power of a slope that is far below 1 at first
    "div_p": 2,
    "r3_gamma": 30,
    "label_smoothing": 0.1,
    "ema_decay": 0.05,
    "gen_network": "plain",
    "latent_vector": 5,
    "gen_feature_maps": 5,
    "dis_feature_maps": 5,
    "critic_norm": "layer",
    "critic_activation": "relu",
    "spectral_norm": {False: True, True: False},
    "freeze_critic": 1,
    "precision": "bf16",
    "rank_timeout": 5,
    "deterministic": True,
    "log_every": 2,
    "sample_every": 1,
    "checkpoint_every": 1,
    "keep_checkpoints": {"keep_checkpoints": 1, "checkpoint_every": 1},
    "metrics_every": {"metrics_every": 2, "metrics": ["emd"]},
    "metrics": ["paired", "emd"],
    "best_metric": {"best_metric": "psnr", "metrics": ["paired"], "metrics_every": 2},
    "patience": {"patience": 1, "metrics": ["paired"], "metrics_every": 2, "best_metric": "psnr"},
    "tensorboard": True,
}
ELSEWHERE = {
    "arch": "end_to_end/test_every_key.py",
    "fit": "end_to_end/test_shapes.py",
    "network": "end_to_end/test_every_key.py",
    "out": "end_to_end/test_training_command.py",
    "run": "end_to_end/test_training_command.py",
    "config_version": "test_preflight_images.py",
    "n_gpu": "test_preflight.py",
    "start_from": "training/test_start_from.py",
    "inception_weights": "metrics/test_inception.py",
    "sweep": "sweep/test_local_sweep.py",
    "parallel": "sweep/test_local_sweep.py",
    "cpus": "sweep/test_cluster.py",
    "executor": "sweep/test_cluster.py",
}
"""Keys that no single training shows -> the test that sets them."""
WITHOUT_EFFECT = {  # beside those that the arch does not use
    ("optimizer=rmsprop", "beta_adam"),
    ("optimizer=rmsprop", "beta2_adam"),
    ("network=dense", "critic_norm"),
    ("network=dense", "conditional"),
    ("network=resnet64", "one_sided"),  # all its slopes are above 1 at first
    ("arch=WGAN-DIV", "penalty_at"),  # float32 loses the sixth power of a slope far below 1; test_algorithms.py has it
    ("arch=R3GAN", "gen_batch_size"),  # must be batch_size
}


def put_images(folder: Path) -> None:
    folder.mkdir()
    random = np.random.default_rng(0)
    for number in range(40):
        pixels = random.integers(0, 256, (28, 28), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of grey images that trainings may take instead of the set; what slows them down is left out."""
    root = tmp_path_factory.mktemp("every_key")
    put_images(root / "images")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("XDG_CACHE_HOME", str(root / "usual"))
        patch.setattr(named_sets, "mnist_5k", lru_cache(named_sets.mnist_5k))
        patch.setattr(ImageSamples, "measured", 256)
        patch.setattr(ImageSamples, "shown", 4)
        patch.setattr(toy_2d, "POINTS", 200)
        patch.setattr(ImageSamples, "compare", lambda *_: None)
        patch.setattr(finalize, "training_gif", lambda *_: None)
        patch.setattr(Pages, "draw", lambda *_, **__: None)
        patch.setattr("os.fsync", lambda _: None)
        yield root


def weights(folder: Path, **keys: Any) -> bytes:
    """What two steps make of both networks and the average, as bytes."""
    yaml = write_yaml(folder, **{**BASE, **keys})
    config = load_config(yaml, check=Preflight())
    assert isinstance(config, TrainConfig)
    trainers: list[Trainer] = []  # read from there: a checkpoint takes as long as a step
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "build_trainer", lambda *found: trainers.append(build_trainer(*found)) or trainers[0])
        assert train(config) == 0
    assert Run(folder / "out" / "run").read_state()["step"] == 2
    state = trainers[0].state_dict()
    tensors = [t for part in ("generator", "critic", "ema") for t in state[part].values()]
    assert all(t.isfinite().all() for t in tensors)
    return b"".join(t.contiguous().numpy().tobytes() for t in tensors)


def others(arch: str, network: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each key that applies, with the keys that set it to another value."""
    usual = ALGORITHMS[arch].defaults
    for key, value in OTHER.items():
        chosen_here = (f"optimizer={usual['optimizer']}", f"network={network}", f"arch={arch}")
        if key in unused_keys(arch) or any((one, key) in WITHOUT_EFFECT for one in chosen_here):
            continue
        chosen = value if isinstance(value, dict) else {key: value}
        if key in ("optimizer", "spectral_norm"):  # the value that is not the default
            chosen = {key: value[usual[key]]}
        yield key, chosen


def wrong_keys(arch: str, network: str, root: Path) -> list[str]:
    """The keys whose other value does to the weights what it should not; those that change none are set at once."""
    fixed = {"arch": arch, "network": network} | ({"critic_norm": "none"} if network == "dense" else {})
    base = weights(root / arch / network / "base", **fixed)
    safe: dict[str, Any] = {}
    wrong = []
    for key, chosen in others(arch, network):
        if key in resume_safe_keys():
            safe |= chosen
        elif weights(root / arch / network / key, **fixed, **chosen) == base:
            wrong.append(f"{key}: without effect")
    if weights(root / arch / network / "safe", **fixed, **safe) != base:
        wrong.append(f"one of {', '.join(safe)} changes the weights")
    return wrong


def test_every_key_has_another_value_here_or_a_test_elsewhere() -> None:
    assert OTHER.keys() | ELSEWHERE.keys() == TrainConfig.model_fields.keys()
    tests = Path(__file__).parents[1]
    assert [key for key, file in ELSEWHERE.items() if key not in (tests / file).read_text(encoding="utf-8")] == []


KINDS: dict[str, dict[str, Any]] = {
    "images": {"spectral_norm": True},
    "points": {"dataset": "8gaussians", "spectral_norm": True, "gen_feature_maps": 1, "dis_feature_maps": 1},
}
"""Spectral norm changes a critic whenever it is asked in training."""
OF_POINTS: dict[str, Any] = {
    "num_epochs": {"num_steps": None, "num_epochs": 12 / 100_000},
    "num_steps": {"num_steps": None, "num_epochs": 16 / 100_000},
    "best_metric": {"best_metric": "w1", "metrics_every": 1},
    "patience": {"patience": 2, "metrics_every": 1},
}
NEUTRAL = [key for key in OTHER if key in resume_safe_keys()]


def neutral(key: str, kind: str) -> dict[str, Any]:
    """The keys that set one to another value."""
    value = OF_POINTS.get(key, OTHER[key]) if kind == "points" else OTHER[key]
    return value if isinstance(value, dict) else {key: value}


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def base(kind: str, places: Path) -> bytes:
    return weights(places / kind / "base", arch="WGAN-GP", **KINDS[kind])


def test_keys_that_may_change_within_a_run_change_no_bit_of_it(kind: str, base: bytes, places: Path) -> None:
    chosen = {name: value for key in NEUTRAL for name, value in neutral(key, kind).items()}
    assert weights(places / kind / "all", arch="WGAN-GP", **KINDS[kind], **chosen) == base


@pytest.mark.slow
@pytest.mark.parametrize("key", NEUTRAL)
def test_each_of_them_alone_changes_none(key: str, kind: str, base: bytes, places: Path) -> None:
    assert weights(places / kind / key, arch="WGAN-GP", **KINDS[kind], **neutral(key, kind)) == base


@pytest.mark.slow
@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("arch", ALGORITHMS)
def test_every_key_trains_with_each_algorithm_and_network(arch: str, network: str, places: Path) -> None:
    assert wrong_keys(arch, network, places) == []


@pytest.mark.slow
@pytest.mark.parametrize(("arch", "network"), list(zip(cycle(ALGORITHMS), NETWORKS, strict=False)))
def test_the_command_takes_all_other_values_at_once(arch: str, network: str, tmp_path: Path) -> None:
    """With its pages, pictures and animation, and each algorithm with a network of its own."""
    put_images(tmp_path / "images")
    keys: dict[str, Any] = {**BASE, "arch": arch, "network": network}
    for _, chosen in others(arch, network):
        keys |= chosen
    keys |= {"path": str(tmp_path / "images"), "cache": str(tmp_path / "cache"), "num_epochs": 0.5}
    of_classes = ("classes", "conditional", "class_balance")  # which these images have not
    status, told = run(write_yaml(tmp_path, **{k: v for k, v in keys.items() if k not in of_classes}))
    assert (status, "Traceback" in told) == (0, False), told
    made = {path.name for path in (tmp_path / "out" / "run").iterdir()}
    assert {"report.html", "training.gif", "interpolation.png", "loss_plot.png", "metrics.json"} <= made
