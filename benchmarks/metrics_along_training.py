"""Which figures get better while a training gets better: Spearman correlation of each metric with the step.

    python benchmarks/metrics_along_training.py out/run --metrics paired swd prdc mmd classifier --plot along.png

takes a run that kept its checkpoints (checkpoint_every: 200, keep_checkpoints: 100), generates the same latents with
the averaged generator of each, evaluates against the run's held-out images, and prints for each figure its correlation
with training time over the first half of the steps and over all: +1 improves from each checkpoint to the next, 0 tells
nothing. Improving is lower or higher as the figure says, or nearer to its real-against-real value; for these the last
column shows the correlation of the bare value, as tables of PSNR are read.
"""

import argparse
import json
from pathlib import Path

import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas
from scipy.stats import spearmanr

from wgan.config.metrics import GROUPS, Metric
from wgan.data.load import load_data
from wgan.metrics.evaluate import evaluate
from wgan.networks.pretrained import load_generator
from wgan.reporting.grids import to_uint8
from wgan.runs import checkpoint
from wgan.runs.run_dir import Run, read_config
from wgan.utils.atomic_io import replacing, write_text

Curves = dict[str, list[Metric]]


def checkpoints(run: Run) -> dict[int, Path]:
    """Step to file, in the order of training."""
    found = {int(path.stem.removeprefix("step_")): path for path in run.checkpoints.glob("step_*.pt")}
    last = run.checkpoints / "last.pt"
    return dict(sorted({**found, checkpoint.load(last)["step"]: last}.items()))


def improvement(figures: list[Metric]) -> list[float]:
    """The more the better."""
    sign = {"lower": -1.0, "higher": 1.0}
    return [
        -abs(figure.value - (figure.real or 0.0)) if figure.better == "real" else sign[figure.better] * figure.value
        for figure in figures
    ]


def spearman(steps: list[int], values: list[float]) -> float:
    """Rank correlation; NaN for a figure that never moves."""
    return float(spearmanr(steps, values).statistic)


def print_correlations(steps: list[int], curves: Curves) -> None:
    half = sum(step <= steps[-1] / 2 for step in steps)
    print(f"{'figure':24}{'first half':>12}{'all':>8}{'bare value':>12}    first .. last value, real vs real")
    for key, figures in curves.items():
        values, better = [figure.value for figure in figures], improvement(figures)
        bare = f"{spearman(steps[:half], values[:half]):12.2f}" if figures[0].better == "real" else " " * 12
        print(
            f"{key:24}{spearman(steps[:half], better[:half]):12.2f}{spearman(steps, better):8.2f}{bare}"
            f"    {values[0]:.4g} .. {values[-1]:.4g}, {figures[-1].real:.4g}"
        )


def plot(steps: list[int], curves: Curves, path: Path, columns: int = 4) -> None:
    """Each figure with its interval along the steps, its real-against-real value dashed."""
    rows = -(-len(curves) // columns)
    canvas = Canvas(figsize=(3 * columns, 2.2 * rows), layout="constrained")
    FigureCanvasAgg(canvas)
    for place, figures in enumerate(curves.values()):
        axes = canvas.add_subplot(rows, columns, place + 1)
        axes.plot(steps, [f.value for f in figures], marker=".", color="#2563eb")
        lows, highs = (
            [f.value if end is None else end for f, end in zip(figures, ends, strict=True)]
            for ends in ([f.low for f in figures], [f.high for f in figures])
        )
        axes.fill_between(steps, lows, highs, color="#2563eb", alpha=0.2)
        if figures[0].real is not None:
            axes.axhline(figures[0].real, color="#9ca3af", linestyle="--")
        axes.set_title(figures[0].key, fontsize=9)
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    with replacing(path) as temporary:
        canvas.savefig(temporary, format="png", dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="a run's directory")
    parser.add_argument("--metrics", nargs="+", choices=GROUPS, default=["paired", "swd", "prdc", "mmd", "classifier"])
    parser.add_argument("--quantity", type=int, default=2000, help="images generated from each checkpoint")
    parser.add_argument("--plot", type=Path, help="a PNG of the curves")
    parser.add_argument("--figures", nargs="+", help="those in the plot, such as psnr swd; all by default")
    parser.add_argument("--json", type=Path, help="all figures of all checkpoints")
    options = parser.parse_args()
    run = Run(options.run)
    config = read_config(run)
    if config is None:
        parser.error(f"{options.run} is no run's directory")
    data = load_data(config)
    steps, curves = [], Curves()
    for step, path in checkpoints(run).items():
        batches = load_generator(path).sample_batches(range(options.quantity), config.seed, 64)
        fake = torch.cat([to_uint8(batch) for batch in batches])
        report = evaluate(fake, data.held_out, data.train, options.metrics, config.seed, "cpu", cache=config.cache)
        steps.append(step)
        for figure in report.metrics:
            curves.setdefault(figure.key, []).append(figure)
        print(f"step {step}: {sum(report.seconds.values()):.0f} s", flush=True)
    print_correlations(steps, curves)
    if options.plot:
        plot(steps, {key: curves[key] for key in options.figures or curves}, options.plot)
    if options.json:
        values = {key: [figure.value for figure in figures] for key, figures in curves.items()}
        real = {key: figures[-1].real for key, figures in curves.items()}
        write_text(options.json, json.dumps({"steps": steps, "values": values, "real": real}, indent=2) + "\n")


if __name__ == "__main__":
    main()
