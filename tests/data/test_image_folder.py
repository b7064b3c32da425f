import os
from pathlib import Path

import pytest

from wgan.data import image_folder as listing_module
from wgan.data.image_folder import Skipped, Unusable, scan


def put(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


def names(root: Path) -> list[str]:
    return [file.name for file in scan(root).files]


def test_images_are_found_at_any_depth_in_the_order_of_their_names(tmp_path: Path) -> None:
    put(tmp_path, "b.png", "a/z.JPG", "a/b/c/d.webp", "C.tiff", "notes.txt", "a/list.csv", "none")
    assert names(tmp_path) == ["C.tiff", "a/b/c/d.webp", "a/z.JPG", "b.png"]
    assert scan(tmp_path).others == {".txt": 1, ".csv": 1, "": 1}


def test_size_and_time_of_change_are_recorded(tmp_path: Path) -> None:
    put(tmp_path, "a.png")
    os.utime(tmp_path / "a.png", ns=(5, 1_234_567_891))
    (file,) = scan(tmp_path).files
    assert (file.size, file.mtime_ns) == (1, 1_234_567_891)


@pytest.mark.parametrize(
    ("files", "classes"),
    [
        (["cat/1.png", "dog/2.png"], ("cat", "dog")),
        (["dog/deep/2.png", "cat/a/b/1.png"], ("cat", "dog")),
        (["cat/1.png", "dog/2.png", "3.png"], ()),
        (["cat/1.png", "cat/2.png"], ()),
        (["1.png"], ()),
        (["cat/1.png", "dog/2.png", "notes/readme.txt"], ("cat", "dog")),
    ],
)
def test_sub_folders_are_classes_where_every_image_lies_in_one(
    files: list[str], classes: tuple[str, ...], tmp_path: Path
) -> None:
    assert scan(put(tmp_path, *files)).class_names == classes


def test_links_are_followed_and_loops_end(tmp_path: Path) -> None:
    put(tmp_path / "images", "a/1.png", "a/b/2.png")
    put(tmp_path / "elsewhere", "3.png")
    (tmp_path / "images/a/b/up").symlink_to(tmp_path / "images")
    (tmp_path / "images/a/self").symlink_to("self")
    (tmp_path / "images/linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "images/4.png").symlink_to(tmp_path / "elsewhere/3.png")
    assert names(tmp_path / "images") == ["4.png", "a/1.png", "a/b/2.png", "linked/3.png"]


def test_links_that_lead_nowhere_are_listed_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "broken.png").symlink_to("nothing")
    (tmp_path / "circle.png").symlink_to("circle.png")
    assert sorted(map(str, scan(tmp_path).skipped)) == [
        f"{tmp_path}/broken.png: cannot be read: No such file or directory",
        f"{tmp_path}/circle.png: cannot be read: Too many levels of symbolic links",
    ]


def test_a_pipe_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    assert scan(tmp_path).skipped == (Skipped(tmp_path / "pipe.png", "no regular file"),)


def test_a_folder_named_like_an_image_is_a_folder(tmp_path: Path) -> None:
    assert names(put(tmp_path, "album.png/1.png")) == ["album.png/1.png"]


def test_names_may_be_any_bytes(tmp_path: Path) -> None:
    put(tmp_path, "line\nbreak.png", os.fsdecode(b"caf\xe9.png"), "\x1b[31mred.png", "猫.png", " .png", "-rf.png")
    assert len(names(tmp_path)) == 6
    shown = {str(Skipped(Path(file.name), "odd")) for file in scan(tmp_path).files}
    assert shown == {
        r"line\nbreak.png: odd",
        r"caf\udce9.png: odd",
        r"\x1b[31mred.png: odd",
        "猫.png: odd",
        " .png: odd",
        "-rf.png: odd",
    }


def test_hidden_files_and_left_out_folders_do_not_count(tmp_path: Path) -> None:
    put(tmp_path, "1.png", "._1.png", ".thumbnails/1.png", "out/run/samples/step.png")
    found = scan(tmp_path, leave_out=[tmp_path / "out", tmp_path / "missing"])
    assert [file.name for file in found.files] == ["1.png"]


def test_what_may_not_be_read_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "open.png", "locked.png", "closed/1.png")
    scandir, access = os.scandir, os.access

    def refusing(path: os.PathLike[str]) -> object:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(listing_module.os, "scandir", refusing)
    monkeypatch.setattr(listing_module.os, "access", lambda p, mode: "locked" not in str(p) and access(p, mode))
    found = scan(tmp_path)
    assert [file.name for file in found.files] == ["open.png"]
    assert set(found.skipped) == {
        Skipped(tmp_path / "closed", "folder cannot be listed: Permission denied"),
        Skipped(tmp_path / "locked.png", "cannot be read: Permission denied"),
    }


def test_a_path_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "file.png")
    with pytest.raises(Unusable, match=r"^path: .*missing: No such file or directory"):
        scan(tmp_path / "missing")
    with pytest.raises(Unusable, match=r"^path: .*file\.png: Not a directory"):
        scan(tmp_path / "file.png")
