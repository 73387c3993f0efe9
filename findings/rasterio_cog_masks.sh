#!/usr/bin/env bash
# Guess: a class mask copied to a cloud-optimised GeoTIFF and read smaller with Resampling.nearest holds only its classes.
# True:  it holds dozens of classes that do not exist. The COG driver adds smaller copies ("overviews") and makes them
#        with cubic interpolation unless the file has a palette; a smaller read starts from the nearest of them, and
#        "nearest" is only the last step. At full size the copy is exact, so that a check of the file finds nothing.
# Versions: rasterio 1.4.4 (its wheel brings GDAL 3.10.3).
# Matters to a ViT: land-cover masks are handed out as COGs and are read at the model's input size by out_shape. With
# the classes 0, 2, 9 and the void 255, two pixels in five carry a made-up label, and void no longer equals 255.
# Write the copy with overview_resampling="nearest", or read whole pixels and shrink afterwards.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check numpy==2.2.6 rasterio==1.4.4
cd "$folder"
venv/bin/python -W ignore - <<'PY'
import numpy as np
import rasterio
import rasterio.shutil
from rasterio.enums import Resampling

classes = [0, 2, 9, 255]
rng = np.random.default_rng(0)
mask = np.kron(rng.choice(classes, (64, 64)), np.ones((20, 20))).astype(np.uint8)  # blocks of 20 x 20 pixels
with rasterio.open("mask.tif", "w", driver="GTiff", height=1280, width=1280, count=1, dtype="uint8") as f:
    f.write(mask, 1)
rasterio.shutil.copy("mask.tif", "cog.tif", driver="COG")
rasterio.shutil.copy("mask.tif", "cog-nearest.tif", driver="COG", overview_resampling="nearest")

print("rasterio", rasterio.__version__, "GDAL", rasterio.__gdal_version__)
found = {}
for name in ("mask.tif", "cog.tif", "cog-nearest.tif"):
    with rasterio.open(name) as f:
        assert (f.read(1) == mask).all(), f"{name} is not exact at full size"
        small = f.read(1, out_shape=(320, 320), resampling=Resampling.nearest)
    share = float(np.isin(small, classes).mean())
    found[name] = (len(np.unique(small)), share)
    print(f"{name:16} full size exact; at 320 x 320: {found[name][0]} values, {share:.1%} of the pixels hold a class")

assert found["mask.tif"] == (4, 1.0), f"changed: the plain file gives {found['mask.tif']}"
assert found["cog-nearest.tif"] == (4, 1.0), f"changed: overview_resampling gives {found['cog-nearest.tif']}"
count, share = found["cog.tif"]
assert count > 30 and 0.5 < share < 0.7, f"changed: the COG now gives {count} values, {share:.1%} of them classes"
PY
