"""Where tensors go: one function for the command line, the recipes and the notebooks."""

from __future__ import annotations

import os

import torch


def pick_device(name: str, local_rank: int = 0) -> torch.device:
    """The named device; for "auto", what VIT_DEVICE names or the best one there is.

    Args:
        name: auto, cpu, cuda or mps; of several GPUs one by number, as cuda:1. Without a number the one of `local_rank`.

    Raises:
        ValueError: no such device, or it is not there; the message says what is.
    """
    said, asked = "device", os.environ.get("VIT_DEVICE", "").strip()
    if name == "auto" and asked:
        said, name = "VIT_DEVICE", asked
    there = {"cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available()), "cpu": 1}
    if name == "auto":
        name = next(kind for kind, count in there.items() if count)
    kind, colon, number = name.partition(":")
    if kind not in there or (colon and not number.isdecimal()):
        raise ValueError(f"{said} {name!r} is unknown; choose auto, cpu, cuda or mps")
    index = int(number) if number else local_rank if kind == "cuda" else 0
    if index >= there[kind]:
        found = [f"{kind}:{n}" if count > 1 else kind for kind, count in there.items() for n in range(count)]
        raise ValueError(f"{said} {name!r} is not available here; choose one of {found}")
    if kind == "cuda":
        torch.cuda.set_device(index)
        return torch.device(kind, index)
    return torch.device(kind)
