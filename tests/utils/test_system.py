"""What Windows does otherwise, simulated: entries without inodes, folders that cannot be opened, reserved names."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from wgan.config.resolve import resolve
from wgan.data import image_folder
from wgan.utils import system
from wgan.utils.atomic_io import write_text
from wgan.utils.errors import InputError


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    open_, fsync = os.open, os.fsync
    writable: set[int] = set()

    def opened(path: Any, flags: int, *mode: int) -> int:
        if os.path.isdir(path):  # noqa: PTH112 - as os.open itself would be asked
            raise PermissionError(13, "Permission denied", path)
        descriptor = open_(path, flags, *mode)
        writable.discard(descriptor)
        if flags & (os.O_RDWR | os.O_WRONLY):
            writable.add(descriptor)
        return descriptor

    def flushed(descriptor: int) -> None:
        if descriptor not in writable:
            raise OSError(9, "Bad file descriptor")
        fsync(descriptor)

    monkeypatch.setattr(os, "open", opened)
    monkeypatch.setattr(os, "fsync", flushed)


@pytest.mark.usefixtures("windows")
def test_files_are_written_durably_where_folders_cannot_be_opened(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "b.txt", "text", durable=True)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.txt"]


def test_sub_folders_are_found_where_entries_have_no_inode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("cats/1.png", "dogs/2.png", "dogs/young/3.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "dogs" / "again").symlink_to(tmp_path / "cats")
    scandir = os.scandir

    class Entries:
        """os.scandir's on Windows."""

        def __init__(self, path: Any) -> None:
            self.entries = scandir(path)

        def __enter__(self) -> Any:
            return (
                SimpleNamespace(name=entry.name, path=entry.path, stat=lambda entry=entry: without_inode(entry.stat()))
                for entry in self.entries
            )

        def __exit__(self, *_: object) -> None:
            self.entries.close()

        def close(self) -> None:
            self.entries.close()

    def without_inode(status: os.stat_result) -> os.stat_result:
        return os.stat_result((status.st_mode, 0, 0, *status[3:]))

    monkeypatch.setattr(image_folder.os, "scandir", Entries)
    found = [file.name for file in image_folder.scan(tmp_path).files]
    assert found == ["cats/1.png", "dogs/2.png", "dogs/young/3.png"], "each folder once"


@pytest.mark.parametrize("name", ["a:b", "CON", "aux.txt", "what?", "end."])
def test_names_that_windows_reserves_are_refused_there(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve({"arch": "WGAN-GP", "dataset": "mnist-5k", "run": name}).run == name
    monkeypatch.setattr(system, "WINDOWS", True)
    with pytest.raises(InputError, match="run: must be the name of one folder"):
        resolve({"arch": "WGAN-GP", "dataset": "mnist-5k", "run": name})


def test_a_temporary_file_is_new_and_follows_no_link(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("theirs")
    (tmp_path / f".page.{os.getpid()}.tmp.html").symlink_to(other)  # a name that could be foreseen once
    write_text(tmp_path / "page.html", "ours")
    assert other.read_text() == "theirs"
    assert (tmp_path / "page.html").stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
