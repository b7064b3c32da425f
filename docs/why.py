"""Writes docs/why.md and its four pictures: why a GAN learns from a Wasserstein distance. All in it is computed here.

python docs/why.py      (two minutes on one core; tests/test_why.py checks every number)
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.optimize import linprog
from torch import Tensor

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from wgan.config.resolve import resolve  # noqa: E402 - found beside this folder
from wgan.config.schema import TrainConfig  # noqa: E402
from wgan.data.toy_2d import toy  # noqa: E402
from wgan.metrics.toy_2d import exact_w1  # noqa: E402
from wgan.networks.base import Generator  # noqa: E402
from wgan.networks.layers import Chain, Flatten  # noqa: E402
from wgan.reporting.plots import new_figure, save_figure, style  # noqa: E402
from wgan.trainers.base import Trainer, build_trainer  # noqa: E402
from wgan.utils.atomic_io import write_text  # noqa: E402

Array = np.ndarray[Any, np.dtype[np.float64]]
IMAGES = ROOT / "docs" / "images"
BLUE, ORANGE, GREEN, GREY = "#2563eb", "#d97706", "#059669", "#6b7280"

# Distances between distributions ---------------------------------------------------------------------------------


class Distances(NamedTuple):
    """Between two distributions, in nats and in the units of the line."""

    kl: float
    js: float
    w1: float


def between_normals(shift: float) -> Distances:
    """N(0, 1) and N(shift, 1): KL and W1 in closed form, JS by quadrature."""
    x = np.linspace(-12, shift + 12, 40_001)
    log_p, log_q = (-((x - mean) ** 2) / 2 - np.log(2 * np.pi) / 2 for mean in (0.0, shift))
    log_m = np.logaddexp(log_p, log_q) - np.log(2)
    js = np.trapezoid(np.exp(log_p) * (log_p - log_m) + np.exp(log_q) * (log_q - log_m), x) / 2
    return Distances(shift**2 / 2, float(js), abs(shift))


def gradients_between_normals(shift: float) -> Distances:
    """What the distances of `between_normals` change by, for each unit that the second one moves."""
    x = np.linspace(-12, shift + 12, 40_001)
    q = np.exp(-((x - shift) ** 2) / 2) / np.sqrt(2 * np.pi)
    # d JS / d shift = 1/2 int dq/dshift log(q / m), and log(q / m) = log 2 - log(1 + p / q)
    js = -np.trapezoid(q * (x - shift) * np.logaddexp(0, shift**2 / 2 - shift * x), x) / 2
    return Distances(shift, float(js), float(np.sign(shift)))


def transport(one: Array, other: Array, cost: Array) -> tuple[Array, float]:
    """The cheapest plan from one histogram to another as a linear programme: how much goes where, and its cost."""
    n, m = cost.shape
    rows = np.concatenate([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    found = linprog(cost.ravel(), A_eq=rows, b_eq=np.concatenate([one, other]), bounds=(0, None))
    return found.x.reshape(n, m), float(found.fun)


def potential(one: Array, other: Array, cost: Array) -> tuple[Array, float]:
    """The dual: the f that maximises E_one f - E_other f with |f(x) - f(y)| <= cost(x, y); f(first) = 0."""
    n = len(one)
    pairs = [(i, j) for i in range(n) for j in range(n) if i != j]
    rows = np.array([np.eye(n)[i] - np.eye(n)[j] for i, j in pairs])
    bounds = [(0, 0), *[(None, None)] * (n - 1)]
    found = linprog(other - one, A_ub=rows, b_ub=[cost[pair] for pair in pairs], bounds=bounds)
    return found.x, -float(found.fun)


def parallel_lines(theta: float, points: int = 8) -> Distances:
    """{0} x [0, 1] and {theta} x [0, 1], each as so many points: WGAN's example 1 (arXiv:1701.07875)."""
    height = np.linspace(0, 1, points)
    cost = np.hypot(theta, height[:, None] - height)
    even = np.full(points, 1 / points)
    together = theta == 0
    return Distances(0 if together else np.inf, 0 if together else float(np.log(2)), transport(even, even, cost)[1])


PILES = np.array([12, 7, 4, 1, 19, 14, 9, 6, 3, 2]) / 77, np.array([1, 5, 11, 17, 13, 9, 6, 4, 3, 2]) / 71
"""The two histograms of the notebook about the earth mover's distance."""
ITS_F = np.array([1, 0, -1, -2, -1, 0, 1, 2, 1, 0])
"""What it prints as the dual's solution."""
ITS_EMD = 0.7062374245472838
PLACES = np.arange(10.0)
COST = np.abs(PLACES[:, None] - PLACES)

# Discriminator and critic between two normal distributions --------------------------------------------------------

APART, SPREAD = 4.0, 0.5
LINE = torch.linspace(-2, APART + 2, 241)


class Shifted(Generator):
    """Gives N((APART, 0), SPREAD^2), whatever it is taught."""

    def __init__(self) -> None:
        super().__init__(Chain(Flatten()), 2)

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        return SPREAD * latents + torch.tensor([APART, 0.0])


def plane_trainer(arch: str, **keys: object) -> Trainer:
    """One of the tool's trainers for points in the plane, with hidden layers of 64."""
    settings = {"arch": arch, "dataset": "8gaussians", "latent_vector": 2, "batch_size": 256}
    config = resolve({**settings, "dis_feature_maps": 8, "gen_feature_maps": 8, "ema_decay": 0, **keys})
    assert isinstance(config, TrainConfig)
    return build_trainer(config, (2,), torch.device("cpu"))


def scores_along_the_line(arch: str, steps: int = 1000, **keys: object) -> tuple[Tensor, Tensor]:
    """Train a critic between real points, N(0, SPREAD^2), and those of `Shifted`; its scores and slopes on `LINE`."""
    trainer = plane_trainer(arch, learning_rate=2e-3, beta_adam=0.5, **keys)
    trainer.generator = Shifted()
    random = torch.Generator().manual_seed(1)
    for step in range(steps):
        trainer.critic_optimizer.param_groups[0]["lr"] = 2e-3 * min(1, 2.02 - 2 * step / steps)
        trainer.critic_update(SPREAD * torch.randn(256, 2, generator=random), step)
    at = torch.stack([LINE, torch.zeros_like(LINE)], 1)
    return trainer.critic(at).detach(), trainer.critic.input_gradient(at)[:, 0].detach()


def best_discriminator() -> Tensor:
    """D = p / (p + q) on `LINE`, which no discriminator betters (arXiv:1406.2661, prop. 1)."""
    return torch.sigmoid(((LINE - APART) ** 2 - LINE**2) / (2 * SPREAD**2))


class Slopes(NamedTuple):
    """On `LINE`: what each network says, and the size of the gradient that a generated point there would get."""

    discriminator: Tensor  # D(x), a probability
    critic: Tensor  # f(x) of WGAN-GP
    minimax: Tensor  # of log(1 - D): D |logit'|
    non_saturating: Tensor  # of -log D: (1 - D) |logit'|
    wasserstein: Tensor  # of -f: |f'|


def slopes() -> Slopes:
    """Train both and look along the line."""
    logits, logit_slopes = scores_along_the_line("DCGAN")
    critic, critic_slopes = scores_along_the_line("WGAN-GP", gp_lambda=10)
    d = torch.sigmoid(logits)
    minimax, non_saturating = d * logit_slopes.abs(), torch.sigmoid(-logits) * logit_slopes.abs()
    return Slopes(d, critic, minimax, non_saturating, critic_slopes.abs())


def at(place: float, values: Tensor) -> float:
    """The value at a place on `LINE`."""
    return float(values[(LINE - place).abs().argmin()])


def mean_error(discriminator: Tensor) -> float:
    """How far D lies from the best one on average, over real and generated points on the line."""
    density = sum(torch.exp(-((LINE - mean) ** 2) / (2 * SPREAD**2)) for mean in (0.0, APART))
    return float(((discriminator - best_discriminator()).abs() * density).sum() / torch.as_tensor(density).sum())


# The generator's loss beside the estimate -------------------------------------------------------------------------


class Curves(NamedTuple):
    """One training on eight normal distributions: a value for each row, the mean over the steps since the last one."""

    step: list[int]
    generator_loss: list[float]
    estimate: list[float]
    exact: list[float]  # W1 of 500 points of each kind, exact


def training(seed: int, steps: int = 4000, every: int = 100) -> Curves:
    """WGAN-GP; `seed` sets the first weights and the latents, and the real points are always the same."""
    trainer = plane_trainer("WGAN-GP", learning_rate=1e-4, critic_learning_rate=3e-3, gp_lambda=10, seed=seed)
    points, curves = toy("8gaussians", 0)[0].images, Curves([], [], [], [])
    latents = torch.randn(500, 2, generator=torch.Generator().manual_seed(1))
    seen: list[dict[str, float]] = []
    for step in range(steps):
        real = points[step * 256 % 99_000 :][:256]
        found = trainer.critic_update(real, step)
        if trainer.generator_is_due(step):
            found |= trainer.generator_update(256, step, real)
        seen.append({name: float(value) for name, value in found.items()})
        if (step + 1) % every == 0:
            curves.step.append(step + 1)
            for name, column in (("generator_loss", curves.generator_loss), ("wasserstein_estimate", curves.estimate)):
                column.append(float(np.mean([row[name] for row in seen if name in row])))
            curves.exact.append(exact_w1(points[:500], trainer.sample(latents)))
            seen.clear()
    return curves


def with_a_constant(constant: float) -> list[tuple[str, float, float]]:
    """The same losses of a critic, and of the same critic with a constant added to all its scores."""
    trainer = plane_trainer("WGAN-GP", gp_lambda=10)
    points = toy("8gaussians", 0)[0].images[:256]
    fake = trainer.generator(trainer.latents(256, "critic latents", 0)).detach()
    found = []
    for shift in (0.0, constant):
        [*trainer.critic.parameters()][-1].data += shift
        loss = trainer.critic_loss(points, fake, torch.full((256, 1), 0.5))
        generator = trainer.generator_loss(trainer.critic(fake), lambda: torch.empty(0))
        assert loss.wasserstein_estimate is not None
        found.append(tuple(part.item() for part in (loss.total, loss.wasserstein_estimate, generator)))
    return list(zip(("critic_loss", "wasserstein_estimate", "generator_loss"), *found, strict=True))


# The six differences ----------------------------------------------------------------------------------------------

DIFFERENCES = [
    ("The critic's last layer is linear; a discriminator's logit goes through a sigmoid, which is part of its loss",
     "trainers/dcgan.py", "real_loss = ", "networks/base.py", "return at_least_float32(scores)"),
    ("The signs -1 for real and +1 for generated images instead of the labels 1 and 0",
     "trainers/dcgan.py", "fake_loss = ", "trainers/wgan_clip.py", "return CriticLoss"),
    ("The loss is a mean of scores instead of a cross-entropy, here the generator's",
     "trainers/dcgan.py", "torch.ones_like(fake_scores)", "trainers/wasserstein.py", "return -fake_scores.mean()"),
    ("The critic's weights are clipped after each of its updates",
     None, "", "trainers/wgan_clip.py", "torch._foreach_clamp_max_"),
    ("Several updates of the critic for each of the generator",
     "config/algorithms.py", 'sets={"batch_size": 128, "critic_its": 1', "config/algorithms.py", '"critic_its": 5'),
    ("RMSProp with a small step and no momentum instead of Adam",
     "trainers/base.py", "return torch.optim.Adam(", "trainers/base.py", "return torch.optim.RMSprop("),
]  # fmt: skip
"""(what differs, file and part of the GAN's line, file and part of the WGAN's)."""


def quoted_line(file: str, part: str) -> str:
    """The one line of a file in wgan/ that holds `part`, as the page quotes it."""
    (line,) = (line for line in (ROOT / "wgan" / file).read_text(encoding="utf-8").splitlines() if part in line)
    return f"`{line.strip()}` (`wgan/{file}`)"


def differences() -> str:
    rows = ["| | GAN | WGAN |", "|---|---|---|"]
    for number, (what, gan_file, gan, file, wgan) in enumerate(DIFFERENCES, 1):
        theirs = quoted_line(gan_file, gan) if gan_file else "nothing"
        rows.append(f"| {number}. {what} | {theirs} | {quoted_line(file, wgan)} |")
    return "\n".join(rows)


# The page ---------------------------------------------------------------------------------------------------------


def number(value: float) -> str:
    """Four digits, small ones with an exponent."""
    return "infinite" if np.isinf(value) else f"{value:.4g}"


def distance_table() -> str:
    rows = ["| distance d | KL | JS | W1 | dKL/dd | dJS/dd | dW1/dd |", "|---|---|---|---|---|---|---|"]
    for shift in (0.5, 1.0, 2.0, 5.0, 10.0, 35.0):
        values = (shift, *between_normals(shift), *gradients_between_normals(shift))
        rows.append("| " + " | ".join(map(number, values)) + " |")
    return "\n".join(rows)


def lines_table() -> str:
    rows = ["| theta | KL | JS | W1 | gradient of JS | gradient of W1 |", "|---|---|---|---|---|---|"]
    for theta in (-1.0, -0.5, 0.1, 0.5, 1.0):
        before, here, after = (parallel_lines(theta + step) for step in (-0.01, 0, 0.01))
        steepness = [(b - a) / 0.02 for a, b in zip(before[1:], after[1:], strict=True)]
        rows.append("| " + " | ".join(map(number, (theta, *here, *steepness))) + " |")
    return "\n".join(rows)


def page(seen: Slopes, trainings: dict[int, Curves]) -> str:
    primal, dual = transport(*PILES, COST)[1], potential(*PILES, COST)[1]
    one, other = (", ".join(f"{n:.0f}" for n in total * pile) for total, pile in zip((77, 71), PILES, strict=True))
    f_apart, exact = at(0, seen.critic) - at(APART, seen.critic), 1 + APART / 20
    area = float(np.abs(np.cumsum(PILES[0] - PILES[1])).sum())
    shifted = "\n".join(f"| `{name}` | {a:.4f} | {b:.4f} |" for name, a, b in with_a_constant(100))
    last = "\n".join(
        f"| {seed} | {c.exact[-1]:.3f} | {c.estimate[-1]:.3f} | {c.generator_loss[-1]:.3f} |"
        for seed, c in trainings.items()
    )
    steps = next(iter(trainings.values())).step
    return f"""# Why a Wasserstein distance

Written by `docs/why.py`, which computes and draws all of it; `tests/test_why.py` checks the numbers against closed
forms and linear programmes.

## A distance that says where to go

Two normal distributions of deviation 1, one of them moved away. KL grows with the square of the distance. JS, which a
GAN with an optimal discriminator minimises, stops at log 2 = {np.log(2):.4f}: from there on it has no gradient. W1 is
the distance itself, and its gradient is 1 everywhere.

![KL, JS and W1 between two normal distributions, and their gradients](images/why_distances.png)

{distance_table()}

## Parallel lines

WGAN's example 1: all points of one distribution lie on the line x = 0, those of the other on x = theta. They never
overlap, so KL is infinite and JS is log 2 wherever theta stands, 0 only at theta = 0. W1, here a linear programme over
points of both lines, is |theta|: of the four only it leads a generator with the parameter theta home.

{lines_table()}

## The earth mover's distance

The two piles of [the notebook](https://github.com/Mohammad-Rahmdel/WassersteinGAN-Tensorflow-) about it:
{one} and {other}, each divided by its sum.
The least work to make one into the other is {primal:.6f} (exactly 3861/5467):

| | |
|---|---|
| the cheapest plan, a linear programme | {primal:.6f} |
| the dual: the f of slope at most 1 that separates the piles most | {dual:.6f} |
| the f that the notebook prints, on these piles | {float(ITS_F @ (PILES[0] - PILES[1])):.6f} |
| the area between the cumulative distributions | {area:.6f} |
| printed by the notebook | {ITS_EMD:.6f} |

![two piles, the cheapest plan, the dual's function](images/why_piles.png)

A critic is this f. What it is trained for is the dual: to separate two distributions most with a slope of at most 1.

## What a generator learns from a discriminator and from a critic

Real points: normal, deviation {SPREAD}, around x = 0; generated ones around x = {APART:g}. DCGAN's discriminator and
WGAN-GP's critic (three hidden layers of 64, lambda 10) are trained to the end, the generator stands still.

![D(x) and f(x) along the line through both; gradients](images/why_slopes.png)

| | found | closed form |
|---|---|---|
| discriminator, mean distance from p / (p + q) | {mean_error(seen.discriminator):.4f} | 0 |
| critic, slope at the generated points | {at(APART, seen.wasserstein):.4f} | {exact:.4f} |
| critic, f at x = 0 less f at x = {APART:g} | {f_apart:.4f} | {APART * exact:.4f} |

(The slope that minimises -s W + lambda (s - 1)^2 is 1 + W / (2 lambda).) The better the discriminator, the less there
is to learn from it: the gradient of log(1 - D) at the generated points is {number(at(APART, seen.minimax))}. That of
DCGAN's own loss, -log D, does not vanish there ({number(at(APART, seen.non_saturating))}), but its size is the
discriminator's certainty and no distance.

## From a GAN to a WGAN in six lines

{differences()}

WGAN-GP puts a penalty (`wgan/trainers/wgan_gp.py`) in place of the fourth, and Adam without momentum in place of the
sixth.

## The generator's loss means nothing, the estimate does

The critic's loss is a difference of scores, so a constant added to all of them changes nothing that the critic is
trained for. The generator's loss is one mean score alone: it moves by the whole constant, and nothing holds the
constant in its place. So it drifts. Here with 100 added to every score:

| | before | after |
|---|---|---|
{shifted}

And in {len(trainings)} trainings that differ by the seed alone (WGAN-GP on `8gaussians`, {steps[-1]:,} critic updates),
in the last {steps[0]}: the estimate follows the distance, the generator's loss is what it happens to be.

![generator's loss, estimate and exact W1 over the trainings](images/why_losses.png)

| seed | exact W1 of 500 points | estimate | generator's loss |
|---|---|---|---|
{last}
"""


def draw_distances(path: Path) -> None:
    shift = np.linspace(0.01, 35, 141)
    figure = new_figure(10, 3.2)
    values, steepness = figure.subplots(1, 2)
    for axes, measure, title in (
        (values, between_normals, "distance between N(0, 1) and N(d, 1)"),
        (steepness, gradients_between_normals, "its gradient by d"),
    ):
        found = [measure(d) for d in shift]
        for name, colour in {"kl": GREY, "js": ORANGE, "w1": BLUE}.items():
            axes.semilogy(shift, [getattr(one, name) for one in found], color=colour, label=name.upper())
        style(axes, title)
        axes.set_xlabel("d", fontsize=9)
        axes.set_ylim(1e-8, 1e3)
    values.legend(fontsize=8)
    save_figure(figure, path, dpi=90)


def draw_piles(path: Path) -> None:
    figure = new_figure(10, 3)
    piles, plan, critic = figure.subplots(1, 3)
    for place, (pile, colour) in enumerate(zip(PILES, (BLUE, GREEN), strict=True)):
        piles.bar(PLACES - 0.2 + 0.4 * place, pile, 0.4, color=colour)
    style(piles, "two piles")
    plan.imshow(transport(*PILES, COST)[0], cmap="Greys")
    plan.set(xlabel="to", ylabel="from")
    plan.set_title("the cheapest plan", fontsize=10)
    critic.plot(PLACES, potential(*PILES, COST)[0], marker="o", color=BLUE)
    style(critic, "the dual's f: slope at most 1")
    save_figure(figure, path, dpi=90)


def draw_slopes(seen: Slopes, path: Path) -> None:
    figure = new_figure(10, 3.4)
    said, steepness = figure.subplots(1, 2)
    said.plot(LINE, seen.discriminator, color=ORANGE, label="discriminator D(x)")
    said.plot(LINE, best_discriminator(), color=ORANGE, linestyle=":", label="p / (p + q)")
    said.plot(LINE, (seen.critic - seen.critic.min()) / 4, color=BLUE, label="critic f(x), a quarter")
    for mean, colour in ((0.0, GREEN), (APART, GREY)):
        said.fill_between(LINE, torch.exp(-((LINE - mean) ** 2) / (2 * SPREAD**2)) / 2, color=colour, alpha=0.25)
    style(said, "real points left, generated ones right")
    said.legend(fontsize=8)
    steepness.semilogy(LINE, seen.minimax, color=ORANGE, label="log(1 - D)")
    steepness.semilogy(LINE, seen.non_saturating, color=ORANGE, linestyle="--", label="-log D")
    steepness.semilogy(LINE, seen.wasserstein, color=BLUE, label="-f")
    steepness.axvline(APART, color=GREY, alpha=0.4)
    steepness.set_ylim(1e-8, 1e2)
    style(steepness, "size of the gradient for a generated point")
    steepness.legend(fontsize=8)
    save_figure(figure, path, dpi=90)


def draw_losses(trainings: dict[int, Curves], path: Path) -> None:
    figure = new_figure(10, 3)
    left, right = figure.subplots(1, 2)
    for first, curves in zip([True, False, False], trainings.values(), strict=True):
        left.plot(curves.step, curves.generator_loss, color=ORANGE)
        right.plot(curves.step, curves.exact, color=GREEN, label="exact W1, 500 points each" if first else None)
        right.plot(curves.step, curves.estimate, color=BLUE, label="estimate" if first else None)
    style(left, "generator's loss")
    style(right, "Wasserstein estimate")
    right.legend(fontsize=8)
    for axes in (left, right):
        axes.set_xlabel("step", fontsize=9)
    save_figure(figure, path, dpi=90)


def main() -> None:
    torch.set_num_threads(1)  # the sums in one order
    seen, trainings = slopes(), {seed: training(seed) for seed in (1, 2, 3)}
    pictures: dict[str, Callable[[Path], None]] = {
        "distances": draw_distances,
        "piles": draw_piles,
        "slopes": lambda path: draw_slopes(seen, path),
        "losses": lambda path: draw_losses(trainings, path),
    }
    for name, draw in pictures.items():
        draw(IMAGES / f"why_{name}.png")
    write_text(ROOT / "docs" / "why.md", page(seen, trainings))


if __name__ == "__main__":
    main()
