"""What the first cell of every notebook calls, and the check that follows every new piece."""

from __future__ import annotations

import os
import platform
import random
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vit_tutorial.device import pick_device

PROFILES = ("quick", "full")


@dataclass(frozen=True)
class Run:
    """How a notebook runs. ``device``: where tensors go; ``profile``: quick or full; ``seed``: of all random numbers."""

    device: torch.device
    profile: str
    seed: int

    @property
    def quick(self) -> bool:
        """True where the notebook uses embedded data and small sizes."""
        return self.profile == "quick"


def best_device() -> torch.device:
    """The first of CUDA, Apple's MPS and the CPU that is there; ``VIT_DEVICE`` overrides it, checked as ``--device`` is.

    Raises:
        ValueError: ``VIT_DEVICE`` names no device, or one that is not there; the message says what is.
    """
    return pick_device("auto")


def setup(seed: int = 0) -> Run:
    """Seed everything, choose the device and the profile, and say so in one line.

    Args:
        seed: of Python's, NumPy's and torch's random numbers.

    Raises:
        ValueError: ``VIT_PROFILE`` is neither ``quick`` nor ``full``, or ``VIT_DEVICE`` is no device that is there.
    """
    profile = os.environ.get("VIT_PROFILE", "quick")
    if profile not in PROFILES:
        raise ValueError(f"VIT_PROFILE is {profile!r}; set it to one of {', '.join(PROFILES)}")
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the global state, which libraries draw from
    torch.manual_seed(seed)
    run = Run(best_device(), profile, seed)
    print(
        f"Python {platform.python_version()}, torch {torch.__version__}, {run.device.type} "
        f"({torch.get_num_threads()} threads), profile {profile}, seed {seed}"
    )
    return run


def check_shape(tensor: Tensor, shape: tuple[int, ...]) -> None:
    """Assert that a tensor has this shape; the message shows both.

    Raises:
        AssertionError: it has another.
    """
    assert tuple(tensor.shape) == tuple(shape), f"expected shape {tuple(shape)}, got {tuple(tensor.shape)}"
