"""Which images come out: by number, by truncation, by the critic's score, by which weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
from asked import asked, made, pixels

from wgan.config.coercion import expanded
from wgan.config.resolve import resolve
from wgan.config.schema import GenerateConfig
from wgan.networks.base import Generator, drawn_labels
from wgan.networks.build import build_critic, build_generator
from wgan.networks.pretrained import load_generator
from wgan.runs.checkpoint import load


def numbers(folder: Path) -> list[int]:
    return sorted(int(path.stem) for path in folder.glob("[0-9]*.png"))


def stored(checkpoint: Path, part: str) -> tuple[torch.nn.Module, Generator]:
    """A network of a checkpoint, and its averaged generator, built here."""
    state = load(checkpoint)
    config = resolve(state["config"])
    build = build_critic if part == "critic" else build_generator
    networks = []
    for name, maker in ((part, build), ("ema", build_generator)):
        network = maker(config, state["shape"], state["classes"])
        network.load_state_dict(state["trainer"][name])
        networks.append(network.eval())
    return networks[0], networks[1]


def drawn(generator: torch.nn.Module, latents: torch.Tensor) -> np.ndarray:
    """(N, 28, 28) as 8-bit grey levels."""
    with torch.no_grad():
        return ((generator(latents)[:, 0] + 1) * 127.5).round().clamp(0, 255).int().numpy()


def test_seeds_are_the_images_of_these_numbers_whatever_else_is_made(trained: Path, tmp_path: Path) -> None:
    some = made(tmp_path / "some", trained, seeds=[1030, 17, "2-4"], seed=5)
    assert numbers(some) == [2, 3, 4, 17, 1030]
    all_of_them = made(tmp_path / "all", trained, quantity=1031, seed=5, batch_size=500)
    assert all(np.abs(pixels(some / f"{n:05d}.png") - pixels(all_of_them / f"{n:05d}.png")).max() <= 1 for n in (2, 17))
    assert np.abs(pixels(some / "01030.png") - pixels(all_of_them / "01030.png")).max() <= 1, "of the second block"
    assert np.abs(pixels(some / "00017.png") - pixels(some / "01030.png")).max() > 1


def test_a_range_has_both_ends_and_a_number_comes_once() -> None:
    assert expanded([7, "3-5", 4, "9-9"]) == [7, 3, 4, 5, 9]


def test_a_list_of_seeds_stands_in_the_config_as_it_was_written(trained: Path, tmp_path: Path) -> None:
    folder = made(tmp_path, trained, seeds=[3, "5-6"])
    assert asked(tmp_path, folder / "config.yaml")[0] == 2
    config = resolve({"arch": "Generator", "checkpoint": str(trained), "seeds": "5-6"})
    assert isinstance(config, GenerateConfig)
    assert config.seeds == ("5-6",)


def test_truncation_scales_the_latents(trained: Path, tmp_path: Path) -> None:
    generator = load_generator(trained)
    latents = generator.latents([3, 9], 42)
    folder = made(tmp_path, trained, seeds=[3, 9], truncation=0.5)
    found = np.stack([pixels(folder / f"{number:05d}.png") for number in (3, 9)])
    assert np.abs(found - drawn(generator, latents / 2)).max() <= 1
    assert np.abs(found - drawn(generator, latents)).max() > 1


def test_the_critic_picks_what_it_scores_highest(trained: Path, tmp_path: Path) -> None:
    critic, generator = stored(trained / "checkpoints/last.pt", "critic")
    with torch.no_grad():
        scores = critic(generator(generator.latents(range(40), 42)))
    status, told = asked(tmp_path, trained, quantity=40, pick=6, batch_size=16)
    assert status == 0
    assert "Of 40 the critic's 6 most real are kept: 85.0% are thrown away" in told
    assert numbers(tmp_path / "out/generated") == sorted(scores.topk(6).indices.tolist())


def test_of_each_class_the_critic_picks_by_what_it_knows_of_that_class(conditional: Path, tmp_path: Path) -> None:
    critic, generator = stored(conditional / "checkpoints/last.pt", "critic")
    folder = made(tmp_path, conditional, quantity=30, pick=4, classes=[3, 8])
    latents = generator.latents(range(30), 42)
    for name, label in (("3", 0), ("8", 2)):
        labels = torch.full([30], label)
        with torch.no_grad():
            scores = critic(generator(latents, labels), labels)
        assert numbers(folder / name) == sorted(scores.topk(4).indices.tolist())


def test_without_classes_a_conditional_critic_judges_the_drawn_ones(conditional: Path, tmp_path: Path) -> None:
    critic, generator = stored(conditional / "checkpoints/last.pt", "critic")
    labels = drawn_labels(generator.classes, range(30), 42)
    with torch.no_grad():
        scores = critic(generator(generator.latents(range(30), 42), labels), labels)
    folder = made(tmp_path, conditional, quantity=30, pick=4)
    assert numbers(folder) == sorted(scores.topk(4).indices.tolist())


def test_points_are_picked_too(points: Path, tmp_path: Path) -> None:
    folder = made(tmp_path, points, quantity=20, pick=5, truncation=0.9)
    assert len((folder / "points.csv").read_text().splitlines()) == 6


@pytest.mark.parametrize(("weights", "file", "part"), [("last", "last.pt", "generator"), ("best", "best.pt", "ema")])
def test_other_weights_than_the_average(trained: Path, tmp_path: Path, weights: str, file: str, part: str) -> None:
    network, _ = stored(trained / "checkpoints" / file, part)
    folder = made(tmp_path, trained, quantity=2, weights=weights)
    latents = load_generator(trained).latents(range(2), 42)
    assert np.abs(pixels(folder / "00001.png") - drawn(network, latents)[1]).max() <= 1
    usual = made(tmp_path / "usual", trained, quantity=2)
    assert weights == "best" or np.abs(pixels(folder / "00001.png") - pixels(usual / "00001.png")).max() > 0


def test_weights_and_picks_that_there_are_not(trained: Path, conditional: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare.pt"
    torch.save(load_generator(trained).state_dict(), bare)
    last = trained / "checkpoints/last.pt"
    for checkpoint, keys, problem in (
        (conditional, {"weights": "best"}, f"4: weights: {conditional} has no best.pt, which a training with metrics"),
        (last, {"weights": "best"}, f"4: weights: {last} has no best.pt, which a training with metrics_every keeps"),
        (bare, {"pick": 3}, f"4: pick: {bare} holds a generator without the critic that would choose"),
    ):
        status, told = asked(tmp_path, checkpoint, **keys)
        assert (status, "Traceback" in told) == (2, False)
        assert problem in told
        assert not (tmp_path / "out").exists()


def test_every_key_of_the_generator_is_switched_on_by_a_test() -> None:
    tests = Path(__file__).parents[1]
    texts = "".join(
        path.read_text(encoding="utf-8") for path in [*tests.glob("generation/*.py"), tests / "test_generate.py"]
    )
    assert [key for key in GenerateConfig.model_fields if f"{key}=" not in texts and key not in NOT_OF_SAMPLING] == []


NOT_OF_SAMPLING = {"arch", "checkpoint", "out", "n_gpu", "config_version"}
