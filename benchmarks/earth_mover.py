"""The earth mover's distance by example: a transport plan, why primal and dual agree, how far colours lie apart.

    python benchmarks/earth_mover.py [--out out/earth_mover] [--images ONE.jpg OTHER.jpg]

Two piles of earth on a line: the least work of making one into the other (the primal problem), its transport plan, and
the function of slope at most 1 that separates the piles most (the dual, Kantorovich and Rubinstein: what a WGAN's
critic learns). On a line both equal the area between the cumulative distributions. Then the same between the colours
of two images, in the RGB cube. Without --images: a red and a blue gradient.
"""

import argparse
from pathlib import Path

import numpy as np
import ot
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from scipy.optimize import linprog
from torch import Tensor

from wgan.metrics.emd import colour_distance
from wgan.utils.atomic_io import replacing

ONE = np.array([0, 1, 4, 3, 1, 0, 0, 0, 1, 0]) / 10
OTHER = np.array([0, 0, 0, 1, 0, 2, 3, 2, 1, 1]) / 10
PLACE = np.arange(len(ONE), dtype=float)
SIDE = 64


def main() -> None:
    options = arguments()
    cost = np.abs(PLACE[:, None] - PLACE)
    plan = ot.emd(ONE, OTHER, cost)
    primal = float((plan * cost).sum())
    potential = dual(cost)
    area = float(np.abs(np.cumsum(ONE - OTHER)).sum())
    print(f"primal {primal:.6f}  dual {float(potential @ (ONE - OTHER)):.6f}  area between the sums {area:.6f}")
    draw_piles(plan, potential, primal, options.out / "piles.png")

    images = [colours(path) for path in options.images] if options.images else [gradient(0), gradient(2)]
    distance = colour_distance(images[0][None], images[1][None])
    print(f"distance of the colours {distance:.4f} (black to white: {7 / 8 * 3**0.5:.4f})")
    draw_colours(images, distance, options.out / "colours.png")
    print(f"{options.out}/")


def dual(cost: np.ndarray) -> np.ndarray:
    """The f that maximises sum f (ONE - OTHER) with |f(x) - f(y)| <= |x - y|, as a linear programme; f(0) = 0."""
    pairs = [(i, j) for i in range(len(ONE)) for j in range(len(ONE)) if i != j]
    rows = np.zeros((len(pairs), len(ONE)))
    for row, (i, j) in enumerate(pairs):
        rows[row, i], rows[row, j] = 1, -1
    bounds = [(0, 0), *[(None, None)] * (len(ONE) - 1)]
    found = linprog(OTHER - ONE, A_ub=rows, b_ub=[cost[pair] for pair in pairs], bounds=bounds)
    return np.asarray(found.x)


def draw_piles(plan: np.ndarray, potential: np.ndarray, distance: float, path: Path) -> None:
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    piles, plan_axes, critic = figure.subplots(1, 3)
    piles.bar(PLACE - 0.2, ONE, 0.4, label="one", color="#f59e0b")
    piles.bar(PLACE + 0.2, OTHER, 0.4, label="other", color="#059669")
    piles.set_title(f"two piles, {distance:.2f} apart")
    piles.legend()
    plan_axes.imshow(plan, cmap="Greys")
    plan_axes.set(title="transport plan: how much goes where", xlabel="to", ylabel="from")
    critic.plot(PLACE, potential, marker="o", color="#2563eb")
    critic.set(title="the dual's f: slope at most 1", xlabel="place")
    save(figure, path)


def draw_colours(images: list[Tensor], distance: float, path: Path) -> None:
    figure = Figure(figsize=(9, 4.4), layout="constrained")
    figure.suptitle(f"earth mover's distance of the colours: {distance:.3f}")
    for index, image in enumerate(images):
        axes = figure.add_subplot(2, 4, (1 + 2 * index, 2 + 2 * index), xticks=(), yticks=())
        axes.imshow(image.permute(1, 2, 0).numpy())
        axes = figure.add_subplot(2, 4, (5 + 2 * index, 6 + 2 * index), xlabel="value", yticks=())
        for channel, colour in enumerate(("#dc2626", "#16a34a", "#2563eb")):
            counts = image[channel].flatten().bincount(minlength=256).view(64, 4).sum(1)
            axes.plot(np.arange(64) * 4, counts.numpy(), color=colour)
    save(figure, path)


def colours(path: Path) -> Tensor:
    """An image file as (3, 64, 64) uint8."""
    with Image.open(path) as image:
        return torch.from_numpy(np.array(image.convert("RGB").resize((SIDE, SIDE)))).permute(2, 0, 1)


def gradient(channel: int) -> Tensor:
    """From black to one pure colour, (3, 64, 64) uint8."""
    image = torch.zeros(3, SIDE, SIDE, dtype=torch.uint8)
    image[channel] = torch.linspace(0, 255, SIDE).to(torch.uint8)
    return image


def save(figure: Figure, path: Path) -> None:
    FigureCanvasAgg(figure)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=80)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("out/earth_mover"))
    parser.add_argument("--images", type=Path, nargs=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
