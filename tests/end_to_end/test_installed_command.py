"""`pip install .` gives the command `wgan`, which does in any folder what image_generation.py does in this one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from commands import ROOT, TINY, write_yaml

from wgan.utils.version import __version__

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package as pip installs it, without its dependencies: they are there."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    for name in ("image_generation.py", "pyproject.toml", "README.md", "LICENSE", *map(str, ROOT.glob("req*.txt"))):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "wgan", source / "wgan", ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", target, source], check=True, timeout=300)
    return target


def wgan(site: Path, folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The command as it was installed, run in a folder that is not the repository."""
    environ = {**os.environ, "PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"}
    command = [site / "bin" / "wgan", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=300)


def test_it_tells_its_version(site: Path, tmp_path: Path) -> None:
    assert wgan(site, tmp_path, "--version").stdout == f"wgan {__version__}\n"


def test_it_trains_a_sweep_and_draws_its_pages(site: Path, tmp_path: Path) -> None:
    """The run of a sweep starts image_generation.py beside the package; pages need the templates in the package."""
    write_yaml(tmp_path, sweep={"seed": [1]}, metrics=[])
    done = wgan(site, tmp_path, "input.yaml", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    rows = (tmp_path / "out" / "run-seed=1" / "log.csv").read_text().splitlines()
    assert rows[-1].startswith(f"{TINY['num_steps']},")
    assert (tmp_path / "out" / "run-seed=1" / "report.html").exists()
    assert (tmp_path / "out" / "index.html").exists()
    assert list((tmp_path / "out").glob("run-sweep-*/sweep.html"))


def test_its_requirements_are_those_of_the_repository(site: Path) -> None:
    """setuptools reads the same files that the README's commands give to pip."""
    metadata = next(site.glob("wgan-*.dist-info/METADATA")).read_text(encoding="utf-8").splitlines()
    required = {line.removeprefix("Requires-Dist: ") for line in metadata if line.startswith("Requires-Dist: ")}
    for extra, name in (("", ""), ("ray", "-ray"), ("tests", "-tests")):
        lines = (ROOT / f"requirements{name}.txt").read_text(encoding="utf-8").splitlines()
        stated = {line.partition("#")[0].strip() for line in lines} - {""}
        assert stated
        assert {f'{line}; extra == "{extra}"' if extra else line for line in stated} <= required
