#!/usr/bin/env bash
# Guess: load_dataset("imagefolder", data_dir=FOLDER) loads every image below FOLDER, or says which it leaves out.
# True:  where the name of any file or folder holds a word such as train, test, eval or dev between separators, only what has such a
#        word is loaded, as the split that the word names, and all other images are dropped without an error or a warning.
# Versions: datasets 5.2.0, pillow 12.3.0.
# Matters to a ViT: photographs called test_1.png, and classes called train (the vehicle), are ordinary. Of nine pets one is left; of two
# classes of vehicles only trains are. Training goes on with what there is. Compare the number of rows with that of the files.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check datasets==5.2.0 pillow==12.3.0
cd "$folder"
HF_HOME="$folder/home" HF_HUB_OFFLINE=1 HF_DATASETS_DISABLE_PROGRESS_BARS=1 venv/bin/python - <<'PY'
import io
import logging
import warnings
from importlib.metadata import version
from pathlib import Path

from datasets import load_dataset
from PIL import Image


def loaded(name: str, files: list[str]) -> tuple[dict[str, int], int]:
    """Rows of each split, and how many warnings there were."""
    for i, file in enumerate(files):
        Path(name, file).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (i, 0, 0)).save(Path(name, file))
    said = io.StringIO()
    logging.getLogger("datasets").addHandler(logging.StreamHandler(said))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = {split: len(rows) for split, rows in load_dataset("imagefolder", data_dir=name).items()}
    about = [str(w.message) for w in caught] + said.getvalue().splitlines()
    return found, sum("drop" in text or "ignor" in text or "split" in text for text in about)


pets = [f"{kind}/{i}.png" for kind in ("cat", "dog") for i in range(4)] + ["cat/test_1.png"]
vehicles = [f"{kind}/{i}.png" for kind in ("train", "bus") for i in range(4)]
print("datasets", version("datasets"))
ok = True
for name, files, wanted in (("pets", pets, {"test": 1}), ("vehicles", vehicles, {"train": 4})):
    found, warned = loaded(name, files)
    print(f"{name}: {len(files)} files, loaded {found}, warnings about it {warned}")
    ok &= found == wanted and warned == 0
print("as recorded" if ok else "CHANGED: datasets now finds the images otherwise")
raise SystemExit(0 if ok else 1)
PY
