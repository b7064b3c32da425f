"""The one catalogue of metrics: names, groups, where better lies, which rank runs. Never imports torch.

A new metric is an entry here and a file in wgan/metrics/, or some lines in one that is there.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, cast

Direction = Literal["higher", "lower", "real"]  # "real": the nearer to the real-against-real value the better


@dataclass(frozen=True)
class MetricSpec:
    """One metric."""

    key: str  # its name in metrics.json and log.csv
    name: str  # its name for people
    group: str  # what computes it, of `GROUPS`; POINTS for points in the plane
    better: Direction
    floor: float = 0.0  # the range it cannot leave
    ceiling: float = math.inf
    ranks: bool = False  # follows a training, orders spoilt images as the eye does (docs/metrics.md); one for each kind
    chooses: bool = True  # `best_metric` may name it


POINTS = "points"
GROUPS = {
    "classifier": "wgan.metrics.classifier:classifier_metrics",
    "cas": "wgan.metrics.classifier:cas_metrics",
    "inception": "wgan.metrics.inception:inception_metrics",
    "swd": "wgan.metrics.swd:swd_metrics",
    "prdc": "wgan.metrics.prdc:prdc_metrics",
    "mmd": "wgan.metrics.mmd:mmd_metrics",
    "emd": "wgan.metrics.emd:emd_metrics",
    "paired": "wgan.metrics.paired:paired_metrics",
}
"""What the key `metrics` names -> "module:function" that computes it; in the order of the tables."""

_PAIRED = {"psnr": "PSNR", "ssim": "SSIM", "ms_gmsd": "MS-GMSD", "mdsi": "MDSI", "haarpsi": "HaarPSI"}
CATALOGUE: dict[str, MetricSpec] = {
    spec.key: spec
    for spec in (
        MetricSpec("frechet_classifier", "Fréchet distance of features", "classifier", "lower", ranks=True),
        MetricSpec("fid", "FID", "inception", "lower", ranks=True),
        MetricSpec("kid", "KID x 1000", "inception", "lower", floor=-math.inf, ranks=True),
        MetricSpec("swd", "SWD, mean", "swd", "lower", ranks=True),
        MetricSpec("mmd", "MMD x 1000, Gaussian kernel", "mmd", "lower", floor=-math.inf, ranks=True),
        MetricSpec("coverage", "Coverage", "prdc", "higher", ceiling=1.0, ranks=True),
        MetricSpec("recall", "Recall", "prdc", "higher", ceiling=1.0, ranks=True),
        MetricSpec("precision", "Precision", "prdc", "higher", ceiling=1.0),
        MetricSpec("density", "Density", "prdc", "higher"),  # may exceed 1
        MetricSpec("emd", "EMD of images", "emd", "lower"),
        MetricSpec("emd_colour", "EMD of colours", "emd", "lower"),
        *(MetricSpec(key, name, "paired", "real") for key, name in _PAIRED.items()),
        *(MetricSpec(f"nearest_{key}", name, "paired", "real", chooses=False) for key, name in _PAIRED.items()),
        MetricSpec("mmd_cubic", "MMD x 1000, cubic kernel", "mmd", "lower", floor=-math.inf, chooses=False),
        MetricSpec("class_imbalance", "Class shares, total variation", "classifier", "lower", 0.0, 1.0, chooses=False),
        MetricSpec("class_coverage", "Classes generated, share", "classifier", "higher", 0.0, 1.0, chooses=False),
        MetricSpec("class_confidence", "Mean confidence", "classifier", "real", 0.0, 1.0, chooses=False),
        MetricSpec("class_asked", "Of the class asked for, share", "classifier", "higher", 0.0, 1.0, chooses=False),
        MetricSpec("frechet_classes", "Fréchet distance, mean of classes", "classifier", "lower", chooses=False),
        MetricSpec("cas", "Accuracy if trained on", "cas", "higher", 0.0, 1.0, chooses=False),
        MetricSpec("w1", "Exact W1", POINTS, "lower", ranks=True),
        MetricSpec("modes_covered", "Modes covered", POINTS, "higher", ranks=True),
        MetricSpec("near_a_mode", "Share near a mode", POINTS, "real", 0.0, 1.0, chooses=False),
    )
}
"""key -> metric, the most telling first. Beside these there is `swd_SIDE` for each level of the pyramid."""
RANKING = tuple(key for key, spec in CATALOGUE.items() if spec.ranks)
NO_INTERVAL = ("fid", "class_imbalance", "class_coverage", "frechet_classes", "cas")
"""Whose interval would not hold what it says (docs/metrics.md); tests/metrics/test_intervals.py has the others."""
BEST_METRICS = tuple(key for key, spec in CATALOGUE.items() if spec.chooses)


@dataclass(frozen=True)
class Metric:
    """One number about generated images, as an evaluation found it."""

    key: str  # its name in metrics.json and log.csv, such as `nearest_psnr`
    name: str  # its name for people
    section: str  # the heading it stands under; says what was compared with what
    value: float
    better: Direction
    real: float | None = None  # the same between two disjoint sets of real images: what a perfect generator would reach
    low: float | None = None  # ends of the 95 % interval of `value`, where one was computed
    high: float | None = None

    @property
    def score_for_ranking(self) -> float:
        """Lower is better, whatever the metric's direction."""
        if self.better == "higher":
            return -self.value
        return self.value if self.better == "lower" else abs(self.value - (self.real or 0.0))

    def as_json(self) -> dict[str, Any]:
        """Its entry in metrics.json, under its key."""
        return {field: getattr(self, field) for field in ("name", "section", "value", "real", "low", "high", "better")}

    @classmethod
    def from_json(cls, key: str, entry: object) -> Self | None:
        """What `as_json` gave, from a file that may hold anything; None where it holds no value."""
        if not isinstance(entry, Mapping) or (value := finite_number(entry.get("value"))) is None:
            return None
        name, section, better = (str(entry.get(field, "")) for field in ("name", "section", "better"))
        direction = cast(Direction, better if better in ("higher", "lower") else "real")
        real, low, high = (finite_number(entry.get(field)) for field in ("real", "low", "high"))
        return cls(key, name or key, section, value, direction, real, low, high)


def spec_of(key: str) -> MetricSpec:
    """The catalogue's entry, or that of a level of the Laplacian pyramid."""
    side = key.removeprefix("swd_")
    return CATALOGUE.get(key) or MetricSpec(key, f"SWD at {side} px", "swd", "lower", chooses=False)


def finite_number(value: object) -> float | None:
    """A number of a JSON file; None for what is none, for infinities, and for more digits than a float takes."""
    try:
        number = float(value) if isinstance(value, int | float) else math.nan
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def ranking_keys(keys: Collection[str]) -> list[str]:
    """Those of a run's metrics that rank it, the most telling first."""
    return [key for key in RANKING if key in keys]


def in_order(metrics: Iterable[Metric]) -> list[Metric]:
    """First the metrics that rank, then the others with a direction, then those best near real against real."""
    place = {key: index for index, key in enumerate(RANKING)}
    return sorted(metrics, key=lambda metric: (place.get(metric.key, len(place)), metric.better == "real"))


def titles(metrics: Sequence[Metric]) -> list[str]:
    """What to call each: its name, or, where two have the same one, its key (`psnr`, `nearest_psnr`)."""
    names = [metric.name for metric in metrics]
    return [metric.name if names.count(metric.name) == 1 else metric.key for metric in metrics]
