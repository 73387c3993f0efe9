"""Files of weights: safetensors, written whole or not at all, and the other forms that weights come in, read."""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from vit_tutorial.weights.convert import Nested, StateDict
from vit_tutorial.weights.formats import NUMPY, TORCH, other_format, read_numpy, read_torch

INDEX = ".index.json"


def write_safetensors(path: str | Path, tensors: StateDict, metadata: dict[str, str] | None = None) -> None:
    """Write a safetensors file beside ``path`` and move it there when it is complete, so that no half file ever stands under the name.

    Raises:
        OSError: it cannot be written; the message says where, and a file that stood there before is intact.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    os.close(handle)
    try:
        try:
            save_file(plain, temporary, metadata)
        except SafetensorError as error:  # the library's form of a full disk
            raise OSError(str(error)) from error
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        kept = "the file that was there is unchanged" if path.exists() else "nothing was written"
        raise OSError(f"could not save {path}: {error}; {kept}. Free some space or choose another folder") from error
    finally:
        Path(temporary).unlink(missing_ok=True)


def read_weights(path: str | Path) -> tuple[Nested, dict[str, str]]:
    """Tensors and metadata of a file of weights: safetensors, ``.npz`` (NumPy), or ``.pt``, ``.pth``, ``.bin`` (torch.save).

    The content decides, not the suffix. Nothing in a file is executed: torch's are read with ``weights_only=True``, NumPy's without
    pickles. What they hold may be nested, as in ``{"model": {...}, "epoch": 3}``; :func:`convert_state_dict` finds the model in it.

    Args:
        path: the file, or a folder with a ``model.safetensors`` or ``pytorch_model.bin``, as Hugging Face's ``save_pretrained`` and our
            training leave it; of a large model these may be several files with an index beside them, which are read together.

    Raises:
        FileNotFoundError: no such file. ValueError: it is cut, of another format, or could run code; the message says what to do.
    """
    path = Path(path)
    if path.is_dir():
        names = [name + end for name in ("model.safetensors", "pytorch_model.bin") for end in ("", INDEX)]
        files = [path / name for name in names if (path / name).is_file()]
        if not files:
            raise FileNotFoundError(f"no weights in the folder {path}: no model.safetensors, no pytorch_model.bin")
        path = files[0]
    if path.name.endswith(INDEX) and path.is_file():
        return _read_parts(path), {}
    if (part := re.search(r"-0*(\d+)-of-0*(\d+)\.", path.name)) and int(part[2]) > 1:
        raise ValueError(
            f"{path} is part {part[1]} of {part[2]} of the weights; give the folder {path.parent}, with its {INDEX} file and all parts"
        )
    try:
        return read_safetensors(path)
    except ValueError:
        kind = other_format(path)
        if kind not in (NUMPY, TORCH):
            raise
    return (read_numpy(path) if kind == NUMPY else read_torch(path)), {}


def _read_parts(index: Path) -> Nested:
    """The tensors of all files that an index names. Raises as `read_weights`, and ValueError for an index that is none."""
    try:
        names = sorted(
            {Path(name).name for name in json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()}
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{index} is no index of weights: it has no weight_map; copy it again") from error
    tensors: StateDict = {}
    for name in names:
        file = index.parent / name
        if not file.is_file():
            raise FileNotFoundError(f"{index.parent} has no {name}, which its {index.name} names; copy all parts")
        tensors |= read_safetensors(file)[0] if file.suffix == ".safetensors" else read_torch(file)
    return tensors


def read_safetensors(
    path: str | Path, device: torch.device | str = "cpu", only_metadata: bool = False
) -> tuple[StateDict, dict[str, str]]:
    """Tensors and metadata of a safetensors file.

    Raises:
        FileNotFoundError: no such file. ValueError: the file is cut, or of another format, which is named.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no weights file {path}")
    try:
        with safe_open(path, framework="pt", device=str(device)) as file:
            tensors = {} if only_metadata else {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return tensors, file.metadata() or {}
    except SafetensorError as error:
        kind = other_format(path)
        if kind in (NUMPY, TORCH):
            reason = f"it is {kind} and not safetensors; load_weights(model, path) reads its tensors, runs nothing, and save_model writes safetensors"
        else:
            size = f"{path.stat().st_size} bytes: {error}"
            reason = kind or f"it is cut or not a safetensors file ({size}); copy or download it again"
        raise ValueError(f"cannot read {path}: {reason}") from error
