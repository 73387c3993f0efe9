"""COCO's and VOC's own photographs through the whole path: trained some steps, scored, and answered in files that other tools read."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from vit_tutorial.cli import main

pytest.importorskip("pycocotools", reason="COCO's masks need pycocotools: pip install pycocotools")
from pycocotools.coco import COCO

MODEL = "{img_size: [48, 64], patch_size: 8, embed_dim: 32, depth: 2, num_heads: 2, head_cells: 2}"
RECIPE = """title: some steps
task: segmentation
data: {data}
model: {model}
epochs: 2
batch_size: {batch}
scale_jitter: [0.8, 1.6]
hflip: 0.5
eval_every: 2
"""
SETS = [("coco", "coco-tiny", 4, 81, 3), ("voc", "voc-sample", 1, 21, 1)]


def first_images(root, smaller, n):
    """A COCO data set of a dozen images to train on and n to be scored: scoring all at their own size takes half a minute."""
    for folder in root.iterdir():
        if folder.name != "annotations":
            (smaller / folder.name).symlink_to(folder.resolve())
    (smaller / "annotations").mkdir()
    for file in (root / "annotations").glob("*.json"):
        content = json.loads(file.read_text())
        content["images"] = content["images"][: 12 if "train" in file.name else n]
        kept = {image["id"] for image in content["images"]}
        content["annotations"] = [one for one in content["annotations"] if one["image_id"] in kept]
        (smaller / "annotations" / file.name).write_text(json.dumps(content))
    return smaller


@pytest.mark.needs_data
@pytest.mark.slow
@pytest.mark.parametrize(("data", "folder", "batch", "K", "tested"), SETS, ids=["coco", "voc"])
def test_real_photographs_go_the_whole_way(data, folder, batch, K, tested, shared_data, tmp_path, capsys):
    root = shared_data / folder
    if not root.is_dir():
        pytest.skip(f"{root} is not there")
    jpegs = sorted(root.rglob("*.jpg"))[:3]
    if data == "coco":
        (tmp_path / "coco").mkdir()
        root = first_images(root, tmp_path / "coco", tested)
    recipe = tmp_path / "some.yaml"
    recipe.write_text(RECIPE.format(data=data, model=MODEL, batch=batch))
    assert main(["train", str(recipe), "--data", str(root), "--out", str(tmp_path / "run"), "--quiet"]) == 0
    run = tmp_path / "run" / "seed-0"
    capsys.readouterr()
    assert main(["evaluate", str(run), "--data", str(root), "--split", "test", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["images"] == tested
    assert len(found["classes"]) == K
    assert 0 <= found["metrics"]["miou"] <= 1

    photos, masks = tmp_path / "photos", tmp_path / "masks"
    photos.mkdir()
    for photo in jpegs:
        shutil.copy(photo, photos)
    assert main(["predict", str(run), str(photos), "--out", str(masks)]) == 0
    answered = COCO(str(masks / "annotations.json"))
    assert len(answered.getImgIds()) == 3
    for photo in photos.iterdir():
        with Image.open(photo) as image, Image.open(masks / f"{photo.stem}.png") as mask:
            assert (mask.size, mask.mode) == (image.size, "P")
            numbers = np.asarray(mask)
        assert numbers.max() < K
        (id_,) = [i["id"] for i in answered.loadImgs(answered.getImgIds()) if i["file_name"] == photo.name]
        for annotation in answered.imgToAnns[id_]:
            assert np.array_equal(answered.annToMask(annotation), numbers == annotation["category_id"])
