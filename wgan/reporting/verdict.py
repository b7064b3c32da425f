"""How good, and still getting better? One line from numbers that are there. Never imports torch.

The rules, in `verdict` and `compared`, are told in docs/metrics.md, with what they say of real trainings.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean, linear_regression

from wgan.config.metrics import Metric, finite_number, ranking_keys
from wgan.metrics.comparison import Difference

ENOUGH = 5  # distances before anything is said of a trend
STEADY, WORSE = 0.03, 1.5  # a smaller relative change over half of a training is none; so many times the least is worse
NEAR, FAR = 0.8, 0.4  # of the way from the first samples to real images
FEW, MANY = 0.25, 0.75  # of the real images' own coverage or recall
OBJECTS = 3.0  # times the real images' own distance for a classifier


@dataclass(frozen=True)
class Course:
    """How the distance of a run's sample grids from real images moved."""

    distances: Mapping[int, float]  # step -> distance, in the order of the steps; first that of an untrained generator
    floor: float  # the same distance between two sets of real images

    @classmethod
    def from_json(cls, found: object) -> "Course":
        """What `as_json` gave, from a file that may hold anything; empty where it holds none."""
        given = found if isinstance(found, Mapping) else {}
        steps, values = (each if isinstance(each, list) else [] for each in (given.get("steps"), given.get("values")))
        pairs = [(finite_number(step), finite_number(value)) for step, value in zip(steps, values, strict=False)]
        kept = {int(step): value for step, value in pairs if step is not None and value is not None and value > 0}
        return cls(kept, finite_number(given.get("real")) or 0.0)

    def as_json(self) -> dict[str, object]:
        """For state.json."""
        return {"steps": [*self.distances], "values": [*self.distances.values()], "real": self.floor}

    @property
    def start(self) -> float | None:
        """The first distance, of the weights that training began with."""
        return self.distances.get(0)

    @property
    def way(self) -> float | None:
        """How far from the first samples (0) to real images (1) the last samples are, in the distance's logarithm."""
        if self.start is None or len(self.distances) < 2 or not 0 < self.floor < self.start:
            return None
        last = fmean([*self.distances.values()][-2:])  # a grid alone is noisy
        return min(1.0, max(0.0, math.log(self.start / last) / math.log(self.start / self.floor)))

    @property
    def place(self) -> str:
        """`way` in words: SWD compares textures, and says nothing of what is shown."""
        names = ((0.95, "textures as of real images"), (NEAR, "textures near real ones"), (FAR, "textures half-way"))
        way = self.way
        return "" if way is None else next((name for least, name in names if way >= least), "textures far from real")

    @property
    def trend(self) -> str:
        """What a line through the logarithms of the last half of the distances says; empty while there are too few.

        A slope counts when it is more than two of its standard errors, and changes the distance by more than `STEADY`;
        upwards only if the least distance lies far behind: of photographs it rose by a fifth while they became clearer
        to the eye.
        """
        steps, values = [*self.distances], [*self.distances.values()]
        if len(values) < ENOUGH:
            return ""
        count = max(ENOUGH, (len(values) + 1) // 2)
        places, logs = range(count), [math.log(value) for value in values[-count:]]
        slope, offset = linear_regression(places, logs)
        squares = sum((y - offset - slope * x) ** 2 for x, y in zip(places, logs, strict=True))
        error = math.sqrt(squares / (count - 2) * 12 / (count**3 - count))
        moves = abs(slope) > 2 * error and abs(slope) * (count - 1) > STEADY
        if moves and slope < 0:
            return "still getting better"
        if moves and fmean(values[-2:]) > WORSE * min(values):
            return f"getting worse since about step {min(steps, key=self.distances.__getitem__):,}"
        if (self.way or 0.0) >= NEAR:
            return "and SWD sees no change: look at the samples"
        return f"hardly changing since step {steps[-count]:,}"


def verdict(metrics: Mapping[str, Metric], course: Course) -> list[str]:
    """One line, and a second where the metrics disagree; none where nothing that ranks is known.

    "SWD 22.8 (real 16, start 213): textures near real ones, still getting better".
    """
    told = ", ".join(filter(None, [course.place, course.trend]))
    first = next((metrics[key] for key in ranking_keys(metrics)), None)
    if first:
        beside = [f"real {first.real:.3g}"] if first.real is not None else []
        if first.key == "swd" and course.start is not None:
            beside.append(f"start {course.start:.3g}")
        shown = f"{short_name(first)} {first.value:.3g}" + f" ({', '.join(beside)})" * bool(beside)
    elif course.distances:
        shown = f"SWD of samples {[*course.distances.values()][-1]:.3g} (real {course.floor:.3g})"
    else:
        return []
    return [shown + (f": {told}" if told else ""), *_disagreement(metrics, course)]


def _disagreement(metrics: Mapping[str, Metric], course: Course) -> list[str]:
    """Where texture (SWD) and what is shown or how many kinds (a classifier, coverage, recall) are apart."""
    if (way := course.way) is None:
        return []
    objects, variety = metrics.get("frechet_classifier"), metrics.get("coverage", metrics.get("recall"))
    if objects and objects.real and way >= NEAR and objects.value > OBJECTS * objects.real:
        times = f"{objects.value / objects.real:.0f} times"
        return [f"The metrics disagree: a classifier's distance is {times} that of real images"]
    if variety and variety.real:
        said = f"{variety.name.lower()} {variety.value:.2f} (real {variety.real:.2f})"
        if way >= NEAR and variety.value <= FEW * variety.real:
            return [f"The metrics disagree: by {said} most kinds are missing"]
        if way <= FAR and variety.value >= MANY * variety.real:
            return [f"The metrics disagree: by {said} no kind is missing"]
    return []


def short_name(metric: Metric) -> str:
    """For a line of text: "SWD"."""
    return metric.name.partition(",")[0]


def compared(found: Iterable[Difference]) -> str:
    """Which of A and B is better, by metrics that rank, the most telling first: "B is better: SWD 132 against 174"."""
    decided: dict[int, list[str]] = {0: [], 1: []}
    level: list[str] = []
    for one in found:
        name, values = short_name(one.first), [f"{metric.value:.3g}" for metric in (one.first, one.second)]
        within = "" if one.noise is None else f" (noise {one.noise:.2g})"
        if one.better is None:
            level.append(f"{name} {values[0]} and {values[1]}{within}")
        else:
            decided[one.better].append(f"{name} {values[one.better]} against {values[1 - one.better]}{within}")
    if not any(decided.values()):
        return f"Neither is better by more than noise: {'; '.join(level)}" if level else ""
    if all(decided.values()):
        return "The metrics disagree: " + "; ".join(f"{'AB'[w]} is better by {'; '.join(decided[w])}" for w in (0, 1))
    winner = 1 if decided[1] else 0
    return f"{'AB'[winner]} is better: {'; '.join(decided[winner])}"
