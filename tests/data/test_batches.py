import pytest
import torch
from torch import Tensor

from wgan.data import batches as module
from wgan.data.batches import Batches, placement_of


def numbered(count: int) -> Tensor:
    """(count, 1, 2, 2) images, each of one value: its number."""
    return torch.arange(count, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 2, 2).contiguous()


def numbers(batch: Tensor) -> list[int]:
    return ((batch[:, 0, 0, 0] + 1) * 127.5).round().int().tolist()


@pytest.mark.parametrize(("count", "batch_size"), [(10, 4), (10, 5), (7, 7), (3, 8), (1, 4), (200, 64)])
def test_the_stream_is_one_permutation_after_another(count: int, batch_size: int) -> None:
    batches = Batches(numbered(count), batch_size, seed=1)
    stream = [n for step in range(3 * count) for n in numbers(batches.batch(step))]
    assert len(stream) == 3 * count * batch_size
    epochs = [stream[i : i + count] for i in range(0, len(stream), count)]
    assert all(sorted(epoch) == list(range(count)) for epoch in epochs)
    assert count < 5 or len({tuple(epoch) for epoch in epochs}) > 1


def test_a_batch_depends_on_its_step_alone() -> None:
    images = numbered(50)
    in_order = [Batches(images, 16, seed=3).batch(step) for step in range(12)]
    batches = Batches(images, 16, seed=3)
    for step in (11, 0, 5, 5, 2, 11):
        assert torch.equal(batches.batch(step), in_order[step])
    assert not torch.equal(Batches(images, 16, seed=4).batch(0), in_order[0])


def test_the_ranks_share_the_batch_of_one_process() -> None:
    images = numbered(50)
    whole = Batches(images, 12, seed=0)
    ranks = [Batches(images, 12, seed=0, rank=rank, world_size=3) for rank in range(3)]
    for step in (0, 4, 9):  # batch 4 crosses from epoch 0 to epoch 1
        assert torch.equal(torch.cat([part.batch(step) for part in ranks]), whole.batch(step))


SIZES = [9, 5, 2, 1]
LABELS = torch.tensor([label for label, size in enumerate(SIZES) for _ in range(size)])


@pytest.mark.parametrize("even", [False, True])
def test_labels_are_those_of_the_images_on_any_number_of_ranks_and_of_any_number_of_fakes(even: bool) -> None:
    images = numbered(len(LABELS))
    whole = Batches(images, 6, seed=0, labels=LABELS, even=even)
    ranks = [Batches(images, 6, seed=0, rank=rank, world_size=3, labels=LABELS, even=even) for rank in range(3)]
    for step in (7, 0, 3, 29):
        assert torch.equal(whole.labels(step, 6), LABELS[numbers(whole.batch(step))])
        for size in (3, 6, 12):
            assert torch.equal(torch.cat([part.labels(step, size) for part in ranks]), whole.labels(step, size))
        following = torch.cat([whole.labels(step, 6), whole.labels(step + 1, 6)])
        assert torch.equal(whole.labels(step, 12), following)


def test_even_batches_hold_each_class_as_often_and_each_image_of_a_class_as_often() -> None:
    batches = Batches(numbered(len(LABELS)), 6, seed=5, labels=LABELS, even=True)
    stream = torch.cat([batches.rows(step) for step in range(6 * 5)])  # five epochs of 4 classes x 9 images
    for batch in stream.split(6):
        counts = LABELS[batch].bincount(minlength=4)
        assert counts.max() - counts.min() <= 1
    for epoch in stream.split(36):
        assert LABELS[epoch].bincount().tolist() == [9, 9, 9, 9]
        shown = epoch.bincount(minlength=len(LABELS))
        for label in range(4):
            assert shown[label == LABELS].max() - shown[label == LABELS].min() <= 1
    places = LABELS[stream].view(-1, 4)
    assert all(len(set(column.tolist())) == 4 for column in places.T), "the order within a round changes"
    again = Batches(numbered(len(LABELS)), 6, seed=5, labels=LABELS, even=True)
    assert torch.equal(again.rows(17), stream[17 * 6 : 18 * 6]), "a function of the step"


def test_bytes_become_floats_from_minus_one_to_one() -> None:
    images = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    batch = Batches(images, 1, seed=0).batch(0)
    assert batch.dtype == torch.float32
    assert (batch[0, 0, 0, 0].item(), batch[0, 0, 15, 15].item()) == (-1.0, 1.0)
    exact = images.double() / 127.5 - 1
    assert (batch.double() - exact).abs().max() <= 2**-25  # correctly rounded


def test_points_pass_as_they_are() -> None:
    points = torch.randn(30, 2)
    batches = Batches(points, 30, seed=0)
    assert torch.equal(batches.batch(0), points[batches.rows(0)])


def test_the_epoch_counts_passes_over_the_data() -> None:
    batches = Batches(numbered(100), 40, seed=0)
    assert [batches.epoch(step) for step in (0, 1, 5)] == [0.0, 0.4, 2.0]


def test_batches_gathered_ahead_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    images = numbered(50)
    plain = Batches(images, 16, seed=3)
    monkeypatch.setattr(module, "capacity", lambda _: 10)
    ahead = Batches(images, 16, seed=3)
    assert (plain.placement, ahead.placement) == ("memory", "ahead")
    for step in (0, 1, 2, 7, 8, 3, 3):
        assert torch.equal(ahead.batch(step), plain.batch(step))


def test_the_worker_begins_with_the_next_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "capacity", lambda _: 10)
    batches = Batches(numbered(50), 16, seed=3)
    gathered = []
    gather = batches._gather
    monkeypatch.setattr(batches, "_gather", lambda step: gathered.append(step) or gather(step))
    batches.batch(4)
    batches.batch(5)
    batches._gathered[1].result()
    assert gathered == [4, 5, 6]


def test_a_failure_of_the_worker_reaches_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "capacity", lambda _: 10)
    batches = Batches(numbered(50), 16, seed=3)

    def failing(_: int) -> Tensor:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(batches, "_gather", failing)
    with pytest.raises(OSError, match="Input/output error"):
        batches.batch(0)


@pytest.mark.parametrize(
    ("device", "gigabytes", "free", "place"),
    [
        ("cpu", 1, 16, "memory"),
        ("cpu", 9, 16, "ahead"),
        ("cuda", 1, 16, "device"),
        ("cuda", 8, 16, "device"),
        ("cuda", 9, 16, "ahead"),
        ("xpu", 9, 16, "ahead"),
        ("mps", 4, 16, "device"),
    ],
)
def test_a_set_waits_where_it_fits(device: str, gigabytes: int, free: int, place: str) -> None:
    assert placement_of(gigabytes * 2**30, device, free * 2**30) == place


@pytest.mark.parametrize(
    ("count", "batch_size", "rank", "world_size"), [(0, 4, 0, 1), (5, 0, 0, 1), (5, 4, 0, 3), (5, 4, 2, 2)]
)
def test_what_gives_no_batches_is_refused(count: int, batch_size: int, rank: int, world_size: int) -> None:
    with pytest.raises(ValueError, match=f"{count} images"):
        Batches(numbered(count), batch_size, 0, rank=rank, world_size=world_size)
