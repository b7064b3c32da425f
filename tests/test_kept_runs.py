"""What earlier versions wrote keeps loading: a run's directory, its checkpoints, the decoded images.

`tests/kept/VERSION` holds what that version left of six steps on forty digits; a version that writes anything otherwise
adds its own.
"""

import json
import os
import shutil
from pathlib import Path

import pytest
import torch

from wgan.config.resolve import load_config
from wgan.config.schema import TrainConfig
from wgan.data import cache
from wgan.networks.pretrained import load_generator
from wgan.reporting.gallery import write_index
from wgan.reporting.report import write_report
from wgan.reporting.run_record import read_run
from wgan.runs import checkpoint
from wgan.train import train

KEPT = sorted((Path(__file__).parent / "kept").iterdir())


@pytest.fixture(params=KEPT, ids=lambda path: path.name)
def kept(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy, as it was when that version had written it: the files' times, and the cache of this very folder."""
    folder = tmp_path / "kept"
    shutil.copytree(request.param, folder)
    monkeypatch.chdir(folder)
    (home,) = (folder / "cache" / "folders").iterdir()
    for line in next(home.glob("*/chunks.jsonl")).read_text(encoding="utf-8").splitlines():
        for name, _, mtime_ns in json.loads(line)["files"]:
            os.utime(folder / "images" / name, ns=(mtime_ns, mtime_ns))
    home.rename(home.with_name(f"images-{cache.digest(str((folder / 'images').resolve()))}"))
    return folder


def test_a_training_goes_on_from_its_checkpoint_on_its_decoded_images(
    kept: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "decode_file", lambda *_: pytest.fail("decoded again"))
    config = load_config(kept / "out" / "run" / "config.yaml", ["num_steps=8"])
    assert isinstance(config, TrainConfig)
    assert train(config) == 0
    assert "out/run: goes on from step 6" in capsys.readouterr().out
    header, *rows = (kept / "out" / "run" / "log.csv").read_text(encoding="utf-8").splitlines()
    assert header.endswith("critic_real,critic_fake"), "columns that this version did not have"
    assert all(row.endswith(",,") for row in rows[:-1])
    assert all(rows[-1].split(",")[-2:])
    assert checkpoint.load(kept / "out" / "run" / "checkpoints" / "last.pt")["step"] == 8
    assert [folder.name for folder in (kept / "out").iterdir() if folder.is_dir()] == ["run"]


def test_pages_read_a_run(kept: Path) -> None:
    run = read_run(kept / "out" / "run")
    assert (run.state, run.step, run.best) == ("finished", 6, "step 6, nearest_psnr 6.679")
    assert set(run.metrics) >= {"psnr", "nearest_psnr"}
    assert run.problems == ()
    assert "nearest_psnr" in write_report(kept / "out" / "run").read_text(encoding="utf-8")
    assert "out/run" not in write_index(kept / "out").read_text(encoding="utf-8")


def test_its_generator_makes_images(kept: Path) -> None:
    assert load_generator(kept / "out" / "run").sample(3, seed=1).shape == (3, 1, 28, 28)


def test_a_conditional_training_goes_on_and_its_generator_knows_the_classes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in sorted((Path(__file__).parent / "kept_conditional").iterdir()):
        shutil.copytree(folder, tmp_path / folder.name)
        monkeypatch.chdir(tmp_path / folder.name)
        generator = load_generator(Path("out/run"))
        assert generator.sample(2, seed=1, classes=["8", "3"]).shape == (2, 1, 28, 28)
        assert not torch.equal(*generator.sample(1, seed=1, classes="8"), *generator.sample(1, seed=1, classes="5"))
        config = load_config(Path("out/run/config.yaml"), ["num_steps=8"])
        assert isinstance(config, TrainConfig)
        assert train(config) == 0
        assert "out/run: goes on from step 6" in capsys.readouterr().out
