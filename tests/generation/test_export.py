"""Files for others: each makes the run's images in a process that cannot import this package."""

import os
import runpy
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from asked import asked, made, pixels

from wgan import preflight
from wgan.config.resolve import resolve
from wgan.generation.export import _TEMPLATES, source
from wgan.networks.build import new_generator
from wgan.runs.checkpoint import load

PACKAGES = {"safetensors": ["safetensors"], "onnx": ["onnx", "onnxscript", "onnxruntime"], "pt2": []}
ALONE = (
    "import importlib.util, runpy, sys; assert importlib.util.find_spec('wgan') is None; runpy.run_path(sys.argv[1])"
)


def run_example(folder: Path, form: str) -> None:
    """example_FORM.py as somebody else runs it: in its own folder, without this repository."""
    for package in PACKAGES[form]:
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed: pip install -r requirements-export.txt")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {"OMP_NUM_THREADS": "1"}
    subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, '.'); {ALONE}", f"example_{form}.py"],
        cwd=folder,
        env=environment,
        check=True,
        timeout=120,
    )


@pytest.mark.slow
@pytest.mark.parametrize("form", PACKAGES)
@pytest.mark.parametrize("network", ["trained", "dense"])
def test_an_exported_file_makes_the_runs_images(
    form: str, network: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    folder = made(tmp_path, request.getfixturevalue(network), export=form, truncation=0.9)
    run_example(folder, form)
    apart = [np.abs(pixels(folder / f"{n:05d}.png") - pixels(folder / f"example_{n:02d}.png")).max() for n in range(64)]
    assert max(apart) <= 1
    assert len({(folder / f"example_{n:02d}.png").read_bytes() for n in range(64)}) > 60


@pytest.mark.slow
@pytest.mark.parametrize("form", PACKAGES)
def test_a_conditional_generator_is_handed_on_with_its_classes(form: str, conditional: Path, tmp_path: Path) -> None:
    folder = made(tmp_path, conditional, export=[form], classes=[8, 3], quantity=32)
    run_example(folder, form)
    of_class = [folder / name / f"{n:05d}.png" for n in range(32) for name in ("3", "8")]
    apart = [np.abs(pixels(path) - pixels(folder / f"example_{n:02d}.png")).max() for n, path in enumerate(of_class)]
    assert max(apart) <= 1
    assert np.load(folder / "labels.npy").tolist() == [0, 2] * 32
    assert '0 "3", 1 "5", 2 "8"' in (folder / f"example_{form}.py").read_text(encoding="utf-8")


def test_names_of_classes_run_no_code(conditional: Path, tmp_path: Path) -> None:
    """A checkpoint can have come from anywhere, and the examples are run."""
    state = load(conditional / "checkpoints/last.pt")
    state["classes"] = {"a\nraise SystemExit('mine')": 1, "5": 1, "8": 1}
    torch.save(state, tmp_path / "made.pt")
    folder = made(tmp_path, tmp_path / "made.pt", export="pt2", quantity=3)
    run_example(folder, "pt2")
    assert (folder / "example_02.png").is_file()


def test_a_single_image_is_enough_for_a_program_of_any_batch(trained: Path, tmp_path: Path) -> None:
    folder = made(tmp_path, trained, export="pt2", seeds=3)
    program = torch.export.load(folder / "generator.pt2").module()
    assert program(torch.randn(1, 8)).shape == (1, 1, 28, 28)
    assert program(torch.randn(7, 8)).shape == (7, 1, 28, 28)


@pytest.mark.parametrize("network", ["mnist", "resnet32", "resnet64"])
def test_the_plain_code_of_each_network_gives_the_same_images(network: str, tmp_path: Path) -> None:
    generator = new_generator(network, 8, (3, 32, 32), 4).eval()
    layers = [source(layer) for layer in generator.main]
    code = _TEMPLATES.get_template("model.py.j2").render(layers=layers, plain=False, latent_vector=8, classes={})
    (tmp_path / "model.py").write_text(code, encoding="utf-8")
    plain = runpy.run_path(str(tmp_path / "model.py"))["Generator"]().eval()
    plain.load_state_dict(generator.state_dict())
    latents = torch.randn(4, 8)
    assert torch.allclose(plain(latents), generator(latents), atol=1e-5)


def test_the_card_is_what_hubs_read(trained: Path, tmp_path: Path) -> None:
    folder = made(tmp_path, trained, export="pt2")
    _, head, body = (folder / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    assert yaml.safe_load(head)["tags"] == ["gan", "wgan-gp"]
    assert "\n\n| metric | value | real | better |\n|---|---|---|---|\n" in body
    assert "`psnr`" in body
    keys = yaml.safe_load(body.split("```yaml\n")[1].split("```")[0])
    assert (keys["latent_vector"], keys["learning_rate"]) == (8, 0.01)
    assert str(trained.parent) not in body, "places on this machine are nobody else's"


def test_what_cannot_be_handed_on_is_one_line(points: Path, trained: Path, tmp_path: Path) -> None:
    for arguments in ([], ["--check"]):
        status, told = asked(tmp_path, points, *arguments, export=["pt2"])
        assert status == 2
        assert f"3: export: takes images, and {points} generates points in the plane" in told
    status, told = asked(tmp_path, trained, export=["torchscript"])
    assert (status, told.count("\n")) == (2, 1)
    assert "export: must be one of safetensors, onnx, pt2, got 'torchscript'" in told


def test_a_missing_package_is_named_before_any_work(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "find_spec", lambda _: None)
    keys = {"export": ["pt2", "safetensors", "onnx"], "video": "mp4"}
    config = resolve({"arch": "Generator", "checkpoint": str(trained), **keys})
    assert [(problem.key, problem.message) for problem in preflight.check_packages(config)] == [
        ("video", "mp4 needs packages that are missing: pip install -r requirements-video.txt"),
        ("export", "safetensors needs packages that are missing: pip install -r requirements-export.txt"),
        ("export", "onnx needs packages that are missing: pip install -r requirements-export.txt"),
    ]
    config = resolve({"arch": "Generator", "checkpoint": str(trained), "export": ["pt2"], "video": "webp"})
    assert [*preflight.check_packages(config)] == []
