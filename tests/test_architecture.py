"""The house keeps its shape: no import runs upward or in a circle, few modules at the root, few floors."""

import architecture
import pytest


def test_no_import_runs_upward() -> None:
    assert architecture.upward() == []


def test_the_house_has_few_floors_and_few_modules_at_its_root() -> None:
    assert max(architecture.floors().values()) <= 10
    assert len(architecture.root_modules()) <= 6


def test_the_program_stays_small() -> None:
    assert sum(architecture.lines().values()) <= 14_000


def test_an_import_upward_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(architecture, "arrows", lambda: {("utils", "config"): ["wgan/utils/rng.py"]})
    assert architecture.upward() == ["utils imports config: wgan/utils/rng.py"]


def test_packages_have_no_face_of_their_own() -> None:
    """So that importing one module of a package loads no other: checking a YAML needs no torch."""
    for file in (architecture.ROOT / "wgan").glob("*/__init__.py"):
        assert file.read_text(encoding="utf-8") == "", file
