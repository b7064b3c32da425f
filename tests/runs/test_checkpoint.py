"""Checkpoints survive damage, and run no foreign code."""

import copy
import io
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wgan.runs import checkpoint
from wgan.runs.checkpoint import Damaged
from wgan.utils.errors import InputError

STATE: dict[str, Any] = {"step": 7, "trainer": {"generator": {"weight": torch.arange(300.0)}}, "window": {}}


def saved(folder: Path, *steps: int, keep: int = 3) -> Path:
    for before, step in zip((None, *steps), steps, strict=False):
        checkpoint.save(folder, STATE | {"step": step}, before, keep)
    return folder / checkpoint.LAST


def same(state: dict[str, Any]) -> bool:
    weight = state["trainer"]["generator"]["weight"]
    return bool(state["step"] == 7 and torch.equal(weight, STATE["trainer"]["generator"]["weight"]))


def test_a_checkpoint_holds_what_was_saved(tmp_path: Path) -> None:
    assert same(checkpoint.load(saved(tmp_path, 7)))


@pytest.mark.parametrize("keep", [1, 2, 3])
def test_the_newest_checkpoints_stay_and_the_others_go(keep: int, tmp_path: Path) -> None:
    saved(tmp_path, 10, 20, 100_000_000, 3_000_000_000, keep=keep)
    older = [f"step_{step:08d}.pt" for step in (20, 100_000_000)][3 - keep :]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["last.pt", *older])


def test_only_the_file_that_best_names_is_replaced_by_a_better_one(tmp_path: Path) -> None:
    saved(tmp_path, 5)
    checkpoint.save_best(tmp_path, STATE | {"step": 5})
    checkpoint.save_best(tmp_path, STATE | {"step": 6})
    assert checkpoint.load(tmp_path / "best.pt")["step"] == 6
    assert checkpoint.load(tmp_path / "last.pt")["step"] == 5


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_detected_or_changes_nothing(position: float, bit: int, tmp_path: Path) -> None:
    """Padding and the dates of a zip file carry no content; a flip of theirs cannot do harm."""
    content = bytearray(saved(tmp_path, 7).read_bytes())
    content[int(position * len(content))] ^= 1 << bit
    broken = tmp_path / "broken.pt"
    broken.write_bytes(content)
    try:
        state = checkpoint.load(broken)
    except Damaged:
        return
    assert same(state)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_truncated_checkpoint_is_detected(share: float, tmp_path: Path) -> None:
    content = saved(tmp_path, 7).read_bytes()
    broken = tmp_path / "broken.pt"
    broken.write_bytes(content[: int(share * len(content))])
    with pytest.raises(Damaged, match="not a whole checkpoint"):
        checkpoint.load(broken)


class Malicious:
    """Unpickling it would run a command."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.proof}",)


def hostile_files(proof: Path) -> dict[str, bytes]:
    def torch_file(content: object) -> bytes:
        file = io.BytesIO()
        torch.save(content, file)
        return file.getvalue()

    def zipped(compression: int, **parts: bytes) -> bytes:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", compression) as archive:
            for name, content in parts.items():
                archive.writestr(name.replace("__", "/"), content)
        return file.getvalue()

    nested = b"\x80\x02" + b"(" * 100_000 + b"t" * 100_000 + b"."
    return {
        "empty": b"",
        "text": b"hello\n",
        "zeros": bytes(5000),
        "html": b"<html>404 not found</html>",
        "pickle with code": pickle.dumps(Malicious(proof)),
        "torch file with code": torch_file({"trainer": Malicious(proof)}),
        "torch file of a module": torch_file(torch.nn.Linear(2, 2)),
        "list": torch_file([1, 2, 3]),
        "tensor": torch_file(torch.zeros(3)),
        "empty zip": zipped(zipfile.ZIP_STORED),
        "other zip": zipped(zipfile.ZIP_STORED, readme=b"hello"),
        "zip bomb": zipped(zipfile.ZIP_DEFLATED, a__data__0=bytes(50_000_000), a__data_pkl=b"\x80\x02}."),
        "zip without pickle": zipped(zipfile.ZIP_STORED, a__data__0=bytes(8)),
        "broken pickle": zipped(zipfile.ZIP_STORED, a__data_pkl=b"\x80\x02}q\x00(X", a__version=b"3\n"),
        "stack underflow": zipped(zipfile.ZIP_STORED, **{"a__data.pkl": b"\x80\x02aaaa.", "a__version": b"3\n"}),
        "deep pickle": zipped(zipfile.ZIP_STORED, **{"a__data.pkl": nested, "a__version": b"3\n"}),
    }


@pytest.mark.parametrize("kind", hostile_files(Path()))
def test_a_hostile_file_is_named_and_runs_nothing(kind: str, tmp_path: Path) -> None:
    path, proof = tmp_path / "checkpoint.pt", tmp_path / "proof"
    path.write_bytes(hostile_files(proof)[kind])
    with pytest.raises(InputError, match=r"checkpoint\.pt: (not a whole checkpoint|not loaded, since it holds more)"):
        checkpoint.load(path)
    assert not proof.exists()


def test_damaged_checkpoints_are_set_aside_and_the_one_before_is_used(tmp_path: Path) -> None:
    last = saved(tmp_path, 5, 6, 7)
    last.write_bytes(b"")
    (tmp_path / "step_00000006.pt").write_bytes(b"torn")
    found = checkpoint.newest(tmp_path, set_aside=True)
    assert found is not None
    state, path, lines = found
    assert (state["step"], path.name) == (5, "step_00000005.pt")
    assert [line.split(": ")[0] for line in lines] == [str(last), str(tmp_path / "step_00000006.pt")]
    assert all("set aside as" in line for line in lines)
    assert (tmp_path / "last.pt.damaged").exists()
    checkpoint.save(tmp_path, STATE, 5, keep=2)
    assert checkpoint.load(last)["step"] == 7


def test_who_only_reads_moves_nothing(tmp_path: Path) -> None:
    saved(tmp_path, 5, 7).write_bytes(b"")
    found = checkpoint.newest(tmp_path)
    assert found is not None
    assert found[0]["step"] == 5
    assert (tmp_path / "last.pt").exists()


def test_when_all_are_damaged_it_says_so_and_touches_no_other_file(tmp_path: Path) -> None:
    saved(tmp_path, 5).write_bytes(b"")
    with pytest.raises(InputError, match="no whole checkpoint is left: remove the run's directory to start anew"):
        checkpoint.newest(tmp_path, set_aside=True)


def test_a_folder_without_checkpoints_has_no_newest(tmp_path: Path) -> None:
    (tmp_path / "step_x.pt").write_bytes(b"")
    assert checkpoint.newest(tmp_path, set_aside=True) is None


def test_a_file_that_cannot_be_read_is_not_taken_for_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network share that hiccups must not cost a checkpoint."""
    saved(tmp_path, 5)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(checkpoint, "_read", refuse)
    with pytest.raises(InputError, match=r"last\.pt: cannot be read: Permission denied"):
        checkpoint.newest(tmp_path, set_aside=True)
    assert (tmp_path / "last.pt").exists()


def test_a_checkpoint_and_its_folder_are_on_the_disk_before_the_one_before_may_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []

    def fsync(descriptor: int) -> None:
        flushed.append(Path(f"/proc/self/fd/{descriptor}").readlink().name.split(".")[1])

    saved(tmp_path / "folder.d", 5)
    monkeypatch.setattr(os, "fsync", fsync)
    checkpoint.save(tmp_path / "folder.d", STATE, 5, keep=1)
    assert flushed == ["last", "d"]


def views(folder: Path) -> Path:
    """A number seen as a terabyte."""
    torch.save({"main.0.weight": torch.zeros(1).expand(2**38, 1, 1, 1)}, folder / "claims.pt")
    return folder / "claims.pt"


def shared(folder: Path) -> Path:
    """Ten thousand names for the same megabyte."""
    torch.save(
        {"trainer": [torch.zeros(2**18).view(-1)] * 2 + list(torch.zeros(2**18).expand(10_000, -1))},
        folder / "claims.pt",
    )
    return folder / "claims.pt"


def lists(folder: Path) -> Path:
    """10^30 lists."""
    nested: list[Any] = []
    for _ in range(30):
        nested = [nested] * 10
    torch.save({"trainer": nested}, folder / "claims.pt")
    return folder / "claims.pt"


def storage(folder: Path) -> Path:
    """A record of a kilobyte that says it holds 2^40 numbers."""
    whole, claiming = io.BytesIO(), folder / "claims.pt"
    count, claimed = b"M\x00\x01tq\x07Q", b"\x8a\x06" + (2**40).to_bytes(6, "little") + b"tq\x07Q"
    torch.save({"main.0.weight": torch.zeros(256)}, whole)
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(claiming, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(count, claimed))
    return claiming


def overlapping(folder: Path) -> Path:
    """A thousand names for one record."""
    path = saved(folder, 7)
    with zipfile.ZipFile(path, "a") as archive:
        record = max(archive.infolist(), key=lambda part: part.file_size)
        for number in range(1000):
            named = copy.copy(record)
            named.filename = f"{record.filename}{number}"
            archive.filelist.append(named)
            archive.NameToInfo[named.filename] = named
        archive._didModify = True  # type: ignore[attr-defined]
    return path


@pytest.mark.parametrize("make", [views, shared, lists, storage, overlapping])
def test_a_file_that_claims_more_than_it_can_hold_is_refused_at_once(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    with pytest.raises(Damaged, match=r"not a whole checkpoint \((it claims more|its parts overlap|record size)"):
        checkpoint.load(make(tmp_path))
