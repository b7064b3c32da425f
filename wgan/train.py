"""A training from its configuration to its exit status: the run's directory, the images, the device, then the loop."""

from contextlib import suppress

from wgan.config.constraints import FEWEST_HELD_OUT, require_a_batch, require_classes, require_held_out
from wgan.config.docs import written
from wgan.config.schema import TrainConfig
from wgan.data.load import load_data
from wgan.reporting.live import Pages, pages_are_current
from wgan.runs import run_dir
from wgan.runs.run_dir import Run
from wgan.runtime.device import choose_precision, device_name, open_device, set_up_arithmetic
from wgan.runtime.distributed import Ranks, open_ranks
from wgan.runtime.launch import launch, must_launch
from wgan.training.loop import Training
from wgan.utils import malloc
from wgan.utils.atomic_io import remove_unfinished
from wgan.utils.console import detail, say
from wgan.utils.errors import UserError
from wgan.utils.signals import Interrupted, Interruption


def train(config: TrainConfig) -> int:
    """Train as the YAML says, or go on where an earlier process stopped; in as many processes as it names devices.

    Returns:
        The exit status: 0 when the training is finished, 130 or 143 after SIGINT or SIGTERM (saved, can go on).

    Raises:
        InputError: the YAML asks for what is not there; nothing was written.
        RunFault: the losses diverged, or the machine failed; the last checkpoint is whole.
    """
    if must_launch(config):
        return launch(train, config, config.n_gpu)
    with open_ranks(config) as ranks:
        return train_in(ranks, config)


def train_in(ranks: Ranks, config: TrainConfig) -> int:
    """What one of the ranks does, or the only process there is. Only the first rank touches the run's directory."""
    run, finished = ranks.broadcast_from_rank0(lambda: _found(config))
    if finished:
        say(f"{run.directory}: finished already. Results: {run.directory}/")
        return 0
    device = open_device(config, ranks.local_rank, ranks.local_ranks)
    precision = choose_precision(config, device)
    set_up_arithmetic(config)
    with Interruption() as interruption, suppress(Interrupted):
        with interruption.abortable():
            images = ranks.rank0_first(lambda: load_data(config))
        say(images.description)
        for skipped in images.skipped:
            detail(f"left out: {skipped}")
        require_a_batch(config, len(images.train))  # only now it is known which files can be decoded
        require_held_out(config, len(images.held_out))
        require_classes(config, images.train.class_counts)
        ranks.check_equal("images", images.fingerprint)
        if device.type == "cpu":
            malloc.keep_freed()
        with ranks.entered_by_rank0(run_dir.claimed(config, images.fingerprint)) as (run, named):
            training = Training(named, run, images, device, precision.dtype, ranks)
            with training.faults_explained():
                training.begin()
                step, machine = training.state.step, ranks.describe(device_name(device))
                networks = training.trainer.generator, training.trainer.critic
                generator, critic = (sum(p.numel() for p in n.parameters()) / 1e6 for n in networks)
                sizes = f"generator {generator:.2f} M parameters, critic {critic:.2f} M"
                say(f"{config.arch} on {machine}, {precision}; {sizes}")
                begins = f"goes on from step {step}" if step else "begins"
                if step > (asked := training.state.num_steps):
                    begins = f"has done {step} steps, {asked} are asked for: only its results are made anew"
                say(f"{run.directory}: {begins}{_beside(config, named)}", f"Report:  {run.directory / 'report.html'}")
                if not training.state.gauge.is_possible:
                    say(f"The critic's overfitting is not measured: fewer than {FEWEST_HELD_OUT} images are held out")
                training.run_to_end(interruption)
    return interruption.exit_status


def _beside(config: TrainConfig, named: TrainConfig) -> str:
    """Why a run's directory is not the one that the YAML names: the keys in which the run there differs."""
    other = run_dir.Run(config.out / config.run)
    saved = run_dir.read_config(other) if named.run != config.run else None
    if saved is None:
        return ""
    keys = [
        f"{key} {written(getattr(saved, key))}, here {written(v)}" for key, v in run_dir.changes(other, config).items()
    ]
    weights = f" (to begin with the weights there: start_from: {other.directory})"
    return f", since {other.directory} has {'; '.join(keys)}{weights if any(other.checkpoints.glob('*.pt')) else ''}"


def _found(config: TrainConfig) -> tuple[Run, bool]:
    """The run's directory, and whether all stands there already; of its pages, a stop may have cut off the last."""
    run, _ = run_dir.find(config)
    finished = run_dir.is_finished(run, config)
    if finished and not pages_are_current(run):
        with suppress(UserError, OSError), run.lock():  # else who may not write here finds what there is
            remove_unfinished(run.directory)
            Pages(run).draw(last=True)
    return run, finished
