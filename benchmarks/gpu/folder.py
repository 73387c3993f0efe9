"""`python -m benchmarks.gpu.folder OUT --cifar10 FOLDER --camvid FOLDER`: what travels to a machine that has torch, torchvision and no network.

OUT gets the package, these benchmarks, the data (CIFAR-10's JPEG files packed into one, CamVid as it is), and of what the package imports the three
libraries that do not come with torch and torchvision: PyYAML and tqdm, which are Python alone, and safetensors, whose library serves every Python
from 3.8 on (on Linux of the same kind of processor). There: `cd OUT && python -m benchmarks.gpu --minutes 9 --out records`.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from benchmarks.gpu import TAKEN
from vit_tutorial.data.jpeg_pack import CIFAR10_JPEG, PACKED, pack_images
from vit_tutorial.training.environment import PACKAGE, git_commit

LIBRARIES = ("yaml", "tqdm", "safetensors")
MOST = 60_000_000  # bytes
ALONE = shutil.ignore_patterns("__pycache__", "*.pyc", "records", "sweeps", "figures", "widgets", "hunt")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the folder; 1 where it is too large to travel."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu.folder", description=__doc__)
    parser.add_argument("out", type=Path, help="a new folder")
    parser.add_argument(
        "--cifar10", type=Path, help="train/CLASS/*.jpg and test/CLASS/*.jpg; without it no seed is trained"
    )
    parser.add_argument("--camvid", type=Path, help="CamVid's folder; without it no segmentation")
    parser.add_argument("--variant", default=CIFAR10_JPEG, help="a sentence that says which images these are")
    options = parser.parse_args(arguments)
    total = write_folder(options.out, options.cifar10, options.camvid, options.variant)
    print(f"{options.out}: {total / 1e6:.1f} MB")
    if total > MOST:
        print(f"more than {MOST / 1e6:.0f} MB; leave out a data set")
    return int(total > MOST)


def write_folder(out: Path, cifar10: Path | None, camvid: Path | None, variant: str = CIFAR10_JPEG) -> int:
    """Write the folder and return its bytes.

    Raises:
        FileExistsError: there is something already.
        ValueError: a folder of images is not one (see `pack_images`).
    """
    if out.exists():
        raise FileExistsError(f"{out} is there already; name a new folder")
    (out / "data").mkdir(parents=True)
    if cifar10 is not None:
        pack_images(cifar10, out / "data" / PACKED, variant)
    if camvid is not None:
        shutil.copytree(camvid, out / "data" / "camvid")
    shutil.copytree(PACKAGE, out / "vit_tutorial", ignore=ALONE)
    shutil.copytree(Path(__file__).parent.parent, out / "benchmarks", ignore=ALONE)
    for library in LIBRARIES:
        found = find_spec(library)
        assert found is not None
        assert found.origin is not None
        unneeded = shutil.ignore_patterns("__pycache__", "_yaml*.so")  # PyYAML's fast half is for one Python only
        shutil.copytree(Path(found.origin).parent, out / TAKEN / library, ignore=unneeded)
    (out / "COMMIT").write_text(f"{git_commit()}\n", encoding="utf-8")
    return sum(file.stat().st_size for file in out.rglob("*") if file.is_file())


if __name__ == "__main__":
    sys.exit(main())
