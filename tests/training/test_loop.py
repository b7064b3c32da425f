"""Stopping and going on, divergence, warnings, evaluation on the way. Each training here takes about a second."""

import html
import json
import os
import signal
from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from commands import write_yaml
from PIL import Image
from run_comparison import differences, log_rows
from torch import Tensor

from wgan import train as job
from wgan.config import resolve
from wgan.config.algorithms import ALGORITHMS
from wgan.config.metrics import Metric
from wgan.metrics.report import Report
from wgan.networks.pretrained import load_generator
from wgan.reporting.live import Pages, pages_are_current
from wgan.reporting.report import write_report
from wgan.runs import checkpoint
from wgan.trainers.base import Trainer
from wgan.training import finalize, loop, progress, resources
from wgan.training import state as training_state
from wgan.training.evaluator import ImageSamples
from wgan.utils.errors import InputError, RunFault

pytestmark = pytest.mark.usefixtures("quick")

DiskUsage = namedtuple("DiskUsage", "total used free")
ARCHS = [*ALGORITHMS]
STEPS_STOPPED_IN = dict.fromkeys(ARCHS, (4, 9)) | {"WGAN-GP": range(12)}
"""After a checkpoint and just before one: every algorithm is saved by the same code."""


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def train(folder: Path, **keys: Any) -> int:
    loaded = resolve.load_config(write_yaml(folder, **{"metrics": [], **keys}))
    assert isinstance(loaded, resolve.TrainConfig)
    return job.train(loaded)


def state(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "out/run/state.json").read_text())
    return found


@contextmanager
def during_step(step: int, act: Callable[[Trainer], object]) -> Iterator[None]:
    """Do something after the critic's update of a step, before the generator's."""
    update = Trainer.critic_update

    def acting(trainer: Trainer, real: Tensor, at: int, *labels: Any) -> dict[str, Tensor]:
        metrics = update(trainer, real, at, *labels)
        if at == step:
            act(trainer)
        return metrics

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "critic_update", acting)
        yield


def raising(error: BaseException) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("arch", ARCHS)
def test_a_training_stopped_in_one_step_after_the_other_ends_with_the_same_bits(
    arch: str, precision: str, tmp_path: Path
) -> None:
    keys = {"arch": arch, "precision": precision}
    assert train(tmp_path / "whole", **keys) == 0
    for step in STEPS_STOPPED_IN[arch]:
        number = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)[step % 3]
        with during_step(step, lambda _, number=number: os.kill(os.getpid(), number)):
            assert train(tmp_path / "stopped", **keys) == 128 + number
        assert (state(tmp_path / "stopped")["state"], state(tmp_path / "stopped")["step"]) == ("stopped", step + 1)
    assert train(tmp_path / "stopped", **keys) == 0
    assert differences(tmp_path / "whole/out/run", tmp_path / "stopped/out/run") == []


@pytest.mark.parametrize("keys", [{"network": "resnet", "class_balance": "even"}, {"arch": "R3GAN", "batch_size": 8}])
def test_a_conditional_training_that_crashes_ends_with_the_same_bits(keys: dict[str, Any], tmp_path: Path) -> None:
    keys = {"conditional": True, **keys}
    assert train(tmp_path / "whole", **keys) == 0
    for step in (3, 7, 10):
        with during_step(step, raising(ZeroDivisionError("a bug"))), pytest.raises(ZeroDivisionError):
            train(tmp_path / "crashed", **keys)
    assert train(tmp_path / "crashed", **keys) == 0
    assert differences(tmp_path / "whole/out/run", tmp_path / "crashed/out/run") == []
    assert checkpoint.load(tmp_path / "whole/out/run/checkpoints/last.pt")["classes"]["3"] == 451


@pytest.mark.parametrize("network", ["conv", "resnet"])
@pytest.mark.parametrize("arch", ARCHS)
def test_every_algorithm_takes_classes(arch: str, network: str, tmp_path: Path) -> None:
    keys = {"arch": arch, "network": network, "num_steps": 2, "critic_its": 1, "log_every": 1, "dataset": "mnist-5k"}
    assert train(tmp_path, conditional=True, classes=[1, 4, 7], **keys) == 0
    run = tmp_path / "out/run"
    content = checkpoint.load(run / "checkpoints/last.pt")
    assert content["classes"] == {"1": 464, "4": 457, "7": 445}
    gains = [weights for name, weights in content["trainer"]["generator"].items() if name.endswith("gain")]
    assert gains
    assert all((weights.std(0) > 0).all() for weights in gains), "each class has gone its own way"
    embedding = next(w for name, w in content["trainer"]["critic"].items() if "embedding" in name)
    assert embedding.shape[0] == 3
    for name, rows in {"samples/step_*2.png": 3, "interpolation.png": 8}.items():
        with Image.open(next(run.glob(name))) as grid:
            assert (grid.info["left"], grid.height) == ("96", 86 * rows + 2)
    with Image.open(run / "real_fake_grid.png") as both:
        assert both.size == (96 + 2 * (86 * 8 + 2) + 8, 28 + 86 * 3 + 2)


@pytest.mark.parametrize("keys", [{"conditional": True}, {"class_balance": "even"}])
def test_a_class_without_an_image_to_train_on_is_refused(keys: dict[str, Any], tmp_path: Path) -> None:
    put_digits(tmp_path / "digits", {"a": 40, "b": 40})
    (tmp_path / "digits/c").mkdir()
    (tmp_path / "digits/c/1.png").write_text("no image")
    where = (
        rf"^{tmp_path}/input.yaml:\d+: {next(iter(keys))}: needs images to train on of each class.*: none is left of c$"
    )
    with pytest.raises(InputError, match=where):
        train(tmp_path, dataset=None, path=str(tmp_path / "digits"), cache=str(tmp_path / "cache"), **keys)
    (tmp_path / "digits/c/1.png").unlink()
    assert train(tmp_path, dataset=None, path=str(tmp_path / "digits"), cache=str(tmp_path / "cache"), **keys) == 0


def put_digits(folder: Path, classes: dict[str, int]) -> None:
    for name, count in classes.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = torch.randint(0, 256, (28, 28), dtype=torch.uint8)
            Image.fromarray(pixels.numpy()).save(folder / name / f"{number}.png")


@pytest.mark.slow
@pytest.mark.parametrize("arch", ARCHS)
def test_a_training_that_crashes_again_and_again_ends_with_the_same_bits(arch: str, tmp_path: Path) -> None:
    """A bug of ours keeps its traceback, and loses the steps since the last checkpoint."""
    assert train(tmp_path / "whole", arch=arch) == 0
    for step in (0, 3, 4, 7, 9, 11):
        with during_step(step, raising(ZeroDivisionError("a bug"))), pytest.raises(ZeroDivisionError):
            train(tmp_path / "crashed", arch=arch)
        assert state(tmp_path / "crashed")["state"] == "failed"
    assert train(tmp_path / "crashed", arch=arch) == 0
    assert differences(tmp_path / "whole/out/run", tmp_path / "crashed/out/run") == []


def test_a_signal_during_the_metrics_leaves_at_once_and_the_next_start_computes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(_: ImageSamples, trainer: Trainer) -> Report:
        return report(coverage=float(next(trainer.generator.parameters()).detach().sum()))

    def interrupted(samples: ImageSamples, trainer: Trainer) -> Report:
        if repeated:
            repeated.pop()
            return measured(samples, trainer)
        os.kill(os.getpid(), signal.SIGTERM)
        raise AssertionError("the signal came too late")

    keys = {"metrics_every": 6, "num_steps": 13}
    save = checkpoint.save
    monkeypatch.setattr(ImageSamples, "evaluate", measured)
    assert train(tmp_path / "whole", **keys) == 0
    repeated: list[int] = []
    for stopped_at in (6, 12, 13):
        monkeypatch.setattr(ImageSamples, "evaluate", interrupted)
        assert train(tmp_path / "stopped", **keys) == 143
        assert state(tmp_path / "stopped")["step"] == stopped_at
        assert int(log_rows(tmp_path / "stopped/out/run")[-1]["step"]) < stopped_at
        monkeypatch.setattr(ImageSamples, "evaluate", measured)
        monkeypatch.setattr(checkpoint, "save", raising(ZeroDivisionError()))
        with pytest.raises(ZeroDivisionError):  # writes the row, dies before a checkpoint: the row must not come twice
            train(tmp_path / "stopped", **keys)
        monkeypatch.setattr(checkpoint, "save", save)
        repeated.append(stopped_at)
    assert train(tmp_path / "stopped", **keys) == 0
    assert differences(tmp_path / "whole/out/run", tmp_path / "stopped/out/run") == []
    best = [checkpoint.load(tmp_path / name / "out/run/checkpoints/best.pt")["step"] for name in ("whole", "stopped")]
    assert best[0] == best[1]


def test_a_signal_during_the_final_metrics_leaves_a_run_that_finishes_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(ImageSamples, "evaluate", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
        assert train(tmp_path) == 143
    assert state(tmp_path)["state"] == "stopped"
    assert not (tmp_path / "out/run/metrics.json").exists()
    assert train(tmp_path) == 0
    assert state(tmp_path)["state"] == "finished"
    assert (tmp_path / "out/run/metrics.json").exists()


def test_a_signal_while_the_last_pages_are_drawn_ends_at_once_and_the_next_start_draws_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: Pages, last: bool) -> None:
        if last:
            os.kill(os.getpid(), signal.SIGTERM)
            raise AssertionError("the signal came too late")

    with monkeypatch.context() as patch:
        patch.setattr(Pages, "draw", interrupted)
        assert train(tmp_path) == 143
    assert state(tmp_path)["state"] == "finished"
    drawn: list[bool] = []
    monkeypatch.setattr(job, "pages_are_current", pages_are_current)
    monkeypatch.setattr(Pages, "draw", lambda _, last: drawn.append(last))
    assert train(tmp_path) == 0
    assert drawn == [True]


def test_a_finished_training_says_so_even_when_its_images_are_gone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert train(tmp_path) == 0
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    monkeypatch.setattr(job, "load_data", raising(AssertionError("looked at the images")))
    capsys.readouterr()
    assert train(tmp_path) == 0
    assert "finished already" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")} == before


def test_a_finished_training_goes_on_when_more_steps_are_asked_for(tmp_path: Path) -> None:
    whole = {"num_steps": 24}
    assert train(tmp_path / "longer") == 0
    assert train(tmp_path / "longer", **whole) == 0
    assert train(tmp_path / "whole", **whole) == 0
    assert differences(tmp_path / "whole/out/run", tmp_path / "longer/out/run") == []


def test_a_finished_training_of_which_fewer_steps_are_asked_for_says_what_it_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(tmp_path) == 0
    capsys.readouterr()
    assert train(tmp_path, num_steps=10) == 0
    told = capsys.readouterr().out
    assert "out/run: has done 12 steps, 10 are asked for: only its results are made anew\n" in told
    assert (state(tmp_path)["step"], state(tmp_path)["state"]) == (12, "finished")
    page = write_report(tmp_path / "out/run").read_text()
    assert "step 12 (10 asked for)" in page
    assert "12 of 10" not in page


def test_the_generators_batch_may_be_of_another_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    latents, asked = Trainer.latents, []

    def noted(trainer: Trainer, rows: int, purpose: str, step: int) -> Tensor:
        asked.append((purpose, rows))
        return latents(trainer, rows, purpose, step)

    monkeypatch.setattr(Trainer, "latents", noted)
    assert train(tmp_path, batch_size=8, gen_batch_size=24, num_steps=2) == 0
    assert asked == [("critic latents", 8), ("critic latents", 8), ("generator latents", 24)]


def test_a_training_with_warm_up_goes_on_where_it_stopped(tmp_path: Path) -> None:
    keys = {"critic_warm_up": True, "batch_size": 4, "checkpoint_every": 1000, "sample_every": 1000, "log_every": 50}
    ended = []
    for folder, lengths in ((tmp_path / "one", [210]), (tmp_path / "two", [150, 210])):
        for steps in lengths:
            assert train(folder, **keys, num_steps=steps) == 0
        ended.append(checkpoint.load(folder / "out/run/checkpoints/last.pt")["trainer"])
    for part in ("generator", "critic", "ema"):
        assert all(torch.equal(ended[0][part][name], ended[1][part][name]) for name in ended[0][part])


def test_max_minutes_end_a_training_at_the_next_row_with_all_its_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    read, hours = progress.Stopwatch.read, [0.0]
    monkeypatch.setattr(progress.Stopwatch, "read", lambda watch: read(watch) + 3600 * hours[0])
    with during_step(4, lambda _: hours.append(hours.pop() + 1)):
        assert train(tmp_path, max_minutes=60) == 0
    assert (state(tmp_path)["state"], state(tmp_path)["step"]) == ("finished", 6)
    assert [row["step"] for row in log_rows(tmp_path / "out/run")] == ["3", "6"]
    assert "step 6/6: " in capsys.readouterr().err
    assert (tmp_path / "out/run/samples/step_000006.png").exists()
    assert (tmp_path / "out/run/metrics.json").exists()
    capsys.readouterr()
    assert train(tmp_path, max_minutes=60) == 0
    assert "finished already" in capsys.readouterr().out
    assert train(tmp_path) == 0
    assert state(tmp_path)["step"] == 12


def test_a_fault_while_the_results_are_written_is_noted_and_the_next_start_writes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(ImageSamples, "evaluate", raising(RunFault("no cache")))
        with pytest.raises(RunFault, match="no cache"):
            train(tmp_path)
    assert (state(tmp_path)["state"], state(tmp_path)["problem"]) == ("failed", "no cache")
    assert train(tmp_path) == 0
    assert state(tmp_path)["state"] == "finished"
    assert "problem" not in state(tmp_path)


def test_a_start_that_fails_leaves_the_state_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert train(tmp_path) == 0
    before = state(tmp_path)
    monkeypatch.setattr(loop, "build_trainer", raising(MemoryError()))
    with pytest.raises(RunFault, match="too little memory"):
        train(tmp_path, num_steps=20)
    assert state(tmp_path) == before


def test_a_wrong_file_of_inceptions_weights_is_told_before_the_first_step(tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    file.write_text("hello world\n")
    with pytest.raises(InputError, match=r"^inception_weights: .*weights\.pth does not hold .*$"):
        train(tmp_path, metrics=["emd", "inception"], inception_weights=str(file))
    assert {path.name for path in (tmp_path / "out/run").iterdir()} <= {".lock"}


def test_other_settings_get_a_directory_of_their_own_named_after_what_differs(tmp_path: Path) -> None:
    assert train(tmp_path) == 0
    first = (tmp_path / "out/run/checkpoints/last.pt").read_bytes()
    assert train(tmp_path, gp_lambda=1) == 0
    assert (tmp_path / "out/run/checkpoints/last.pt").read_bytes() == first
    assert (tmp_path / "out/run-gp_lambda=1/metrics.json").exists()


@pytest.mark.parametrize("broken", ["fingerprint", "format"])
def test_a_checkpoint_of_something_else_is_refused_and_left_alone(broken: str, tmp_path: Path) -> None:
    assert train(tmp_path) == 0
    folder = tmp_path / "out/run/checkpoints"
    content = checkpoint.load(folder / "last.pt")
    changed = {"format": checkpoint.FORMAT + 1} if broken == "format" else {"fingerprint": "other images"}
    torch.save(content | changed, folder / "last.pt")
    before = (folder / "last.pt").read_bytes()
    with pytest.raises(InputError, match=r"last\.pt: was"):
        train(tmp_path, num_steps=20)
    assert (folder / "last.pt").read_bytes() == before


def first_weight(content: dict[str, Any], network: str = "critic") -> Tensor:
    return next(iter(content["trainer"][network].values()))


def first_moments(content: dict[str, Any]) -> dict[str, Any]:
    return content["trainer"]["critic_optimizer"]["state"][0]


SPOILT: dict[str, Callable[[dict[str, Any]], object]] = {
    "step_far_away": lambda c: c.update(step=10**12),
    "step_negative": lambda c: c.update(step=-5),
    "step_text": lambda c: c.update(step="12"),
    "step_true": lambda c: c.update(step=True),
    "rows_more_than_steps": lambda c: c.update(log_rows=10**6),
    "rows_negative": lambda c: c.update(log_rows=-1),
    "seconds_nan": lambda c: c.update(seconds=float("nan")),
    "seconds_infinite": lambda c: c.update(seconds=float("inf")),
    "seconds_negative": lambda c: c.update(row_seconds=-1.0),
    "gauge_of_text": lambda c: c.update(gauge="much"),
    "short_gauge": lambda c: c.update(gauge=[0.0] * 8),
    "gauge_of_a_later_step": lambda c: c["gauge"].__setitem__(0, 50),
    "probability_of_seven": lambda c: c["gauge"].__setitem__(1, 7.0),
    "negative_variance": lambda c: c["gauge"].__setitem__(8, -1.0),
    "no_window": lambda c: c.pop("window"),
    "window_of_text": lambda c: c.update(window={"critic_loss": "x"}),
    "window_of_nan": lambda c: c.update(window={"critic_loss": [(12, float("nan"))]}),
    "window_of_single_numbers": lambda c: c.update(window={"critic_loss": [1.0]}),
    "no_watch": lambda c: c.pop("watch"),
    "watch_empty": lambda c: c.update(watch={}),
    "watch_of_text": lambda c: c.update(watch={"said": 3, "warnings": 3, "narrow": "x", "spread": [], "looked": {}}),
    "best_short": lambda c: c.update(best=("swd",)),
    "best_nan": lambda c: c.update(best=("swd", float("nan"), 5, 1.0)),
    "best_later": lambda c: c.update(best=("swd", 1.0, 10**6, 1.0)),
    "no_setting": lambda c: c.pop("setting"),
    "setting_list": lambda c: c.update(setting=[]),
    "no_trainer": lambda c: c.pop("trainer"),
    "trainer_list": lambda c: c.update(trainer=[1]),
    "weights_nan": lambda c: first_weight(c).fill_(float("nan")),
    "weights_infinite": lambda c: first_weight(c, "generator").fill_(float("inf")),
    "average_nan": lambda c: first_weight(c, "ema").fill_(float("nan")),
    "weights_of_other_shapes": lambda c: c["trainer"].update(
        critic={k: torch.zeros(3) for k in c["trainer"]["critic"]}
    ),
    "weights_of_other_names": lambda c: c["trainer"].update(critic={"x": torch.zeros(3)}),
    "moments_nan": lambda c: first_moments(c)["exp_avg"].fill_(float("nan")),
    "moments_of_other_shapes": lambda c: first_moments(c).update(exp_avg=torch.zeros(3)),
    "moments_missing": lambda c: c["trainer"]["critic_optimizer"]["state"].pop(0),
    "moments_incomplete": lambda c: first_moments(c).pop("exp_avg_sq"),
    "moments_of_text": lambda c: first_moments(c).update(exp_avg="x"),
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=list(SPOILT))
def test_a_whole_checkpoint_of_wrong_content_is_set_aside_and_the_one_before_used(
    spoil: Callable[[dict[str, Any]], object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(tmp_path) == 0
    folder = tmp_path / "out/run/checkpoints"
    content = checkpoint.load(folder / "last.pt")
    spoil(content)
    torch.save(content, folder / "last.pt")
    capsys.readouterr()
    assert train(tmp_path, num_steps=14) == 0
    (told,) = [line for line in capsys.readouterr().err.splitlines() if "last.pt" in line]
    assert told.endswith("set aside as last.pt.damaged")
    assert checkpoint.load(folder / "last.pt")["step"] == 14
    assert (folder / "last.pt.damaged").exists()


def test_the_optimisers_numbers_are_the_configurations(tmp_path: Path) -> None:
    assert train(tmp_path / "whole", num_steps=14) == 0
    assert train(tmp_path / "spoilt") == 0
    file = tmp_path / "spoilt/out/run/checkpoints/last.pt"
    content = checkpoint.load(file)
    for group in content["trainer"]["critic_optimizer"]["param_groups"]:
        group.update(lr=1e9, betas=(0.1, 0.1), eps=-1.0)
    torch.save(content, file)
    assert train(tmp_path / "spoilt", num_steps=14) == 0
    assert differences(tmp_path / "whole/out/run", tmp_path / "spoilt/out/run") == []


def test_lost_rows_of_the_log_are_told_and_a_mangled_log_or_state_stops_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(tmp_path) == 0
    (tmp_path / "out/run/log.csv").write_bytes(b"\xff\x00step,what\n\x00\n")
    (tmp_path / "out/run/state.json").write_text("{half")
    capsys.readouterr()
    assert train(tmp_path, num_steps=18) == 0
    assert "4 of its 4 rows are gone" in capsys.readouterr().err
    assert [row["step"] for row in log_rows(tmp_path / "out/run")] == ["15", "18"]


@pytest.mark.parametrize("network", ["generator", "critic"])
def test_broken_weights_are_noticed_by_the_next_row_and_never_saved(network: str, tmp_path: Path) -> None:
    def poison(trainer: Trainer) -> None:
        weights = next(getattr(trainer, network).parameters())
        weights.data[0] = torch.nan

    with (
        during_step(6, poison),
        pytest.raises(RunFault, match=r"Diverged: (\w+) became nan at step (8|9)\. .*step 5 is"),
    ):
        train(tmp_path)
    assert (state(tmp_path)["state"], state(tmp_path)["step"]) == ("diverged", 9)
    assert "became nan" in state(tmp_path)["problem"]
    folder = tmp_path / "out/run/checkpoints"
    assert checkpoint.load(folder / "last.pt")["step"] == 5
    assert checkpoint.load(folder / "step_00000000.pt")["step"] == 0
    assert [row["step"] for row in log_rows(tmp_path / "out/run")] == ["3", "6"]
    assert train(tmp_path) == 0, "the checkpoint before is good to go on from"


def test_weights_that_break_just_before_a_checkpoint_do_not_replace_the_good_one(tmp_path: Path) -> None:
    def poison(trainer: Trainer) -> None:
        moments = trainer.critic_optimizer.state[next(trainer.critic.parameters())]
        moments["exp_avg_sq"][0] = torch.inf

    with (
        during_step(9, poison),
        pytest.raises(RunFault, match=r"critic_optimizer\.state\.0\.exp_avg_sq became inf at step 10\. .*step 5 is"),
    ):
        train(tmp_path, log_every=50)
    assert checkpoint.load(tmp_path / "out/run/checkpoints/last.pt")["step"] == 5


def test_a_learning_rate_beyond_reason_ends_as_a_divergence_with_advice(tmp_path: Path) -> None:
    with pytest.raises(RunFault, match=r"Diverged: \w+\S* became inf at step \d+\. .* Try a smaller learning_rate"):
        train(tmp_path, arch="WGAN-DIV", learning_rate=0.99, num_steps=400, checkpoint_every=50, sample_every=100)
    assert checkpoint.load(tmp_path / "out/run/checkpoints/last.pt")["trainer"]["critic"]


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:129] DefaultCPUAllocator: can't allocate memory: you tried ..."),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        MemoryError(),
    ],
    ids=["CUDA", "CPU", "cuDNN", "Python"],
)
def test_out_of_memory_says_which_batch_size_to_try(error: Exception, tmp_path: Path) -> None:
    with (
        during_step(7, raising(error)),
        pytest.raises(RunFault, match=r"too little memory: set batch_size: 8 \(now 16\).*step 5 is whole"),
    ):
        train(tmp_path)
    assert state(tmp_path)["state"] == "failed"


def test_memory_that_really_runs_out_on_the_cpu_is_explained(tmp_path: Path) -> None:
    with (
        during_step(3, lambda _: torch.empty(1 << 60, dtype=torch.uint8)),
        pytest.raises(RunFault, match=r"CPU \(1 threads\) has too little memory: set batch_size: 8"),
    ):
        train(tmp_path)


def test_a_disk_that_is_too_small_is_told_before_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources.shutil, "disk_usage", lambda _: DiskUsage(80_000, 40_000, 40_000))
    with pytest.raises(InputError, match=r"out: the training will take about .* GB, and 4e-05 GB are free"):
        train(tmp_path)
    assert not (tmp_path / "out/run/log.csv").exists()


@pytest.mark.parametrize("arch", ARCHS)
def test_the_estimated_need_is_what_a_training_comes_to_take(
    arch: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    estimates: list[int] = []
    estimate_of = resources.checkpoint_bytes

    def noted(*networks: torch.nn.Module) -> int:
        estimates.append(estimate_of(*networks))
        return estimates[-1]

    monkeypatch.setattr(resources, "checkpoint_bytes", noted)
    wide = {"arch": arch, "gen_feature_maps": 64, "dis_feature_maps": 64, "num_steps": 2, "checkpoint_every": 1}
    assert train(tmp_path, **wide) == 0
    files = list((tmp_path / "out/run/checkpoints").glob("*.pt"))
    assert len(files) == 2
    taken = sum(path.stat().st_size for path in files)
    assert 0.6 < taken / (2 * estimates[0]) < 1.05, "RMSProp keeps one moment of the two that are counted"


def report(**values: float) -> Report:
    return Report(tuple(Metric(key, key, "", value, "higher") for key, value in values.items()))


def test_metrics_on_the_way_stand_in_the_log_and_the_best_checkpoint_is_kept_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    coverage = iter([0.2, 0.7, 0.5, 0.5])
    monkeypatch.setattr(ImageSamples, "evaluate", lambda *_: report(coverage=next(coverage), extra=1.0))
    assert train(tmp_path, metrics_every=5) == 0
    rows = log_rows(tmp_path / "out/run")
    assert [(row["step"], row["coverage"]) for row in rows] == [
        ("3", ""), ("5", "0.2"), ("6", ""), ("9", ""), ("10", "0.7"), ("12", "0.5"),
    ]  # fmt: skip
    assert checkpoint.load(tmp_path / "out/run/checkpoints/best.pt")["step"] == 10
    assert json.loads((tmp_path / "out/run/metrics.json").read_text())["metrics"]["coverage"]["value"] == 0.5
    assert state(tmp_path)["best"] == {"step": 10, "metric": "coverage", "value": 0.7}
    best = f"Best:    {tmp_path}/out/run/checkpoints/best.pt (step 10, coverage 0.7)"
    assert best in capsys.readouterr().out.splitlines()
    assert "best.pt: step 10, coverage 0.7" in write_report(tmp_path / "out/run").read_text()
    assert train(tmp_path / "without") == 0
    assert state(tmp_path / "without")["best"] is None


def test_the_best_is_chosen_by_the_first_metric_that_orders_runs_and_by_where_its_better_lies() -> None:
    metrics = [
        Metric(key, key, "", 3.0, better, real=5.0)
        for key, better in (("psnr", "real"), ("coverage", "higher"), ("fid", "lower"))
    ]
    assert [metric.score_for_ranking for metric in metrics] == [2.0, -3.0, 3.0]
    assert finalize.choosing_metric(Report(tuple(metrics))) == metrics[2]
    assert finalize.choosing_metric(Report(tuple(metrics)), "coverage") == metrics[1]
    assert finalize.choosing_metric(Report(tuple(metrics)), "kid") is None
    assert finalize.choosing_metric(Report(())) is None


def test_no_images_are_generated_for_no_metrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []
    generated = ImageSamples.generated
    monkeypatch.setattr(ImageSamples, "generated", lambda *a: counts.append(a[2]) or generated(*a))
    assert train(tmp_path, metrics=[]) == 0
    assert max(counts) <= ImageSamples.searched
    assert json.loads((tmp_path / "out/run/metrics.json").read_text())["metrics"] == {}


def test_another_metric_may_choose_the_best(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = iter([report(swd=1.0, ssim=0.1), report(swd=2.0, ssim=0.3), report(swd=3.0), report(swd=4.0, ssim=0.2)])
    monkeypatch.setattr(ImageSamples, "evaluate", lambda *_: next(found))
    keys = {"metrics": ["paired", "swd"], "best_metric": "ssim", "num_steps": 4, "log_every": 1, "metrics_every": 1}
    assert train(tmp_path, **keys) == 0
    assert state(tmp_path)["best"] == {"step": 2, "metric": "ssim", "value": 0.3}


def test_a_warning_is_said_once_and_stands_in_the_state_also_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(training_state, "saturation", lambda _: 0.95)
    with during_step(7, raising(ZeroDivisionError())), pytest.raises(ZeroDivisionError):
        train(tmp_path)
    assert train(tmp_path) == 0
    assert capsys.readouterr().err.count("95% of the critic's weights stand at the clipping bound") == 1
    assert [warning[:8] for warning in state(tmp_path)["warnings"]] == ["step 0: "]


def test_what_the_configuration_warns_of_stands_in_the_report(tmp_path: Path) -> None:
    assert train(tmp_path, arch="WGAN-GP", clip_value=0.1) == 0
    (warning,) = state(tmp_path)["warnings"]
    assert "clip_value" in warning
    assert html.escape(warning) in write_report(tmp_path / "out/run").read_text()


@pytest.mark.parametrize(("metrics_every", "steps"), [(0, [12]), (5, [5, 10, 12])])
def test_tensorboard_gets_the_metrics_on_the_way_and_at_the_end(
    metrics_every: int, steps: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    monkeypatch.setattr(ImageSamples, "evaluate", lambda *_: report(coverage=0.5))
    assert train(tmp_path, tensorboard=True, metrics_every=metrics_every) == 0
    events = reader.EventAccumulator(str(tmp_path / "out/run/tensorboard")).Reload()
    assert [(event.step, event.value) for event in events.Scalars("metrics/coverage")] == [(n, 0.5) for n in steps]
    assert "coverage" not in events.Tags()["scalars"]


def test_tensorboard_gets_each_row_and_grid_once_also_after_a_restart(tmp_path: Path) -> None:
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    with during_step(7, raising(ZeroDivisionError())), pytest.raises(ZeroDivisionError):
        train(tmp_path, tensorboard=True)
    assert train(tmp_path, tensorboard=True) == 0
    events = reader.EventAccumulator(str(tmp_path / "out/run/tensorboard")).Reload()
    assert [event.step for event in events.Scalars("critic_loss")] == [3, 6, 9, 12]
    assert [event.step for event in events.Images("samples")] == [0, 4, 8, 12]


def scripted(values: dict[int, float]) -> Any:
    """Metrics that say of each step what is written here; the trainer's average tells them apart by nothing."""
    seen = iter(values.values())

    def evaluate(*_: object) -> Report:
        return Report((Metric("coverage", "Coverage", "", next(seen), "higher"),))

    return evaluate


COURSE = {2: 0.1, 4: 0.5, 6: 0.4, 8: 0.3, 10: 0.9, 12: 0.2}
PATIENT = {"metrics": ["prdc"], "metrics_every": 2, "patience": 4, "sample_every": 100, "checkpoint_every": 100}


def test_patience_ends_a_training_that_becomes_no_better(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "out/run"
    monkeypatch.setattr(ImageSamples, "evaluate", scripted(COURSE))
    assert train(tmp_path, **PATIENT) == 0
    assert "step 8: ends here: none was better than best.pt for 4 updates (patience)" in capsys.readouterr().out
    ended = state(tmp_path)
    assert (ended["state"], ended["step"], ended["num_steps"], ended["ended_early"]) == ("finished", 8, 8, True)
    assert ended["best"] == {"step": 4, "metric": "coverage", "value": 0.5}
    assert (run / "samples/step_000008.png").exists()
    assert [row["step"] for row in log_rows(run)][-1] == "8"
    text = html.unescape(write_report(run).read_text(encoding="utf-8"))
    assert "Ended at step 8, no better for long: checkpoints/best.pt is the one to take (step 4, coverage 0.5)" in text
    chosen = load_generator(run).state_dict()
    assert "best.pt is taken" in capsys.readouterr().out
    best, last = (checkpoint.load(run / "checkpoints" / name)["trainer"]["ema"] for name in ("best.pt", "last.pt"))
    assert all(torch.equal(chosen[name], best[name]) for name in best)
    assert not all(torch.equal(chosen[name], last[name]) for name in last)

    assert train(tmp_path, **PATIENT) == 0
    assert "finished already" in capsys.readouterr().out
    monkeypatch.setattr(ImageSamples, "evaluate", scripted({10: 0.9, 12: 0.2}))
    assert train(tmp_path, **PATIENT | {"patience": 100}) == 0
    assert (state(tmp_path)["step"], state(tmp_path)["ended_early"]) == (12, False)
    assert state(tmp_path)["best"]["step"] == 10


def test_a_stop_or_a_crash_before_its_end_does_not_move_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImageSamples, "evaluate", scripted(COURSE))
    assert train(tmp_path / "whole", **PATIENT) == 0
    monkeypatch.setattr(ImageSamples, "evaluate", scripted(COURSE))
    with during_step(5, lambda _: os.kill(os.getpid(), signal.SIGINT)):
        assert train(tmp_path / "stopped", **PATIENT) == 130
    with monkeypatch.context() as patch:
        patch.setattr(finalize, "write", raising(ZeroDivisionError("a bug")))
        with pytest.raises(ZeroDivisionError):
            train(tmp_path / "stopped", **PATIENT)
    assert train(tmp_path / "stopped", **PATIENT | {"log_every": 3}) == 0
    assert (state(tmp_path / "stopped")["step"], state(tmp_path / "stopped")["ended_early"]) == (8, True)
    one, other = (
        checkpoint.load(tmp_path / name / "out/run/checkpoints/last.pt")["trainer"] for name in ("whole", "stopped")
    )
    assert all(torch.equal(one["critic"][name], other["critic"][name]) for name in one["critic"])


def test_patience_without_a_metric_to_follow_says_so_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ImageSamples, "evaluate", lambda *_: Report())
    assert train(tmp_path, **PATIENT) == 0
    assert "step 2: a metric to choose best.pt could not be computed" in capsys.readouterr().out
    assert (state(tmp_path)["step"], state(tmp_path)["ended_early"]) == (12, False)
