#!/usr/bin/env bash
# Guess: labelme2coco turns labelme's shapes of one group_id, the parts of one object, into one COCO annotation, and a
#        rectangle into its mask.
# True:  group_id is not read: an object drawn in two parts becomes two objects. A rectangle becomes an annotation with
#        an area, a box and an empty segmentation, so that its mask is nothing. Neither says a word.
# Versions: labelme2coco 0.2.6 (with sahi 0.12.8).
# Matters to a ViT: an instance model is asked for two objects where there is one, and objects drawn as rectangles have
# boxes but no pixels. Merge by group_id and write rectangles as polygons of four corners before the conversion.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check \
  numpy==2.2.6 pillow==12.3.0 sahi==0.12.8 labelme2coco==0.2.6
cd "$folder"
venv/bin/python - <<'PY' 2>errors.txt || { cat errors.txt; exit 1; }
import json
import os
from importlib.metadata import version

import labelme2coco
import numpy as np
from PIL import Image

os.mkdir("drawn")
Image.fromarray(np.zeros((50, 60, 3), np.uint8)).save("drawn/a.jpg")


def shape(label: str, points: list[list[int]], group: int | None, kind: str) -> dict[str, object]:
    return {"label": label, "points": points, "group_id": group, "shape_type": kind, "flags": {}}


left, right = [[2, 2], [12, 2], [12, 12], [2, 12]], [[20, 2], [30, 2], [30, 12], [20, 12]]
shapes = [shape("cat", left, 1, "polygon"), shape("cat", right, 1, "polygon"),
          shape("dog", [[40, 20], [50, 30]], None, "rectangle")]
json.dump({"version": "5.5.0", "flags": {}, "shapes": shapes, "imagePath": "a.jpg", "imageData": None,
           "imageHeight": 50, "imageWidth": 60}, open("drawn/a.json", "w"))
coco = labelme2coco.get_coco_from_labelme_folder("drawn").json
names = {c["id"]: c["name"] for c in coco["categories"]}
objects = [(names[a["category_id"]], a["area"], len(a["segmentation"])) for a in coco["annotations"]]
print("labelme2coco", version("labelme2coco"))
print("one cat in two parts and one dog as a rectangle become (name, area, parts):", objects)
assert objects == [("cat", 100, 1), ("cat", 100, 1), ("dog", 100, 0)], f"changed: {objects}"
PY
