"""Where a segmenter is wrong: regions, sizes and distances, each against a loop that does it by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vit_tutorial.metrics.mask_errors import Region, by_size, class_errors_by_distance, regions
from vit_tutorial.metrics.segmentation import VOID, distance_to_border, errors_by_distance

TRUE = torch.tensor(
    [
        [0, 0, 1, 1, 0],
        [2, 0, 0, 0, 1],
        [2, 2, 0, VOID, 0],
        [0, 0, 0, 1, 1],
    ]
)
CALLED = torch.tensor(
    [
        [0, 0, 1, 2, 0],
        [2, 0, 0, 1, 1],
        [0, 0, 0, 1, 0],
        [0, 0, 0, 0, 0],
    ]
)


def random_masks(seed: int, classes: int = 3) -> tuple[Tensor, Tensor]:
    """Blocks of classes with some void, and answers that are mostly right."""
    torch.manual_seed(seed)
    true = torch.randint(classes, (2, 4, 5)).repeat_interleave(3, -1).repeat_interleave(3, -2)
    true[torch.rand(true.shape) < 0.05] = VOID
    wrong = torch.rand(true.shape) < 0.3
    called = torch.where(wrong | (true == VOID), torch.randint(classes, true.shape), true)
    return called, true


def distance_by_hand(mask: Tensor, row: int, column: int, limit: int) -> int:
    """Steps of a king to the nearest pixel of another value."""
    rows = mask.tolist()
    other = ((i, j) for i, values in enumerate(rows) for j, value in enumerate(values) if value != rows[row][column])
    return min([*(max(abs(row - i), abs(column - j)) for i, j in other), limit])


def regions_by_hand(mask: Tensor) -> list[set[tuple[int, int]]]:
    """Pixels reached from one another by steps to neighbours of the same class, diagonal ones included."""
    left = {(i, j) for i in range(mask.shape[0]) for j in range(mask.shape[1]) if mask[i, j] != VOID}
    found = []
    while left:
        waiting, region = [min(left)], set()
        left.discard(waiting[0])
        while waiting:
            i, j = waiting.pop()
            region.add((i, j))
            near = {(i + a, j + b) for a in (-1, 0, 1) for b in (-1, 0, 1)} & left
            near = {at for at in near if mask[at] == mask[i, j]}
            left -= near
            waiting += near
        found.append(region)
    return found


def test_regions_of_a_small_mask_by_hand() -> None:
    found = regions(CALLED[None], TRUE[None], 3)
    said = [(one.label, one.pixels, one.right, one.called, one.found) for one in found]
    assert said == [
        (0, 11, 10, 0, True),  # it hangs together over its corners
        (1, 3, 2, 1, True),  # so does this: the last pixel touches at a corner
        (1, 2, 0, 0, False),
        (2, 3, 1, 0, False),
    ]
    assert found[3] == Region(0, 2, 3, 3 / 20, 1, 0, (1, 0, 3, 2))


@pytest.mark.parametrize("seed", range(4))
def test_regions_are_those_of_a_walk_over_the_pixels(seed: int) -> None:
    called, true = random_masks(seed)
    found = regions(called, true, 3)
    for image in range(2):
        walked = regions_by_hand(true[image])
        expected = sorted(
            (
                int(true[image][min(region)]),
                len(region),
                sum(int(called[image][at] == true[image][at]) for at in region),
            )
            for region in walked
        )
        assert sorted((one.label, one.pixels, one.right) for one in found if one.image == image) == expected


def test_a_region_that_was_invented_is_seen_with_the_masks_exchanged() -> None:
    called = TRUE.clone()
    called[3, :2] = 2  # touches the true region of 2 at no side and at a corner: part of it
    called[0, 4] = 2
    invented = [one for one in regions(TRUE[None], torch.where(TRUE == VOID, VOID, called)[None], 3) if not one.right]
    assert [(one.label, one.pixels, one.called, one.box) for one in invented] == [(2, 1, 0, (0, 4, 1, 5))]


def test_sizes_hold_every_region_once() -> None:
    called, true = random_masks(5)
    found = regions(called, true, 3)
    scores = by_size(found, (0.02, 0.2))
    assert sum(score.regions for score in scores) == len(found)
    assert sum(score.pixels for score in scores) == int((true != VOID).sum())
    assert sum(score.right for score in scores) == int((called == true).sum())
    for score in scores:
        group = [one for one in found if score.low < one.pixels / true[0].numel() <= score.high]
        assert (score.regions, score.found) == (len(group), sum(one.right / one.pixels > 0.5 for one in group))
    empty = by_size([], (0.5,))[0]
    assert (empty.recall, empty.wrong) == (None, None)


@pytest.mark.parametrize("limit", [3, 16])
@pytest.mark.parametrize("seed", range(3))
def test_distances_are_a_kings_steps_to_another_class(seed: int, limit: int) -> None:
    _, true = random_masks(seed, classes=2)
    measured = distance_to_border(true, limit)
    for image in range(2):
        for row in range(true.shape[1]):
            for column in range(true.shape[2]):
                assert measured[image, row, column] == distance_by_hand(true[image], row, column, limit)


def test_errors_are_counted_at_the_distance_and_in_the_class_where_they_are() -> None:
    called, true = random_masks(7)
    counts = torch.zeros(2, 3, 4, dtype=torch.int64)
    for at in (true != VOID).nonzero().tolist():
        image, row, column = at
        d = distance_by_hand(true[image], row, column, 4) - 1
        k = int(true[tuple(at)])
        counts[0, k, d] += int(called[tuple(at)] != true[tuple(at)])
        counts[1, k, d] += 1
    assert torch.equal(class_errors_by_distance(called, true, 3, limit=4), counts)
    assert torch.equal(errors_by_distance(called, true, limit=4), counts.sum(1))


def test_a_mask_of_one_class_has_no_border_and_bytes_are_masks_too() -> None:
    one = torch.zeros(1, 5, 6, dtype=torch.uint8)
    assert (distance_to_border(one, 9) == 9).all()
    counts = class_errors_by_distance(one + 1, one, 2, limit=9)
    assert counts[:, 0, 8].tolist() == [30, 30]
    assert counts.sum() == 60
    assert [region.pixels for region in regions(one, one, 2)] == [30]
    everything_void = torch.full((1, 5, 6), VOID, dtype=torch.uint8)
    assert regions(one, everything_void, 2) == []


def test_what_is_no_mask_is_refused() -> None:
    with pytest.raises(ValueError, match=r"masks are \[B, H, W\], got \[4, 5\]; give one mask as mask\[None\]"):
        regions(CALLED, TRUE, 3)
    with pytest.raises(ValueError, match="targets hold 2, which is none of the 2 classes"):
        regions(CALLED[None].clamp(max=1), TRUE[None], 2)
    with pytest.raises(ValueError, match="sizes are shares of an image that grow from 0 to 1"):
        by_size([], (0.1, 0.01))
