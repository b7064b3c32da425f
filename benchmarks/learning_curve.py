"""Does the Wasserstein estimate tell how good the samples are? WGAN's figure 3 (arXiv:1701.07875, sec. 4.2).

    for arch in WGAN-GP WGAN-DIV DCGAN; do
      python image_generation.py benchmarks/learning_curve.yaml --set arch=$arch --set run=curve-$arch
    done
    python benchmarks/learning_curve.py out/curve-WGAN-GP out/curve-WGAN-DIV out/curve-DCGAN

Each run's smoothed estimate (DCGAN: its critic's loss) beside a distributional metric that was computed as it trained
(`metrics_every`), with their rank correlation (Spearman) over all rows that hold the metric, from `--from-step` on.
"""

import argparse
from math import isfinite
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy.stats import spearmanr

from wgan.reporting.curves import smoothed
from wgan.runs.csv_log import has_numbers, read_log
from wgan.utils.atomic_io import replacing


def main() -> None:
    options = arguments()
    figure = Figure(figsize=(5.2 * len(options.runs), 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    print(f"| run | curve | points | Spearman with {options.metric} |\n|---|---|---|---|")
    for index, run in enumerate(options.runs):
        log = read_log(run / "log.csv")
        curve = "wasserstein_estimate" if has_numbers(log["wasserstein_estimate"]) else "critic_loss"
        values = smoothed(log[curve], options.span)
        rows = zip(log["step"], values, log[options.metric], strict=True)
        kept = [row for row in rows if all(map(isfinite, row)) and row[0] >= options.from_step]
        steps, estimates, metrics = zip(*kept, strict=True)
        rho = float(spearmanr(estimates, metrics).statistic)
        print(f"| {run.name} | {curve} | {len(kept)} | {rho:.2f} |")
        axes = figure.add_subplot(1, len(options.runs), index + 1)
        axes.plot(steps, estimates, color="#2563eb")
        axes.set_title(f"{run.name}: Spearman {rho:.2f}", fontsize=10)
        axes.set(xlabel="step")
        axes.set_ylabel(curve.replace("_", " "), color="#2563eb")
        other = axes.twinx()
        other.plot(steps, metrics, color="#d97706", marker=".")
        other.set_yscale("log")
        other.set_ylabel(options.metric.replace("_", " "), color="#d97706")
    with replacing(options.out) as temporary:
        figure.savefig(temporary, format="png", dpi=80)
    print(options.out)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--metric", default="frechet_classifier", help="a column of log.csv")
    parser.add_argument("--span", type=int, default=20, help="rows that the smoothing looks back on")
    parser.add_argument("--from-step", type=int, default=0, help="leave out the critic's first steps")
    parser.add_argument("--out", type=Path, default=Path("out/learning_curve.png"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
