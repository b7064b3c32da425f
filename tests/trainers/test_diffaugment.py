"""DiffAugment: what the changes do to images, and that the critic's figures do not depend on how a batch is split."""

import numpy as np
import pytest
import torch
from torch import Tensor

from wgan.config.algorithms import ALGORITHMS
from wgan.config.resolve import resolve
from wgan.config.schema import TrainConfig
from wgan.trainers.base import build_trainer
from wgan.trainers.diffaugment import CHANGES, augmented
from wgan.utils.rng import Draws

CPU = torch.device("cpu")


def images(count: int = 200, channels: int = 3, side: int = 16) -> Tensor:
    return torch.rand(count, channels, side, side, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("kind", CHANGES)
def test_a_change_is_differentiable_and_a_function_of_seed_purpose_and_step(kind: str) -> None:
    x = images(4).double().requires_grad_()
    changed = augmented(x, [kind], Draws(1, CPU), "augment real", 5)
    assert torch.equal(changed, augmented(x, [kind], Draws(1, CPU), "augment real", 5))
    assert not torch.equal(changed, augmented(x, [kind], Draws(1, CPU), "augment real", 6))
    assert not torch.equal(changed, augmented(x, [kind], Draws(1, CPU), "augment fake", 5))
    assert torch.autograd.gradcheck(
        lambda y: augmented(y, [kind], Draws(1, CPU), "x", 0)[:, :, ::5, ::5], x, fast_mode=True
    )


def test_no_augmentation_is_the_image_itself() -> None:
    x = images()
    assert augmented(x, (), Draws(1, CPU), "x", 0) is x


def test_half_of_the_images_are_mirrored() -> None:
    x = images()
    y = augmented(x, ["flip"], Draws(1, CPU), "x", 0)
    mirrored = (y == x.flip(3)).flatten(1).all(1)
    assert ((y == x).flatten(1).all(1) ^ mirrored).all()
    assert 70 < int(mirrored.sum()) < 130


def test_a_translation_shifts_by_up_to_an_eighth_and_fills_with_mid_grey() -> None:
    x = images(400) + 3  # no zero in it
    y = augmented(x, ["translation"], Draws(1, CPU), "x", 0)
    seen = set()
    for before, after in zip(x.numpy(), y.numpy(), strict=True):
        matches = []
        for down in range(-2, 3):
            for right in range(-2, 3):
                moved = np.zeros_like(before)
                rows, columns = slice(max(0, -down), 16 - max(0, down)), slice(max(0, -right), 16 - max(0, right))
                source_rows, source_columns = (
                    slice(max(0, down), 16 + min(0, down)),
                    slice(max(0, right), 16 + min(0, right)),
                )
                moved[:, rows, columns] = before[:, source_rows, source_columns]
                if np.array_equal(moved, after):
                    matches.append((down, right))
        assert len(matches) == 1
        seen.update(matches)
    assert len(seen) == 25, "every shift of at most 2 of 16 pixels occurs"


def test_both_reach_as_far_on_each_side_of_images_that_are_no_squares() -> None:
    """Each pixel holds its own place, from 1, so that it tells where it came from."""
    row, column = torch.meshgrid(torch.arange(1.0, 17), torch.arange(1.0, 25), indexing="ij")
    x = torch.stack([row, column]).expand(1000, 2, 16, 24)
    moved = augmented(x, ["translation"], Draws(1, CPU), "x", 0)
    shown = (moved != 0).all(1)
    shifts = set()
    for image, inside in zip(moved, shown, strict=True):
        down, right = ((x[0, i] - image[i])[inside].unique().tolist() for i in (0, 1))
        assert len(down) == len(right) == 1
        assert inside.sum() == (16 - abs(down[0])) * (24 - abs(right[0]))
        shifts.add((down[0], right[0]))
    assert shifts == {(down, right) for down in range(-2, 3) for right in range(-3, 4)}

    blank = (augmented(x, ["cutout"], Draws(1, CPU), "x", 0) == 0).all(1)
    heights, widths = blank.any(2).sum(1), blank.any(1).sum(1)
    assert torch.equal(blank.flatten(1).sum(1), heights * widths)
    assert [int(sides.max()) for sides in (heights, widths)] == [8, 12]
    assert [int(sides.min()) for sides in (heights, widths)] == [4, 6]


def test_cutout_blanks_one_square_of_half_the_side() -> None:
    x = images(400) + 3
    y = augmented(x, ["cutout"], Draws(1, CPU), "x", 0)
    blank = (y == 0).all(1)
    assert torch.equal(torch.where(blank[:, None], torch.zeros(()), x), y)
    heights, widths = blank.any(2).sum(1), blank.any(1).sum(1)
    assert torch.equal(blank.flatten(1).sum(1), heights * widths), "a rectangle"
    assert int(heights.max()) == 8
    assert int(widths.max()) == 8
    assert int(heights.min()) >= 4, "the centre lies in the image"


def test_color_keeps_each_images_pattern_up_to_its_mean_and_scale() -> None:
    x = images(50, channels=1)
    y = augmented(x, ["color"], Draws(1, CPU), "x", 0)
    for before, after in zip(x, y, strict=True):
        correlation = np.corrcoef(before.flatten().numpy(), after.flatten().numpy())[0, 1]
        assert correlation == pytest.approx(1, abs=1e-5)
    assert float((y.mean((1, 2, 3)) - x.mean((1, 2, 3))).abs().max()) <= 0.5
    assert 0.5 <= float((y.std((1, 2, 3)) / x.std((1, 2, 3))).min()) < 0.6
    assert 1.4 < float((y.std((1, 2, 3)) / x.std((1, 2, 3))).max()) < 1.5


def test_auto_makes_each_change_but_flip_to_its_share_of_the_images() -> None:
    x = images(2000)
    draws = Draws(1, CPU)
    assert augmented(x, ["auto"], draws, "x", 0, 0.0) is x
    every = ["color", "translation", "cutout"]
    assert torch.equal(augmented(x, ["auto"], draws, "x", 0, 1.0), augmented(x, every, draws, "x", 0))
    both = augmented(x, ["auto", "flip"], draws, "x", 0, 1.0)
    assert torch.equal(both, augmented(x, [*every, "flip"], draws, "x", 0)), "flips stay the user's choice"
    untouched = (augmented(x, ["auto"], draws, "x", 0, 0.3) == x).flatten(1).all(1)
    assert float(untouched.float().mean()) == pytest.approx(0.7**3, abs=0.04), "three changes, each for itself"


@pytest.mark.parametrize("arch", [*ALGORITHMS])
def test_a_batch_split_in_parts_gives_the_same_update(arch: str) -> None:
    """Without batch norm, which would see each part alone."""
    weights = []
    for parts in (1, 2, 4):
        keys = {
            "image_size": 28,
            "number_channels": 1,
            "latent_vector": 5,
            "gen_feature_maps": 4,
            "dis_feature_maps": 4,
        }
        chosen = {"arch": arch, "dataset": "mnist-5k", "network": "dense", "critic_norm": "none", "batch_size": 8}
        config = resolve({**chosen, **keys, "accumulate": parts})
        assert isinstance(config, TrainConfig)
        trainer = build_trainer(config, (1, 28, 28), CPU)
        trainer.dtype = torch.float64
        for network in (trainer.generator, trainer.critic, trainer.ema.model):
            network.double()
        figures = {}
        for step in range(3):
            real = images(8, 1, 28).double()
            figures = trainer.critic_update(real, step)
            figures |= trainer.generator_update(8, step, real)
        weights.append([*trainer.critic.parameters(), *trainer.generator.parameters(), *figures.values()])
    for other in weights[1:]:
        for a, b in zip(weights[0], other, strict=True):
            assert torch.allclose(a, b, rtol=1e-9, atol=1e-9)
