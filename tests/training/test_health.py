"""Each known failure is noticed, once; healthy trainings are left in peace."""

import math
from collections.abc import Iterable, Iterator

import pytest
import torch

from wgan.training.health import Watch, saturation, spread


def rows(penalties: Iterable[float], estimates: Iterable[float]) -> Iterator[dict[str, float]]:
    for index, (penalty, estimate) in enumerate(zip(penalties, estimates, strict=True), start=1):
        yield {
            "step": 50 * index,
            "critic_loss": penalty - estimate,
            "gradient_penalty": penalty,
            "wasserstein_estimate": estimate,
        }


def noticed(watch: Watch, log: Iterable[dict[str, float]]) -> list[str]:
    return [warning for row in log for warning in watch.row(row)]


def falling(count: int, start: float, end: float) -> list[float]:
    return [end + (start - end) * math.exp(-index / 10) for index in range(count)]


def test_a_healthy_wgan_gp_is_left_in_peace() -> None:
    """Its penalty begins at lambda, where the critic is flat, and falls; its estimate rises, then falls for long."""
    penalties = falling(400, 10, 0.3)
    estimates = [*(0.5 * index for index in range(20)), *falling(380, 10, 1.0)]
    assert noticed(Watch(), rows(penalties, estimates)) == []


def test_a_healthy_wgan_div_is_left_in_peace() -> None:
    """Its penalty grows from nothing to a sixth of the estimate (where c E - c^6 P is largest)."""
    estimates = [1e-3 * 1.3 ** min(index, 40) for index in range(300)]
    assert noticed(Watch(), rows([estimate / 6 for estimate in estimates], estimates)) == []


def test_a_penalty_that_grows_without_bound_is_noticed_once() -> None:
    penalties = [*[0.5] * 30, *(0.5 * 1.5**index for index in range(40))]
    warnings = noticed(Watch(), rows(penalties, [5.0] * 70))
    assert len(warnings) == 1
    assert warnings[0].startswith("step 1950: the gradient penalty grows without bound: ")


def test_one_high_row_is_no_growth() -> None:
    penalties = [0.5] * 60
    penalties[40] = 500.0
    assert noticed(Watch(), rows(penalties, [5.0] * 60)) == []


def test_a_critic_whose_estimate_falls_to_nothing_no_longer_separates() -> None:
    estimates = [*(0.5 * index for index in range(20)), *[0.01] * 15]
    warnings = noticed(Watch(), rows([0.5] * 35, estimates))
    assert len(warnings) == 1
    assert "step 1500: the critic no longer tells real images from generated ones: its estimate is 0.01" in warnings[0]


def test_a_discriminator_that_guesses_no_longer_separates() -> None:
    log = [{"step": 50 * index, "critic_loss": 0.9 if index < 25 else 1.39} for index in range(1, 60)]
    warnings = noticed(Watch(), log)
    assert len(warnings) == 1
    assert "2 ln 2 = 1.386" in warnings[0]


def test_a_healthy_dcgan_is_left_in_peace() -> None:
    log = [{"step": 50 * index, "critic_loss": 0.9 + 0.5 * math.sin(index)} for index in range(1, 400)]
    assert noticed(Watch(), log) == []


def test_a_clipped_critic_with_all_weights_at_the_bound_is_saturated() -> None:
    critic = torch.nn.Linear(50, 20)
    with torch.no_grad():
        for weights in critic.parameters():
            weights.copy_(0.01 * torch.sign(torch.randn_like(weights)))
        critic.weight[:1] = 0.001
    fraction = saturation(critic)
    assert fraction == pytest.approx(1 - 50 / 1020)
    watch = Watch()
    assert "95% of the critic's weights stand at the clipping bound" in watch.weights(500, fraction)[0]
    assert watch.weights(1000, fraction) == []


def test_a_critic_that_is_not_clipped_is_never_saturated() -> None:
    assert saturation(torch.nn.Linear(50, 20)) < 0.01


def test_spread_is_the_distance_to_the_nearest_other_sample() -> None:
    assert spread(torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])) == pytest.approx(1.0)


@pytest.mark.parametrize("modes", [1, 5, 20])
def test_samples_that_repeat_a_few_images_have_collapsed(modes: int) -> None:
    numbers = torch.Generator().manual_seed(0)
    real = spread(torch.rand(64, 784, generator=numbers))
    few = torch.rand(modes, 784, generator=numbers)[torch.arange(64) % modes]
    collapsed = spread(few + 0.01 * torch.rand(64, 784, generator=numbers))
    watch = Watch()
    assert watch.samples(500, 0.8) == []
    assert watch.samples(1000, collapsed / real) == []
    assert "the samples have collapsed" in watch.samples(1500, collapsed / real)[0]
    assert watch.samples(2000, collapsed / real) == []


def test_samples_that_are_not_diverse_yet_have_not_collapsed() -> None:
    watch = Watch()
    assert [watch.samples(step, 0.01) for step in range(0, 2000, 500)] == [[]] * 4
    assert watch.samples(2000, 0.01) != []


def test_a_restart_knows_what_was_reported_and_seen() -> None:
    log = list(rows([*[0.5] * 30, *(0.5 * 1.5**index for index in range(40))], [5.0] * 70))
    for stop in (35, 38, 39, 40, 41, 60):
        before = Watch()
        reported = noticed(before, log[:stop])
        after = Watch()
        after.load_state_dict(before.state_dict(), log[:stop])
        assert [*reported, *noticed(after, log[stop:])] == noticed(Watch(), log)
        assert after.warnings == noticed(Watch(), log)
