"""Low-rank adaptation: fine-tune a linear map by a narrow detour beside it, and fold the detour in when done (Hu et al. 2022)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class LoRALinear(nn.Module):
    """x -> x W^T + b + (alpha / r) x A^T B^T, with W and b frozen (Hu et al. 2022, "LoRA", section 4.1, equation 3).

    The learned change of W is (alpha / r) B A, a matrix of rank at most r with r (D_in + D_out) parameters instead of D_in D_out.
    B starts at zero, so the map starts as the one it was given; A starts random, or no gradient would ever reach B.

    Args:
        linear: the map to adapt. It is kept, not copied, and frozen.
        rank: r, at least 1 and at most the smaller side of W.
        alpha: scale of the change; None takes r, so that the factor is 1.

    Shape:
        [..., D_in] -> [..., D_out].

    Raises:
        ValueError: the rank does not fit the matrix.
    """

    def __init__(self, linear: nn.Linear, rank: int, alpha: float | None = None) -> None:
        super().__init__()
        D_out, D_in = linear.weight.shape
        if not 1 <= rank <= min(D_in, D_out):
            raise ValueError(
                f"rank {rank} does not fit a matrix of {D_out}x{D_in}; choose one from 1 to {min(D_in, D_out)}"
            )
        self.linear = linear.requires_grad_(False)
        self.scale = (rank if alpha is None else alpha) / rank
        self.A = nn.Parameter(linear.weight.new_empty(rank, D_in))
        self.B = nn.Parameter(linear.weight.new_zeros(D_out, rank))
        nn.init.kaiming_uniform_(self.A, a=math.sqrt(5))  # as torch.nn.Linear starts, and the paper's code

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x) + self.scale * (x @ self.A.T) @ self.B.T

    @torch.no_grad()
    def merge(self) -> nn.Linear:
        """The given map with the change added to its weight, in place: W <- W + (alpha / r) B A. It can be trained again."""
        self.linear.weight += self.scale * self.B @ self.A
        return self.linear.requires_grad_(True)


def add_lora(
    model: nn.Module,
    rank: int,
    alpha: float | None = None,
    targets: Sequence[str] = ("qkv", "proj"),
    trainable: Sequence[str] = ("head",),
) -> None:
    """Freeze a model, and put a :class:`LoRALinear` in place of every linear map of the named kinds.

    Args:
        model: a ViT, changed in place.
        rank, alpha: of each change.
        targets: last names of the linear maps to adapt: ``qkv``, ``proj`` (attention), ``fc1``, ``fc2`` (FFN).
        trainable: last names of modules that stay trainable as they are; a fresh head must be one.

    Raises:
        ValueError: no linear map has one of these names, or the model has LoRA already.
    """
    if any(isinstance(module, LoRALinear) for module in model.modules()):
        raise ValueError("the model has LoRA already; merge it first with merge_lora(model)")
    found = [
        (parent, name, child)
        for parent in model.modules()
        for name, child in parent.named_children()
        if name in targets and isinstance(child, nn.Linear)
    ]
    missing = [name for name in targets if name not in {name for _, name, _ in found}]
    if missing or not found:
        linear = sorted({name.split(".")[-1] for name, m in model.named_modules() if isinstance(m, nn.Linear)})
        raise ValueError(f"no linear map is called {', '.join(missing) or 'nothing'}; choose from {', '.join(linear)}")
    adapted = [(parent, name, LoRALinear(child, rank, alpha)) for parent, name, child in found]
    model.requires_grad_(False)
    for name, module in model.named_modules():
        if name.split(".")[-1] in trainable:
            module.requires_grad_(True)
    for parent, name, lora in adapted:
        setattr(parent, name, lora)


def merge_lora(model: nn.Module) -> None:
    """Fold every change into its weight: the same function, with the parameters and names that the model had before.

    All parameters can be trained again afterwards.
    """
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, LoRALinear):
                setattr(parent, name, child.merge())
    model.requires_grad_(True)


@torch.no_grad()
def merged_state_dict(model: nn.Module) -> dict[str, Tensor]:
    """The state dict that the model would have after :func:`merge_lora`; the model keeps its changes apart and goes on training."""
    state = dict(model.state_dict())
    for name, module in model.named_modules():
        if isinstance(module, LoRALinear):
            del state[f"{name}.A"], state[f"{name}.B"]
            weight = state.pop(f"{name}.linear.weight")
            state[f"{name}.weight"] = weight + module.scale * module.B @ module.A
            if f"{name}.linear.bias" in state:
                state[f"{name}.bias"] = state.pop(f"{name}.linear.bias")
    return state
