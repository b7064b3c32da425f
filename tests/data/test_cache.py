import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
import torch
from image_files import encoded, picture
from PIL import Image

from wgan.config.image_form import Form
from wgan.data import cache as module
from wgan.data import decode as decode_module
from wgan.data.array_store import Store
from wgan.data.cache import CHUNK, KEPT_SETTINGS, prepare
from wgan.data.decode import BYTES_PER_PIXEL, Decoded, Undecodable, decode_file
from wgan.data.image_folder import scan
from wgan.utils.errors import InputError, RunFault

COUNT = 3 * CHUNK + 10


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of COUNT small images, each of another grey."""
    folder = tmp_path_factory.mktemp("album")
    for number in range(COUNT):
        picture(20, 16, seed=number).save(folder / f"{number:03}.png")
    return folder


@pytest.fixture
def photos(album: Path, tmp_path: Path) -> Path:
    """A copy of it to change."""
    return Path(shutil.copytree(album, tmp_path / "photos"))


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were decoded so far."""
    names: list[str] = []

    def recording(path: Path, *settings: Any) -> Decoded:
        names.append(path.name)
        return decode_file(path, *settings)

    monkeypatch.setattr(module, "decode_file", recording)
    return names


def load(root: Path, size: int = 8, channels: int = 3, **options: object) -> Store:
    files = scan(root).files
    return prepare(root, files, Form(channels, size, size), workers=2, cache=root.parent / "cache", **options)[0]


def entries(root: Path) -> list[str]:
    return sorted(path.name for path in (root.parent / "cache").glob("folders/*/*") if path.is_dir())


def images_file(root: Path) -> Path:
    (path,) = (root.parent / "cache").glob("folders/*/*/images.npy")
    return path


def assert_right(store: Store, root: Path) -> None:
    """Every file has its row, and the row is the file's image."""
    assert {file.name for file in store.files} == {file.name for file in scan(root).files}
    for row in range(0, len(store.files), 17):
        assert (store.images[row].numpy() == decode_file(root / store.files[row].name, Form(3, 8, 8)).pixels).all()


def test_a_second_run_decodes_nothing(photos: Path, decoded: list[str]) -> None:
    first = load(photos)
    assert_right(first, photos)
    assert sorted(decoded) == sorted(file.name for file in first.files)
    decoded.clear()
    second = load(photos)
    assert not decoded
    assert torch.equal(first.images, second.images)
    assert second.files == first.files


def test_the_rows_are_shuffled_and_do_not_depend_on_the_other_files(photos: Path) -> None:
    before = [file.name for file in load(photos).files]
    assert before != sorted(before)
    (photos / "050.png").unlink()
    assert [file.name for file in load(photos).files] == [name for name in before if name != "050.png"]


def test_numpy_reads_the_file(photos: Path) -> None:
    store = load(photos)
    array = np.load(images_file(photos))
    assert (array == store.images.numpy()).all()


def test_a_changed_folder_is_noticed_and_only_the_change_decoded(photos: Path, decoded: list[str]) -> None:
    load(photos)
    decoded.clear()
    picture(30, 30, seed=1000).save(photos / "new.png")
    picture(30, 30, seed=1001).save(photos / "005.png")
    os.utime(photos / "006.png", ns=(1, 1))
    (photos / "007.png").unlink()
    store = load(photos)
    assert sorted(decoded) == ["005.png", "006.png", "new.png"]
    assert_right(store, photos)
    assert len(entries(photos)) == 1  # the old version is gone


def test_each_setting_has_its_own_version(photos: Path) -> None:
    assert load(photos, 8, 3).images.shape == (COUNT, 3, 8, 8)
    assert load(photos, 12, 1).images.shape == (COUNT, 1, 12, 12)
    assert load(photos, 8, 3, choice="cats").images.shape == (COUNT, 3, 8, 8)
    assert len(entries(photos)) == 3


def test_a_choice_of_files_that_are_decoded_decodes_nothing(photos: Path, decoded: list[str], tmp_path: Path) -> None:
    load(photos)
    decoded.clear()
    store, _ = prepare(
        photos, scan(photos).files[20:60], Form(3, 8, 8), workers=2, cache=tmp_path / "cache", choice="cats"
    )
    assert len(store.images) == 40
    assert not decoded
    load(photos)
    assert not decoded  # the version of all files is still there


def test_the_number_of_versions_is_bounded(album: Path, tmp_path: Path) -> None:
    root = tmp_path / "few"
    root.mkdir()
    shutil.copy(album / "000.png", root)
    for size in range(4, 4 + KEPT_SETTINGS + 3):
        load(root, size)
        for path in (tmp_path / "cache").glob("folders/*/*"):
            os.utime(path, ns=(time.time_ns(),) * 2)
    kept = [int(name.partition("x")[0]) for name in entries(root)]
    assert len(kept) == KEPT_SETTINGS
    assert 4 + KEPT_SETTINGS + 2 in kept


def test_an_interrupted_preparation_goes_on_where_it_was(
    photos: Path, decoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = module.decode_file

    def interrupted(path: Path, *settings: Any) -> Decoded:
        if len(decoded) == 2 * CHUNK + 20:
            raise KeyboardInterrupt
        return recording(path, *settings)

    monkeypatch.setattr(module, "decode_file", interrupted)
    with pytest.raises(KeyboardInterrupt):
        load(photos)
    monkeypatch.setattr(module, "decode_file", recording)
    assert [name.endswith(".part") for name in entries(photos)] == [True]
    decoded.clear()
    store = load(photos)
    assert len(decoded) == COUNT - 2 * CHUNK
    assert_right(store, photos)
    assert [name.endswith(".part") for name in entries(photos)] == [False]


SLOWLY = """
import sys, time
from collections import Counter
from pathlib import Path
from wgan.config.image_form import Form
from wgan.data import cache
from wgan.data.decode import decode_file
from wgan.data.image_folder import scan

def slowly(path, *settings):
    time.sleep(0.005)
    with open(sys.argv[2], "a") as log:
        log.write(path.name + "\\n")
    return decode_file(path, *settings)

cache.decode_file = slowly
root = Path(sys.argv[1])
store, key = cache.prepare(root, scan(root).files, Form(3, 8, 8), workers=1, cache=root.parent / "cache")
print(len(store.images), int(store.images.sum()))
"""


def slow_process(photos: Path, log: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SLOWLY, str(photos), str(log)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.slow
def test_a_killed_preparation_goes_on_where_it_was(photos: Path, tmp_path: Path, decoded: list[str]) -> None:
    log = tmp_path / "log"
    log.touch()
    process = slow_process(photos, log)
    while len(log.read_text().split()) < CHUNK + 30:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    store = load(photos)
    assert CHUNK <= COUNT - len(decoded) <= 3 * CHUNK
    assert_right(store, photos)


@pytest.mark.slow
def test_two_processes_prepare_once_and_agree(photos: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    processes = [slow_process(photos, log) for _ in range(2)]
    outputs = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert outputs[0][0] == outputs[1][0]
    assert len(log.read_text().split()) == COUNT


@pytest.mark.parametrize("keep", [0, 100, 128, 128 + 192 * 100 + 5])
def test_pixels_lost_after_an_interruption_are_decoded_again(keep: int, photos: Path, decoded: list[str]) -> None:
    interrupted_after(photos, 2 * CHUNK)
    pixels = next((photos.parent / "cache").glob("folders/*/*.part/images.npy"))
    os.truncate(pixels, keep)
    decoded.clear()
    assert_right(load(photos), photos)
    assert len(decoded) == COUNT - (CHUNK if keep > 128 + 192 * CHUNK else 0)


@pytest.mark.parametrize("damage", [b"", b"not json\n", b"\xff\xfe", b'{"files": [[1]]}\n', b"[1]\n"])
def test_a_damaged_journal_is_not_believed(damage: bytes, photos: Path, decoded: list[str]) -> None:
    interrupted_after(photos, 2 * CHUNK)
    journal = next((photos.parent / "cache").glob("folders/*/*.part/chunks.jsonl"))
    journal.write_bytes(damage + journal.read_bytes())
    decoded.clear()
    assert_right(load(photos), photos)
    assert len(decoded) == (COUNT if damage else COUNT - 2 * CHUNK)


def interrupted_after(photos: Path, count: int) -> None:
    """Leave a cache whose making ended after `count` files."""
    files = sorted(scan(photos).files, key=lambda file: module.digest(file.name))
    known = {photos / file.name for file in files[:count]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "decode_file", lambda path, *a: decode_file(path, *a) if path in known else _no_space())
        with pytest.raises(RunFault):
            load(photos)


def _no_space() -> NoReturn:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("where", [0.001, 0.5, 0.9999])
def test_flipped_bits_are_noticed(where: float, photos: Path, decoded: list[str]) -> None:
    load(photos)
    path = images_file(photos)
    content = bytearray(path.read_bytes())
    content[128 + int(where * (len(content) - 128))] ^= 1
    path.write_bytes(content)
    decoded.clear()
    assert_right(load(photos), photos)
    assert len(decoded) == COUNT - int(where * COUNT) // CHUNK * CHUNK


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]\n", b'{"files": [], "failed": {}, "passing": [], "crc": 0}\n', b"\xff"]
)
def test_a_damaged_list_of_chunks_is_not_believed(content: bytes, photos: Path) -> None:
    load(photos)
    (images_file(photos).parent / "chunks.jsonl").write_bytes(content)
    assert_right(load(photos), photos)


def test_a_truncated_array_is_not_used(photos: Path) -> None:
    load(photos)
    os.truncate(images_file(photos), 1000)
    assert_right(load(photos), photos)


def test_files_without_an_image_are_remembered_with_their_reason(photos: Path, decoded: list[str]) -> None:
    (photos / "text.png").write_text("no image")
    (photos / "empty.jpg").touch()
    for _ in range(2):
        store = load(photos)
        assert len(store.images) == len(store.files) == COUNT
        assert {file.name: str(reason).partition(" (")[0] for file, reason in store.failed.items()} == {
            "text.png": "no image of a kind that is read",
            "empty.jpg": "empty file",
        }
    assert len(decoded) == COUNT + 2
    picture(9, 9).save(photos / "new.png")
    load(photos)
    assert decoded[COUNT + 2 :] == ["new.png"]


def test_a_file_the_machine_failed_on_is_tried_again(
    photos: Path, decoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = module.decode_file

    def failing(path: Path, *settings: Any) -> Decoded:
        if path.name == "003.png":
            raise Undecodable("cannot be read: Input/output error", transient=True)
        return recording(path, *settings)

    monkeypatch.setattr(module, "decode_file", failing)
    assert len(load(photos).images) == COUNT - 1
    monkeypatch.setattr(module, "decode_file", recording)
    decoded.clear()
    assert_right(load(photos), photos)
    assert decoded == ["003.png"]
    load(photos)
    assert decoded == ["003.png"]


def test_a_folder_without_any_image_is_prepared_too(tmp_path: Path) -> None:
    root = tmp_path / "texts"
    root.mkdir()
    (root / "text.png").write_text("no image")
    for _ in range(2):
        store = load(root)
        assert store.images.shape == (0, 3, 8, 8)
        assert len(store.failed) == 1


def test_a_folder_that_vanishes_is_a_fault(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def vanishing(path: Path, *settings: Any) -> Decoded:
        shutil.rmtree(photos, ignore_errors=True)
        return decode_file(path, *settings)

    monkeypatch.setattr(module, "decode_file", vanishing)
    with pytest.raises(RunFault, match="vanished while its images were being decoded"):
        load(photos)


def test_a_full_disk_is_a_fault_that_says_what_to_do(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(photos)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
        with pytest.raises(RunFault, match=r"cache: .* cannot be written to .*No space left on device.*`cache:` can"):
            load(photos)
    assert_right(load(photos), photos)


def test_a_cache_that_cannot_be_made_is_a_fault(photos: Path) -> None:
    (photos.parent / "cache").write_text("a file where the cache should be")
    with pytest.raises(RunFault, match=r"cache: .*Not a directory"):
        load(photos)


def test_names_of_any_bytes_are_kept(tmp_path: Path) -> None:
    root = tmp_path / "odd"
    root.mkdir()
    for name in (b"line\nbreak.png", b"caf\xe9.png", "猫.png".encode()):
        (root / os.fsdecode(name)).write_bytes(encoded(picture(9, 9), "PNG"))
    (root / os.fsdecode(b"bad\xff.png")).touch()
    for _ in range(2):
        store = load(root)
        assert sorted(os.fsencode(file.name) for file in store.files) == sorted(
            [b"line\nbreak.png", b"caf\xe9.png", "猫.png".encode()]
        )
        assert [os.fsencode(file.name) for file in store.failed] == [b"bad\xff.png"]


def test_nothing_but_the_images_and_their_list_is_left(photos: Path) -> None:
    load(photos)
    folder = images_file(photos).parent
    assert sorted(path.name for path in folder.iterdir()) == ["chunks.jsonl", "images.npy"]
    assert [path.name for path in folder.parent.iterdir() if path.is_dir()] == [folder.name]


def test_what_an_interrupted_preparation_did_serves_a_changed_folder(photos: Path, decoded: list[str]) -> None:
    interrupted_after(photos, 2 * CHUNK)
    (photos / "003.png").unlink()
    picture(30, 30, seed=1000).save(photos / "new.png")
    decoded.clear()
    assert_right(load(photos), photos)
    assert COUNT - 2 * CHUNK <= len(decoded) <= COUNT - 2 * CHUNK + 1
    assert len(entries(photos)) == 1


def test_pictures_of_every_worker_count_are_the_same(album: Path, tmp_path: Path) -> None:
    def with_workers(workers: int) -> torch.Tensor:
        return prepare(album, scan(album).files, Form(3, 8, 8), workers, tmp_path / str(workers))[0].images

    assert torch.equal(with_workers(0), with_workers(5))


def as_an_earlier_version_left_it(photos: Path) -> None:
    journal = images_file(photos).parent / "chunks.jsonl"
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    journal.write_text("".join(json.dumps({k: v for k, v in line.items() if k != "notes"}) + "\n" for line in lines))


def test_files_that_an_earlier_version_could_not_read_are_tried_once_more(photos: Path, decoded: list[str]) -> None:
    (photos / "text.png").write_text("no image")
    load(photos)
    as_an_earlier_version_left_it(photos)
    decoded.clear()
    for _ in range(2):
        assert len(load(photos).failed) == 1
        assert decoded == ["text.png"]


def test_tiffs_that_an_earlier_version_read_are_read_again(photos: Path, decoded: list[str]) -> None:
    load(photos)
    as_an_earlier_version_left_it(photos)
    decoded.clear()
    load(photos)
    assert not decoded
    picture(20, 16, seed=5).save(photos / "scan.tif")
    load(photos)
    as_an_earlier_version_left_it(photos)
    decoded.clear()
    assert_right(load(photos), photos)
    assert "scan.tif" in decoded


def test_dark_images_that_an_earlier_version_read_are_read_again(photos: Path, decoded: list[str]) -> None:
    Image.fromarray(np.full((20, 16), 4095, np.uint16)).save(photos / "scan.png")
    assert [(file.name, notes) for file, notes in load(photos).notes.items()] == [("scan.png", {"largest": 4095})]
    as_an_earlier_version_left_it(photos)
    decoded.clear()
    assert [(file.name, notes) for file, notes in load(photos).notes.items()] == [("scan.png", {"largest": 4095})]
    assert "scan.png" in decoded


def test_images_are_decoded_side_by_side_only_while_memory_lasts(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two fit at a time here, and one that is larger than all of it is decoded alone."""
    picture(100, 90, seed=0).save(photos / "large.png")
    each, large = BYTES_PER_PIXEL * 20 * 16, BYTES_PER_PIXEL * 100 * 90
    monkeypatch.setattr(module, "free_memory", lambda: 2 * (2 * each + 10))
    under_way: Counter[int] = Counter()
    seen: set[tuple[int, int]] = set()
    plain = decode_module._pixels

    def watched(image: Image.Image, *settings: Any) -> Decoded:
        pixels = image.width * image.height
        under_way[pixels] += 1
        seen.add((under_way[20 * 16], under_way[100 * 90]))
        time.sleep(0.002)
        found = plain(image, *settings)
        under_way[pixels] -= 1
        return found

    monkeypatch.setattr(decode_module, "_pixels", watched)
    files = scan(photos).files
    store, _ = prepare(photos, files, Form(3, 8, 8), workers=16, cache=photos.parent / "cache")
    assert len(store.images) == COUNT + 1
    assert seen == {(1, 0), (2, 0), (0, 1)}, large


def test_a_file_is_not_called_damaged_for_want_of_memory(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A codec that gets none says the same as of a broken file; what was missed so would be missed silently."""

    def without_memory(path: Path, *settings: Any) -> Decoded:
        if path.name == "007.png":
            raise Undecodable("damaged: broken data stream when reading image file")
        return decode_file(path, *settings)

    with monkeypatch.context() as patch:
        patch.setattr(module, "decode_file", without_memory)
        patch.setattr(module, "free_memory", lambda: 1_000_000)
        with pytest.raises(MemoryError):
            load(photos)
        patch.setattr(module, "free_memory", lambda: 1_000_000_000)
        assert [file.name for file in load(photos).failed] == ["007.png"]


def unfinished(root: Path) -> Path:
    """A whole version of the images, made to look like one that was interrupted."""
    load(root)
    target = images_file(root).parent
    return target.rename(target.with_name(f"{target.name}.part"))


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def link(path: Path, target: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    path.symlink_to(target)


def hard_link(path: Path, target: Path) -> None:
    path.unlink()
    path.hardlink_to(target)


DEEP, DIGITS = b"[" * 100_000, b"9" * 400
LINE = b'{"files": [["a.png", 1, 1]], "failed": %s, "passing": %s, "crc": 0}\n'
SPOILT = {
    "pixels_pipe": lambda folder, _: pipe(folder / "images.npy"),
    "pixels_link": lambda folder, others: link(folder / "images.npy", others / "images.npy"),
    "pixels_hard_link": lambda folder, others: hard_link(folder / "images.npy", others / "images.npy"),
    "journal_pipe": lambda folder, _: pipe(folder / "chunks.jsonl"),
    "journal_link": lambda folder, others: link(folder / "chunks.jsonl", others / "chunks.jsonl"),
    "journal_deep": lambda folder, _: (folder / "chunks.jsonl").write_bytes(DEEP),
    "journal_deep_value": lambda folder, _: (folder / "chunks.jsonl").write_bytes(LINE % (b"{}", DEEP)),
    "journal_one_long_line": lambda folder, _: (folder / "chunks.jsonl").write_bytes(b" " * 2**25),
    "journal_fewer_images_than_none": lambda folder, _: (folder / "chunks.jsonl").write_bytes(
        LINE % (b'{"a": "", "b": "", "c": ""}', b"[]")
    ),
    "journal_infinite": lambda folder, _: (folder / "chunks.jsonl").write_bytes(
        b'{"files": [["a", Infinity, 1]], "failed": {}, "passing": [], "crc": 0}\n'
    ),
    "journal_notes": lambda folder, _: (folder / "chunks.jsonl").write_text(
        (folder / "chunks.jsonl").read_text().replace('"notes": {}', '"notes": "003.png"')
    ),
    "journal_digits": lambda folder, _: (folder / "chunks.jsonl").write_bytes(LINE % (b"{}", DIGITS)),
    "folder_link": lambda folder, others: link(folder, others),
    "home_link": lambda folder, others: link(folder.parent, others),
    "folders_link": lambda folder, others: link(folder.parent.parent, others),
    "lock_link": lambda folder, others: link(folder.parent / "8x3-v1.lock", others / "chunks.jsonl"),
}


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("name", SPOILT)
@pytest.mark.timeout(60)
def test_what_others_put_into_the_cache_is_not_believed_waited_for_or_written_through(
    name: str, whole: bool, photos: Path
) -> None:
    """The right images come out, or one line."""
    others = photos.parent / "others"
    others.mkdir()
    folder = unfinished(photos)
    if whole:
        folder = folder.rename(folder.with_suffix(""))
    for path in folder.iterdir():
        shutil.copy(path, others)
    (others / "8x3-v1-others").mkdir()
    SPOILT[name](folder, others)
    before = {path.name: path.read_bytes() for path in others.iterdir() if path.is_file()}
    if name in {"home_link", "folders_link", *(() if whole else ("folder_link", "lock_link"))}:
        with pytest.raises((RunFault, InputError), match=r"^[^\n]+$"):
            load(photos)
    else:
        assert_right(load(photos), photos)
    assert {path.name: path.read_bytes() for path in others.iterdir() if path.is_file()} == before


def test_only_versions_of_the_images_are_removed_when_they_are_old(photos: Path) -> None:
    load(photos)
    notes = images_file(photos).parent.parent / "notes-of-mine"
    notes.mkdir()
    for size in range(9, 9 + KEPT_SETTINGS):
        load(photos, size)
    assert notes.is_dir()
    assert len(entries(photos)) == KEPT_SETTINGS + 1
