"""Which figures rank runs, in what order figures are shown, and what a table calls them. Never imports torch."""

from collections.abc import Collection, Iterable, Sequence

from wgan.reporting.run_record import Measure

JUDGES = ("frechet_classifier", "fid", "kid", "swd", "mmd", "coverage", "recall", "w1", "modes_covered")
"""The figures that follow a training and order spoilt images as the eye does, the most telling first (docs/metrics.md).
Each stands for its kind once: `swd` for its levels, `mmd` for both kernels. Precision, density and the distance of
pixels reward blur."""
LAST_RESORT = ("nearest_psnr", "psnr")
"""What ranks where a run computes none of these."""


def judging(keys: Collection[str]) -> list[str]:
    """Those of a run's figures that rank it, the most telling first."""
    found = [key for key in JUDGES if key in keys]
    return found or [key for key in LAST_RESORT if key in keys]


def in_order(measures: Iterable[Measure]) -> list[Measure]:
    """First the figures that rank, then the others with a direction, then those best near real against real."""
    place = {key: index for index, key in enumerate(JUDGES)}
    return sorted(measures, key=lambda measure: (place.get(measure.key, len(place)), measure.better == "real"))


def titles(measures: Sequence[Measure]) -> list[str]:
    """What to call each: its name, or, where two have the same one, its key (`psnr`, `nearest_psnr`)."""
    names = [measure.name for measure in measures]
    return [measure.name if names.count(measure.name) == 1 else measure.key for measure in measures]
