"""A folder of small JPEG files as one file that can travel: what all of them begin with is written once.

Of a JPEG of 32x32 pixels two thirds are tables that every file has alike. So CIFAR-10's 60,000 files of 55 MB become 18 MB, and not a bit of a
picture is lost. The file is NumPy's .npz, so nothing in it is run when it is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torchvision.io import ImageReadMode, decode_jpeg

from .dataset import Splits, TensorImages
from .splitting import split_tensor_images

PACKED = "cifar10-jpeg.npz"
CIFAR10_JPEG = "CIFAR-10, JPEG copy (quality 75, so a little harder than the original)"


def pack_images(root: Path, path: Path, variant: str) -> int:
    """Write ROOT/train/CLASS/*.jpg and ROOT/test/CLASS/*.jpg as one file; returns its bytes.

    Args:
        variant: a sentence that says exactly which images these are.

    Raises:
        ValueError: there are no such files, or a class is in one split only.
    """
    files = {split: sorted((root / split).glob("*/*.jpg")) for split in ("train", "test")}
    classes = sorted({file.parent.name for file in files["train"]})
    if not classes or classes != sorted({file.parent.name for file in files["test"]}):
        raise ValueError(f"{root} has no train/CLASS/*.jpg and test/CLASS/*.jpg with the same classes; give the folder")
    contents = [file.read_bytes() for split in files.values() for file in split]
    first, last = min(contents), max(contents)  # what these two begin with alike, all between them do
    head = first[: next((i for i, (a, b) in enumerate(zip(first, last)) if a != b), min(len(first), len(last)))]
    np.savez(
        path,
        head=np.frombuffer(head, np.uint8),
        bodies=np.frombuffer(b"".join(content[len(head) :] for content in contents), np.uint8),
        lengths=np.array([len(content) - len(head) for content in contents], np.int32),
        labels=np.array([classes.index(file.parent.name) for split in files.values() for file in split], np.uint8),
        n_train=np.array(len(files["train"])),
        classes=np.array(classes),
        variant=np.array(variant),
    )
    return path.stat().st_size


def read_packed(path: Path, seed: int, shares: tuple[float, float] = (0.9, 0.1)) -> Splits:
    """Decode a file of `pack_images`; the validation split is cut from the training images by class.

    Args:
        seed: of that cut. shares: of training and validation images.

    Raises:
        ValueError: it is not such a file, or it is damaged.
    """
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as there:
            packed = {name: there[name] for name in there.files}
        head, lengths, labels = packed["head"], packed["lengths"], torch.from_numpy(packed["labels"]).long()
        parts = np.split(packed["bodies"], np.cumsum(lengths)[:-1])
        images = torch.stack(list(_decoded(head, parts)))
        n, classes, variant = int(packed["n_train"]), packed["classes"].tolist(), str(packed["variant"])
    except Exception as error:  # a zip that was cut, a field that is missing, a picture that does not decode
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"{path} is not a whole file of packed images ({reason}); pack them again") from error
    of_training = f"{shares[1]:.0%} of the training images kept for validation by class"
    train, test = (
        TensorImages(images[part], labels[part], classes, "cifar10", f"{variant}; {of_training}")
        for part in (slice(n), slice(n, None))
    )
    train, val = split_tensor_images(train, shares, seed)
    return Splits(train, val, test)


def _decoded(head: np.ndarray, bodies: Iterable[np.ndarray]) -> Iterable[torch.Tensor]:
    """uint8 [3, H, W] each."""
    for body in bodies:
        yield decode_jpeg(torch.from_numpy(np.concatenate([head, body])), ImageReadMode.RGB)
