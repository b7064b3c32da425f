import os
from pathlib import Path

import pytest
from image_files import put
from PIL import Image

from wgan.config.image_form import Form
from wgan.data import image_folder as listing_module
from wgan.data.decode import decode_file
from wgan.data.image_folder import Skipped, Unusable, scan


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


def results(folder: Path, *names: str) -> Path:
    """A directory of a run, a job or a sweep, as far as its listing tells."""
    put(folder, *names)
    (folder / "config.yaml").write_text("# Written by wgan 0.1.0: every key with its value.\narch: WGAN-GP\n")
    return folder


def test_results_of_the_program_are_not_taken_for_images(tmp_path: Path) -> None:
    put(tmp_path, "cats/1.png", "dogs/2.png")
    run = results(tmp_path / "old" / "run", "samples/step_000000.png", "loss_plot.png")
    job = results(tmp_path / "generated", "00000.png", "grid.png")
    (results(tmp_path / "sweep", "contact_sheet.png") / "config.yaml").rename(tmp_path / "sweep" / "sweep.yaml")
    listing = scan(tmp_path)
    assert listing.class_names == ("cats", "dogs")
    assert [skip.path for skip in listing.omitted] == [job, run, tmp_path / "sweep"]
    assert listing.left_out.startswith(f"; left out: {job} (results of this program), ")


def test_of_a_job_its_images_are_taken_and_of_a_run_nothing(tmp_path: Path) -> None:
    names = [f"{number:05d}.png" for number in range(3)]
    assert [f.name for f in scan(results(tmp_path / "job", *names, "grid.png")).files] == names
    run = results(tmp_path / "run", "samples/step_000000.png", "loss_plot.png", "real_fake_grid.png")
    assert scan(run).files == ()
    with pytest.raises(Unusable, match="belongs to a run: give its directory"):
        scan(run / "samples")


def test_a_pipe_called_config_yaml_hangs_nobody(tmp_path: Path) -> None:
    put(tmp_path, "a/1.png")
    os.mkfifo(tmp_path / "a" / "config.yaml")
    assert [file.name for file in scan(tmp_path).files] == ["a/1.png"]


def test_folders_of_file_servers_are_left_out_and_named(tmp_path: Path) -> None:
    put(tmp_path, "1.jpg", "@eaDir/1.jpg/SYNOPHOTO_THUMB_M.jpg", "#recycle/2.jpg", "a/@eaDir/3.jpg", "a/4.jpg")
    listing = scan(tmp_path)
    assert [file.name for file in listing.files] == ["1.jpg", "a/4.jpg"]
    assert len(listing.omitted) == 3
    assert "@eaDir (kept by a file server or a system)" in listing.left_out


def test_images_that_are_not_read_are_named(tmp_path: Path) -> None:
    listing = scan(put(tmp_path, "1.png", "2.heic", "3.HEIC", "none", "notes.txt"))
    assert listing.left_out == "; left out: 1 without suffix, 2 .heic, which are not read"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF", "TIFF", "BMP", "GIF"])
def test_a_file_without_a_suffix_is_an_image_if_it_begins_as_one(kind: str, tmp_path: Path) -> None:
    put(tmp_path, "none", "BMP is a kind of image", "1.png")
    Image.new("RGB", (20, 10), "red").save(tmp_path / "image", kind)
    assert names(tmp_path) == ["1.png", "image"]
    assert (decode_file(tmp_path / "image", Form(3, 16, 16)).pixels[:, 8, 8] - [250, 0, 0] < 6).all()
    assert scan(tmp_path).left_out == "; left out: 2 without suffix, which are not read"


def test_a_class_is_called_as_it_is_written(tmp_path: Path) -> None:
    put(tmp_path, "001/1.png", "001/2.png", "002/2.png", "003/3.png")
    listing = scan(tmp_path)
    assert listing.chosen(["001"])[1] == ("001",)
    for wrong in (1, "1", "004"):
        with pytest.raises(Unusable, match="is not one of this set's classes: 001, 002, 003"):
            listing.chosen([wrong])


def test_a_place_in_the_list_counts_where_no_class_is_a_number(tmp_path: Path) -> None:
    assert scan(put(tmp_path / "words", "cat/1.png", "dog/2.png", "dog/3.png")).chosen([1])[1] == ("dog",)
    numbers = scan(put(tmp_path / "numbers", "2/1.png", "3/2.png", "3/3.png"))
    assert numbers.chosen([3])[1] == ("3",)
    with pytest.raises(Unusable, match="1 is not one of this set's classes: 2, 3"):
        numbers.chosen([1])


def test_names_are_compared_as_they_look(tmp_path: Path) -> None:
    put(tmp_path, "Ba\u0308r/1.png", "Ba\u0308r/3.png", "Hund/2.png")  # as file systems of Apple's store it
    assert scan(tmp_path).chosen(["B\u00e4r"])[1] == ("Ba\u0308r",)


def test_what_was_meant_is_told(tmp_path: Path) -> None:
    listing = scan(put(tmp_path, "cat/1.png", "dog/2.png"))
    with pytest.raises(Unusable, match=r"cat, dog\. Several are a list: \[cat, dog\]$"):
        listing.chosen(["cat, dog"])
    with pytest.raises(Unusable, match=r"Did you mean cat\?$"):
        listing.chosen(["catt"])
