"""Safetensors files, written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from vit_tutorial.weights.convert import StateDict


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


def read_safetensors(
    path: str | Path, device: torch.device | str = "cpu", only_metadata: bool = False
) -> tuple[StateDict, dict[str, str]]:
    """Tensors and metadata of a safetensors file.

    Raises:
        FileNotFoundError: no such file. ValueError: the file is cut, or of another format.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no weights file {path}")
    try:
        with safe_open(path, framework="pt", device=str(device)) as file:
            tensors = {} if only_metadata else {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return tensors, file.metadata() or {}
    except SafetensorError as error:
        pickled = path.read_bytes()[:2] in (b"PK", b"\x80\x02", b"\x80\x04")
        reason = (
            "it is a pickle (torch.save), which can run code when it is read; convert it where you trust it: "
            "safetensors.torch.save_file(torch.load(path, weights_only=True), 'weights.safetensors')"
            if pickled
            else f"it is cut or not a safetensors file ({path.stat().st_size} bytes: {error}); copy or download it again"
        )
        raise ValueError(f"cannot read {path}: {reason}") from error
