"""Random views: what is cut is what torch's own resizing and reading give, and each image draws for itself."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from vit_tutorial.data import normalize, random_views
from vit_tutorial.data.views import crop_and_resize, random_boxes

WHOLE = torch.tensor([0.0, 0.0, 10.0, 12.0]).expand(3, 1, 4)


def images() -> Tensor:
    return torch.rand(3, 2, 12, 10, generator=torch.Generator().manual_seed(0))


def test_the_whole_image_at_its_own_size_is_the_image() -> None:
    assert torch.equal(crop_and_resize(images(), WHOLE, (12, 10))[:, 0], images())


def test_enlarging_is_bilinear_with_no_shift_of_half_a_pixel() -> None:
    reference = F.interpolate(images(), size=(24, 30), mode="bilinear", align_corners=False)
    assert_close(crop_and_resize(images(), WHOLE, (24, 30))[:, 0], reference)


def test_shrinking_by_a_whole_number_is_the_mean_of_what_is_covered() -> None:
    assert_close(crop_and_resize(images(), WHOLE, (6, 5))[:, 0], F.avg_pool2d(images(), 2))


def test_a_box_between_pixels_is_read_where_it_lies() -> None:
    left, top, right, bottom = 2.3, 1.7, 7.9, 9.2
    boxes = torch.tensor([[left, top, right, bottom]]).expand(3, 1, 4)
    x = (left + (torch.arange(6) + 0.5) * (right - left) / 6) / 10 * 2 - 1
    y = (top + (torch.arange(8) + 0.5) * (bottom - top) / 8) / 12 * 2 - 1
    grid = torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], dim=-1).expand(3, 8, 6, 2)
    reference = F.grid_sample(images(), grid, padding_mode="border", align_corners=False)
    assert_close(crop_and_resize(images(), boxes, (8, 6))[:, 0], reference)


def test_several_boxes_of_an_image_are_cut_of_that_image() -> None:
    boxes = random_boxes(6, 12, 10, (0.3, 0.9)).unflatten(0, (3, 2))
    together = crop_and_resize(images(), boxes, (6, 6))
    for b in range(3):
        assert_close(together[b : b + 1], crop_and_resize(images()[b : b + 1], boxes[b : b + 1], (6, 6)))


def test_boxes_lie_in_the_image_and_show_a_share_within_the_scale() -> None:
    torch.manual_seed(0)
    left, top, right, bottom = random_boxes(4000, 12, 10, (0.2, 0.5)).unbind(1)
    assert min(left.min(), top.min()) >= 0
    assert right.max() <= 10
    assert bottom.max() <= 12
    share = (right - left) * (bottom - top) / 120
    assert share.min() >= 0.2 - 1e-5
    assert share.max() <= 0.5 + 1e-5
    assert share.mean() == pytest.approx(0.35, abs=0.01)
    shape = ((right - left) / 10) / ((bottom - top) / 12)
    assert 0.74 < shape.min() < 0.76
    assert 1.32 < shape.max() < 1.34


def test_each_view_of_each_image_draws_for_itself_and_a_seed_repeats_them() -> None:
    one = torch.randint(256, (1, 1, 12, 12), dtype=torch.uint8).expand(4, 1, 12, 12)
    made = []
    for _ in range(2):
        torch.manual_seed(5)
        made.append(random_views(one, (0.5,), (0.2,), 3, 12, (0.3, 1.0), hflip=0.5, jitter=0.3))
    assert torch.equal(*made)
    assert made[0].shape == (4, 3, 1, 12, 12)
    assert len({tuple(view.flatten().tolist()) for view in made[0].flatten(0, 1)}) == 12


def test_a_mirrored_view_is_the_view_mirrored() -> None:
    pixels = torch.randint(256, (3, 3, 8, 8), dtype=torch.uint8)
    made = []
    for hflip in (0.0, 1.0):
        torch.manual_seed(1)
        made.append(random_views(pixels, (0.4, 0.5, 0.6), (0.2, 0.3, 0.4), 1, 8, (0.5, 0.9), hflip=hflip))
    assert_close(made[1], made[0].flip(-1))


def test_views_are_normalised_as_whole_images_are() -> None:
    pixels = torch.full((2, 3, 8, 8), 100, dtype=torch.uint8)  # every part of it is alike
    mean, std = (0.4, 0.5, 0.6), (0.2, 0.3, 0.4)
    assert_close(random_views(pixels, mean, std, 1, 8, (0.2, 0.9))[:, 0], normalize(pixels, mean, std))


def test_views_larger_than_the_images_are_refused() -> None:
    with pytest.raises(ValueError, match="views of 16x16 pixels are larger than the images, 8x8"):
        random_views(torch.zeros(2, 1, 8, 8, dtype=torch.uint8), (0.0,), (1.0,), 2, 16, (0.5, 1.0))
