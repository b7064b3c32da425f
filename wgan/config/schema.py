"""Every key of the YAML: its type, its range, what it means, and whether a run goes on under another value of it.

`--help`, docs/config.md and configs/schema.json are generated from these models and their docstrings. A key without a
default here takes it from its algorithm's paper (`wgan.config.algorithms`) or from other keys (`wgan.config.resolve`).
"""

from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, TypeAdapter

from wgan.config.coercion import LIST_AS_WRITTEN, NUMBER, WHOLE, Classes, FilePath, ImageSize, Many, OneOf, Ranges, Text
from wgan.config.datasets import NAMED_SETS
from wgan.config.diagnostics import Schema, Source
from wgan.config.image_form import Form
from wgan.config.metrics import BEST_METRICS, GROUPS

CONFIG_VERSION = 1
FOLLOWING = {"critic_learning_rate": "learning_rate", "gen_batch_size": "batch_size", "gen_network": "network"}
"""Key -> the key whose value is its default."""

Dataset = Annotated[str, OneOf(*NAMED_SETS)]
Channels = Annotated[Literal[1, 3], WHOLE]
Fit = Annotated[Literal["crop", "pad", "stretch"], OneOf()]
Augmentation = Annotated[Literal["auto", "flip", "translation", "color", "cutout"], OneOf()]
MetricGroup = Annotated[str, OneOf(*GROUPS)]
BestMetric = Annotated[str, OneOf(*BEST_METRICS)]


class Section(str):
    """Marks the first key of a section of `--help`, whose title it is."""


RESUME_SAFE = "resume safe"
"""Marks a key that does not change the weights that come out: another value continues the same run."""
Rate = Annotated[float, Field(gt=0, lt=1), NUMBER]
Momentum = Annotated[float, Field(ge=0, lt=1), NUMBER]
Count = Annotated[int, Field(ge=1, le=1_000_000_000), WHOLE]
Width = Annotated[int, Field(ge=1, le=4096), WHOLE]
Workers = Annotated[int, Field(ge=0, le=1024), WHOLE]


class JobConfig(BaseModel):
    """What every job has. Frozen; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)
    _source: Source = PrivateAttr(default_factory=Source)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is allowed but known to fail or without effect; one line each, with the place."""
        return self._source.warnings

    def where(self, key: str) -> str:
        """Where a key stands, to begin a message with: `input.yaml:14: batch_size`; only the key if built in code."""
        place = self._source.origin(key, default=self._source.name)
        return f"{place}: {key}" if place else key

    def origin(self, key: str) -> str:
        """Where a value comes from: the file's line, --set, a paper, another key, or "default"."""
        return self._source.origin(key)

    def __eq__(self, other: object) -> bool:
        """Equal values; where they were read does not matter."""
        return type(self) is type(other) and self.__dict__ == other.__dict__

    arch: str
    """what to do: train by one of the algorithms, sample from a trained run (Generator), measure images (Evaluate)"""
    out: Annotated[FilePath, RESUME_SAFE] = Path("out")
    """the folder of all results; those of this run are written to out/run/"""
    run: Annotated[Text, RESUME_SAFE]
    """the name of this run's directory in out"""
    seed: Annotated[int, Field(ge=0, le=2**63 - 1), WHOLE] = 42
    """all random numbers follow from it: the same seed gives the same images"""
    n_gpu: Annotated[int, RESUME_SAFE, Field(ge=0, le=4096), WHOLE] = 0
    """how many accelerators (GPUs) to use; 0 computes on the CPU"""
    config_version: Annotated[int, RESUME_SAFE, Field(ge=1), WHOLE] = CONFIG_VERSION
    """the version of these keys; a run's config.yaml records it, you need not"""


class TrainConfig(JobConfig):
    """Train a generator by one of the algorithms."""

    path: Annotated[FilePath | None, Section("Images")] = None
    """the folder of your images, searched at any depth (PNG, JPEG, WebP, AVIF, BMP, TIFF), or a .zip or .tar(.gz, .xz)
    of them; with dataset, where that set's files lie or are downloaded to"""
    dataset: Dataset | None = None
    """a named set of images instead of a folder; mnist-5k is installed with the packages, the last three are points in
    the plane"""
    classes: Classes | None = None
    """train on these classes only: names of the first-level sub-folders, or numbers"""
    conditional: bool = False
    """the generator makes the class it is asked for; needs sub-folders or a set with classes, and a network with batch
    norm in its generator, any but dense (arXiv:1610.07629, arXiv:1802.05637)"""
    class_balance: Annotated[Literal["data", "even"], OneOf()] = "data"
    """how often each class is trained on: as often as there are images of it, or all alike"""
    image_size: ImageSize = 64
    """side of square images in pixels, or their [height, width]: each 4 to 7 times the same power of two"""
    fit: Fit = "crop"
    """how images of another shape are brought to image_size: cropped in the middle, padded with white, or stretched"""
    number_channels: Channels = 3
    """1 for grey images, 3 for colour"""
    augment: Many[Augmentation] = ()
    """random changes to real and generated images alike, for small sets (DiffAugment, arXiv:2006.10738); auto: all but
    flip, as often as the critic's overfitting calls for (ADA, arXiv:2006.06676); flip teaches the generator to mirror
    too (36 % of generated threes are nearer a mirrored one, without it 1.4 %)"""
    dequantise: bool = False
    """add uniform noise of one grey level to real images, as WGAN-GP's code for CIFAR-10 does"""
    loader_workers: Annotated[Workers, RESUME_SAFE] = 2
    """how many images are decoded at a time, before the first epoch"""
    cache: Annotated[FilePath, RESUME_SAFE]
    """where decoded images are kept, so that later runs need not decode them"""

    num_epochs: Annotated[float | None, Section("Length"), RESUME_SAFE, Field(gt=0, le=1e9), NUMBER] = None
    """length of the training: passes of the critic over the images"""
    num_steps: Annotated[Count | None, RESUME_SAFE] = None
    """length of the training in critic updates, instead of num_epochs"""
    max_minutes: Annotated[float | None, RESUME_SAFE, Field(gt=0, le=1e6), NUMBER] = None
    """end the training earlier: at the first row of the log after so many minutes (without samples and metrics)"""

    optimizer: Annotated[Literal["adam", "rmsprop"], OneOf(), Section("Optimisation")]
    """the optimiser of both networks"""
    learning_rate: Rate
    """step size of the generator, and of the critic unless it has its own"""
    critic_learning_rate: Rate
    """step size of the critic"""
    learning_rate_decay: Annotated[Literal["none", "linear", "cosine"], OneOf()] = "none"
    """how both rates fall to 0 over num_steps or num_epochs; max_minutes only cuts the fall off"""
    learning_rate_warm_up: Annotated[int, Field(ge=0, le=1_000_000_000), WHOLE] = 0
    """critic updates over which both rates rise from 0 at first"""
    beta_adam: Momentum
    """Adam's first beta: momentum"""
    beta2_adam: Momentum
    """Adam's second beta"""
    batch_size: Count
    """images per update, all devices together; halve it when memory runs out"""
    gen_batch_size: Count
    """images per update of the generator"""
    accumulate: Count = 1
    """into how many parts a batch is split to save memory; batch norm sees each alone, but for the generator's in the
    critic's update, which sees all together"""
    critic_its: Count
    """critic updates for each generator update"""
    critic_warm_up: bool = False
    """100 critic updates for each of the generator's first 25 and for every 500th, as in WGAN's code"""
    gp_lambda: Annotated[float, Field(ge=0), NUMBER]
    """weight of the gradient penalty; more ties the critic's slope closer to 1"""
    one_sided: bool
    """only slopes above 1 are penalised, those below are free (WGAN-LP, arXiv:1709.08894)"""
    penalty_at: Annotated[Literal["line", "real", "fake", "both"], OneOf()]
    """where WGAN-GP and WGAN-DIV penalise the critic's slope: on the lines between real and generated images, at one
    kind, or at both with half of the weight each, as PyTorch-GAN's wgan_div.py does"""
    clip_value: Annotated[float, Field(gt=0), NUMBER]
    """the critic's weights are clipped to [-clip_value, clip_value]"""
    div_k: Annotated[float, Field(gt=0), NUMBER]
    """weight k of the Wasserstein divergence's gradient term"""
    div_p: Annotated[float, Field(ge=1, le=100), NUMBER]
    """power p of the gradient's norm in that term"""
    r3_gamma: Annotated[float, Field(ge=0), NUMBER]
    """weight of R3GAN's penalties on the critic's slope at real and at generated images; more is smoother and slower"""
    label_smoothing: Annotated[float, Field(ge=0, lt=0.5), NUMBER]
    """the discriminator's target for real images is 1 - label_smoothing"""
    ema_decay: Momentum = 0.999
    """samples come from a running average of the generator, of which this share stays at each update; 0: no average"""

    network: Annotated[
        Literal["conv", "resnet", "resnet32", "resnet64", "dense", "mnist"], OneOf(), Section("Networks")
    ]
    """the kind of both networks; dense takes no critic_norm; mnist: few wide maps, for small grey images; resnet32 and
    resnet64: as in WGAN-GP's code for images of that size, for any size"""
    gen_network: Annotated[Literal["conv", "plain", "resnet", "resnet32", "resnet64", "dense", "mnist"], OneOf()]
    """the generator's kind, where it is another; plain: conv without batch norm, all maps of one width, as WGAN's paper
    has it beside dense ones to show what a critic makes of weak generators"""
    latent_vector: Annotated[int, Field(ge=1, le=65536), WHOLE]
    """how many random numbers the generator makes an image from"""
    gen_feature_maps: Width = 64
    """width of the generator: its feature maps at the largest size"""
    dis_feature_maps: Width = 64
    """width of the critic: its feature maps at the largest size"""
    critic_norm: Annotated[Literal["none", "instance", "layer", "batch"], OneOf()]
    """normalisation in the critic; batch works only without a gradient penalty"""
    critic_activation: Annotated[Literal["leaky", "relu"], OneOf()] = "leaky"
    """the critic's activation: LeakyReLU with slope 0.2, or ReLU"""
    spectral_norm: bool
    """spectral normalisation of the critic (arXiv:1802.05957)"""
    start_from: FilePath | None = None
    """begin with the weights of this run, a directory or a checkpoint in it, as far as they fit: on other images, with
    other classes, batches, rates, losses"""
    freeze_critic: Annotated[int, Field(ge=0, le=1000), WHOLE] = 0
    """hold so many of the critic's first layers as they began (a residual block is one), for start_from on few images
    (FreezeD, arXiv:2002.10964)"""

    precision: Annotated[Literal["auto", "fp32", "bf16"], OneOf(), Section("Machine")] = "auto"
    """number format of the networks; auto takes bf16 where the hardware is fast at it"""
    rank_timeout: Annotated[float, RESUME_SAFE, Field(gt=0, le=1e5), NUMBER] = 30
    """minutes without a sign of life after which a process that shares the training (n_gpu, torchrun) is given up, and
    all others end; one that is merely busy gives signs"""
    deterministic: Annotated[bool, RESUME_SAFE] = False
    """the same bits in every run, also on devices whose fastest kernels vary"""

    log_every: Annotated[Count, Section("Output"), RESUME_SAFE] = 50
    """critic updates between rows of log.csv"""
    sample_every: Annotated[Count, RESUME_SAFE] = 500
    """critic updates between sample grids"""
    checkpoint_every: Annotated[Count, RESUME_SAFE] = 500
    """critic updates between checkpoints"""
    keep_checkpoints: Annotated[int, RESUME_SAFE, Field(ge=1, le=10_000), WHOLE] = 2
    """how many of the newest checkpoints stay on the disk"""
    metrics_every: Annotated[int, RESUME_SAFE, Field(ge=0, le=1_000_000_000), WHOLE] = 0
    """critic updates between computations of metrics; 0: only at the end"""
    metrics: Annotated[Many[MetricGroup], RESUME_SAFE] = ("swd", "prdc")
    """what to compute of generated and held-out real images"""
    best_metric: Annotated[BestMetric | None, RESUME_SAFE] = None
    """the metric that chooses checkpoints/best.pt, with metrics_every; by default the most telling that is computed"""
    patience: Annotated[int, RESUME_SAFE, Field(ge=0, le=1_000_000_000), WHOLE] = 0
    """end the training, with metrics_every, when that metric has not improved for so many critic updates; 0: never"""
    inception_weights: Annotated[FilePath | None, RESUME_SAFE] = None
    """a file with Inception's weights, for the metrics inception without internet"""
    tensorboard: Annotated[bool, RESUME_SAFE] = False
    """write TensorBoard's event files too"""

    sweep: Annotated[dict[str, Any] | None, Section("Many runs"), RESUME_SAFE] = None
    """one run for each combination of values, such as {gp_lambda: [1, 10], seed: [1, 2]}"""
    parallel: Annotated[Count, RESUME_SAFE] = 1
    """how many runs of a sweep train at a time; on a Ray cluster as many as it has room for, unless given"""
    cpus: Annotated[Workers, RESUME_SAFE] = 0
    """CPU cores for each run of a sweep; 0 shares out this machine's, on a Ray cluster it means 1"""
    executor: Annotated[Literal["local", "ray"], OneOf(), RESUME_SAFE] = "local"
    """where the runs of a sweep train: on this machine, or as tasks of a Ray cluster (see requirements-ray.txt)"""


class GenerateConfig(JobConfig):
    """Sample images from a trained run."""

    run: Text = "generated"
    """the name of this run's directory in out"""
    checkpoint: FilePath
    """a run's directory, or a checkpoint file in it; may also be called path"""
    quantity: Annotated[int, Field(ge=1, le=100_000_000), WHOLE] = 64
    """how many images; of each class, if there are classes"""
    seeds: Ranges | None = None
    """instead of quantity: the images of these numbers, [3, 17, 40-60], which their files' names carry"""
    truncation: Annotated[float, Field(gt=0, le=1), NUMBER] = 1.0
    """scales latents: a little below 1, images are more alike and more of them clean; far below 1, all blur"""
    pick: Count | None = None
    """keep only so many of all, or of each class: those that the run's own critic scores highest"""
    weights: Annotated[Literal["average", "last", "best"], OneOf()] = "average"
    """the generator's running average, its last weights, or the average in the run's best.pt"""
    video: Annotated[Literal["gif", "webp", "mp4"], OneOf()] | None = None
    """a video that walks smoothly and endlessly through the seeds, or the first 8 images"""
    frames: Annotated[int | None, Field(ge=2, le=100_000), WHOLE] = None
    """of the video, in all; 24 for each image unless given"""
    seconds: Annotated[float | None, Field(gt=0, le=86_400), NUMBER] = None
    """how long the video is; 24 frames a second unless given"""
    strip: bool = False
    """a picture with a row of images from each of those to the next"""
    export: Many[Annotated[Literal["safetensors", "onnx", "pt2"], OneOf()]] = ()
    """the generator in files that need nothing of this tool, an example of each, and a model card; pt2 is the program
    of torch.export, which replaces TorchScript"""
    classes: Classes | None = None
    """of a run with conditional: these classes, by name or number, each in a folder of its name"""
    fill: FilePath | None = None
    """a folder with a sub-folder for each class: instead of quantity, as many images of each as its largest has more"""
    batch_size: Count = 64
    """images computed at a time"""


class EvaluateConfig(JobConfig):
    """Measure generated images, of any origin, against real ones."""

    run: Text = "evaluation"
    """the name of this run's directory in out"""
    fakes: Annotated[tuple[FilePath, ...], Field(min_length=1, max_length=2), LIST_AS_WRITTEN]
    """the generated images: a folder of images, a run's directory or a checkpoint file; two of them are compared"""
    path: FilePath | None = None
    """the folder, .zip or .tar of real images; with dataset, where that set's files lie"""
    dataset: Dataset | None = None
    """a named set of real images instead"""
    classes: Classes | None = None
    """real images of these classes only"""
    image_size: ImageSize = 64
    """side in pixels, or [height, width], at which images are compared"""
    fit: Fit = "crop"
    """how images of another shape are brought to image_size, as in training"""
    number_channels: Channels = 3
    """1 for grey images, 3 for colour"""
    metrics: Many[MetricGroup] = ("swd", "prdc", "mmd", "paired")
    """what to compute"""
    inception_weights: FilePath | None = None
    """a file with Inception's weights, for the metrics inception without internet"""
    loader_workers: Workers = 2
    """how many images are decoded at a time"""
    cache: FilePath
    """where decoded images are kept, so that later runs need not decode them"""


Config: TypeAlias = TrainConfig | GenerateConfig | EvaluateConfig


def form_of(config: TrainConfig | EvaluateConfig) -> Form:
    """What the job's images are brought to."""
    size = config.image_size
    return Form(config.number_channels, *((size, size) if isinstance(size, int) else size), config.fit)


def resume_safe_keys() -> frozenset[str]:
    """The keys of trainings under another value of which the same run goes on."""
    fields = TrainConfig.model_fields.items()
    return frozenset(key for key, field in fields if RESUME_SAFE in field.metadata)


@cache
def value_type(model: type[JobConfig], key: str) -> TypeAdapter[Any]:
    """Reads one key's value, alone."""
    field = model.model_fields[key]
    kind: Any = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
    return TypeAdapter(kind, config=ConfigDict(allow_inf_nan=False))


@cache
def json_schemas(model: type[JobConfig]) -> dict[str, Schema]:
    """key -> its JSON schema without the null of optional keys, which becomes "nullable"."""
    plain: dict[str, Schema] = {}
    for key, schema in model.model_json_schema()["properties"].items():
        branches = [branch for branch in schema.get("anyOf", ()) if branch != {"type": "null"}]
        nullable = len(branches) < len(schema.get("anyOf", ()))
        flat = {name: part for name, part in schema.items() if name != "anyOf"} | branches[0] if nullable else schema
        plain[key] = {**flat, "nullable": nullable}
    return plain
