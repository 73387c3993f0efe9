"""MNIST, Fashion-MNIST and CIFAR-10: looked for on disk, downloaded by torchvision only when asked."""

from __future__ import annotations

import gzip
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchvision import datasets

from .dataset import Splits, TensorImages
from .jpeg_pack import PACKED, read_packed
from .splitting import split_tensor_images

SPLIT_SEED = 20  # of the validation images; not a training seed
DEBIAN_FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
FASHION_CLASSES = [
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
]  # fmt: skip

IDX_FILES = {split: (f"{split}-images-idx3-ubyte", f"{split}-labels-idx1-ubyte") for split in ("train", "t10k")}


class MissingData(FileNotFoundError):
    """A data set is not where it was looked for. The message says where that was and what to do."""


def data_root() -> Path:
    """Where data sets are looked for: `$VIT_DATA`, or `~/.cache/vit_tutorial` where it is not set."""
    return Path(os.environ.get("VIT_DATA") or Path.home() / ".cache" / "vit_tutorial").expanduser()


def mnist(root: str | Path | None = None, download: bool = False) -> Splits:
    """MNIST: 55,000 / 5,000 / 10,000 handwritten digits, 28x28 (LeCun, Bottou, Bengio and Haffner, 1998).

    The test split is the standard one; the validation split is cut from the 60,000 training images by class.

    Args:
        root: a folder with the four IDX files (plain or .gz), or one above them; default: `data_root()`.
        download: let torchvision download what is missing, into ROOT/mnist.

    Raises:
        MissingData: naming the folders looked in and the remedies.
        ValueError: a file is cut or is not IDX.
    """
    test_only = "The test files are here, so mnist_10k() works; it splits them 8,000/1,000/1,000."
    folder = _find_idx("MNIST", "mnist", root, download, ("train", "t10k"), datasets.MNIST, hint_if_test=test_only)
    return _standard_idx(folder, "mnist", "MNIST", [str(digit) for digit in range(10)])


def mnist_10k(root: str | Path | None = None, download: bool = False) -> Splits:
    """ "MNIST-10k": MNIST's 10,000 test images alone, split 8,000 / 1,000 / 1,000 by class.

    For where only the test files are at hand. Its numbers are not comparable with MNIST's: say "MNIST-10k".
    Arguments and errors as for `mnist`.
    """
    folder = _find_idx("MNIST", "mnist", root, download, ("t10k",), datasets.MNIST)
    images, labels = _read_pair(folder, "t10k")
    sentence = "MNIST-10k: the 10,000 test images of MNIST alone, split 8,000/1,000/1,000 by class"
    whole = TensorImages(images, labels, [str(digit) for digit in range(10)], "mnist_10k", sentence)
    return Splits(*split_tensor_images(whole, (0.8, 0.1, 0.1), SPLIT_SEED))


def fashion_mnist(root: str | Path | None = None, download: bool = False) -> Splits:
    """Fashion-MNIST: 55,000 / 5,000 / 10,000 photographs of clothing, 28x28 (Xiao, Rasul and Vollgraf, 2017; MIT).

    On Debian and Ubuntu the package dataset-fashion-mnist holds it; its folder is looked in too. Arguments and
    errors as for `mnist`.
    """
    hint = f"On Debian or Ubuntu: apt-get install dataset-fashion-mnist (it fills {DEBIAN_FASHION_MNIST})."
    folder = _find_idx(
        "Fashion-MNIST", "fashion-mnist", root, download, ("train", "t10k"), datasets.FashionMNIST, hint=hint,
        also=[] if root is not None else [DEBIAN_FASHION_MNIST],
    )  # fmt: skip
    return _standard_idx(folder, "fashion_mnist", "Fashion-MNIST", FASHION_CLASSES)


def cifar10(root: str | Path | None = None, download: bool = False) -> Splits:
    """CIFAR-10: 45,000 / 5,000 / 10,000 colour photographs, 32x32, 10 classes (Krizhevsky, 2009).

    Read by torchvision, which checks each file's MD5. The validation split is cut from the 50,000 training images
    by class, as in He et al. (2016, section 4.2).

    Args:
        root: the folder that holds `cifar-10-batches-py`, or ROOT/cifar10 does; default: `data_root()`. A folder with a file of packed JPEG
            images (see `pack_images`) gives those, and their `variant` says so.
        download: let torchvision download what is missing, into ROOT/cifar10.

    Raises:
        MissingData: naming the folders looked in and the remedies.
    """
    base = Path(root) if root is not None else data_root()
    folders = [base, base / "cifar10"]
    packed = next((f / PACKED for f in folders if (f / PACKED).is_file()), None)
    if packed is not None:
        return read_packed(packed, SPLIT_SEED)
    found = next((f for f in folders if (f / "cifar-10-batches-py").is_dir()), folders[-1])
    try:
        parts = [datasets.CIFAR10(found, train=train, download=download) for train in (True, False)]
    except Exception as error:
        where = [f / "cifar-10-batches-py" for f in folders]
        hint = "A CIFAR-10 that is a folder of image files is read by image_folder."
        raise _missing("CIFAR-10", where, error if download else None, hint) from error
    train, test = (
        TensorImages(
            torch.from_numpy(part.data).permute(0, 3, 1, 2).contiguous(),  # [N, 3, 32, 32]
            torch.tensor(part.targets),
            list(part.classes),
            "cifar10",
            "CIFAR-10, 5,000 training images kept for validation by class",
        )
        for part in parts
    )
    train, val = split_tensor_images(train, (0.9, 0.1), SPLIT_SEED)
    return Splits(train, val, test)


def read_idx(path: Path) -> Tensor:
    """Read an IDX file of unsigned bytes, plain or gzipped, as a uint8 tensor of its own shape.

    The format (LeCun): two zero bytes, 0x08 for uint8, the number of dimensions, each size as a big-endian int32,
    then the values. torchvision reads only unpacked files, and only if all four are there: hence this one.
    """
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (EOFError, gzip.BadGzipFile, OSError) as error:
        raise ValueError(f"{path} cannot be read ({error}); delete it and get it again") from error
    dims = content[3] if len(content) > 4 and content[:3] == b"\0\0\x08" else 0
    shape = np.frombuffer(content, ">i4", count=dims, offset=4).tolist() if len(content) >= 4 + 4 * dims else []
    if not shape or len(content) != 4 + 4 * dims + int(np.prod(shape)):
        raise ValueError(
            f"{path} is not a whole IDX file of bytes ({len(content)} bytes, shape {shape}); delete it and get it again"
        )
    return torch.from_numpy(np.frombuffer(content, np.uint8, offset=4 + 4 * dims).reshape(shape).copy())


def _standard_idx(folder: Path, name: str, title: str, classes: list[str]) -> Splits:
    train, test = (
        TensorImages(
            *_read_pair(folder, split), classes, name, f"{title}, 5,000 training images kept for validation by class"
        )
        for split in ("train", "t10k")
    )
    train, val = split_tensor_images(train, (11 / 12, 1 / 12), SPLIT_SEED)
    return Splits(train, val, test)


def _read_pair(folder: Path, split: str) -> tuple[Tensor, Tensor]:
    """(images uint8 [N, 1, H, W], labels int64 [N]) of "train" or "t10k"."""
    images, labels = (read_idx(path) for path in _idx_paths(folder, split))
    return images.unsqueeze(1), labels.long()


def _idx_paths(folder: Path, split: str) -> list[Path]:
    """The image and the label file of a split that exist in `folder`, unpacked rather than .gz."""
    options = ([folder / file, folder / f"{file}.gz"] for file in IDX_FILES[split])
    return [next(path for path in pair if path.is_file()) for pair in options if any(p.is_file() for p in pair)]


def _find_idx(
    title: str,
    subfolder: str,
    root: str | Path | None,
    download: bool,
    splits: Sequence[str],
    source: Any,
    hint: str = "",
    hint_if_test: str = "",
    also: Sequence[Path] = (),
) -> Path:
    """The first folder that holds the files of `splits`; downloads them if there is none and it is asked for."""
    base = Path(root) if root is not None else data_root()
    raw = Path(source.__name__) / "raw"  # torchvision's own place for them
    folders = [base, base / raw, base / subfolder, base / subfolder / raw, *also]

    def complete(folder: Path, wanted: Sequence[str]) -> bool:
        return all(len(_idx_paths(folder, split)) == 2 for split in wanted)

    found = next((folder for folder in folders if complete(folder, splits)), None)
    if found is not None:
        return found
    problem: Exception | None = None
    if download:
        try:
            source(base / subfolder, download=True)
            return base / subfolder / raw
        except Exception as error:  # no network, no space, no permission: torchvision raises many kinds
            problem = error
    if hint_if_test and any(complete(folder, ("t10k",)) for folder in folders):
        hint = f"{hint} {hint_if_test}".strip()
    raise _missing(title, folders, problem, hint) from problem


def _missing(title: str, folders: Sequence[Path], problem: Exception | None, hint: str) -> MissingData:
    looked = ", ".join(str(folder) for folder in folders)
    if problem is not None:
        reason = " ".join(str(problem).split())
        remedy = f"The download failed ({reason}): check the network and the free space, or copy the files there."
    else:
        remedy = "Set VIT_DATA to the folder that holds it, or pass download=True."
    return MissingData(f"no complete {title} in any of these: {looked}. {remedy} {hint}".rstrip())
