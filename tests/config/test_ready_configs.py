"""Every YAML that the repository offers can be run as it stands."""

import re
from pathlib import Path

import pytest

from wgan.config.datasets import POINT_SETS
from wgan.config.resolve import combinations, load_config
from wgan.config.schema import TrainConfig, form_of
from wgan.sweep.plan import folder
from wgan.training import resources

ROOT = Path(__file__).parents[2]
FILES = [ROOT / "input.yaml", *sorted((ROOT / "configs").rglob("*.yaml"))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_it_loads_without_a_warning(path: Path) -> None:
    assert load_config(path).warnings == ()


TRAININGS = [path for path in FILES if isinstance(load_config(path), TrainConfig)]


@pytest.mark.parametrize("path", TRAININGS, ids=lambda path: str(path.relative_to(ROOT)))
def test_its_networks_fit_together(path: Path) -> None:
    """The generator ends in what the critic begins with, in each run of a sweep."""
    config = load_config(path)
    assert isinstance(config, TrainConfig)
    for _, run in combinations(config):
        shape = (2,) if run.dataset in POINT_SETS else form_of(run).shape
        generator, critic = resources.meta_networks(run, shape)
        assert resources.layers(generator, (run.latent_vector,))[-1].shape == shape
        assert resources.layers(critic, shape)[-1].shape in ((1,), (1, 1, 1))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_editors_find_the_schema(path: Path) -> None:
    named = re.match(r"# yaml-language-server: \$schema=(.*)\n", path.read_text(encoding="utf-8"))
    assert named
    assert (path.parent / named[1]).is_file()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_its_comments_name_the_places_where_results_are_written(path: Path) -> None:
    config = load_config(path)
    written = [config.out / config.run, config.out / "index.html"]
    if isinstance(config, TrainConfig) and config.sweep:
        written = [folder(config), config.out / "index.html"]
    comments = "\n".join(re.findall(r"#.*", path.read_text(encoding="utf-8")))
    for named in map(Path, re.findall(r"\bout/[\w./-]+\w", comments)):
        assert any(named == place or place in named.parents for place in written), named


def test_no_two_files_write_to_the_same_run() -> None:
    places = [load_config(path).out / load_config(path).run for path in FILES]
    assert len(set(places)) == len(places)
