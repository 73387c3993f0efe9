"""Targets that are class numbers, masks, or dicts of tensors: they stay with their images in every batch."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vit_tutorial.data import VOID, TensorImages, batches
from vit_tutorial.data.targets import collate, count, digest, join, move, select

N = 7
IMAGES = (
    torch.arange(N, dtype=torch.uint8)[:, None, None, None].expand(N, 1, 4, 6).clone()
)  # image i holds i everywhere
MASKS = IMAGES[:, 0].long() % 3
SEVERAL = {"number": torch.arange(N), "mask": MASKS, "parts": [torch.full((i % 3, 2), i) for i in range(N)]}


def with_masks(**changes: object) -> TensorImages:
    return TensorImages(**{"images": IMAGES, "targets": MASKS, "classes": ["a", "b", "c"], **changes})  # type: ignore[arg-type]


def with_several() -> TensorImages:
    return TensorImages(IMAGES, SEVERAL, ["a", "b", "c"])


class Plain:
    """The same items, read one by one through a DataLoader."""

    def __init__(self, items: TensorImages) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> tuple[Tensor, object]:
        return self.items[index]


@pytest.mark.parametrize("read", ["indexed", "loaded", "by workers"])
def test_a_batch_holds_each_images_own_targets(read: str) -> None:
    data = with_several() if read == "indexed" else Plain(with_several())
    seen = []
    for images, targets in batches(data, 3, seed=1, epoch=2, workers=int(read == "by workers")):  # type: ignore[arg-type]
        number = images[:, 0, 0, 0].long()
        assert torch.equal(targets["number"], number)
        assert torch.equal(targets["mask"], MASKS[number])
        assert all(torch.equal(part, SEVERAL["parts"][i]) for part, i in zip(targets["parts"], number.tolist()))
        seen += number.tolist()
    assert sorted(seen) == list(range(N))


def test_a_part_of_a_data_set_keeps_its_targets_and_every_target_counts_in_its_fingerprint() -> None:
    for data in (with_masks(), with_several()):
        part = data.select([5, 2])
        assert torch.equal(part.images[:, 0, 0, 0], torch.tensor([5, 2], dtype=torch.uint8))
        assert part.fingerprint() == data.select([2, 5]).fingerprint() != data.fingerprint()
    changed = MASKS.clone()
    changed[3, 0, 0] = VOID
    assert with_masks(targets=changed).fingerprint() != with_masks().fingerprint()


def test_a_random_crop_cuts_a_mask_where_it_cuts_the_image() -> None:
    torch.manual_seed(0)
    mask = torch.randint(0, 3, (1, 32, 32))
    data = TensorImages((mask * 80)[:, None].to(torch.uint8), mask, ["a", "b", "c"])
    image, cut = data.cropped(0, (0.9999, 1.0))
    assert (
        image[0].float() - 80 * cut
    ).abs().mean() < 12  # the image is smoothed; a mask from elsewhere is off by 60 and more
    assert set(cut.unique().tolist()) <= {0, 1, 2}
    assert type(image) is type(cut) is Tensor
    with pytest.raises(ValueError, match="do it in the task's prepare"):
        with_several().cropped(0, (0.5, 1.0))


def test_class_numbers_are_there_where_the_targets_are_class_numbers() -> None:
    assert torch.equal(TensorImages(IMAGES, torch.arange(N) % 3, ["a", "b", "c"]).labels, torch.arange(N) % 3)
    for data in (with_masks(), with_several()):
        with pytest.raises(ValueError, match=r"no class number for each image.*see \.targets"):
            _ = data.labels


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (MASKS[:, :3], r"masks must be whole numbers \[7, 4, 6\], got torch.int64 \[7, 3, 6\]"),
        (MASKS.float(), r"masks must be whole numbers .* got torch.float32"),
        (MASKS + 1, "a mask has the value 3, but 3 class names allow 0 to 2, and 255 for void"),
        (MASKS[:6], r"masks must be whole numbers \[7, 4, 6\], got torch.int64 \[6, 4, 6\]"),
        ({"number": torch.arange(N), "mask": MASKS[:6]}, "different numbers of images: {'number': 7, 'mask': 6}"),
        ({"number": torch.arange(6)}, "the targets are for 6 images, but there are 7"),
        ([1, 2, 3], r"labels must be int64 \[7\], one an image, got list; other targets are masks"),
    ],
)
def test_targets_that_do_not_fit_the_images_are_refused(targets: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        with_masks(targets=targets)


def test_void_is_no_class_and_allowed() -> None:
    assert with_masks(targets=torch.full_like(MASKS, VOID)).targets.eq(VOID).all()


def test_collating_and_joining_undo_selecting() -> None:
    items = [select(SEVERAL, i) for i in range(N)]
    halves = [collate(items[:3]), collate(items[3:])]
    for again in (collate(items), join(halves), move(join(halves), "cpu")):
        assert torch.equal(again["number"], SEVERAL["number"])
        assert torch.equal(again["mask"], MASKS)
        assert all(torch.equal(a, b) for a, b in zip(again["parts"], SEVERAL["parts"], strict=True))
    odd = select(SEVERAL, slice(1, None, 2))
    assert count(odd) == 3
    assert [len(part) for part in odd["parts"]] == [1, 0, 2]
    assert collate([3, 1]).tolist() == [3, 1]


def test_dicts_of_other_keys_make_no_batch() -> None:
    with pytest.raises(ValueError, match=r"one target of the batch has \['a'\], another \['b'\]"):
        collate([{"a": 1}, {"b": 2}])


def test_a_digest_tells_values_shapes_and_names_apart() -> None:
    targets = [1, torch.tensor(1), torch.tensor([1]), torch.tensor([[1]]), {"a": 1}, {"b": 1}, {"a": torch.tensor(1)}]
    assert len({digest(target) for target in targets}) == len(targets)
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
