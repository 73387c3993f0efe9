#!/usr/bin/env bash
# Guess: COCO.loadRes reads a list of predicted masks and leaves the list as it is, so that one list can be scored twice.
# True:  it writes area, id, iscrowd and a bbox (a NumPy array) into the caller's own dicts. The second loadRes compares that bbox with
#        an empty list and stops with NumPy's ValueError on shapes, which names neither the list nor the key. json.dump of the
#        same list fails as well. With the array as a list, as by a detour through JSON, it is read again and scores the same.
# Versions: pycocotools 2.0.11, numpy 2.2.6.
# Matters to a ViT: the masks of a segmenter are kept as such a list, scored as masks and as boxes, and written to a file for others.
# Score a copy (copy.deepcopy) of what the model gave.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check numpy==2.2.6 pycocotools==2.0.11
cd "$folder"
venv/bin/python - <<'PY' 2>/dev/null
import contextlib
import io
import json
from importlib.metadata import version

import numpy as np
from pycocotools import mask as rle
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def coded(pixels: np.ndarray) -> dict[str, object]:
    code = rle.encode(np.asfortranarray(pixels.astype(np.uint8)))
    return {"size": code["size"], "counts": code["counts"].decode()}


y, x = np.mgrid[:40, :40]
thin = abs(y - x) < 3  # a bar along the diagonal: its box is the whole picture
truth = {
    "images": [{"id": 1, "file_name": "a.png", "height": 40, "width": 40}],
    "categories": [{"id": 1, "name": "bar"}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "iscrowd": 0, "area": int(thin.sum()),
                     "bbox": [0, 0, 40, 40], "segmentation": coded(thin)}],
}
json.dump(truth, open("truth.json", "w"))
coco = COCO("truth.json")


def ap(results: list[dict[str, object]]) -> float:
    with contextlib.redirect_stdout(io.StringIO()):
        run = COCOeval(coco, coco.loadRes(results), "segm")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return float(run.stats[0])


mine = [{"image_id": 1, "category_id": 1, "score": 0.9, "segmentation": coded(thin)}]
first, keys = ap(mine), sorted(mine[0])
try:
    second = f"{ap(mine):.3f}"
except ValueError as error:
    second = f"ValueError: {error}"
again = json.loads(json.dumps(mine, default=lambda array: array.tolist()))
third = ap([{k: v for k, v in one.items() if k not in ("id", "area")} for one in again])
print("pycocotools", version("pycocotools"), "numpy", version("numpy"))
print(f"the right mask: AP {first:.3f}; its dict has now", ", ".join(keys))
print("the same list again:", second)
print(f"the same list with bbox as a list of numbers: AP {third:.3f}")
ok = first > 0.999 and "bbox" in keys and second.startswith("ValueError") and third > 0.999
print("as recorded" if ok else "CHANGED: loadRes now treats a list it has read before otherwise")
raise SystemExit(0 if ok else 1)
PY
