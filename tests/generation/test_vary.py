"""A video that closes, a strip whose ends are the images themselves."""

import math
import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from asked import asked, made, pixels
from PIL import Image, ImageSequence

from wgan.generation.vary import slerp, walk
from wgan.networks.pretrained import load_generator


def frames_of(path: Path) -> np.ndarray:
    """(N, H, W) grey levels of a video."""
    if path.suffix == ".mp4":
        from imageio.v2 import mimread

        return np.stack(mimread(path, memtest=False))[..., 0].astype(int)
    with Image.open(path) as video:
        return np.stack([np.asarray(frame.convert("L")).astype(int) for frame in ImageSequence.Iterator(video)])


def test_spherical_interpolation_is_that_of_its_formula() -> None:
    """In the plane: the angle grows evenly and the norm stays, so the points are those of the unit circle."""
    angles = torch.tensor([0.0, 0.25, 1 / 3, 1.0], dtype=torch.float64)[:, None]
    a, b = (torch.tensor([[math.cos(x), math.sin(x)]], dtype=torch.float64).expand(4, 2) for x in (0.2, 1.7))
    expected = torch.cat([torch.cos(0.2 + 1.5 * angles), torch.sin(0.2 + 1.5 * angles)], dim=1)
    assert torch.allclose(slerp(a, b, angles), expected)
    assert torch.allclose(slerp(a, a, angles), a), "from an image to itself"


@pytest.mark.parametrize("kind", ["gif", "webp", pytest.param("mp4", marks=pytest.mark.slow)])
def test_a_video_closes_and_passes_its_images(kind: str, lively: Path, tmp_path: Path) -> None:
    if kind == "mp4" and find_spec("imageio_ffmpeg") is None:
        pytest.skip("imageio is not installed: pip install -r requirements-video.txt")
    folder = made(tmp_path, lively, seeds=[3, 9, 17], video=kind, frames=36, seconds=2)
    found = frames_of(folder / f"video.{kind}")
    assert found.shape == (36, 280, 280)
    steps = np.abs(found - np.roll(found, -1, axis=0)).mean((1, 2))
    assert 0 < steps[-1] <= steps[:-1].max() + 1, "from the last frame to the first as between neighbours"
    assert np.abs(found[0] - found[18]).mean() > 2 * steps[-1], "half way round all is different"
    for number, frame in ((3, 0), (9, 12), (17, 24)):
        image = pixels(folder / f"{number:05d}.png").repeat(10, 0).repeat(10, 1)
        assert np.abs(found[frame] - image).mean() <= 8, "the encoders lose a little"
    if kind != "mp4":
        with Image.open(folder / f"video.{kind}") as video:
            assert video.info["loop"] == 0, "for ever"
            durations = [frame.load() and frame.info["duration"] for frame in ImageSequence.Iterator(video)]
        assert sum(durations) == pytest.approx(2000, abs=36 * 10), "GIF counts in hundredths of a second"


def test_a_strip_leads_from_each_image_to_the_next(lively: Path, tmp_path: Path) -> None:
    folder = made(tmp_path, lively, seeds=[3, 9, 17], strip=True)
    strip = pixels(folder / "strip.png")[:, :]
    side, gap = 28 * 3, 2
    cells = strip[gap:, gap:].reshape(2, side + gap, 8, side + gap).transpose(0, 2, 1, 3)[:, :, :side:3, :side:3]
    for number, row, column in ((3, 0, 0), (9, 0, 7), (9, 1, 0), (17, 1, 7)):
        assert np.abs(cells[row, column] - pixels(folder / f"{number:05d}.png")).max() <= 1
    assert not list(folder.glob("video*"))


def test_a_conditional_generators_video_goes_from_class_to_class(conditional: Path, tmp_path: Path) -> None:
    folder = made(tmp_path, conditional, seeds=[3, 9], classes=[3, 8], video="webp", frames=8, strip=True)
    first = frames_of(folder / "video.webp")
    for frame, name in ((0, "3/00003"), (2, "8/00003"), (4, "3/00009"), (6, "8/00009")):
        image = pixels(folder / f"{name}.png").repeat(10, 0).repeat(10, 1)
        assert np.abs(first[frame] - image).mean() <= 3
    generator = load_generator(conditional)
    inputs = {"latents": generator.latents([3, 9], 42), "labels": torch.tensor([0, 2])}
    middle = torch.stack([*walk(generator, inputs, torch.tensor([0.5]))])
    shares = torch.tensor([[0.5, 0.0, 0.5]])
    latent = slerp(*inputs["latents"][:, None], torch.tensor([[0.5]]))
    with torch.no_grad():
        assert torch.allclose(middle, generator(latent, shares), atol=1e-6)


def test_points_have_no_video_and_what_needs_one_is_told(points: Path, trained: Path, tmp_path: Path) -> None:
    for key in ("video", "strip"):
        status, told = asked(tmp_path, points, **{key: "gif" if key == "video" else True})
        assert status == 2
        assert f": {key}: takes images, and {points} generates points in the plane" in told
    status, told = asked(tmp_path, trained, "--check", frames=5, seconds=3, seeds=3, quantity=4)
    assert status == 0
    assert [line.split(": warning: ")[1] for line in told.splitlines() if "warning" in line] == [
        "frames: not used: `video` is not given",
        "quantity: not used: `seeds` says which images",
        "seconds: not used: `video` is not given",
    ]


@pytest.mark.slow
@pytest.mark.optional
def test_a_browser_plays_it_to_its_end_and_on(lively: Path, tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="drives the browser: pip install playwright")
    chromium = shutil.which("chromium")
    if chromium is None or find_spec("imageio_ffmpeg") is None:
        pytest.skip("no chromium or no imageio[ffmpeg] is installed")
    folder = made(tmp_path, lively, seeds=[3, 9], video="mp4", frames=8, seconds=0.5)
    (folder / "page.html").write_text('<video src="video.mp4" loop muted autoplay></video>', encoding="utf-8")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto((folder / "page.html").as_uri())
        page.wait_for_function("() => document.querySelector('video').currentTime > 0.2")
        page.wait_for_function("() => document.querySelector('video').currentTime < 0.2")
        shown = page.evaluate("[document.querySelector('video').videoWidth, document.querySelector('video').duration]")
        browser.close()
    assert shown == [280, pytest.approx(0.5, abs=0.1)]
