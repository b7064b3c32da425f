"""The command as a user types it."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import image_generation
from wgan.config.schema import GenerateConfig, TrainConfig
from wgan.utils.errors import InputError, RunFault, exit_status

ROOT = Path(__file__).parent.parent
DIGITS = "arch: WGAN-GP\ndataset: mnist-5k\nimage_size: 28\nnumber_channels: 1\n"


@pytest.fixture(autouse=True)
def working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def command(*arguments):
    return subprocess.run(
        [sys.executable, str(ROOT / "image_generation.py"), *arguments], capture_output=True, text=True, timeout=120
    )


def yaml_file(text, name="input.yaml"):
    Path(name).write_text(text, encoding="utf-8")
    return name


def test_a_wrong_yaml_ends_with_2_a_line_for_each_problem_and_nothing_written():
    yaml_file(f"{DIGITS}gp_lambda: -10\nbatch_sise: 3\nout: results\n")
    ended = command("input.yaml")
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.splitlines() == [
        "input.yaml:5: gp_lambda: must be at least 0, got -10",
        "input.yaml:6: batch_sise: unknown key; did you mean batch_size?",
    ]
    assert list(Path().iterdir()) == [Path("input.yaml")]


def test_answers_that_need_no_work_need_no_torch():
    """torch takes seconds to import; help, errors and the configuration part of --check come without it."""
    yaml_file(DIGITS)
    yaml_file("arch: DCGAN\n", "wrong.yaml")
    Path("photos").mkdir()
    for number in range(40):
        Path(f"photos/{number}.png").write_bytes(b"looked at by nobody")
    yaml_file("arch: WGAN-GP\npath: photos\nbatch_size: 8\n", "folder.yaml")
    program = """
import sys
class Forbidden:
    def find_spec(self, name, path=None, target=None):
        assert name.split(".")[0] not in {"torch", "torchvision", "numpy", "matplotlib", "piq"}, name
sys.meta_path.insert(0, Forbidden())
import image_generation
from wgan import check
from wgan.config import resolve as config
from wgan.preflight import Preflight
from pathlib import Path
assert image_generation.main(["wrong.yaml"]) == 2
try:
    image_generation.main(["--help"])
except SystemExit as end:
    assert end.code == 0
found = config.load_config(Path("input.yaml"), check=Preflight())
print(*check.values(found), *check.directory(found), sep="\\n")
sys.modules["PIL"] = None  # the sizes of the images are looked up without torch too, but not here
check.sizes = lambda *_: "sizes"
print(*check.images(config.load_config(Path("folder.yaml"), check=Preflight())), sep="\\n")
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)}, timeout=120
    )
    assert ended.returncode == 0, ended.stderr
    assert "arXiv:1704.00028" in ended.stdout
    assert "40 files, 30 to train on, 10 held out" in ended.stdout


def test_what_follows_the_command_is_told_when_it_is_wrong(capsys):
    for wrong in ([], ["a.yaml", "b.yaml"], ["a.yaml", "--gp_lambda", "3"]):
        with pytest.raises(SystemExit) as end:
            image_generation.main(wrong)
        assert end.value.code == 2
        assert "usage: python3 image_generation.py FILE.yaml" in capsys.readouterr().err


def test_a_yaml_is_handed_to_its_job_with_warnings_told_first(monkeypatch, capsys):
    handed = []
    monkeypatch.setattr("image_generation.import_module", lambda name: type(name, (), {"train": handed.append})())
    monkeypatch.setattr("image_generation.JOBS", {TrainConfig: "wgan.train:train"})
    assert image_generation.main([yaml_file(f"{DIGITS}clip_value: 1\n"), "--set", "seed=7"]) == 0
    assert handed[0].seed == 7
    assert capsys.readouterr().err == "input.yaml:5: warning: clip_value: not used by arch WGAN-GP\n"


@pytest.mark.parametrize(("error", "status"), [(InputError("a: wrong\nb: wrong"), 2), (RunFault("disk full"), 1)])
def test_a_users_error_ends_with_its_status_and_no_traceback(monkeypatch, capsys, error, status):
    def job(_):
        raise error

    monkeypatch.setattr("image_generation.import_module", lambda name: type(name, (), {"train": staticmethod(job)}))
    assert image_generation.main([yaml_file(DIGITS)]) == status
    assert capsys.readouterr().err == f"{error}\n"


def test_ctrl_c_outside_a_training_ends_quietly(monkeypatch, capsys):
    def job(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("image_generation.import_module", lambda name: type(name, (), {"train": staticmethod(job)}))
    assert image_generation.main([yaml_file(DIGITS)]) == 130
    assert capsys.readouterr().err == ""


def test_a_reader_that_has_seen_enough_ends_check_quietly():
    yaml_file(DIGITS)
    program = f"{sys.executable} {ROOT / 'image_generation.py'} input.yaml --check"
    ended = subprocess.run(["sh", "-c", f"{program} | head -1"], capture_output=True, text=True, timeout=120)
    assert ended.stdout.startswith("key ")
    assert ended.stderr == ""


def test_our_own_fault_keeps_its_traceback(monkeypatch):
    monkeypatch.setattr("image_generation.import_module", lambda name: type(name, (), {"train": lambda _: 1 / 0}))
    with pytest.raises(ZeroDivisionError):
        image_generation.main([yaml_file(DIGITS)])


def test_every_job_exists():
    for target in (*image_generation.JOBS.values(), image_generation.CHECK):
        module, _, function = target.partition(":")
        assert callable(getattr(__import__(module, fromlist=[function]), function))


def test_a_name_that_the_terminal_cannot_show_is_told_in_escapes(capsys):
    assert image_generation.main([yaml_file('arch: WGAN-GP\npath: "a\\ud800b"\n')]) == 2
    assert "no file system can hold" in capsys.readouterr().err


# --check -------------------------------------------------------------------------------------------------------------


def photographs(root, count=20):
    for i in range(count):
        for name in ("cats", "dogs"):
            (root / name).mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (100 + i, 80), (i, 0, 0)).save(root / name / f"{i}.png")
    (root / "cats" / "broken.png").write_bytes(b"no image")


def test_check_shows_the_run_and_trains_nothing(capsys):
    photographs(Path("photos"))
    status = image_generation.main([yaml_file("arch: WGAN-GP\npath: photos\nbatch_size: 8\n"), "--check"])
    told = capsys.readouterr()
    assert (status, told.err) == (0, "")
    for line in (
        "gp_lambda             10",
        "Run: out/wgan-gp-photos/ (new)",
        "Images: photos: 41 files, 31 to train on, 10 held out",
        "2 classes: cats 21, dogs 20",
        "41 looked at: 100x80 to 119x80 pixels; 1 are no images",
        "Length: 97 critic updates, 19 generator updates",
        "512 x 4 x 4",
        "Memory: roughly",
        "Disk: roughly",
    ):
        assert line in told.out, line
    assert sorted(Path().iterdir()) == [Path("input.yaml"), Path("photos")]


def test_checks_parameter_counts_are_the_networks_own(capsys):
    from wgan.config.resolve import load_config
    from wgan.networks.build import build_critic, build_generator

    image_generation.main([yaml_file(f"{DIGITS}network: resnet\nspectral_norm: true\n"), "--check"])
    told = capsys.readouterr().out
    config = load_config(Path("input.yaml"))
    assert isinstance(config, TrainConfig)
    for title, build in (("Generator", build_generator), ("Critic", build_critic)):
        count = sum(weights.numel() for weights in build(config, (1, 28, 28)).parameters())
        assert f"{title}: {count:,} parameters" in told


def test_check_tells_everything_that_stands_in_the_way(capsys):
    photographs(Path("photos"), 4)
    text = "arch: WGAN-GP\npath: photos\nbatch_size: 4000\nclasses: [cats]\nn_gpu: -1\nout: results\n"
    assert image_generation.main([yaml_file(text), "--check"]) == 2
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith("input.yaml:3: batch_size: 4000 is more than the 4 training images")
    assert told[1].startswith("input.yaml:5: n_gpu: must be from 0 to 4,096")
    text = "arch: WGAN-GP\ndataset: mnist-5k\nn_gpu: 64\nimage_size: 28\nnumber_channels: 1\n"
    assert image_generation.main([yaml_file(text), "--check"]) == 2
    assert capsys.readouterr().err.startswith("input.yaml:3: n_gpu: asks for 64, but this machine has")
    image_generation.main([yaml_file("arch: WGAN-GP\npath: photos\nclasses: [cows]\n"), "--check"])
    assert capsys.readouterr().err.startswith(
        "input.yaml:3: classes: cows is not one of this set's classes: cats, dogs"
    )


def test_check_of_a_sweep_shows_each_choice_of_images(capsys):
    photographs(Path("photos"))
    text = "arch: WGAN-GP\nbatch_size: 8\nimage_size: 28\nsweep: {gp_lambda: [1, 10], path: [photos, swissroll]}\n"
    assert image_generation.main([yaml_file(text), "--set", "network=dense", "--check"]) == 0
    told = capsys.readouterr().out
    assert "Sweep: 4 runs in out/" in told
    assert told.count("Images: ") == 2
    assert "Images: photos: 41 files" in told
    assert "Images: swissroll: 100,000 points" in told


def test_check_of_a_measurement_looks_at_the_generated_images(capsys):
    photographs(Path("photos"))
    Path("best.pt").touch()
    text = "arch: Evaluate\npath: photos\nfakes: [photos/dogs, best.pt]\n"
    assert image_generation.main([yaml_file(text), "--check"]) == 0
    told = capsys.readouterr().out
    assert "Generated: photos/dogs: 20 files" in told
    assert "20 looked at: 100x80 to 119x80 pixels" in told
    assert "Generated: by the generator of best.pt" in told
    assert not Path("out").exists()


def test_check_of_a_sampling_names_an_unusable_checkpoint(capsys):
    Path("a.pt").write_bytes(b"no checkpoint")
    assert image_generation.main([yaml_file("arch: Generator\npath: a.pt\n"), "--check"]) == 2
    told = capsys.readouterr()
    assert "a.pt" in told.err
    assert "checkpoint            a.pt" in told.out


def test_check_of_a_sampling_names_the_folder_that_would_be_filled(capsys):
    Path("a.pt").touch()
    Path("out/generated").mkdir(parents=True)
    yaml = yaml_file("arch: Generator\npath: a.pt\n")
    image_generation.main([yaml, "--check"])
    assert "Results: out/generated-2/\n" in capsys.readouterr().out
    Path("out/generated/checkpoints").mkdir()
    image_generation.main([yaml, "--check"])
    assert capsys.readouterr().err.startswith(f"{yaml}: run: out/generated holds a training")


def test_the_configuration_of_a_sampling_takes_seed_000s_path(monkeypatch):
    handed = []
    Path("a.pt").touch()
    monkeypatch.setattr("image_generation.import_module", lambda name: type(name, (), {"generate": handed.append})())
    image_generation.main([yaml_file("arch: Generator\npath: a.pt\n")])
    assert isinstance(handed[0], GenerateConfig)
    assert handed[0].checkpoint == Path("a.pt")


@pytest.mark.parametrize("closed", ["2>&-", ">&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_stream_may_be_closed(closed, tmp_path):
    """What the system opens next gets the lowest free number: no file of a run may stand where errors are printed."""
    (tmp_path / "wrong.yaml").write_text("arch: WGAN\nbatch_size: 0\n")
    command = f"'{sys.executable}' '{ROOT}/image_generation.py' wrong.yaml {closed}"
    ended = subprocess.run(["sh", "-c", command], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert ended.returncode == 2
    told = ended.stdout + ended.stderr
    assert ("batch_size: must be at least 1" in told) == (closed in ("2>&-", ">&-")), told


def test_a_missing_package_is_one_line(tmp_path):
    """As when `python3` is another one than that of the environment."""
    for name in ("pydantic.py", "yaml.py"):
        (tmp_path / name).write_text(f"raise ModuleNotFoundError('gone', name='{name[:-3]}')\n")
    command = [sys.executable, str(ROOT / "image_generation.py"), "--help"]
    ended = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(tmp_path)}, check=False)
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert "is not installed" in ended.stderr
    assert "pip install -r requirements.txt" in ended.stderr


def test_a_place_without_rights_is_told_in_one_line_wherever_it_is_met(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        raise PermissionError(13, "Permission denied", "photos/\x1b[2Jtrain-images-idx3-ubyte")

    assert exit_status(work) == 2
    said = capsys.readouterr().err
    place, _, advice = said.partition(": ")
    assert place == "photos/\\x1b[2Jtrain-images-idx3-ubyte"
    assert advice == "Permission denied: give yourself the right to it, or name another place\n"


def test_a_package_that_is_missing_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> int:
        importlib.import_module("a_package_that_nobody_has.part")
        return 0

    assert exit_status(work) == 2
    assert capsys.readouterr().err == (
        f"The package a_package_that_nobody_has is not installed for {sys.executable}: "
        "pip install -r requirements.txt\n"
    )
    with pytest.raises(ModuleNotFoundError):  # a fault of ours
        exit_status(lambda: importlib.import_module("wgan.no_such_module") and 0)
