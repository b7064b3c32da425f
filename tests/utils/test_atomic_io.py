"""Files beside others': what is a link, a pipe or another user's is not written through, and umask says who reads."""

import os
from contextlib import suppress
from pathlib import Path

import pytest

from wgan.utils.atomic_io import make_folder, remove_links, remove_unfinished, replacing, write_text
from wgan.utils.errors import InputError


@pytest.mark.parametrize("kind", ["link", "dangling link", "file", "pipe"])
def test_what_stands_for_a_folder_and_is_none_is_refused(kind: str, tmp_path: Path) -> None:
    (tmp_path / "others").mkdir()
    path = tmp_path / "samples"
    match kind:
        case "link":
            path.symlink_to(tmp_path / "others")
        case "dangling link":
            path.symlink_to(tmp_path / "nowhere")
        case "file":
            path.touch()
        case _:
            os.mkfifo(path)
    with pytest.raises(InputError, match="samples: is a link or a file, and no folder: rename or remove it"):
        make_folder(path)
    assert not (tmp_path / "nowhere").exists()


def test_folders_are_made_and_found_below_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "disk")
    for _ in range(2):
        make_folder(tmp_path / "out/run/samples")
    assert (tmp_path / "disk/run/samples").is_dir()


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files away")
@pytest.mark.parametrize(
    ("owner", "owner_above", "refused"), [(9, 8, True), (9, 9, False), (7, 8, False), (0, 8, False)]
)
def test_a_folder_of_another_user_is_taken_where_he_could_do_anything_anyway(
    owner: int, owner_above: int, refused: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run" / "samples"
    path.mkdir(parents=True)
    os.chown(path, owner, -1)
    os.chown(path.parent, owner_above, -1)
    monkeypatch.setattr(os, "getuid", lambda: 7)
    if refused:
        with pytest.raises(InputError, match="belongs to another user"):
            make_folder(path)
    else:
        make_folder(path)


def test_a_file_that_is_changed_in_place_is_nobody_elses(tmp_path: Path) -> None:
    precious, paths = tmp_path / "precious", [tmp_path / name for name in ("link", "hard", "pipe", "none", "own")]
    precious.write_text("x")
    paths[0].symlink_to(precious)
    paths[1].hardlink_to(precious)
    os.mkfifo(paths[2])
    paths[4].write_text("mine")
    for path in paths:
        remove_links(path)
    assert [os.path.lexists(path) for path in paths] == [False, False, False, False, True]
    assert precious.read_text() == "x"


@pytest.mark.parametrize("umask", [0o002, 0o027, 0o077])
def test_the_umask_says_who_may_read(umask: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        write_text(tmp_path / "text", "x")
        with replacing(tmp_path / "content", durable=True) as temporary:
            temporary.write_bytes(b"x")
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o666 & ~umask}


def test_only_what_was_left_unfinished_is_removed(tmp_path: Path) -> None:
    with suppress(KeyboardInterrupt), replacing(tmp_path / "page.html") as temporary:
        (tmp_path / temporary.name.replace("page", "killed")).touch()
        raise KeyboardInterrupt
    for name in (".notes.tmp", ".x.tmp.html"):
        (tmp_path / name).touch()
    assert len(list(tmp_path.iterdir())) == 3
    remove_unfinished(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".notes.tmp", ".x.tmp.html"]
