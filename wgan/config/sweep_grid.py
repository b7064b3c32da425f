"""The key `sweep`: one run for each combination of values. Here: whether every one of them would work."""

import itertools
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from wgan.config.algorithms import ALGORITHMS
from wgan.config.aliases import arch_named, unknown_key
from wgan.config.diagnostics import Problem, quoted, suggestion
from wgan.config.schema import TrainConfig

MAX_RUNS = 10_000
UNUSED = "not used"  # begins the warning of a key that has no effect
MAX_TRIED = 256  # combinations checked one by one; beyond that each value beside the first ones of the other keys
OF_THE_SWEEP = ("sweep", "parallel", "cpus", "executor")  # keys that mean nothing to one of its runs
FIXED = ("config_version", "out", "run", "cache", *OF_THE_SWEEP)  # the same for all runs of a sweep


def violations(
    sweep: Mapping[str, Any], known: Collection[Problem], attempt: Callable[[Mapping[str, Any]], list[Problem]]
) -> Iterator[Problem]:
    """What is wrong with a sweep, and each warning of its runs once.

    `known` is what there is to say of the configuration anyway, `attempt` gives that with other values for some keys.
    """
    problems = [problem for key, values in sweep.items() for problem in _of_a_key(key, values)]
    if not sweep:
        problems.append(Problem(("sweep",), "names no key; give one or more, such as {gp_lambda: [1, 10]}"))
    elif not problems and (runs := math.prod(map(len, sweep.values()))) > MAX_RUNS:
        problems.append(Problem(("sweep",), f"makes {runs:,} runs; at most {MAX_RUNS:,}"))
    yield from problems
    if problems:
        return
    seen = {(problem.place, problem.message) for problem in known}
    first = {key: values[0] for key, values in sweep.items()}
    if runs > MAX_TRIED:
        tried = (first | {key: value} for key, values in sweep.items() for value in values)
    else:
        tried = (dict(zip(sweep, values, strict=True)) for values in itertools.product(*sweep.values()))
    found = [(changes, attempt(changes)) for changes in tried]
    idle = Counter(problem.place for _, problems in found for problem in problems if problem.message.startswith(UNUSED))
    for changes, problem in ((changes, problem) for changes, problems in found for problem in problems):
        unused = problem.message.startswith(UNUSED) and problem.place[0] not in sweep
        used_elsewhere = unused and idle[problem.place] < len(found)  # as a momentum by those runs that take Adam
        if (problem.place, problem.message) not in seen and not used_elsewhere:
            seen.add((problem.place, problem.message))
            key = str(problem.place[0])
            if key in changes and not set(problem.involves) & set(changes):
                place = ("sweep", key, sweep[key].index(changes[key]))
                yield Problem(place, problem.message, problem.warning)
            else:
                concerned = changes.keys() & {key, *problem.involves} or changes.keys()
                chosen = ", ".join(f"{name}: {quoted(changes[name])}" for name in sweep if name in concerned)
                yield Problem(("sweep",), f"with {chosen}: {problem.key}: {problem.message}", problem.warning)


def _of_a_key(key: str, values: Any) -> Iterator[Problem]:
    place = ("sweep", key)
    if key not in TrainConfig.model_fields:
        yield Problem(place, unknown_key(key, values, TrainConfig.model_fields))
    elif key in FIXED:
        yield Problem(place, "is the same for all runs of a sweep")
    elif not isinstance(values, list) or not values:
        yield Problem(place, f"must be a list of values, such as [1, 10], got {quoted(values)}")
    elif any(values.index(value) < i for i, value in enumerate(values)):
        yield Problem(place, "names a value twice")
    elif key == "arch":
        for i, value in enumerate(values):
            if arch_named(value, ALGORITHMS) is None:
                message = f"the runs of a sweep train: must be one of {', '.join(ALGORITHMS)}, got {quoted(value)}"
                yield Problem((*place, i), f"{message}{suggestion(value, ALGORITHMS)}")
