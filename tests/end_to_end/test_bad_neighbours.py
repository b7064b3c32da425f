"""Whatever lies beside a run in `out`, by accident or malice, fails no other run, hangs none, and hides none."""

import json
import os
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from commands import TINY, run, write_yaml

from wgan.reporting import run_record
from wgan.reporting.gallery import write_index
from wgan.reporting.run_record import Sample, find_runs
from wgan.reporting.sweep_report import draw_figures, write_sweep_page
from wgan.reporting.sweep_summary import ranking_table
from wgan.runs.csv_log import last_step

Act = Callable[[Path], object]
DEEP = "[" * 100_000
DIGITS = "9" * 400
CONFIG = "arch: WGAN-GP\ndataset: mnist-5k\nrun: x\n"


def text(name: str, content: str | bytes) -> Act:
    def write(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    return write


def pipe(name: str) -> Act:
    def make(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(folder / name)

    return make


def link(name: str, target: str) -> Act:
    def make(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(target)

    return make


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *texts: bytes) -> bytes:
    """A grey PNG that declares a size; its pixels are one row of zeros."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * (min(width, 100) + 1) * min(height, 100)))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunk(b"tEXt", t) for t in texts) + pixels + chunk(b"IEND", b"")


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12)
)
GRID = b"cell_width\x0028", b"cell_height\x0028", b"gap\x002"
BAD: dict[str, Act] = {
    "config_pipe": pipe("config.yaml"),
    "config_folder": lambda folder: (folder / "config.yaml").mkdir(),
    "config_alias_bomb": text("config.yaml", CONFIG + BOMB),
    "config_deep": text("config.yaml", "arch: " + DEEP),
    "config_many_digits": text("config.yaml", CONFIG + f"seed: {DIGITS}\n"),
    "config_arch_list": text("config.yaml", "arch: [WGAN-GP]\n"),
    "config_unknown_dataset": text("config.yaml", "arch: WGAN-GP\ndataset: nowhere\n"),
    "config_odd_types": text("config.yaml", "arch: WGAN-GP\ndataset: [1]\nclasses: {a: b}\nout: [x]\ngp_lambda: {}\n"),
    "config_binary": text("config.yaml", bytes(range(256))),
    "config_empty": text("config.yaml", ""),
    "config_tag": text("config.yaml", "arch: !!python/object/apply:os.abort []\n"),
    "config_large": text("config.yaml", CONFIG + "# x\n" * 3_000_000),
    "config_dangling": link("config.yaml", "nowhere"),
    "config_loop": link("config.yaml", "config.yaml"),
    "config_device": link("config.yaml", "/dev/zero"),
    "config_out_strange": text("config.yaml", CONFIG + 'out: "\\0"\n'),
    "state_pipe": pipe("state.json"),
    "state_deep": text("state.json", DEEP),
    "state_many_digits": text("state.json", f'{{"state": "running", "step": {DIGITS}, "seconds": {DIGITS}}}'),
    "state_infinite": text("state.json", '{"state": "finished", "step": Infinity, "seconds": NaN, "num_steps": 1e999}'),
    "state_odd_types": text("state.json", '{"state": [], "warnings": {"a": 1}, "best": 3, "versions": [], "step": {}}'),
    "state_list": text("state.json", "[1]"),
    "metrics_pipe": pipe("metrics.json"),
    "metrics_odd": text(
        "metrics.json", f'{{"metrics": {{"swd": {{"value": {DIGITS}, "better": []}}, "x": 3}}, "notes": 1}}'
    ),
    "metrics_deep": text("metrics.json", DEEP),
    "log_pipe": pipe("log.csv"),
    "log_wide_field": text("log.csv", "step,critic_loss\n1," + "9" * 200_000 + "\n"),
    "log_many_digits": text("log.csv", f"step,critic_loss\n{DIGITS},1\n1e400,nan\n"),
    "log_quotes": text("log.csv", 'step,critic_loss\n"1,2\n\0\n'),
    "log_folder": lambda folder: (folder / "log.csv").mkdir(),
    "log_device": link("log.csv", "/dev/zero"),
    "sample_pipe": pipe("samples/step_000001.png"),
    "sample_huge": text("samples/step_000001.png", png(60_000, 60_000)),
    "sample_negative_cell": text("samples/step_000001.png", png(58, 58, b"cell_width\0-28", *GRID[1:])),
    "sample_vast_cell": text("samples/step_000001.png", png(58, 58, b"cell_width\x00" + DIGITS.encode(), *GRID[1:])),
    "sample_truncated": text("samples/step_000001.png", png(58, 58)[:60]),
    "sample_folder": lambda folder: (folder / "samples/step_000001.png").mkdir(parents=True),
    "sample_many_digits": text(f"samples/step_{'9' * 200}.png", png(58, 58)),
    "samples_file": text("samples", "x"),
    "config_unreadable": lambda folder: (text("config.yaml", CONFIG)(folder), (folder / "config.yaml").chmod(0)),
    "log_unreadable": lambda folder: (text("log.csv", "step\n")(folder), (folder / "log.csv").chmod(0)),
    "unreadable": lambda folder: folder.chmod(0),
}

NO_RUN = {"config_folder", "config_arch_list"} | ({"unreadable"} if os.geteuid() else set())  # root reads all
NO_REASON = {"config_dangling", "config_out_strange", "unreadable", "samples_file"} | {
    "config_many_digits",  # is shown as it stands
    *("state_many_digits", "state_infinite", "state_odd_types", "metrics_odd"),  # such values are left out
    *("log_wide_field", "log_many_digits", "log_quotes"),
    *(name for name in BAD if name.startswith("sample_")),
    *(("config_unreadable", "log_unreadable") if os.geteuid() == 0 else ()),
}


def put_all(out: Path) -> None:
    for name, spoil in BAD.items():
        folder = out / name
        folder.mkdir(parents=True)
        if not name.startswith("config"):
            (folder / "config.yaml").write_text(CONFIG)
        spoil(folder)
    odd = os.fsencode(out) + b"/na\xffme\n"  # no UTF-8, and a line break
    os.mkdir(odd)  # noqa: PTH102 - as bytes
    with open(odd + b"/config.yaml", "w") as file:  # noqa: PTH123
        file.write(CONFIG)


@pytest.mark.parametrize("name", BAD)
@pytest.mark.timeout(20)
def test_the_index_names_one_bad_neighbour_and_shows_the_others(name: str, tmp_path: Path) -> None:
    bad, good = tmp_path / name, tmp_path / "good"
    bad.mkdir()
    good.mkdir()
    (good / "config.yaml").write_text(CONFIG)
    (good / "state.json").write_text(json.dumps({"state": "finished", "step": 7, "num_steps": 7}))
    if not name.startswith("config"):
        (bad / "config.yaml").write_text(CONFIG)
    BAD[name](bad)
    page = write_index(tmp_path).read_text(encoding="utf-8")
    bad.chmod(0o755)
    assert ">good<" in page
    assert (f">{name}<" in page) == (name not in NO_RUN)
    reasons = re.findall(r"<small>[^<]*(?:cannot be (?:read|shown): .|holds )", page)
    assert len(reasons) == (name not in NO_RUN | NO_REASON)


@pytest.mark.timeout(60)
def test_a_sweep_ranks_and_shows_its_runs_whatever_stands_in_their_directories(tmp_path: Path) -> None:
    put_all(tmp_path)
    runs = {folder: {"seed": number} for number, folder in enumerate(sorted(tmp_path.iterdir()))}
    assert len(runs) == len(BAD) + 1
    draw_figures(tmp_path, runs)
    page = write_sweep_page(tmp_path, runs).read_text(encoding="utf-8")
    table = ranking_table(runs)
    assert [number for number in range(len(runs)) if f"seed = {number}<" not in page] == []
    assert len(table.splitlines()) == len(runs) + 2
    logs = [folder / "log.csv" for folder in runs if os.access(folder, os.X_OK)]
    assert [last_step(log) for log in logs if log.is_fifo()] == [0]


def test_the_search_for_runs_has_an_end(tmp_path: Path) -> None:
    for depth in (4, 5, 6):
        folder = tmp_path.joinpath(*"abcdef"[:depth], f"run{depth}")
        folder.mkdir(parents=True)
        (folder / "config.yaml").write_text(CONFIG)
    assert [run.name for run in find_runs(tmp_path)] == ["run4"]


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_training_beside_all_of_them_ends_as_one_alone(tmp_path: Path) -> None:
    out = tmp_path / "out"
    put_all(out)
    path = tmp_path / "input.yaml"
    values = {"arch": "WGAN-GP", **TINY, "metrics": [], "out": str(out), "run": "mine"}
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    status, told = run(path)
    assert status == 0, told
    assert json.loads((out / "mine" / "state.json").read_text())["state"] == "finished"
    assert ">mine<" in (out / "index.html").read_text(encoding="utf-8")
    assert "Traceback" not in told


def test_samples_that_may_not_be_listed_leave_the_record_without_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may list everything: the refusal is simulated."""

    def refused(_: Path) -> list[Sample]:
        raise PermissionError(13, "Permission denied", "samples")

    folder = tmp_path / "neighbour"
    write_yaml(folder).rename(folder / "config.yaml")
    monkeypatch.setattr(run_record, "find_samples", refused)
    record = run_record.read_run(folder)
    assert record.samples == []
    assert record.problems == ("samples/ cannot be read: Permission denied",)
