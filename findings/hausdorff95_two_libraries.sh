#!/usr/bin/env bash
# Guess: the 95% Hausdorff distance (HD95) of two masks is one number, whoever computes it.
# True:  on the masks below MedPy says 8.5 pixels and surface-distance 37.5, while both say 41.0 for the plain Hausdorff
#        distance. MedPy throws the distances of both directions together and takes one percentile; surface-distance
#        takes a percentile per direction and then the larger, so that a false island of 3 x 3 pixels, 3% of all
#        boundary pixels but more than 5% of one direction's, decides in one and vanishes in the other.
# Versions: MedPy 0.5.2, surface-distance 0.1.
# Matters to a ViT: HD95 stands beside Dice in most segmentation tables; numbers of two papers may differ by a factor of
# four on the same predictions. Say which library, and compare only within one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check \
  numpy==2.2.6 scipy==1.15.3 medpy==0.5.2 surface-distance==0.1
cd "$folder"
venv/bin/python - <<'PY'
from importlib.metadata import version

import numpy as np
import surface_distance
from medpy.metric.binary import hd, hd95

row, column = np.mgrid[:96, :96]
truth = (row - 48) ** 2 + (column - 48) ** 2 < 20**2
predicted = (row - 50) ** 2 + (column - 52) ** 2 < 24**2
predicted[5:8, 5:8] = True  # a false island

print("MedPy", version("medpy"), "surface-distance", version("surface-distance"))
both = surface_distance.compute_surface_distances(truth, predicted, (1, 1))
plain = float(hd(predicted, truth)), float(surface_distance.compute_robust_hausdorff(both, 100))
robust = float(hd95(predicted, truth)), float(surface_distance.compute_robust_hausdorff(both, 95))
print("Hausdorff distance: MedPy %.2f, surface-distance %.2f" % plain)
print("HD95:               MedPy %.2f, surface-distance %.2f" % robust)

assert abs(plain[0] - plain[1]) < 0.01, f"changed: the plain distances differ, {plain}"
assert abs(robust[0] - 8.49) < 0.01, f"changed: MedPy's HD95 is now {robust[0]}"
assert abs(robust[1] - 37.48) < 0.01, f"changed: surface-distance's HD95 is now {robust[1]}"
PY
