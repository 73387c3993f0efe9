#!/usr/bin/env bash
# Guess: supervision's as_coco writes every object the same way, so that a data set saved with it scores as before.
# True:  an object whose mask has a hole or two parts is written with "iscrowd": 1. In COCO's rules a crowd is a region
#        to ignore, not an object to find: the evaluation skips it, and training code that drops crowds never sees it.
#        Below a detector that misses two of three objects scores AP 1.0. The boxes are one pixel small as well:
#        a block of 10 x 10 pixels gets a box of 9 x 9.
# Versions: supervision 0.31.2, pycocotools 2.0.11.
# Matters to a ViT: instance and panoptic heads are trained and scored on such files; chairs, bicycles and people behind
# a pole are just the objects that have holes and several parts. After as_coco, set iscrowd to 0 and the box to
# pycocotools' toBbox.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check \
  numpy==2.2.6 opencv-python-headless==4.13.0.92 pycocotools==2.0.11 supervision==0.31.2
cd "$folder"
venv/bin/python - <<'PY'
import json

import cv2
import numpy as np
import supervision as sv
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

masks = np.zeros((3, 40, 40), bool)
masks[0, 2:22, 2:22] = True
masks[0, 8:14, 8:14] = False  # a hole
masks[1, 25:35, 2:12] = True
masks[1, 25:35, 20:30] = True  # two parts
masks[2, 2:12, 28:38] = True  # plain, 10 x 10

cv2.imwrite("photo.png", np.zeros((40, 40, 3), np.uint8))
objects = sv.Detections(xyxy=sv.mask_to_xyxy(masks).astype(float), mask=masks, class_id=np.zeros(3, int))
sv.DetectionDataset(classes=["chair"], images=["photo.png"], annotations={"photo.png": objects}).as_coco(
    images_directory_path="images", annotations_path="truth.json"
)
written = json.load(open("truth.json"))["annotations"]
crowds = [a["iscrowd"] for a in written]
print("supervision", sv.__version__)
print("iscrowd (hole, two parts, plain):", crowds)
print("box of the plain 10 x 10 block:", written[2]["bbox"])

truth = COCO("truth.json")
plain = written[2]
found = truth.loadRes(
    [{"image_id": plain["image_id"], "category_id": plain["category_id"], "score": 0.9,
      "segmentation": truth.annToRLE(plain)}]
)
scores = COCOeval(truth, found, "segm")
scores.evaluate()
scores.accumulate()
scores.summarize()
print(f"AP of a detector that finds one object of three: {scores.stats[0]:.3f}")

assert crowds == [1, 1, 0], f"changed: iscrowd is now {crowds}"
assert plain["bbox"] == [28.0, 2.0, 9.0, 9.0], f"changed: the box is now {plain['bbox']}"
assert abs(scores.stats[0] - 1.0) < 1e-9, f"changed: AP is now {scores.stats[0]}"
PY
