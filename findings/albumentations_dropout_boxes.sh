#!/usr/bin/env bash
# Guess: albumentations' CoarseDropout paints over the picture and leaves the targets alone, boxes as well as masks; or
#        it cuts both.
# True:  it leaves the mask (fill_mask=None) and cuts the box to what remains visible, so that one object's two targets
#        disagree: below the box keeps half of the object, the mask all of it. GridDropout, Erasing and XYMasking leave
#        the mask, too, and cut the box. Over 200 random dropouts a box came down to 2% of its own mask's box;
#        a side that nothing touched moves in by one pixel.
# Versions: albumentations 2.0.8.
# Matters to a ViT: detectors with a mask head learn two answers for one object, and a box loss is fed boxes that no
# mask has. With masks at hand, take the boxes from the masks after the augmentation; or set fill_mask to void.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check \
  numpy==2.2.6 scipy==1.15.3 opencv-python-headless==4.13.0.92 albumentations==2.0.8
cd "$folder"
NO_ALBUMENTATIONS_UPDATE=1 venv/bin/python - <<'PY'
import albumentations as A
import numpy as np

picture = np.full((100, 100, 3), 200, np.uint8)


def box_of(mask: np.ndarray) -> list[float]:
    rows, columns = np.nonzero(mask)
    return [float(v) for v in (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)]


def dropped(transform: A.BasicTransform, seed: int, mask: np.ndarray) -> tuple[np.ndarray, list[list[float]]]:
    boxes = A.BboxParams("pascal_voc", label_fields=["labels"])
    out = A.Compose([transform], bbox_params=boxes, seed=seed)(
        image=picture, mask=mask, bboxes=[box_of(mask)], labels=[1]
    )
    return out["mask"], [list(map(float, b)) for b in out["bboxes"]]


print("albumentations", A.__version__)
# One band over the left half of the picture; the object lies across its edge.
mask = np.zeros((100, 100), np.uint8)
mask[30:70, 30:70] = 1
half = A.XYMasking(num_masks_x=1, num_masks_y=0, mask_x_length=(50, 50), mask_y_length=0, p=1.0)
for seed in range(200):
    after, boxes = dropped(half, seed, mask)
    if boxes and boxes[0][2] - boxes[0][0] == 20:
        break
print("XYMasking: box before", box_of(mask), "after", boxes[0], "; box of the mask after", box_of(after))
assert (after == mask).all(), "changed: the mask is now cut as well"
assert boxes[0][2] - boxes[0][0] == 20, f"changed: no seed halves the box, the last one gave {boxes}"

holes = A.CoarseDropout(num_holes_range=(8, 8), hole_height_range=(20, 20), hole_width_range=(20, 20), p=1.0)
mask = np.zeros((100, 100), np.uint8)
mask[40:60, 40:60] = 1
shares, same = [], True
for seed in range(200):
    after, boxes = dropped(holes, seed, mask)
    same = same and bool((after == mask).all())
    if boxes:
        x0, y0, x1, y1 = boxes[0]
        shares.append((x1 - x0) * (y1 - y0) / 400)
smaller = float(np.mean(np.array(shares) < 0.9))
print(f"CoarseDropout, 200 seeds: mask untouched {same}; box below 0.9 of the mask's box in {smaller:.0%}, "
      f"smallest {min(shares):.2f}")
assert same, "changed: CoarseDropout now changes the mask"
assert smaller > 0.2 and min(shares) < 0.5, "changed: CoarseDropout now keeps the boxes"
PY
