"""Archives give what the folder gives that they were made of, whatever else they hold."""

import gzip
import io
import os
import stat
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from commands import run, write_yaml
from PIL import Image

from wgan.check import sizes
from wgan.config.image_form import Form
from wgan.data import archive as module
from wgan.data.image_folder import Unusable, scan
from wgan.data.image_set import Data
from wgan.data.load import load_folder

KINDS = {".zip": "", ".tar": "w", ".tar.gz": "w:gz", ".tgz": "w:gz", ".tar.xz": "w:xz", ".tar.bz2": "w:bz2"}


def pictures(root: Path, count: int = 24) -> Path:
    """A folder with two classes of images, of which some have no suffix, and other files."""
    random = np.random.default_rng(0)
    for number in range(count):
        folder = root / ("owl", "wren/deep")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (20, 30, 3), dtype=np.uint8)
        kind, suffix = (("PNG", ".png"), ("JPEG", ""), ("AVIF", ".avif"), ("TIFF", ".tif"))[number // 2 % 4]
        Image.fromarray(pixels).save(folder / f"{number}{suffix}", kind)
    (root / "owl" / "notes.txt").write_text("of owls")
    (root / "owl" / "list").write_text("of owls, without a suffix")
    (root / "owl" / ".hidden.png").write_bytes(b"x")
    return root


def packed(root: Path, suffix: str, above: str = "") -> Path:
    """The folder as an archive beside it, its files below the folder `above`."""
    path = root.with_name(f"{root.name}{suffix}")
    found = sorted(file for file in root.rglob("*") if file.is_file())
    if suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in found:
                archive.write(file, above + str(file.relative_to(root)))
    else:
        with tarfile.open(path, KINDS[suffix]) as tar:  # type: ignore[call-overload]
            for file in found:
                tar.add(file, above + str(file.relative_to(root)))
    return path


def load(path: Path, **options: Any) -> Data:
    return load_folder(path, Form(3, 16, 16), workers=2, cache=path.parent / "cache", **options)


@pytest.mark.parametrize("above", ["", "pictures/", "a/b/"])
@pytest.mark.parametrize("suffix", KINDS)
def test_an_archive_gives_the_images_and_classes_of_its_folder(suffix: str, above: str, tmp_path: Path) -> None:
    root = pictures(tmp_path / "pictures")
    folder, archived = load(root), load(packed(root, suffix, above))
    assert archived.train.class_names == ("owl", "wren")
    for part, other in ((folder.train, archived.train), (folder.held_out, archived.held_out)):
        assert torch.equal(part.images, other.images)
        assert part.labels is not None
        assert other.labels is not None
        assert torch.equal(part.labels, other.labels)
    assert folder.fingerprint == archived.fingerprint
    assert len(archived.train) + len(archived.held_out) == 24
    assert "1 without suffix, which are not read" in archived.description
    assert [path.name for path in tmp_path.rglob("*.png") if root not in path.parents] == []


def test_some_classes_of_an_archive(tmp_path: Path) -> None:
    archived = load(packed(pictures(tmp_path / "pictures"), ".zip"), classes=["wren"])
    assert (archived.train.class_names, len(archived.train) + len(archived.held_out)) == (("wren",), 12)


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz"])
def test_what_has_not_changed_is_not_decoded_again(suffix: str, tmp_path: Path, monkeypatch: Any) -> None:
    root = pictures(tmp_path / "pictures")
    first = load(packed(root, suffix))
    Image.fromarray(np.full((20, 30, 3), 7, np.uint8)).save(root / "owl" / "more.png")
    opened: list[str] = []
    locating = module.MemberFile.open
    monkeypatch.setattr(module.MemberFile, "open", lambda *a: opened.append("one") or locating(*a))
    second = load(packed(root, suffix))
    assert len(second.train) + len(second.held_out) == len(first.train) + len(first.held_out) + 1
    assert len(opened) == 1 + 6, "the new one, and the pages of six TIFFs"


def image_bytes(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (20, 20), colour).save(buffer, "PNG")
    return buffer.getvalue()


HOSTILE_NAMES = ("/etc/passwd.png", "../../up.png", "a/../../b.png", "C:\\windows\\x.png", "ok.png", "\u202egnp.png")


@pytest.mark.parametrize("suffix", [".zip", ".tar"])
def test_names_that_point_elsewhere_write_nothing_and_read_nothing_there(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"hostile{suffix}"
    colours = ("red", "lime", "blue", "pink", "gold", "navy")
    contents = {name: image_bytes(colour) for name, colour in zip(HOSTILE_NAMES, colours, strict=True)}
    if suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in contents.items():
                archive.writestr(name, content)
    else:
        with tarfile.open(path, "w") as tar:
            for name, content in contents.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    before = {file for file in tmp_path.parent.rglob("*") if file.suffix == ".png"}
    assert all(".." not in Path(file.name).parts and not file.name.startswith("/") for file in scan(path).files)
    data = load(path)
    assert len(data.train) + len(data.held_out) == len(HOSTILE_NAMES)
    assert {file for file in tmp_path.parent.rglob("*") if file.suffix == ".png"} == before


def test_links_and_devices_are_no_images(tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(image_bytes("red"))
    path = tmp_path / "links.tar"
    with tarfile.open(path, "w") as tar:
        for name, kind in (("a.png", tarfile.SYMTYPE), ("b.png", tarfile.LNKTYPE), ("c.png", tarfile.FIFOTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, str(secret)
            tar.addfile(info)
    listing = scan(path)
    assert listing.files == ()
    assert [skip.reason for skip in listing.skipped] == ["no regular file"] * 3

    path = tmp_path / "links.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("link.png")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, os.fsencode(secret))
        for colour in ("red", "blue"):
            archive.writestr(f"{colour}.png", image_bytes(colour))
    data = load(path)
    assert [skip.path.name for skip in data.skipped] == ["link.png"]
    assert len(data.train) + len(data.held_out) == 2


def test_bombs_are_refused_before_they_unpack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    monkeypatch.setattr(module, "FREE_GROWTH", 10**6)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("large.png", b"\0" * 10**6)
        for colour in ("red", "blue"):
            archive.writestr(f"{colour}.png", image_bytes(colour))
    listing = scan(tmp_path / "bomb.zip")
    assert [file.name for file in listing.files] == ["blue.png", "red.png"]
    assert [str(skip) for skip in listing.skipped] == [
        f"{tmp_path}/bomb.zip/large.png: more than 1,000 bytes, in an archive"
    ]
    with tarfile.open(tmp_path / "bomb.tar.xz", "w:xz") as tar:
        info = tarfile.TarInfo("large.png")
        info.size = 10**7
        tar.addfile(info, io.BytesIO(bytes(10**7)))
    with pytest.raises(Unusable, match="refused as a decompression bomb"):
        scan(tmp_path / "bomb.tar.xz")


def test_what_follows_the_end_of_a_compressed_tar_is_not_unpacked(tmp_path: Path, monkeypatch: Any) -> None:
    """Where listing its members stops, a bomb could hide."""
    root = pictures(tmp_path / "pictures")
    plain = packed(root, ".tar").read_bytes()
    (tmp_path / "pictures.tar.gz").write_bytes(gzip.compress(plain + bytes(10**8)))
    unpacked: list[int] = []

    class Recording(io.FileIO):
        def close(self) -> None:
            if not self.closed:
                unpacked.append(os.fstat(self.fileno()).st_size)
            super().close()

    monkeypatch.setattr(module, "TemporaryFile", lambda dir: Recording(dir / "unpacked", "w+"))
    assert torch.equal(load(tmp_path / "pictures.tar.gz").train.images, load(root).train.images)
    assert 0 < unpacked[0] <= len(plain)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK])
def test_a_tars_header_of_gigabytes_is_not_read(kind: bytes, tmp_path: Path) -> None:
    header = tarfile.TarInfo("long")
    header.type, header.size = kind, 8_000_000_000
    with gzip.open(tmp_path / "bomb.tar.gz", "wb") as file:
        file.write(header.tobuf(tarfile.GNU_FORMAT) + bytes(1_000_000))
    with pytest.raises(ValueError, match="a name of 8,000,000,000 bytes: refused"):
        module.members(tmp_path / "bomb.tar.gz")


def test_a_member_that_lies_about_its_size_gives_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "lie.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("a", "b", "c"):
            archive.writestr(
                f"{name}.png", image_bytes("red" if name == "a" else name * 0 + "blue") + b"\0" * (name == "c")
            )
    content = path.read_bytes()
    size = (len(image_bytes("blue")) + 1).to_bytes(4, "little")
    path.write_bytes(content.replace(size, (10).to_bytes(4, "little")))
    data = load(path)
    assert [skip.path.name for skip in data.skipped] == ["c.png"]


def test_a_damaged_member_is_skipped_with_the_reason(tmp_path: Path) -> None:
    root = pictures(tmp_path / "pictures")
    path = packed(root, ".zip")
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        for name in ("owl/0.png", "owl/6.tif"):
            start = archive.getinfo(name).header_offset + 30 + len(name)
            content[start + 40 : start + 60] = bytes(20)
    path.write_bytes(content)
    data = load(path)
    assert sorted(skip.path.name for skip in data.skipped) == ["0.png", "6.tif"]
    assert all("damaged" in skip.reason for skip in data.skipped)
    with module.locating(path, tmp_path) as locate:
        assert sizes(locate, scan(path).files).endswith("30x20 to 30x20 pixels; 2 are no images")


@pytest.mark.parametrize("suffix", KINDS)
@pytest.mark.parametrize("kept", [0, 10, 700])
def test_a_damaged_archive_is_one_line(suffix: str, kept: int, tmp_path: Path) -> None:
    path = packed(pictures(tmp_path / "pictures"), suffix)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(Unusable, match=r"^path: .* is no archive that can be read: .+$"):
        scan(path)


def test_the_command_trains_on_an_archive_and_checks_it(tmp_path: Path) -> None:
    path = packed(pictures(tmp_path / "pictures", 40), ".tar.gz", "pictures/")
    keys = {"dataset": None, "path": str(path), "cache": str(tmp_path / "cache"), "num_steps": 2, "batch_size": 8}
    yaml = write_yaml(tmp_path, **keys, image_size=16, conditional=True, number_channels=3)
    status, told = run(yaml, "--check")
    assert status == 0, told
    assert "2 classes: owl 20, wren 20" in told
    assert "40 looked at: 30x20 to 30x20 pixels" in told
    assert not (tmp_path / "out").exists()
    status, told = run(yaml)
    assert status == 0, told
    assert "in 2 classes" in told
