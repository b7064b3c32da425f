"""Every key of the YAML: its type, its range, what it means, and whether it changes the weights that come out.

`--help`, the README's table and configs/schema.json are generated from these models and their docstrings. A key without
a default here takes it from its algorithm's paper (`wgan.config.ALGORITHMS`) or from other keys (`wgan.resolving`).
"""

import dataclasses
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

CONFIG_VERSION = 1

Dataset = Literal["mnist-5k", "mnist", "fashion-mnist", "cifar10", "8gaussians", "25gaussians", "swissroll"]
ImageSize = Literal[28, 32, 48, 64, 96, 128, 256]
Augmentation = Literal["flip", "translation", "color", "cutout"]
MetricGroup = Literal["paired", "swd", "prdc", "mmd", "emd", "classifier", "inception"]
BestMetric = Literal[
    "frechet_classifier", "fid", "kid", "swd", "mmd", "coverage", "recall", "precision", "density", "emd", "emd_colour",
    "psnr", "ssim", "ms_gmsd", "mdsi", "haarpsi", "w1", "modes_covered",
]  # fmt: skip

POINT_SETS = ("8gaussians", "25gaussians", "swissroll")  # points in the plane, not images


@dataclasses.dataclass(frozen=True)
class Section:
    """Marks the first key of a section of `--help`."""

    title: str


@dataclasses.dataclass(frozen=True)
class ResumeSafe:
    """Marks a key that does not change the weights that come out: another value continues the same run."""


RESUME_SAFE = ResumeSafe()
Rate = Annotated[float, Field(gt=0, lt=1)]
Momentum = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1, le=1_000_000_000)]
Width = Annotated[int, Field(ge=1, le=4096)]
Workers = Annotated[int, Field(ge=0, le=1024)]
Classes = Annotated[tuple[int | str, ...], Field(min_length=1)]


@dataclasses.dataclass
class Source:
    """Where a configuration came from; empty for one built in code.

    Attributes:
        name: the YAML's name as the user gave it.
        lines: key -> its line, from 1; no entry for a key that the file does not hold.
        origins: key -> "input.yaml:14", "--set", "arXiv:1704.00028", "default".
        warnings: one line each, with the place.
        given: the values that were given, before any default.
    """

    name: str = ""
    lines: dict[str, int] = dataclasses.field(default_factory=dict)
    origins: dict[str, str] = dataclasses.field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    given: dict[str, Any] = dataclasses.field(default_factory=dict)

    def where(self, key: str) -> str:
        if self.origins.get(key) == "--set":
            return f"--set: {key}"
        if key in self.lines:
            return f"{self.name}:{self.lines[key]}: {key}"
        return f"{self.name}: {key}" if self.name else key


class Keys(BaseModel):
    """What every job has. Frozen; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)
    _source: Source = PrivateAttr(default_factory=Source)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is allowed but known to fail or without effect; one line each, with the place."""
        return self._source.warnings

    def where(self, key: str) -> str:
        """Where a key stands, to begin a message with: `input.yaml:14: batch_size`; only the key if built in code."""
        return self._source.where(key)

    def origin(self, key: str) -> str:
        """Where a value comes from: the file's line, --set, a paper, another key, or "default"."""
        return self._source.origins.get(key, "default")

    def __eq__(self, other: object) -> bool:
        """Equal values; where they were read does not matter."""
        return type(self) is type(other) and self.__dict__ == other.__dict__

    arch: str
    """what to do: train by one of the algorithms, sample from a trained run (Generator), measure images (Evaluate)"""
    out: Annotated[Path, RESUME_SAFE] = Path("out")
    """the folder of all results; those of this run are written to out/run/"""
    run: Annotated[str, RESUME_SAFE]
    """the name of this run's directory in out"""
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 42
    """all random numbers follow from it: the same seed gives the same images"""
    n_gpu: Annotated[int, RESUME_SAFE, Field(ge=0, le=4096)] = 0
    """how many accelerators (GPUs) to use; 0 computes on the CPU"""
    config_version: Annotated[int, RESUME_SAFE, Field(ge=1)] = CONFIG_VERSION
    """the version of these keys; a run's config.yaml records it, you need not"""


class TrainKeys(Keys):
    """Train a generator by one of the algorithms."""

    path: Annotated[Path | None, Section("Images")] = None
    """the folder of your images, searched at any depth (PNG, JPEG, WebP, BMP, TIFF); with dataset, where that set's
    files lie or are downloaded to"""
    dataset: Dataset | None = None
    """a named set of images instead of a folder; mnist-5k is installed with the packages, the last three are points in
    the plane"""
    classes: Classes | None = None
    """train on these classes only: names of the first-level sub-folders, or numbers"""
    image_size: ImageSize = 64
    """side of the square images in pixels; others are resized and cropped in the middle"""
    number_channels: Literal[1, 3] = 3
    """1 for grey images, 3 for colour"""
    augment: tuple[Augmentation, ...] = ()
    """random changes to real and generated images alike, for small sets (DiffAugment, arXiv:2006.10738)"""
    loader_workers: Annotated[Workers, RESUME_SAFE] = 2
    """how many images are decoded at a time, before the first epoch"""
    cache: Annotated[Path, RESUME_SAFE]
    """where decoded images are kept, so that later runs need not decode them"""

    num_epochs: Annotated[float | None, Section("Length"), RESUME_SAFE, Field(gt=0, le=1e9)] = None
    """length of the training: passes of the critic over the images"""
    num_steps: Annotated[Count | None, RESUME_SAFE] = None
    """length of the training in critic updates, instead of num_epochs"""
    max_minutes: Annotated[float | None, RESUME_SAFE, Field(gt=0, le=1e6)] = None
    """end the training earlier: at the first row of the log after so many minutes (without samples and metrics)"""

    optimizer: Annotated[Literal["adam", "rmsprop"], Section("Optimisation")]
    """the optimiser of both networks"""
    learning_rate: Rate
    """step size of the generator, and of the critic unless it has its own"""
    critic_learning_rate: Rate
    """step size of the critic"""
    beta_adam: Momentum
    """Adam's first beta: momentum"""
    beta2_adam: Momentum
    """Adam's second beta"""
    batch_size: Count
    """images per update, all devices together; halve it when memory runs out"""
    accumulate: Count = 1
    """into how many parts a batch is split to save memory; batch norm sees each alone"""
    critic_its: Count
    """critic updates for each generator update"""
    gp_lambda: Annotated[float, Field(ge=0)]
    """weight of the gradient penalty; more ties the critic's slope closer to 1"""
    clip_value: Annotated[float, Field(gt=0)]
    """the critic's weights are clipped to [-clip_value, clip_value]"""
    div_k: Annotated[float, Field(gt=0)]
    """weight k of the Wasserstein divergence's gradient term"""
    div_p: Annotated[float, Field(ge=1, le=100)]
    """power p of the gradient's norm in that term"""
    label_smoothing: Annotated[float, Field(ge=0, lt=0.5)]
    """the discriminator's target for real images is 1 - label_smoothing"""
    ema_decay: Momentum = 0.999
    """samples come from a running average of the generator, of which this share stays at each update; 0: no average"""

    network: Annotated[Literal["conv", "resnet", "dense", "mnist"], Section("Networks")]
    """the kind of both networks; dense takes no critic_norm; mnist: few wide maps, for small grey images"""
    latent_vector: Annotated[int, Field(ge=1, le=65536)]
    """how many random numbers the generator makes an image from"""
    gen_feature_maps: Width = 64
    """width of the generator: its feature maps at the largest size"""
    dis_feature_maps: Width = 64
    """width of the critic: its feature maps at the largest size"""
    critic_norm: Literal["none", "instance", "layer", "batch"]
    """normalisation in the critic; batch works only without a gradient penalty"""
    spectral_norm: bool = False
    """spectral normalisation of the critic (arXiv:1802.05957)"""

    precision: Annotated[Literal["auto", "fp32", "bf16"], Section("Machine")] = "auto"
    """number format of the networks; auto takes bf16 where the hardware is fast at it"""
    deterministic: Annotated[bool, RESUME_SAFE] = False
    """the same bits in every run, also on devices whose fastest kernels vary"""

    log_every: Annotated[Count, Section("Output"), RESUME_SAFE] = 50
    """critic updates between rows of log.csv"""
    sample_every: Annotated[Count, RESUME_SAFE] = 500
    """critic updates between sample grids"""
    checkpoint_every: Annotated[Count, RESUME_SAFE] = 500
    """critic updates between checkpoints"""
    keep_checkpoints: Annotated[int, RESUME_SAFE, Field(ge=1, le=10_000)] = 2
    """how many of the newest checkpoints stay on the disk"""
    metrics_every: Annotated[int, RESUME_SAFE, Field(ge=0, le=1_000_000_000)] = 0
    """critic updates between computations of metrics; 0: only at the end"""
    metrics: Annotated[tuple[MetricGroup, ...], RESUME_SAFE] = ("paired",)
    """what to compute of generated and held-out real images"""
    best_metric: Annotated[BestMetric | None, RESUME_SAFE] = None
    """the figure that chooses checkpoints/best.pt, with metrics_every; by default the most telling that is computed"""
    inception_weights: Annotated[Path | None, RESUME_SAFE] = None
    """a file with Inception's weights, for the metrics inception without internet"""
    tensorboard: Annotated[bool, RESUME_SAFE] = False
    """write TensorBoard's event files too"""

    sweep: Annotated[dict[str, Any] | None, Section("Many runs"), RESUME_SAFE] = None
    """one run for each combination of values, such as {gp_lambda: [1, 10], seed: [1, 2]}"""
    parallel: Annotated[Count, RESUME_SAFE] = 1
    """how many runs of a sweep train at a time; on a Ray cluster as many as it has room for, unless given"""
    cpus: Annotated[Workers, RESUME_SAFE] = 0
    """CPU cores for each run of a sweep; 0 shares out this machine's, on a Ray cluster it means 1"""
    executor: Annotated[Literal["local", "ray"], RESUME_SAFE] = "local"
    """where the runs of a sweep train: on this machine, or as tasks of a Ray cluster (see requirements-ray.txt)"""


class GenerateKeys(Keys):
    """Sample images from a trained run."""

    run: str = "generated"
    """the name of this run's directory in out"""
    checkpoint: Path
    """a run's directory, or a checkpoint file in it; may also be called path"""
    quantity: Annotated[int, Field(ge=1, le=100_000_000)] = 64
    """how many images"""
    batch_size: Count = 64
    """images computed at a time"""


class EvaluateKeys(Keys):
    """Measure generated images, of any origin, against real ones."""

    run: str = "evaluation"
    """the name of this run's directory in out"""
    fakes: Annotated[tuple[Path, ...], Field(min_length=1, max_length=2)]
    """the generated images: a folder of images, a run's directory or a checkpoint file; two of them are compared"""
    path: Path | None = None
    """the folder of real images; with dataset, where that set's files lie"""
    dataset: Dataset | None = None
    """a named set of real images instead"""
    classes: Classes | None = None
    """real images of these classes only"""
    image_size: ImageSize = 64
    """side in pixels at which images are compared"""
    number_channels: Literal[1, 3] = 3
    """1 for grey images, 3 for colour"""
    metrics: tuple[MetricGroup, ...] = ("paired", "swd", "prdc", "mmd")
    """what to compute"""
    inception_weights: Path | None = None
    """a file with Inception's weights, for the metrics inception without internet"""
    loader_workers: Workers = 2
    """how many images are decoded at a time"""
    cache: Path
    """where decoded images are kept, so that later runs need not decode them"""
