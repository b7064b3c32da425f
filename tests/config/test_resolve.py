"""The YAML as an interface: defaults, errors, warnings, what makes two runs the same."""

import os
import string
from pathlib import Path

import pytest
import yaml
from file_faults import Changes, watched
from hypothesis import given, settings
from hypothesis import strategies as st

import image_generation
from wgan import preflight
from wgan.config import resolve as configuration
from wgan.config.algorithms import ALGORITHMS, MODELS
from wgan.config.resolve import load_config, resolve, to_yaml, with_values
from wgan.config.schema import EvaluateConfig, GenerateConfig, TrainConfig, json_schemas, resume_safe_keys
from wgan.preflight import Preflight
from wgan.runs.run_dir import differing_keys
from wgan.utils.errors import InputError

WRONG = sorted((Path(__file__).parent / "config_errors").glob("*.yaml"))
BASE = {"arch": "WGAN-GP", "dataset": "mnist-5k"}


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Write input.yaml into an empty working directory and load it."""
    monkeypatch.chdir(tmp_path)

    def write_and_load(text, *overrides, check_machine=False):
        Path("input.yaml").write_text(text, encoding="utf-8")
        return load_config(Path("input.yaml"), overrides, check=Preflight() if check_machine else lambda _: ())

    return write_and_load


@pytest.mark.parametrize("wrong", WRONG, ids=lambda path: path.stem)
def test_a_wrong_yaml_gets_exactly_the_message_beside_it_and_writes_no_file(wrong, monkeypatch, capsys):
    """Through the entry, so a traceback would be part of what is told."""
    monkeypatch.chdir(wrong.parent)
    paths = []
    with watched(Changes(Path("/"), lambda _, __, path: paths.append(path))):
        assert image_generation.main([wrong.name]) == 2
    message = wrong.with_suffix(".txt").read_text().replace("{here}", str(Path.cwd()))
    assert capsys.readouterr() == ("", message)
    assert set(paths) <= {Path("/dev/null")}


def test_there_are_many_wrong_yamls():
    assert len(WRONG) >= 60


# What the papers say, written down again: 1511.06434 sec. 4, 1701.07875 alg. 1, 1704.00028 alg. 1, 1712.01026 sec. 4;
# WGAN-DIV's betas are PyTorch-GAN's
@pytest.mark.parametrize(
    ("arch", "expected"),
    [
        ("DCGAN", {"optimizer": "adam", "learning_rate": 0.0002, "beta_adam": 0.5, "critic_its": 1, "batch_size": 128}),
        ("WGAN-CLIP", {"optimizer": "rmsprop", "learning_rate": 0.00005, "clip_value": 0.01, "critic_its": 5}),
        ("WGAN-GP", {"learning_rate": 0.0001, "beta_adam": 0.0, "beta2_adam": 0.9, "gp_lambda": 10, "critic_its": 5}),
        ("WGAN-DIV", {"learning_rate": 0.0002, "beta_adam": 0.5, "beta2_adam": 0.999, "div_k": 2, "div_p": 6}),
    ],
)
def test_defaults_are_the_papers(arch, expected):
    config = resolve({"arch": arch, "path": "photos"})
    assert {key: getattr(config, key) for key in expected} == expected


def test_defaults_follow_other_keys():
    assert resolve({**BASE, "learning_rate": 3e-4}).critic_learning_rate == 3e-4
    assert resolve({**BASE, "learning_rate": 3e-4, "critic_learning_rate": 1e-4}).critic_learning_rate == 1e-4
    assert resolve(BASE).num_epochs == 25
    assert resolve({**BASE, "num_steps": 10}).num_epochs is None
    assert resolve(BASE).run == "wgan-gp-mnist-5k"
    assert resolve({"arch": "DCGAN", "path": "a/my cats"}).run == "dcgan-my-cats"
    points = resolve({"arch": "DCGAN", "dataset": "swissroll"})
    assert (points.network, points.critic_norm) == ("dense", "none")


def test_the_cache_stands_where_the_desktop_says_or_below_out(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "somewhere"))
    assert resolve(BASE).cache == tmp_path / "somewhere" / "wgan"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve(BASE).cache == tmp_path / ".cache" / "wgan"
    monkeypatch.setattr(configuration.os, "access", lambda path, _: Path(path) != tmp_path)
    assert resolve({**BASE, "out": "results"}).cache == Path("results/.cache"), "a home folder that takes no files"


def photographs(folder):
    """A folder of 40 files that are named like images."""
    Path(folder).mkdir()
    for number in range(40):
        (Path(folder) / f"{number}.png").touch()


def test_seed_000s_yaml_runs_once_its_paths_point_somewhere(written):
    photographs("images")
    config = written(
        "arch: 'WGAN'\n\npath: './images/'\nout: 'results'\nrun: 'name'\nseed: 42\nn_gpu: 0\n\nnum_epochs: 5\n"
        "learning_rate: 0.0002\nbeta_adam: 0.5\nbatch_size: 16\n\nlatent_vector: 256\n\nimage_size: 64\n"
        "loader_workers: 2\nnumber_channels: 3\ngen_feature_maps: 64\ndis_feature_maps: 64\n\n\ncritic_its : 5\n"
        "gp_lambda : 10\n",
        check_machine=True,
    )
    assert config.arch == "WGAN-GP"
    assert (config.path, config.latent_vector, config.beta_adam) == (Path("images"), 256, 0.5)
    assert config.warnings == ()


@pytest.mark.parametrize(
    ("name", "arch"),
    [("WGAN", "WGAN-GP"), ("wgan_gp", "WGAN-GP"), ("WganGP", "WGAN-GP"), ("wgan-div", "WGAN-DIV"), ("dcgan", "DCGAN"),
     ("WGAN CLIP", "WGAN-CLIP")],
)  # fmt: skip
def test_the_archs_spelling_does_not_matter(name, arch):
    assert resolve({**BASE, "arch": name}).arch == arch


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        ("learning_rate: 1e-4", "learning_rate", 0.0001),
        ("learning_rate: '1e-4'", "learning_rate", 0.0001),
        ("num_steps: 1e5", "num_steps", 100_000),
        ("batch_size: 64.0", "batch_size", 64),
        ("batch_size: ' 32 '", "batch_size", 32),
        ("num_steps: 10_000", "num_steps", 10_000),
        ("seed: 010", "seed", 10),
        ("run: 007", "run", "007"),
        ("run: no", "run", "no"),
        ("run: 1e3", "run", "1e3"),
        ("run: 2024-01-01", "run", "2024-01-01"),
        ("tensorboard: yes", "tensorboard", True),
        ("optimizer: RMSProp", "optimizer", "rmsprop"),
        ("augment: flip", "augment", ("flip",)),
        ("augment: [Flip, CUTOUT]", "augment", ("flip", "cutout")),
        ("classes: 3", "classes", (3,)),
        ("classes: [3, cats, 'x']", "classes", (3, "cats", "x")),
        ("classes: [1.5, yes]", "classes", ("1.5", "yes")),
        ("metrics: swd", "metrics", ("swd",)),
    ],
)
def test_values_are_read_as_people_write_them(written, line, key, value):
    read = getattr(written(f"arch: WGAN-GP\ndataset: mnist-5k\n{line}\n"), key)
    assert read == value
    assert type(read) is type(value)


def test_a_sets_name_as_path_means_the_set_unless_a_folder_is_called_so(written):
    config = written("arch: WGAN-GP\npath: Fashion_MNIST\n")
    assert (config.dataset, config.path) == ("fashion-mnist", None)
    assert config.where("dataset") == "input.yaml:2: dataset"
    photographs("Fashion_MNIST")
    config = written("arch: WGAN-GP\npath: Fashion_MNIST\nbatch_size: 8\n", check_machine=True)
    assert (config.dataset, config.path) == (None, Path("Fashion_MNIST"))


def test_paths_may_hold_the_home_folder_and_environment_variables(written, monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setenv("DATA", "/data")
    config = written("arch: WGAN-GP\npath: ~/photos\nout: ${DATA}/results/$DATA\ncache: $DATA\n")
    assert (config.path, config.out, config.cache) == (
        Path("/home/ada/photos"),
        Path("/data/results//data"),
        Path("/data"),
    )


def test_a_path_is_found_however_its_letters_are_stored(written):
    photographs("A\u0308pfel")
    config = written("arch: WGAN-GP\npath: \u00c4pfel\nbatch_size: 8\n", check_machine=True)
    assert config.path == Path("A\u0308pfel")
    assert written("arch: WGAN-GP\npath: \u00d6l\n").path == Path("\u00d6l")


def test_a_relative_path_is_taken_from_the_working_directory(tmp_path, monkeypatch):
    (tmp_path / "configs").mkdir()
    photographs(tmp_path / "images")
    (tmp_path / "configs" / "a.yaml").write_text("arch: WGAN-GP\npath: images\nbatch_size: 8\n")
    monkeypatch.chdir(tmp_path)
    assert load_config(Path("configs/a.yaml"), check=Preflight()).path == Path("images")
    monkeypatch.chdir(tmp_path / "configs")
    with pytest.raises(InputError, match="there is no folder images"):
        load_config(Path("a.yaml"), check=Preflight())


def test_out_must_take_files(written, monkeypatch):
    monkeypatch.setattr(preflight.os, "access", lambda path, mode, **_: not (mode & os.W_OK and str(path) == "locked"))
    Path("locked").mkdir()
    text = "arch: WGAN-GP\ndataset: mnist-5k\nout: locked/a/b\n"
    assert written(text).out == Path("locked/a/b")
    with pytest.raises(InputError, match=r"^input\.yaml:3: out: locked cannot be written to: permission denied$"):
        written(text, check_machine=True)
    assert sorted(Path().iterdir()) == [Path("input.yaml"), Path("locked")]


def test_unreadable_images_are_an_error_only_when_there_is_work_to_do(written):
    assert written("arch: WGAN-GP\npath: gone\n").path == Path("gone")
    with pytest.raises(InputError, match="there is no folder gone"):
        written("arch: WGAN-GP\npath: gone\n", check_machine=True)


@pytest.mark.parametrize(("path", "message"), [("none.yaml", "there is no such file"), (".", "is a directory")])
def test_without_a_file_there_is_one_clear_line(path, message):
    with pytest.raises(InputError, match=message):
        load_config(Path(path))


def test_every_problem_is_told_in_the_files_order(written):
    with pytest.raises(InputError) as caught:
        written("seed: x\narch: WGAN-GP\nsead: 3\nbatch_size: 0\nseed: 2\ncritic_norm: batch\n")
    told = [line.split(": ")[0] for line in str(caught.value).splitlines()]
    assert told == ["input.yaml:1", "input.yaml:2", "input.yaml:3", "input.yaml:4", "input.yaml:5", "input.yaml:6"]


def test_a_problem_that_rests_on_a_wrong_value_is_not_told(written):
    with pytest.raises(InputError) as caught:
        written("arch: WGAN-GP\ndataset: 8gausians\naugment: flip\naccumulate: 0\nbatch_size: 3\n")
    assert [line.split(": ")[1] for line in str(caught.value).splitlines()] == ["dataset", "accumulate"]


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"arch": "WGAN-CLIP", "gp_lambda": 10}, "gp_lambda: not used by arch WGAN-CLIP"),
        ({"clip_value": 0.01}, "clip_value: not used by arch WGAN-GP"),
        ({"quantity": 3}, "quantity: not used by arch WGAN-GP"),
        ({"arch": "WGAN-CLIP", "beta_adam": 0.5}, "beta_adam: not used by the optimizer rmsprop"),
        ({"arch": "WGAN-CLIP", "optimizer": "adam"}, "optimizer: Adam with momentum 0.5 and clipped weights"),
        ({"arch": "WGAN-CLIP", "optimizer": "adam", "beta_adam": 0.9}, "beta_adam: Adam with momentum 0.9"),
        ({"arch": "WGAN-CLIP", "critic_its": 1}, "critic_its: one critic update is too few"),
        ({"arch": "WGAN-CLIP", "clip_value": 1}, "clip_value: above 0.1"),
        ({"arch": "WGAN-CLIP", "spectral_norm": True}, "spectral_norm: rescales"),
        ({"arch": "WGAN-CLIP", "learning_rate": 0.01}, "learning_rate: high"),
        ({"gp_lambda": 101}, "gp_lambda: 101 leaves the penalty alone"),
        ({"gp_lambda": 0}, "gp_lambda: 0 leaves the critic unbounded"),
        ({"arch": "DCGAN", "spectral_norm": True}, "spectral_norm: batch norm undoes it"),
        ({"image_size": 64}, "image_size: mnist-5k has 28x28 pixels"),
        ({"number_channels": 3}, "number_channels: mnist-5k is grey"),
        ({"path": "x"}, "path: not used: dataset mnist-5k needs no files"),
        ({"inception_weights": "x"}, "inception_weights: not used"),
        ({"parallel": 2}, "parallel: not used"),
        ({"dataset": "swissroll", "image_size": 32}, "image_size: not used: dataset swissroll holds points"),
        ({"dataset": "swissroll", "metrics": "swd"}, "metrics: not used: dataset swissroll holds points"),
        ({"metrics": [], "metrics_every": 100}, "metrics_every: not used: `metrics` is empty"),
        ({"best_metric": "swd"}, "best_metric: not used: metrics_every is 0"),
        ({"loader_workers": 2}, "loader_workers: not used: dataset mnist-5k needs no decoding"),
        ({"critic_its": 6, "num_steps": 5}, "critic_its: 6 critic updates come before the generator's"),
        ({"num_steps": 4}, "num_steps: 5 critic updates come before the generator's"),
        ({"critic_warm_up": True, "num_steps": 99}, "critic_warm_up: 100 critic updates come before the generator's"),
        ({"critic_warm_up": True, "critic_its": 100}, "critic_warm_up: not used: critic_its is 100 or more anyway"),
        ({"arch": "Evaluate", "fakes": "x", "path": "x"}, "path: not used: dataset mnist-5k needs no files"),
        ({"arch": "Evaluate", "fakes": "x", "inception_weights": "x"}, "inception_weights: not used"),
        ({"arch": "Evaluate", "fakes": "x", "image_size": 64}, "image_size: mnist-5k has 28x28 pixels"),
        ({"arch": "Evaluate", "fakes": "x", "number_channels": 3}, "number_channels: mnist-5k is grey"),
    ],
)  # fmt: skip
def test_settings_without_effect_or_known_to_fail_are_warned_of(keys, told):
    config = resolve({**BASE, "image_size": 28, "number_channels": 1, **keys})
    assert [warning for warning in config.warnings if f"warning: {told}" in warning]


def test_packages_that_a_key_needs_are_looked_for_only_when_there_is_work_to_do(written, monkeypatch):
    monkeypatch.setattr(preflight, "find_spec", lambda _: None)
    text = "arch: WGAN-GP\ndataset: mnist-5k\ngp_lambda: -1\ntensorboard: true\nexecutor: ray\nsweep: {seed: [1]}\n"
    with pytest.raises(InputError) as caught:
        written(text, check_machine=True)
    assert str(caught.value).splitlines() == [
        "input.yaml:3: gp_lambda: must be at least 0, got -1",
        "input.yaml:4: tensorboard: needs the package tensorboard, which is not installed: pip install tensorboard, or "
        "set false: log.csv holds the same metrics",
        "input.yaml:5: executor: ray needs a package that is not installed: pip install -r requirements-ray.txt",
    ]
    assert written(text, "gp_lambda=1").tensorboard
    assert sorted(Path().iterdir()) == [Path("input.yaml")]


@pytest.mark.parametrize("arch", list(ALGORITHMS))
def test_the_papers_own_settings_give_no_warning(arch):
    assert resolve({"arch": arch, "dataset": "cifar10", "image_size": 32}).warnings == ()


@pytest.mark.parametrize(("given", "other"), [("num_steps", "num_epochs"), ("num_epochs", "num_steps")])
def test_a_length_on_the_command_line_replaces_the_files_other_one(tmp_path, given, other):
    path = tmp_path / "input.yaml"
    path.write_text(f"arch: WGAN-GP\ndataset: mnist-5k\nimage_size: 28\nnumber_channels: 1\n{other}: 7\n")
    config = load_config(path, [f"{given}=9"])
    assert (getattr(config, given), getattr(config, other)) == (9, None)
    with pytest.raises(InputError, match="not both"):
        load_config(path, [f"{given}=9", f"{other}=8"])


def test_set_overrides_the_file_and_its_errors_say_so(written):
    text = "arch: WGAN-GP\ndataset: mnist-5k\ngp_lambda: 10\n"
    config = written(text, "gp_lambda=1", "classes=[3, 5]", "gp_lambda = 2", "run=a=b")
    assert (config.gp_lambda, config.classes, config.run) == (2, (3, 5), "a=b")
    assert (config.origin("gp_lambda"), config.where("gp_lambda")) == ("--set", "--set: gp_lambda")
    with pytest.raises(InputError) as caught:
        written(text, "gp_lambda=-1", "sed=2")
    assert str(caught.value).splitlines() == [
        "--set: sed: unknown key; did you mean seed?",
        "--set: gp_lambda: must be at least 0, got -1",
    ]
    with pytest.raises(InputError, match="must be key=value"):
        written(text, "gp_lambda")
    with pytest.raises(InputError, match=r"--set classes:1:"):
        written(text, "classes=[3")


def test_every_value_knows_its_origin(written):
    config = written("arch: WGAN-GP\ndataset: mnist-5k\nseed: 3\n", "num_epochs=2")
    origins = ("seed", "num_epochs", "gp_lambda", "critic_learning_rate", "image_size")
    assert [config.origin(key) for key in origins] == [
        "input.yaml:3", "--set", "arXiv:1704.00028", "learning_rate", "default"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arch", "key", "source"),
    [
        ("WGAN-DIV", "div_p", "arXiv:1712.01026"),
        ("WGAN-DIV", "learning_rate", "code of arXiv:1712.01026"),
        ("WGAN-DIV", "beta_adam", "PyTorch-GAN's wgan_div.py"),
        ("WGAN-DIV", "critic_its", "PyTorch-GAN's wgan_div.py"),
        ("WGAN-DIV", "latent_vector", "PyTorch-GAN's wgan_div.py"),
        ("WGAN-GP", "beta_adam", "arXiv:1704.00028"),
        ("WGAN-GP", "batch_size", "code of arXiv:1704.00028"),
        ("WGAN-CLIP", "latent_vector", "code of arXiv:1701.07875"),
        ("WGAN-CLIP", "clip_value", "arXiv:1701.07875"),
        ("DCGAN", "beta2_adam", "Adam's default (arXiv:1412.6980)"),
    ],
)
def test_a_default_that_is_not_the_papers_says_whose_it_is(arch, key, source):
    assert resolve({"arch": arch, "dataset": "mnist-5k"}).origin(key) == source


def test_the_keys_that_are_not_from_a_paper_are_keys():
    for algorithm in ALGORITHMS.values():
        assert set(" ".join(algorithm.not_from_the_paper.values()).split()) <= algorithm.defaults.keys()


def test_a_key_follows_another_until_it_is_given():
    config = resolve(BASE | {"batch_size": 32})
    assert (config.gen_batch_size, config.origin("gen_batch_size")) == (32, "batch_size")
    assert with_values(config, {"batch_size": 16}).gen_batch_size == 16
    assert differing_keys(config, with_values(config, {"batch_size": 16})) == {"batch_size": 16}
    assert differing_keys(config, with_values(config, {"gen_batch_size": 64})) == {"gen_batch_size": 64}


def test_messages_of_later_checks_can_name_the_line(written):
    config = written("arch: WGAN-GP\ndataset: mnist-5k\nseed: 3\n")
    assert config.where("seed") == "input.yaml:3: seed"
    assert config.where("batch_size") == "input.yaml: batch_size"
    assert resolve(BASE).where("seed") == "seed"


@pytest.mark.parametrize("arch", [*ALGORITHMS, "Generator", "Evaluate"])
def test_a_written_configuration_is_read_back_whole_and_without_warnings(arch, written):
    needs = {"Generator": {"checkpoint": "a b"}, "Evaluate": {"path": "x", "fakes": ["a", "b"]}}.get(
        arch, {"path": "ü: #"}
    )
    awkward = {"run": "1e3", "seed": 2**63 - 1} | ({"classes": ["007", 7, "no"]} if arch != "Generator" else {})
    config = resolve({"arch": arch, **needs, **awkward})
    assert written(to_yaml(config)) == config
    assert written(to_yaml(config)).warnings == ()
    assert set(yaml.safe_load(to_yaml(config))) == set(MODELS[arch].model_fields)


def test_a_configuration_cannot_change_under_a_runs_feet():
    with pytest.raises(ValueError, match="frozen"):
        resolve(BASE).seed = 3


# Which run is the same run -------------------------------------------------------------------------------------------


def test_another_value_that_changes_the_weights_is_another_run():
    config = resolve(BASE)
    assert differing_keys(config, resolve(BASE)) == {}
    assert differing_keys(config, resolve({**BASE, "gp_lambda": 1})) == {"gp_lambda": 1}
    assert differing_keys(config, resolve({**BASE, "learning_rate": 1e-3})) == {"learning_rate": 1e-3}
    assert differing_keys(config, resolve({**BASE, "critic_learning_rate": 1e-3})) == {"critic_learning_rate": 1e-3}
    assert differing_keys(config, resolve({**BASE, "classes": [3]})) == {"classes": (3,)}


@pytest.mark.parametrize(
    "change",
    [{"num_epochs": 100}, {"num_steps": 7}, {"out": "x"}, {"run": "x"}, {"n_gpu": 2}, {"loader_workers": 0},
     {"cache": "x"}, {"log_every": 1}, {"sample_every": 1}, {"checkpoint_every": 1}, {"keep_checkpoints": 9},
     {"metrics_every": 5}, {"metrics": ["swd"]}, {"tensorboard": True}, {"deterministic": True}, {"clip_value": 1},
     {"path": "where/the/files/lie"}],
)  # fmt: skip
def test_the_same_training_goes_on_under_another_value_of_a_key_that_changes_no_weight(change):
    assert differing_keys(resolve(BASE), resolve({**BASE, **change})) == {}


def test_keys_that_change_the_weights_are_never_neutral():
    """A key added without thought changes the weights, as far as the program knows."""
    neutral = resume_safe_keys()
    trained = (
        "arch path dataset classes seed batch_size accumulate image_size number_channels augment learning_rate "
        "critic_learning_rate beta_adam beta2_adam optimizer critic_its gp_lambda clip_value div_k div_p "
        "penalty_at label_smoothing ema_decay network latent_vector gen_feature_maps dis_feature_maps critic_norm "
        "spectral_norm precision"
    )
    assert not neutral & set(trained.split())


# Sweeps --------------------------------------------------------------------------------------------------------------


def test_other_values_take_their_defaults_along(written):
    config = written("arch: DCGAN\ndataset: mnist-5k\nseed: 3\n")
    assert with_values(config, {"learning_rate": 1e-3}).critic_learning_rate == 1e-3
    changed = with_values(config, {"arch": "WGAN-CLIP"})
    assert (changed.optimizer, changed.critic_its, changed.seed) == ("rmsprop", 5, 3)
    with pytest.raises(InputError, match=r"^input\.yaml:3: seed: must be at least 0"):
        with_values(config, {"seed": -1})


def test_a_sweep_is_every_combination_in_order():
    sweep = {"gp_lambda": [1, 10], "seed": [1, 2]}
    runs = list(configuration.combinations(resolve({**BASE, "sweep": sweep})))
    assert [(chosen["gp_lambda"], chosen["seed"]) for chosen, _ in runs] == [(1, 1), (1, 2), (10, 1), (10, 2)]
    assert all(config.sweep is None for _, config in runs)
    assert [(config.gp_lambda, config.seed) for _, config in runs] == [(1, 1), (1, 2), (10, 1), (10, 2)]
    assert [chosen for chosen, _ in configuration.combinations(resolve(BASE))] == [{}]


def test_what_every_run_of_a_sweep_sets_need_not_stand_beside_it(written):
    for swept in ("dataset: [mnist-5k, cifar10]", "path: [a, b]"):
        config = written(f"arch: WGAN-GP\nsweep: {{{swept}}}\n")
        assert len(list(configuration.combinations(config))) == 2
    many = written(f"arch: WGAN-GP\nsweep: {{dataset: [mnist-5k, cifar10], seed: {list(range(200))}}}\n")
    assert len(list(configuration.combinations(many))) == 400
    assert written("arch: WGAN-GP\ndataset: swissroll\ngp_lambda: 1000\nsweep: {gp_lambda: [1, 10]}\n").warnings == ()


def test_a_key_that_some_runs_of_a_sweep_use_is_in_its_place(written):
    head = "arch: WGAN-GP\ndataset: mnist-5k\nimage_size: 28\nnumber_channels: 1\nbeta_adam: 0\n"
    assert written(f"{head}sweep: {{optimizer: [adam, rmsprop]}}\n").warnings == ()
    (warning,) = written(f"{head}sweep: {{optimizer: [rmsprop], seed: [1, 2]}}\n").warnings
    assert "beta_adam: not used by the optimizer rmsprop" in warning


def test_each_warning_of_a_sweeps_runs_is_told_once(written):
    head = "arch: WGAN-CLIP\ndataset: mnist-5k\nimage_size: 28\nnumber_channels: 1\n"
    config = written(f"{head}clip_value: 1\nsweep:\n  gp_lambda: [1, 10]\n  seed: [1, 2]\n  critic_its: [5, 1]\n")
    assert [warning.split(";")[0] for warning in config.warnings] == [
        "input.yaml:5: warning: clip_value: above 0.1 the weights take long to reach their limit",
        "input.yaml:7: warning: sweep.gp_lambda: not used by arch WGAN-CLIP",
        "input.yaml:9: warning: sweep.critic_its: one critic update is too few to follow the generator under "
        "clipping: 5 is usual",
    ]
    config = written(f"{head}sweep: {{seed: [1, 2], arch: [WGAN-CLIP, WGAN-GP], gp_lambda: [1000]}}\n")
    assert [warning.split(";")[0] for warning in config.warnings] == [
        "input.yaml:5: warning: sweep: with arch: 'WGAN-CLIP', gp_lambda: 1000: gp_lambda: not used by arch WGAN-CLIP",
        "input.yaml:5: warning: sweep: with arch: 'WGAN-GP', gp_lambda: 1000: gp_lambda: 1000 leaves the penalty alone "
        "in charge: 10 is usual, 0.1 to 100 work",
    ]


# The models and the code that reads them -----------------------------------------------------------------------------


def test_the_sets_are_those_that_can_be_loaded():
    from wgan.data.named_sets import SETS
    from wgan.data.toy_2d import TOYS

    assert set(json_schemas(TrainConfig)["dataset"]["enum"]) == {*SETS, *TOYS}


# Any mapping ---------------------------------------------------------------------------------------------------------

KEYS = sorted({key for model in MODELS.values() for key in model.model_fields})
words = st.text(string.ascii_letters + "-_$~/. {}0123456789é\0\n", max_size=12)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | words | st.text(max_size=5)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=6,
)


def plausible(key):
    """Values that a key takes, so that the rules between keys are reached too."""
    schema = next(json_schemas(model)[key] for model in MODELS.values() if key in model.model_fields)
    inner = schema.get("items", schema)
    good = st.sampled_from(inner["enum"]) if "enum" in inner else st.integers(-1, 3) | st.floats(0, 1) | words
    if key == "arch":
        good = st.sampled_from(list(MODELS))
    if key == "sweep":
        good = st.dictionaries(
            st.sampled_from(KEYS), st.lists(st.integers(0, 3) | st.sampled_from(["conv", "dense", "batch"]))
        )
    return good | anything


@pytest.mark.slow
@given(
    st.fixed_dictionaries({"arch": plausible("arch")}, optional={key: plausible(key) for key in KEYS if key != "arch"})
)
@settings(max_examples=300, deadline=None)
def test_any_mapping_of_known_keys_is_a_configuration_or_errors_with_their_lines(tmp_path_factory, mapping):
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_text(yaml.safe_dump(mapping), encoding="utf-8")
    try:
        config = load_config(file, check=Preflight())
    except InputError as error:
        lines = [line for line in str(error).splitlines() if not line.startswith("    ")]
        assert lines
        assert all(
            line.startswith(f"{file}:") and line.removeprefix(f"{file}:").split(":")[0].isdigit() for line in lines
        )
    else:
        assert isinstance(config, TrainConfig | GenerateConfig | EvaluateConfig)
        again = tmp_path_factory.getbasetemp() / "again.yaml"
        again.write_text(to_yaml(config), encoding="utf-8")
        assert load_config(again) == config


INPUT = Path(__file__).parents[2] / "input.yaml"


@pytest.mark.slow
@given(
    st.lists(
        st.tuples(
            st.integers(0, 2000),
            st.integers(0, 12),
            st.binary(max_size=6) | st.sampled_from([b"\t", b": ", b"- ", b"&a *a"]),
        ),
        min_size=1,
        max_size=4,
    )
)
@settings(max_examples=300, deadline=None)
def test_a_damaged_yaml_is_a_configuration_or_an_error_that_names_it(tmp_path_factory, edits):
    """Each edit cuts some bytes out and puts others in."""
    content = INPUT.read_bytes()
    for start, length, new in edits:
        start %= len(content) + 1
        content = content[:start] + new + content[start + length :]
    file = tmp_path_factory.getbasetemp() / "damaged.yaml"
    file.write_bytes(content)
    try:
        config = load_config(file, check=Preflight())
    except InputError as error:
        told = str(error)
    else:
        told = f"{file}: {config.arch}"
    assert told.startswith(f"{file}:")
