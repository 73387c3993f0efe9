"""Scenes annotated as photographs are: what pycocotools makes of the drawn outlines is the mask again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_fill_holes

from vit_tutorial.data import VOID, coco_images, digit_scenes
from vit_tutorial.data.scene_drawing import enlarged, outlines, seamed, write_drawn_coco

pytest.importorskip("pycocotools", reason="COCO's masks need pycocotools: pip install pycocotools")
from pycocotools import mask as tools


@settings(deadline=None, max_examples=60)
@given(
    height=st.integers(1, 12), width=st.integers(1, 12), share=st.sampled_from([0.3, 0.6, 0.9]), seed=st.integers(0, 99)
)
def test_outlines_are_filled_to_the_mask_they_were_drawn_around(height, width, share, seed):
    mask = np.random.default_rng(seed).random((height, width)) < share
    mask = binary_fill_holes(mask, structure=np.ones((3, 3)))
    polygons = outlines(mask)
    assert polygons is not None
    parts = tools.frPyObjects(polygons, height, width) if polygons else []
    filled = tools.decode(tools.merge(parts)) if parts else np.zeros((height, width))
    assert np.array_equal(filled.astype(bool), mask)


def test_a_ring_has_no_outline_because_polygons_cannot_say_holes():
    ring = np.ones((3, 3), bool)
    ring[1, 1] = False
    assert outlines(ring) is None


def test_a_square_has_four_corners():
    mask = np.zeros((6, 8), bool)
    mask[1:4, 2:7] = True
    assert sorted(outlines(mask)[0]) == sorted([2, 1, 7, 1, 7, 4, 2, 4])


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_enlarged_scenes_keep_every_object_and_its_class(factor):
    scenes = digit_scenes(10, (24, 32), (2, 5), seed=3)
    larger = enlarged(scenes, factor)
    assert larger.images.shape == (10, 1, 24 * factor, 32 * factor)
    for instances, classes, labels in zip(larger.instance_masks, larger.class_masks, larger.labels):
        assert instances.unique().tolist() == list(range(len(labels) + 1))
        assert torch.equal(torch.cat([torch.tensor([0]), labels])[instances], classes)
    if factor == 1:
        assert torch.equal(larger.instance_masks, scenes.instance_masks)
    with pytest.raises(ValueError, match="factor is 0"):
        enlarged(scenes, 0)


def test_a_seam_is_void_and_takes_nothing_from_the_objects():
    masks = digit_scenes(5, seed=1).class_masks
    assert torch.equal(seamed(masks, 0), masks)
    with_seam = seamed(masks, 2)
    assert torch.equal(with_seam[masks > 0], masks[masks > 0])
    assert (with_seam == VOID).any()
    assert set(with_seam.unique().tolist()) == {*masks.unique().tolist(), VOID}
    with pytest.raises(ValueError, match="width is -1"):
        seamed(masks, -1)


def test_drawn_scenes_are_read_as_they_were_but_for_their_crowds(tmp_path: Path):
    scenes = enlarged(digit_scenes(12, (24, 32), (3, 5), seed=4, kinds=(0, 1, 4, 7)), 2)
    ids = write_drawn_coco(scenes, tmp_path, "val", crowd_every=2)
    assert ids == [1, 2, 4, 5]
    path = tmp_path / "annotations" / "instances_val2017.json"
    annotations = json.loads(path.read_text())["annotations"]
    data = coco_images(tmp_path / "val2017", path, channels=1)
    assert data.targets.category_ids == ids
    crowds = [a for a in annotations if a["iscrowd"]]
    assert crowds
    assert all(isinstance(a["segmentation"]["counts"], list) for a in crowds)
    assert any(isinstance(a["segmentation"], list) for a in annotations)
    for i, (image, mask) in enumerate(data):
        assert torch.equal(image, scenes.images[i])
        known = mask != VOID
        assert torch.equal(mask[known].long(), scenes.class_masks[i][known])
        grouped = [a["area"] for a in crowds if a["image_id"] == i + 1]
        assert int((~known).sum()) == sum(grouped)
