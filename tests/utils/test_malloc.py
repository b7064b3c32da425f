"""Freed memory stays with a training's process, and goes back to the system when that is asked for."""

import json
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from wgan.utils import malloc

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries keep memory in other ways")

ACTIVATIONS = """
import json, resource, sys, torch
from wgan.utils import malloc

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def step():  # an activation and its gradient, of 32 MiB each, as float32 has them at 64 px
    return (torch.ones(128, 64, 32, 32) * 2).sum()

if "keep" in sys.argv:
    malloc.keep_freed()
if "train" in sys.argv:
    from wgan.config.resolve import resolve
    from wgan.train import train
    sizes = {"image_size": 28, "batch_size": 4, "gen_feature_maps": 4, "dis_feature_maps": 4, "num_steps": 1}
    keys = {"arch": "WGAN-GP", "dataset": "mnist-5k", "out": sys.argv[2], "run": "run", "metrics": []}
    assert train(resolve({**keys, **sizes})) == 0
for _ in range(30):
    step()
before = faults()
for _ in range(5):
    step()
held = resident()
new_pages = (faults() - before) / 5
malloc.give_back()
print(json.dumps({"new_pages": new_pages, "held": held, "after": resident()}))
"""
BLOCKS = 2 * 2**25 / 4096
"""Pages of the two blocks that a step takes."""


def activations(*arguments: str) -> dict[str, float]:
    command = [sys.executable, "-c", ACTIVATIONS, *arguments]
    finished = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(finished.stdout.splitlines()[-1])
    return found


@pytest.mark.slow
def test_glibc_clears_all_pages_of_each_step_anew() -> None:
    assert activations()["new_pages"] >= 0.9 * BLOCKS


@pytest.mark.slow
def test_kept_memory_needs_no_new_pages() -> None:
    assert activations("keep")["new_pages"] < 0.2 * BLOCKS


@pytest.mark.slow
def test_a_training_keeps_memory(tmp_path: Path) -> None:
    assert activations("train", str(tmp_path))["new_pages"] < 0.2 * BLOCKS


@pytest.mark.slow
def test_what_was_kept_goes_back_when_asked() -> None:
    found = activations("keep")
    assert found["held"] - found["after"] > 0.9 * 2 * 2**25


@pytest.mark.parametrize(
    ("limited", "grows"), [("", True), ("resource.setrlimit(resource.RLIMIT_AS, (2**36,) * 2)", False)]
)
def test_address_space_is_taken_only_where_it_is_free(limited: str, grows: bool) -> None:
    code = f"""
import resource
from wgan.utils import malloc
size = lambda: int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
{limited}
before = size()
malloc.keep_freed()
print(size() - before)
"""
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert (int(found.stdout) > malloc.PAD / 2) == grows
