"""A second network that follows the first one slowly: the teacher of DINO, the momentum encoder of MoCo."""

from __future__ import annotations

import copy
import math
from typing import TypeVar

import torch
from torch import nn

M = TypeVar("M", bound=nn.Module)


def follower(model: M) -> M:
    """A copy that starts with the model's weights and is trained by no gradient."""
    return copy.deepcopy(model).requires_grad_(False).eval()


@torch.no_grad()
def follow(teacher: nn.Module, student: nn.Module, momentum: float) -> None:
    """theta_t <- m theta_t + (1 - m) theta_s for every parameter (He et al. 2020, MoCo, equation 2).

    The teacher's step is (1 - m) of a difference: with m = 0.996 a number of eight bits, such as bfloat16, rounds it away and never moves.

    Raises:
        ValueError: m is outside [0, 1], or the teacher's weights are not float32.
    """
    if not 0.0 <= momentum <= 1.0:
        raise ValueError(f"the teacher's momentum is {momentum}; it must be from 0 to 1 (0.99 to 0.999 is usual)")
    mine: list[torch.Tensor] = list(teacher.parameters())
    kinds = {parameter.dtype for parameter in mine}
    if kinds != {torch.float32}:
        raise ValueError(
            f"the teacher's weights are {', '.join(sorted(map(str, kinds)))}, in which so small a step is rounded away; keep them in "
            "float32 and take mixed precision for the products alone (precision: bf16)"
        )
    torch._foreach_lerp_(mine, [parameter.float() for parameter in student.parameters()], 1.0 - momentum)


def cosine_momentum(start: float, step: int, total_steps: int) -> float:
    """m_t = 1 - (1 - m_0) (1 + cos(pi t / T)) / 2: from m_0 at the first step towards 1 at the end (Grill et al. 2020, BYOL, section 3.2)."""
    return 1.0 - (1.0 - start) * (1.0 + math.cos(math.pi * step / total_steps)) / 2.0
