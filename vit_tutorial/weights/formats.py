"""Files that are not safetensors: NumPy's and torch's, read without running anything in them, and others, told by name."""

from __future__ import annotations

import argparse
import re
import shlex
import zipfile
from pathlib import Path

import numpy as np
import torch

from vit_tutorial.weights.convert import Nested

NUMPY, TORCH = "a NumPy archive (.npz)", "a pickle (torch.save)"
# How files begin that are often taken for weights. No safetensors file begins so: its first byte is a multiple of 8.
_BEGINNINGS = [
    (b"version https://git-lfs", "it is a Git LFS pointer, not the file itself; run git lfs pull where it came from"),
    (b"<", "it is a web page, not a file of weights; download the file itself, by its raw or resolve address"),
    (b"(globalThis.vitTutorial", "it is a model for the page; give the model.safetensors that it was exported from"),
    (b"{", "it is JSON, which holds no weights; give the file of weights beside it"),
    (
        b"\x89HDF",
        "it is HDF5, as Keras writes it, which is not read here; give the model's safetensors, .npz or .bin file",
    ),
    (b"\x1f\x8b", "it is packed by gzip; unpack it first: gunzip FILE, or tar -xzf FILE"),
    (b"\x89PNG", "it is an image, not a file of weights"),
    (b"\xff\xd8\xff", "it is an image, not a file of weights"),
]
_OLD_TORCH = (
    b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19"  # torch.save before 1.6: a pickle of its magic number comes first
)
_SUFFIXES = {
    ".onnx": "it is an ONNX model, which is for other runtimes; give the model.safetensors that it was exported from",
    ".yaml": "it is a recipe, not a trained model; train it: vit-tutorial train FILE",
    ".msgpack": "it is Flax's msgpack, which is not read here; give the model's safetensors, .npz or .bin file",
}


def other_format(path: Path) -> str | None:
    """``NUMPY``, ``TORCH``, or a sentence on what a file is instead; None where nothing is known. For files that are no safetensors."""
    with open(path, "rb") as file:
        beginning = file.read(32)
    if beginning.startswith(b"PK\x03\x04"):
        return _zip_format(path)
    if beginning.startswith(_OLD_TORCH):
        return TORCH
    if beginning[:1] == b"\x80" and beginning[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):  # a pickle and its protocol
        code = f"import numpy, pickle; numpy.savez('weights.npz', **pickle.load(open({str(path)!r}, 'rb')))"
        return f"it is a pickle, which runs code when it is read; where you trust it, convert it: python -c {shlex.quote(code)}"
    known = next((words for start, words in _BEGINNINGS if beginning.lstrip().startswith(start)), None)
    return known or _SUFFIXES.get(path.suffix.lower())


def _zip_format(path: Path) -> str | None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:  # the list of names stands at the end
        return f"it is cut ({path.stat().st_size} bytes, and the end of a .pt, .pth, .bin or .npz file is missing); copy it again"
    if any(name.endswith("constants.pkl") for name in names):
        code = f"import torch; torch.save(torch.jit.load({str(path)!r}).state_dict(), 'weights.pt')"
        return f"it is TorchScript, a program; save its weights where you trust it: python -c {shlex.quote(code)}"
    if any(name.endswith("data.pkl") for name in names):
        return TORCH
    if names and all(name.endswith(".npy") for name in names):
        return NUMPY
    return f"it is a zip archive ({', '.join(names[:3]) or 'empty'}); unpack it and give the file of weights in it"


def read_numpy(path: Path) -> Nested:
    """The arrays of a ``.npz`` file. Raises ValueError: it is cut, or holds Python objects."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"cannot read {path}: {one_line(error)}; it is cut or holds more than arrays") from error
    if any(array.dtype.kind == "V" for array in arrays.values()):  # how NumPy gives a type it does not know
        raise ValueError(
            f"cannot read {path}: its arrays are bfloat16, which NumPy does not know; save them as float32: array.astype('float32')"
        )
    return arrays


def read_torch(path: Path) -> Nested:
    """What ``torch.save`` wrote, if it is tensors and plain values; nothing in it is executed.

    The training arguments that DeiT, MAE and DINO put beside their weights are an ``argparse.Namespace``, a bag of values, and are let in.

    Raises:
        ValueError: it is cut, or would need code to be run; the message has the command that converts it where it is trusted.
    """
    try:
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # unpickling raises many kinds
        if "nsupported" not in str(error) and "eights" not in str(error):
            raise ValueError(f"cannot read {path}: it is cut or damaged ({one_line(error)}); copy it again") from error
        load = f"torch.load({str(path)!r}, map_location='cpu', weights_only=False)"
        code = (
            "import torch; from vit_tutorial.weights import convert_state_dict as convert, write_safetensors as write; "
            f"write('weights.safetensors', convert({load}))"
        )
        raise ValueError(
            f"cannot read {path}: beside tensors it holds {_foreign(path)}, and reading such an object runs code of the file; "
            f"where you trust it, convert it: python -c {shlex.quote(code)}"
        ) from error


def _foreign(path: Path) -> str:
    """The Python classes in a torch file that are more than tensors and plain values."""
    try:
        names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except Exception:  # written before torch 1.6, or damaged
        names = []
    others = [name for name in names if name != "argparse.Namespace"]
    return ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "") or "Python objects"


def one_line(error: Exception) -> str:
    """The first sentence of an error, at most 120 characters."""
    return re.sub(r"\s+", " ", str(error) or type(error).__name__).split(". ")[0][:120]
