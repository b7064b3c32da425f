"""The entry: read the YAML, hand it on, turn errors into clear lines and an exit status."""

import argparse
import os
import signal
import sys
from functools import partial
from importlib import import_module
from pathlib import Path

try:
    from wgan.config.docs import USAGE, help_text
    from wgan.config.resolve import CACHE_BELOW_OUT, load_config
    from wgan.config.schema import EvaluateConfig, GenerateConfig, JobConfig, TrainConfig
    from wgan.preflight import Preflight
    from wgan.utils import console
    from wgan.utils.errors import exit_status
    from wgan.utils.version import __version__
except ModuleNotFoundError as missing:  # another Python than the one it was installed for
    if (missing.name or "").partition(".")[0] == "wgan":
        raise
    sys.exit(f"The package {missing.name} is not installed for {sys.executable}: pip install -r requirements.txt")
except (MemoryError, ImportError) as error:  # in a rationed address space; so small a one cannot hold a library
    if isinstance(error, ImportError) and "failed to map" not in str(error):
        raise
    print("There is too little memory to start Python's packages: raise `ulimit -v`", file=sys.stderr)
    sys.exit(2)

JOBS: dict[type[JobConfig], str] = {
    TrainConfig: "wgan.train:train",
    GenerateConfig: "wgan.generate:generate",
    EvaluateConfig: "wgan.evaluate:evaluate_job",
}
"""What a configuration is handed to; imported when there is work to do, since it loads torch."""
SWEEP = "wgan.sweep.run:sweep"
CHECK = "wgan.check:check"


def main(arguments: list[str] | None = None) -> int:
    """Do what a YAML says and give the exit status."""
    _open_streams()
    try:
        options = _options(arguments)
        return exit_status(partial(_work, options))
    except KeyboardInterrupt:
        return 128 + signal.SIGINT  # a training catches it itself, and saves
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + getattr(signal, "SIGPIPE", 13)


def _work(options: argparse.Namespace) -> int | None:
    config = load_config(options.yaml, options.overrides, Preflight())
    for warning in config.warnings if os.environ.get("RANK", "0") == "0" else ():  # torchrun starts many of us
        console.error(warning)
    module, _, function = (CHECK if options.check else _job(config)).partition(":")
    if getattr(config, "cache", None) == config.out / CACHE_BELOW_OUT:  # nothing can be kept in the home folder
        os.environ.setdefault("MPLCONFIGDIR", str(config.out / CACHE_BELOW_OUT / "matplotlib"))
    with console.at(options.loudness):
        status: int | None = getattr(import_module(module), function)(config)
    return status


def _job(config: JobConfig) -> str:
    return SWEEP if isinstance(config, TrainConfig) and config.sweep else JOBS[type(config)]


def _open_streams() -> None:
    """Streams that can be written to, whatever this process was started with.

    One that is closed (`2>&-`), or missing as under pythonw, says nothing or what the other says; its number is taken,
    so that no file of a run is opened under it and written to by what prints.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        continue
    os.close(descriptor)
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until this process ends
    if sys.stderr is None:
        sys.stderr = sys.stdout
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a file's name may hold what the terminal cannot show


class _Parser(argparse.ArgumentParser):
    def format_help(self) -> str:
        return help_text()


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = _Parser(prog="image_generation.py", usage=USAGE, add_help=False, allow_abbrev=False)
    parser.add_argument("yaml", type=Path, metavar="FILE.yaml")
    parser.add_argument("--set", action="append", default=[], dest="overrides")
    parser.add_argument("--check", action="store_true")
    loudness = parser.add_mutually_exclusive_group()
    for option, chosen in (("--quiet", console.Loudness.QUIET), ("--verbose", console.Loudness.VERBOSE)):
        loudness.add_argument(option, action="store_const", const=chosen, dest="loudness")
    parser.add_argument("--version", action="version", version=f"wgan {__version__}")
    parser.add_argument("-h", "--help", action="help")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
