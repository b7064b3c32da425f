"""Draws the generator and the critic that a YAML describes, from the networks themselves.

python docs/scheme.py [configs/seeds/000_wgan_gp.yaml] [--out docs/images/scheme.png]

A box for each map: as high as its side and as wide as its channels (both on a logarithmic scale), with what stands
between two maps written below. For networks without branches; `--check` prints the layers of all as a table.
"""

import argparse
import sys
from collections.abc import Sequence
from math import log2
from pathlib import Path
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from wgan.config.resolve import load_config  # noqa: E402 - found beside this folder
from wgan.config.schema import TrainConfig, form_of  # noqa: E402
from wgan.reporting.plots import new_figure, save_figure  # noqa: E402
from wgan.training import resources  # noqa: E402

NAMES = {"BatchNorm2d": "batch norm", "InstanceNorm2d": "instance norm", "LayerNorm": "layer norm"}
NAMES |= {"ConvFromLatent": "transposed conv", "ConvTranspose2d": "transposed conv", "ConvToScalar": "conv"}
NAMES |= {"Conv2d": "conv", "Linear": "dense", "LeakyReLU": "leaky ReLU", "Tanh": "tanh"}


class Box(NamedTuple):
    """One map and the layers that led to it."""

    shape: tuple[int, ...]
    layers: list[str]


def boxes(first: tuple[int, ...], layers: Sequence[resources.Layer]) -> list[Box]:
    """The maps in the order in which a network of such layers computes them; layers that keep a shape are gathered."""
    found = [Box(first, [])]
    for layer in layers:
        if layer.weights and layer.shape != found[-1].shape:
            found.append(Box(layer.shape, []))
        found[-1].layers.append(NAMES.get(layer.kind, layer.kind))
    return found


def draw(axes: Axes, title: str, maps: Sequence[Box]) -> None:
    """Boxes from the left to the right, the input without layers first."""
    x = 0.0
    for box in maps:
        channels, side = box.shape[0], box.shape[-1] if len(box.shape) == 3 else 1
        width, height = 0.25 + 0.09 * log2(channels), 0.25 + 0.4 * log2(side)
        axes.add_patch(Rectangle((x, -height / 2), width, height, facecolor="#dbeafe", edgecolor="#2563eb"))
        axes.text(x + width / 2, height / 2 + 0.12, "x".join(map(str, box.shape)), ha="center", fontsize=8)
        axes.text(x + width / 2, -height / 2 - 0.12, "\n".join(box.layers), ha="center", va="top", fontsize=7)
        x += width + 1.1
    axes.set(xlim=(-0.6, x - 0.5), ylim=(-2.6, 2.0))
    axes.set_title(title, fontsize=10, loc="left")
    axes.axis("off")


def networks(path: Path) -> dict[str, list[Box]]:
    """What to draw of a training's YAML, by the networks' names."""
    config = load_config(path)
    assert isinstance(config, TrainConfig), "no training"
    assert config.network in ("conv", "mnist", "dense"), "it has branches"
    image = form_of(config).shape
    generator, critic = resources.meta_networks(config, image)
    latent = (config.latent_vector,)
    return {
        "Generator": boxes((*latent, 1, 1), resources.layers(generator, latent)),
        "Critic": boxes(image, resources.layers(critic, image)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("yaml", type=Path, nargs="?", default=ROOT / "configs" / "seeds" / "000_wgan_gp.yaml")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images" / "scheme.png")
    options = parser.parse_args()
    figure = new_figure(9.5, 6)
    for row, (title, maps) in enumerate(networks(options.yaml).items()):
        draw(figure.add_subplot(2, 1, row + 1), title, maps)
    save_figure(figure, options.out, dpi=90)


if __name__ == "__main__":
    main()
