"""Batches: a pure function of (seed, epoch), resumable at any batch."""

from __future__ import annotations

import os

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vit_tutorial.data import FileImages, TensorImages, batches, derive_seed, epoch_order, num_batches


def numbered(n: int) -> TensorImages:
    """n grey images of one pixel, item i with value i % 256 and label i."""
    images = (torch.arange(n) % 256).to(torch.uint8).reshape(n, 1, 1, 1)
    return TensorImages(images, torch.arange(n), [str(i) for i in range(n)])


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> FileImages:
    """12 RGB PNG files, 24x20, in three classes."""
    folder = tmp_path_factory.mktemp("files")
    random = torch.Generator().manual_seed(0)
    for i in range(12):
        pixels = torch.randint(0, 256, (20, 24, 3), dtype=torch.uint8, generator=random)
        Image.fromarray(pixels.numpy()).save(folder / f"{i:02d}.png")
    return FileImages(sorted(folder.iterdir()), torch.arange(12) % 3, ["a", "b", "c"], (16, 16))


def labels_of(found) -> list[list[int]]:
    return [labels.tolist() for _, labels in found]


def assert_same(first, second) -> None:
    first, second = list(first), list(second)
    assert len(first) == len(second)
    for a, b in zip(first, second):
        assert torch.equal(a[0], b[0])
        assert torch.equal(a[1], b[1])


@settings(deadline=None)
@given(n=st.integers(1, 60), size=st.integers(1, 20), seed=st.integers(0, 99), epoch=st.integers(0, 99))
def test_an_epoch_holds_every_item_once_with_its_own_label(n, size, seed, epoch):
    found = list(batches(numbered(n), size, seed, epoch))
    assert len(found) == num_batches(n, size)
    assert sorted(label for labels in labels_of(found) for label in labels) == list(range(n))
    for images, labels in found:
        assert images[:, 0, 0, 0].tolist() == [label % 256 for label in labels.tolist()]


@settings(deadline=None)
@given(n=st.integers(1, 60), size=st.integers(1, 20), data=st.data())
def test_resuming_at_batch_k_yields_what_the_whole_epoch_yields_after_k_batches(n, size, data):
    k = data.draw(st.integers(0, num_batches(n, size)))
    whole = list(batches(numbered(n), size, seed=3, epoch=5))
    assert_same(batches(numbered(n), size, seed=3, epoch=5, start_batch=k), whole[k:])


def test_each_epoch_and_each_seed_has_its_own_order():
    orders = {tuple(epoch_order(50, seed, epoch).tolist()) for seed in range(4) for epoch in range(4)}
    assert len(orders) == 16


def test_seed_0_in_epoch_1_is_not_seed_1_in_epoch_0():
    assert derive_seed(0, 1) != derive_seed(1, 0)


def test_a_derived_seed_is_the_same_on_every_machine_and_fits_torch():
    assert derive_seed(0, 0) == 5664386219702497214
    torch.Generator().manual_seed(max(derive_seed(i, j) for i in range(30) for j in range(30)))


def test_without_shuffling_the_order_is_the_data_sets():
    assert labels_of(batches(numbered(5), 2, seed=0, epoch=0, shuffle=False)) == [[0, 1], [2, 3], [4]]


def test_the_last_small_batch_can_be_dropped():
    assert labels_of(batches(numbered(5), 2, 0, 0, shuffle=False, drop_last=True)) == [[0, 1], [2, 3]]
    assert num_batches(5, 2, drop_last=True) == 2


@pytest.mark.parametrize("crop", [None, (0.3, 1.0)])
def test_drawing_batches_leaves_the_global_random_state_alone(files, crop):
    for data in (numbered(12), files):
        torch.manual_seed(0)
        expected = torch.rand(4)
        torch.manual_seed(0)
        list(batches(data, 4, seed=1, epoch=1, random_resized_crop=crop))
        assert torch.equal(torch.rand(4), expected)


def test_files_and_a_tensor_of_the_same_images_give_the_same_batches(files):
    tensor = TensorImages(torch.stack([image for image, _ in files]), files.labels, files.classes)
    assert_same(batches(files, 5, seed=2, epoch=1), batches(tensor, 5, seed=2, epoch=1))


def test_worker_processes_change_nothing(files):
    settings = {"seed": 2, "epoch": 1, "random_resized_crop": (0.3, 1.0)}
    assert_same(batches(files, 5, workers=2, **settings), batches(files, 5, workers=0, **settings))


def test_random_crops_resume_exactly(files):
    whole = list(batches(files, 5, seed=2, epoch=1, random_resized_crop=(0.3, 0.8)))
    assert_same(batches(files, 5, seed=2, epoch=1, random_resized_crop=(0.3, 0.8), start_batch=1), whole[1:])


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("start", [0, 2, 3])
def test_several_epochs_in_a_row_are_the_single_epochs_one_after_the_other(files, workers, start):
    settings = {"seed": 2, "random_resized_crop": (0.3, 1.0)}
    single = [batch for epoch in (4, 5, 6) for batch in batches(files, 5, epoch=epoch, **settings)]
    assert_same(batches(files, 5, epoch=4, start_batch=start, epochs=3, workers=workers, **settings), single[start:])


def test_several_epochs_of_a_tensor_are_the_single_epochs_one_after_the_other():
    single = [batch for epoch in (4, 5) for batch in batches(numbered(7), 3, 0, epoch)]
    assert_same(batches(numbered(7), 3, 0, epoch=4, epochs=2, start_batch=1), single[1:])


def test_the_worker_processes_live_through_all_epochs(files):
    class Watched:
        """The files, and the process that opened each of them in place of its label."""

        def __len__(self):
            return len(files)

        def __getitem__(self, index):
            return files[index][0], os.getpid()

    processes = {label for labels in labels_of(batches(Watched(), 3, 0, 0, epochs=5, workers=2)) for label in labels}
    assert len(processes) == 2
    assert os.getpid() not in processes


def test_an_item_is_cropped_anew_in_each_epoch_and_for_each_seed(files):
    crops = [
        next(batches(files, 12, seed, epoch, shuffle=False, random_resized_crop=(0.3, 0.8)))[0]
        for seed, epoch in ((2, 1), (2, 2), (3, 1))
    ]
    for item in zip(*crops):
        assert len({tuple(image.flatten().tolist()) for image in item}) == 3


def test_crops_of_one_batch_differ_from_each_other():
    image = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16).repeat(8, 1, 1, 1)
    same = TensorImages(image, torch.zeros(8, dtype=torch.int64), ["a"])
    ((images, _),) = batches(same, 8, seed=0, epoch=0, random_resized_crop=(0.2, 0.9))
    assert len({tuple(image.flatten().tolist()) for image in images}) == 8


def test_bad_arguments_are_named_at_the_call_not_at_the_first_batch():
    with pytest.raises(ValueError, match="batch size must be at least 1, got 0"):
        batches(numbered(5), 0, 0, 0)
    with pytest.raises(ValueError, match="start_batch is 4, but an epoch has batches 0 to 2"):
        batches(numbered(5), 2, 0, 0, start_batch=4)
    with pytest.raises(ValueError, match="no batch of 8 in 5 images"):
        batches(numbered(5), 8, 0, 0, drop_last=True)
