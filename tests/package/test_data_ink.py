"""MNIST's preparation of a drawing: where the ink comes to lie, and MNIST's own images as the reference."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from vit_tutorial.data import mnist_10k
from vit_tutorial.data.ink import BOX, FIELD, prepare_ink


def sheet(top: int, left: int, high: int, wide: int, side: int = 252) -> Tensor:
    """A block of ink on an empty sheet."""
    ink = torch.zeros(side, side)
    ink[top : top + high, left : left + wide] = 255
    return ink


def extent(picture: Tensor) -> tuple[int, int]:
    rows, columns = (torch.nonzero((picture > 0).any(dim=side))[:, 0] for side in (1, 0))
    return int(rows[-1] - rows[0]) + 1, int(columns[-1] - columns[0]) + 1


def centre(picture: Tensor) -> tuple[float, float]:
    mass, at = picture.double(), torch.arange(FIELD).double()
    return float((mass.sum(1) @ at) / mass.sum()), float((mass.sum(0) @ at) / mass.sum())


@pytest.mark.needs_data
def test_mnists_own_images_enlarged_come_out_as_they_are(shared_data: Path) -> None:
    images = mnist_10k(shared_data / "mnist").test.images[:200, 0]
    enlarged = images.repeat_interleave(9, dim=1).repeat_interleave(9, dim=2)
    assert all(torch.equal(prepare_ink(big), image) for big, image in zip(enlarged, images))


@pytest.mark.parametrize(("top", "left"), [(0, 0), (0, 150), (100, 60), (152, 200)])
@pytest.mark.parametrize("factor", [1, 0.5])
def test_place_and_size_on_the_sheet_do_not_matter(top: int, left: int, factor: float) -> None:
    expected = prepare_ink(sheet(100, 60, 100, 50))
    assert torch.equal(
        prepare_ink(sheet(int(top * factor), int(left * factor), int(100 * factor), int(50 * factor))), expected
    )


@pytest.mark.parametrize(("high", "wide"), [(100, 50), (50, 100), (90, 90), (252, 252), (200, 7), (60, 59)])
def test_the_longer_side_becomes_20_pixels_and_the_aspect_ratio_stays(high: int, wide: int) -> None:
    tall, broad = extent(prepare_ink(sheet(0, 0, high, wide)))
    assert max(tall, broad) == BOX
    assert min(tall, broad) == pytest.approx(BOX * min(high, wide) / max(high, wide), abs=1)


def test_the_centre_of_mass_comes_to_pixel_14_within_half_a_pixel() -> None:
    ink = sheet(0, 0, 30, 100) + sheet(30, 0, 100, 20)  # heavy at the top and on the left
    assert all(abs(c - 14) <= 0.5 for c in centre(prepare_ink(ink)))


def test_a_heavy_end_moves_no_ink_out_of_the_field() -> None:
    ink = sheet(0, 0, 10, 200) + sheet(10, 0, 190, 1)
    prepared = prepare_ink(ink)
    assert extent(prepared) == (BOX, BOX)
    assert prepared[-1].sum() > 0


def test_edges_are_grey_as_much_as_they_are_covered() -> None:
    prepared = prepare_ink(sheet(20, 20, 200, 105))  # ten to a pixel: ten and a half wide
    assert sorted(set(prepared.flatten().tolist())) == [0, 128, 255]


def test_an_empty_sheet_stays_empty() -> None:
    assert prepare_ink(torch.zeros(252, 252)).sum() == 0


def test_a_dot_is_enlarged_four_times_at_most() -> None:
    assert extent(prepare_ink(sheet(200, 10, 18, 18))) == (8, 8)  # 2 pixels of the field, if nothing were scaled
    assert extent(prepare_ink(sheet(251, 251, 1, 1))) == (1, 1)


@pytest.mark.parametrize(("ink", "said"), [(torch.zeros(1, 28, 28), "one drawing"), (torch.full((28, 28), 300.0), "0 to 255"), (torch.full((28, 28), torch.nan), "0 to 255")])  # fmt: skip
def test_what_is_no_drawing_is_refused(ink: Tensor, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        prepare_ink(ink)
