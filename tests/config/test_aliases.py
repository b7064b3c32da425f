"""Other programs' keys, by the names that their code gives them: each is answered with what it means here."""

import re
from pathlib import Path

import pytest
import yaml

from wgan.config.aliases import _hints
from wgan.config.diagnostics import squashed
from wgan.config.resolve import resolve
from wgan.config.schema import GenerateConfig, TrainConfig
from wgan.utils.errors import InputError

# An argument as its program spells it: what our answer must name. A key alone is a plain "did you mean KEY?".
DIALECTS = {
    "001, giakou4/gans, 3. WGAN/train.py and 4. WGAN-GP/train.py": """
        device: n_gpu: 0
        img-size: image_size
        img-channels: number_channels
        z-dim: latent_vector
        features-critic: dis_feature_maps
        features-gen: gen_feature_maps
        critic-iterations: critic_its
        weight-clip: clip_value
        lambda-gp: gp_lambda
        load-model: goes on by itself
        save-model: checkpoint_every
        checkpoint-gen: out/run/checkpoints/
        checkpoint-critic: out/run/checkpoints/
        logs: tensorboard: true
        dataset-dir: path
        num-epochs: num_epochs
        learning-rate: learning_rate
        batch-size: batch_size
        lr: learning_rate
    """,
    "004, its config.yaml": """
        img_channels: number_channels
        img_size: image_size
        wdiv_k_value: div_k
        wdiv_p_value: div_p
        use_conv: network: conv
        latent_dim: latent_vector
        datafolder_path: path
        load_last_checkpoint: goes on by itself
        gen_weight_path: out/run/checkpoints/
        disc_weight_path: out/run/checkpoints/
        image_save_path: out
        sample_interval: sample_every
        n_epochs: num_epochs
        n_cpu: loader_workers
        n_critic: critic_its
    """,
    "PyTorch-GAN": """
        b1: beta_adam
        b2: beta2_adam
        channels: number_channels
        lambda_gp: gp_lambda
        k: div_k
        p: div_p
        n_classes: classes chooses
    """,
    "PyTorch-StudioGAN, src/config.py and src/main.py": """
        backbone: network
        g_cond_mtd: classes chooses
        d_cond_mtd: classes chooses
        num_classes: classes chooses
        apply_d_sn: spectral_norm
        d_act_fn: critic_activation
        g_conv_dim: gen_feature_maps
        d_conv_dim: dis_feature_maps
        apply_g_ema: ema_decay: 0
        g_ema_decay: ema_decay
        adv_loss: arch
        apply_wc: arch: WGAN-CLIP
        wc_bound: clip_value
        apply_gp: arch: WGAN-GP
        apply_r1_reg: arch: R3GAN, r3_gamma
        r1_lambda: arch: R3GAN, r3_gamma
        type_: optimizer
        acml_steps: accumulate splits
        g_lr: learning_rate
        d_lr: critic_learning_rate
        beta1: beta_adam
        beta2: beta2_adam
        g_updates_per_step: one update after critic_its
        d_updates_per_step: critic_its
        total_steps: num_steps counts critic updates
        apply_rflip: augment: [flip]
        apply_diffaug: augment: [color, translation, cutout]
        num_workers: loader_workers
        mixed_precision: precision
        print_every: log_every
        save_every: checkpoint_every
        eval_every: metrics_every
    """,
    "PyTorch's DCGAN example, and WassersteinGAN's main.py": """
        dataroot: path
        workers: loader_workers
        batchSize: batch_size
        imageSize: image_size
        nc: number_channels
        nz: latent_vector
        ngf: gen_feature_maps
        ndf: dis_feature_maps
        niter: num_epochs
        lrD: critic_learning_rate
        lrG: learning_rate
        cuda: n_gpu: 1
        ngpu: n_gpu
        netG: goes on by itself
        netD: goes on by itself
        clamp_lower: clip_value
        clamp_upper: clip_value
        Diters: critic_its
        noBN: critic_norm: none
        mlp_G: network: dense
        mlp_D: network: dense
        experiment: out
        adam: optimizer: adam
        outf: out
        manualSeed: seed
    """,
    "wgan-gp, caogang's and the paper's": """
        MODE: arch
        DIM: gen_feature_maps and dis_feature_maps
        LAMBDA: gp_lambda
        CRITIC_ITERS: critic_its
        ITERS: num_steps counts critic updates
        OUTPUT_DIM: image_size and number_channels
        DATA_DIR: path
        N_GPUS: n_gpu
        use_cuda: n_gpu: 1
    """,
    "what people write": """
        lr_critic: critic_learning_rate
        epochs: num_epochs
        steps: num_steps
        iterations: num_steps
        max_iter: num_steps
        n_dis: critic_its
        lambda: gp_lambda
        gradient_penalty: gp_lambda
        clip: clip_value
        resolution: image_size
        size: image_size
        bs: batch_size
        gpus: n_gpu
        data: path
        folder: path
        output: out
        output_dir: out
        name: run
        ema: ema_decay
        model: arch
        algorithm: arch
        norm: critic_norm
        amp: precision
        labels: classes
        n: quantity
        num_images: quantity
    """,
}
ROWS = [tuple(row.strip().split(": ", 1)) for rows in DIALECTS.values() for row in rows.strip().splitlines()]
KEYS = TrainConfig.model_fields.keys() | GenerateConfig.model_fields.keys()


def said(**keys: object) -> str:
    with pytest.raises(InputError) as error:
        resolve({"arch": "WGAN-GP", "dataset": "mnist-5k", **keys})
    return str(error.value)


@pytest.mark.parametrize(("theirs", "ours"), ROWS)
def test_each_is_answered_with_what_it_means_here(theirs: str, ours: str) -> None:
    message = said(**{theirs: 1})
    if ours in KEYS:
        assert message == f"{theirs}: unknown key; did you mean {ours}?"
    answer = message.removeprefix(f"{theirs}: unknown key; ")
    assert ours in answer
    assert set(re.findall(r"[a-z0-9]+(?:_[a-z0-9]+)+", answer)) <= KEYS, "it names a key that there is not"


def test_every_row_of_the_table_is_in_that_of_this_test() -> None:
    theirs = {squashed(theirs) for theirs, _ in ROWS}
    assert _hints()[1].keys() - theirs == set()
    assert len({theirs for theirs, _ in ROWS}) == len(ROWS)


def test_no_key_of_ours_is_taken_for_another_projects() -> None:
    assert not _hints()[1].keys() & {squashed(key) for key in KEYS}


@pytest.mark.parametrize("section", ["DATA", "MODEL", "LOSS", "OPTIMIZATION", "training"])
def test_sections_are_told_to_be_dissolved(section: str) -> None:
    assert said(**{section: {"lr": 1}}) == (
        f"{section}: unknown key; sections are not read: write its keys at the top level"
    )


def test_a_sweep_answers_as_the_rest() -> None:
    assert said(sweep={"n_critic": [1, 5]}) == "sweep.n_critic: unknown key; did you mean critic_its?"


@pytest.mark.parametrize(
    ("arch", "hint"), [("WGAN-wc", "WGAN-CLIP"), ("LSGAN", "least squares"), ("SAGAN", "self-attention")]
)
def test_other_projects_algorithms_are_answered_too(arch: str, hint: str) -> None:
    message = said(arch=arch)
    assert "did you mean" not in message
    assert hint in message.rpartition(";")[2]


OF_000 = """
path: '/home/name/path/to/images/'
out: '/home/name/path/to/output/images'
run: 'name'
seed: 42
n_gpu: 0

num_epochs: 5
learning_rate: 0.0002
beta_adam: 0.5
batch_size: 16

latent_vector: 256

image_size: 64
loader_workers: 2
number_channels: 3
gen_feature_maps: 64
dis_feature_maps: 64
"""


@pytest.mark.parametrize(
    ("arch", "ours", "more"),
    [("WGAN", "WGAN-GP", "\ncritic_its : 5\ngp_lambda : 10\n"), ("DCGAN", "DCGAN", ""), ("SNGAN", "SNGAN", "")],
)
def test_the_keys_of_000_and_of_its_two_neighbours_load_as_printed(arch: str, ours: str, more: str) -> None:
    printed = yaml.safe_load(OF_000 + more)
    config = resolve({"arch": arch, **printed})
    assert config.arch == ours
    assert config.warnings == ()
    paths = {key: Path(printed[key]) for key in ("path", "out")}
    assert {key: getattr(config, key) for key in printed} == printed | paths
