"""What is drawn of annotations (4.3): corners, the pixels that an outline misses or adds, and objects one by one."""

from __future__ import annotations

import numpy as np
import torch
from figure_helpers import written
from matplotlib.patches import Polygon

from vit_tutorial.figures.annotations import objects_over_image, outline_fit


def square(top: int, left: int, side: int = 6) -> np.ndarray:
    mask = np.zeros((20, 24), bool)
    mask[top : top + side, left : left + side] = True
    return mask


def test_an_outline_has_its_corners_and_its_scores() -> None:
    corners = np.array([[2, 2], [8, 2], [8, 8], [2, 8]])
    fig = outline_fit(square(2, 2), square(2, 3), corners, {"IoU": 5 / 7})
    text = written(fig)
    assert "4 corners" in text
    assert "0.714" in text
    (drawn,) = fig.findobj(Polygon)
    assert np.array_equal(drawn.get_xy()[:4], corners)


def test_pixels_left_out_and_added_have_two_colours() -> None:
    fig = outline_fit(square(2, 2), square(2, 3), np.array([[3, 2], [9, 2], [9, 8]]), {"IoU": 0.7})
    picture = fig.subfigs[0].axes[1].images[0].get_array()
    missed, added = picture[4, 2], picture[4, 8]
    assert missed[0] > missed[2]  # red
    assert added[2] > added[0]  # blue
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) == 4  # with the mask and what is around it


def test_objects_are_laid_down_one_by_one_with_their_names() -> None:
    masks = torch.from_numpy(np.stack([square(2, 2), square(10, 12)]))
    image = torch.zeros(3, 20, 24, dtype=torch.uint8)
    text = written(objects_over_image(image, masks, ["cat", "dog"], shown=1))
    assert "1 of 2 objects" in text
    assert "cat" in text
    assert "dog" not in text
    assert "dog" in written(objects_over_image(image, masks, ["cat", "dog"], torch.from_numpy(square(2, 14))))
    nothing = objects_over_image(image[:1], masks[:0], [])
    assert "0 of 0 objects" in written(nothing)
