from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from torch import Tensor

from wgan.config.image_form import Form
from wgan.data.image_folder import Unusable, class_indices, held_out_count
from wgan.data.image_set import ImageSet, fit, hold_out, select, split
from wgan.data.named_sets import mnist_5k
from wgan.utils.rng import generator


@pytest.fixture(scope="module")
def digits() -> ImageSet:
    return mnist_5k()


def test_mnist_5k_holds_500_real_digits_of_each_class(digits: ImageSet) -> None:
    assert digits.images.shape == (5000, 1, 28, 28)
    assert digits.images.dtype == torch.uint8
    assert digits.labels is not None
    assert digits.labels.bincount().tolist() == [500] * 10
    assert digits.images.max() == 255
    assert 30 < digits.images.float().mean() < 36  # MNIST's mean is 33.3
    hole, stroke = digits.images[digits.labels == 0][:, 0].float().mean(0)[14, 14], digits.images[digits.labels == 1]
    assert hole < 30 < stroke[:, 0].float().mean(0)[14, 14]  # a nought is empty in the middle, a one is not


@pytest.mark.parametrize(
    ("total", "held_out"),
    [(1, 0), (2, 1), (3, 1), (4, 1), (100, 25), (1023, 255), (1024, 256), (2560, 256), (5000, 500), (10**6, 10_000)],
)
def test_a_fixed_share_is_held_out(total: int, held_out: int) -> None:
    assert held_out_count(total) == held_out


def test_the_split_is_disjoint_complete_and_always_the_same(digits: ImageSet) -> None:
    numbered = ImageSet(torch.arange(5000).view(-1, 1, 1, 1), digits.labels, digits.class_names)
    train, held_out = split(numbered)
    assert (len(train), len(held_out)) == (4500, 500)
    assert sorted(torch.cat([train.images, held_out.images]).flatten().tolist()) == list(range(5000))
    assert torch.equal(split(numbered)[1].images, held_out.images)
    assert train.labels is not None
    assert (train.labels == train.images.flatten() // 500).all()  # the file is sorted by digit
    assert (held_out.labels.bincount(minlength=10) > 25).all()


@pytest.mark.parametrize("order", [None, torch.arange(1000).flip(0), torch.randperm(1000)])
def test_without_equal_images_the_first_in_the_order_are_held_out(order: Tensor | None) -> None:
    images = torch.arange(1000).repeat_interleave(64).view(-1, 1, 8, 8)
    train, held_out, copies = hold_out(images, 250, order)
    expected = torch.arange(1000) if order is None else order
    assert torch.equal(held_out, expected[:250])
    assert torch.equal(train, expected[250:])
    assert copies == 0


@pytest.mark.parametrize("times", [2, 3, 5])
def test_equal_images_go_to_one_side_and_none_is_lost(times: int) -> None:
    pictures = torch.randint(0, 256, (200, 3, 8, 8), dtype=torch.uint8)
    which = torch.arange(200).repeat(times)[torch.randperm(200 * times)]
    count = held_out_count(len(which))
    train, held_out, copies = hold_out(pictures[which], count)
    assert copies == 200 * (times - 1)
    assert count <= len(held_out) < count + times
    assert torch.equal(train, torch.arange(int(train[0]), len(which)))  # a slice
    assert not set(which[train].tolist()) & set(which[held_out].tolist())
    assert set(which[train].tolist()) | set(which[held_out].tolist()) == set(range(200))


def test_images_that_differ_in_one_byte_are_two() -> None:
    images = torch.zeros(4, 3, 64, 64, dtype=torch.uint8)
    for row in range(4):
        images[row].view(-1)[5000 + row] = 1
    assert hold_out(images, 1)[2] == 0
    images[3] = images[1]
    train, held_out, copies = hold_out(images, 1)
    assert (train.tolist(), held_out.tolist(), copies) == ([1, 2, 3], [0], 1)


def test_of_equal_images_alone_none_is_held_out() -> None:
    train, held_out, copies = hold_out(torch.zeros(8, 1, 4, 4), 2)
    assert (len(train), len(held_out), copies) == (8, 0, 7)


def test_mnist_5k_is_split_as_ever(digits: ImageSet) -> None:
    order = torch.randperm(5000, generator=generator(0, "held out"))
    assert torch.equal(split(digits)[1].images, digits.images[order[:500]])
    assert torch.equal(split(digits)[0].images, digits.images[order[500:]])


def test_classes_are_chosen_by_name_or_by_index(digits: ImageSet) -> None:
    threes = select(digits, [3])
    assert (len(threes), threes.class_names) == (500, ("3",))
    assert (threes.labels == 0).all()
    assert torch.equal(threes.images, digits.images[1500:2000])
    pair = select(digits, ["7", 1, 1])
    assert (len(pair), pair.class_names) == (1000, ("1", "7"))
    assert torch.equal(pair.labels, torch.tensor([0] * 500 + [1] * 500))
    assert select(digits, None) is digits


def test_a_name_goes_before_an_index() -> None:
    assert class_indices([3, 1], ["1", "2", "3", "10"]) == [0, 2]
    assert class_indices(["cat"], ["cat", "dog"]) == [0]


def test_unknown_classes_are_refused_with_those_there_are(digits: ImageSet) -> None:
    with pytest.raises(Unusable, match=r"^classes: 11 is not one of this set's classes: 0, 1, 2, .*9\.$"):
        select(digits, [11])
    with pytest.raises(Unusable, match=r"^classes: these images have no classes"):
        select(ImageSet(digits.images), [3])


def by_pillow(images: Tensor, size: int, mode: str) -> Tensor:
    rows = []
    for image in images.permute(0, 2, 3, 1).numpy():
        converted = Image.fromarray(image.squeeze()).convert(mode)
        rows.append(torch.from_numpy(np.array(converted.resize((size, size), Image.Resampling.BICUBIC))))
    return torch.stack(rows).reshape(len(images), size, size, -1).permute(0, 3, 1, 2)


@pytest.mark.parametrize("size", [28, 32, 48, 64, 128])
@pytest.mark.parametrize("channels", [1, 3])
def test_whole_sets_are_resized_as_pillow_resizes_one_image(digits: ImageSet, size: int, channels: int) -> None:
    sample = digits.images[::250]
    fitted = fit(sample, Form(channels, size, size))
    assert fitted.shape == (20, channels, size, size)
    assert (fitted.int() - by_pillow(sample, size, "L" if channels == 1 else "RGB").int()).abs().max() <= 1


@pytest.mark.parametrize("fit_", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("sides", [(16, 28), (28, 20), (64, 96)])
def test_whole_sets_are_brought_to_other_shapes(digits: ImageSet, sides: tuple[int, int], fit_: Any) -> None:
    """As Pillow does it to one image; a crop's edge is rounded to a pixel."""
    form, (height, width), sample = Form(1, *sides, fit_), sides, digits.images[::250]
    fitted = fit(sample, form)
    assert fitted.shape == (20, 1, height, width)
    rows, columns = (round(28 * min(1, side / other)) for side, other in ((height, width), (width, height)))
    for image, found in zip(sample, fitted, strict=True):
        whole = Image.fromarray(image[0].numpy())
        if fit_ == "crop":
            top, left = (28 - rows) // 2, (28 - columns) // 2
            whole = whole.crop((left, top, left + columns, top + rows))
        if fit_ == "pad":
            expected = ImageOps.pad(whole, (width, height), Image.Resampling.BICUBIC, 255)
        else:
            expected = whole.resize((width, height), Image.Resampling.BICUBIC)
        assert (found[0].int() - torch.from_numpy(np.array(expected)).int()).abs().max() <= 2


def test_colour_becomes_grey_as_pillow_does_it() -> None:
    colours = torch.randint(0, 256, (3000, 3, 8, 8), dtype=torch.uint8)
    assert torch.equal(fit(colours, Form(1, 8, 8))[::100], by_pillow(colours[::100], 8, "L"))


def test_the_native_size_is_not_copied(digits: ImageSet) -> None:
    assert fit(digits.images, Form(1, 28, 28)).data_ptr() == digits.images.data_ptr()
    assert fit(digits.images, Form(3, 28, 28)).data_ptr() == digits.images.data_ptr()
