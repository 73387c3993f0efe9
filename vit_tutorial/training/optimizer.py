"""How weights move: the optimiser of a recipe, with weight decay on matrices only, and the average of the weights.

How far they move at each step, the learning rate, is the schedule's: `training/schedule.py`.
"""

from __future__ import annotations

import copy
import re

import torch
from torch import nn

from vit_tutorial.training.recipe import Recipe


def parameter_groups(model: nn.Module, weight_decay: float, layer_decay: float = 1.0) -> list[dict]:
    """Two groups of parameters: matrices, which decay, and everything else, which does not.

    Biases, the gains and shifts of normalisations, the class and register tokens and the position embedding are not
    decayed: pulling them to zero does not make the function simpler, it only moves it. The usual practice for ViTs
    (timm's `param_groups_weight_decay`; Touvron et al. 2021, DeiT).

    With `layer_decay` d below 1 there are two groups a layer, each with an `lr_scale` by which the loop multiplies the
    learning rate: d^(L + 1 - l) for layer l, where the embedding is layer 0, the blocks are 1 to L, and what comes after
    them L + 1 (Bao et al. 2022, BEiT; He et al. 2022, MAE, appendix A.1). The layers near the pixels move least.
    """
    depth = max([layer_of(name, 0) for name, _ in model.named_parameters()], default=0)
    groups: dict[tuple[int, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            is_token = name.split(".")[-1] in ("cls_token", "reg_token", "pos_embed", "mask_token")
            decays = parameter.ndim > 1 and not is_token
            layer = layer_of(name, depth + 1) if layer_decay != 1.0 else depth + 1
            groups.setdefault((layer, decays), []).append(parameter)
    return [
        {
            "params": groups[layer, decays],
            "weight_decay": weight_decay if decays else 0.0,
            "lr_scale": layer_decay ** (depth + 1 - layer),
        }
        for layer, decays in sorted(groups, key=lambda key: (key[0], not key[1]))
    ]


def layer_of(name: str, last: int) -> int:
    """The layer of a ViT's parameter: 0 for the embedding, i + 1 for `blocks.i`, and `last` for everything else."""
    if block := re.search(r"(?:^|\.)blocks\.(\d+)\.", name):
        return int(block[1]) + 1
    is_embedding = re.search(r"(?:^|\.)(patch_embed|cls_token|reg_token|pos_embed)(?:\.|$)", name)
    return 0 if is_embedding else last


def build_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW (Loshchilov and Hutter 2019), Adam, SGD with momentum, or Muon with AdamW, as `recipe.optimizer` says.

    Where the blocks are frozen, Muon has nothing to step, and what is left of "Muon with AdamW" is AdamW.

    Raises:
        ValueError: Muon is asked for where torch has none, or for a model without encoder blocks.
    """
    groups = parameter_groups(model, recipe.weight_decay, recipe.layer_decay)
    for group in groups:
        group["lr"] = recipe.lr * group["lr_scale"]
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=recipe.lr, momentum=recipe.betas[0])
    matrices = hidden_matrices(model)
    frozen = matrices and not any(p.requires_grad for p in matrices)
    if recipe.optimizer == "muon" and not frozen:
        return MuonAdamW(groups, matrices, recipe)
    adam = torch.optim.Adam if recipe.optimizer == "adam" else torch.optim.AdamW
    return adam(groups, lr=recipe.lr, betas=recipe.betas, fused=True)  # fused: one kernel for all parameters


def hidden_matrices(model: nn.Module) -> set[nn.Parameter]:
    """The weight matrices inside the encoder blocks: what Muon is for."""
    return {p for name, p in model.named_parameters() if p.ndim == 2 and re.search(r"(?:^|\.)blocks\.\d+\.", name)}


class MuonAdamW(torch.optim.Optimizer):
    """Muon for the matrices of the blocks and AdamW for everything else, which to the outside is one optimiser.

    Muon's step is the averaged gradient M with its singular values all brought near 1, U V^T of M = U S V^T, computed by a few
    matrix products (Jordan et al. 2024). Times 0.2 sqrt(max(rows, columns)) it is as large as a step of AdamW, so that both take the
    same learning rate and weight decay (Liu et al. 2025, "Muon is scalable for LLM training", section 2.2).

    Args:
        groups: of `parameter_groups`.
        matrices: the parameters that Muon steps.
        recipe: gives lr and AdamW's betas; Muon's momentum is 0.95.

    Raises:
        ValueError: this torch has no Muon (it came with 2.9), or there is no matrix for it.
    """

    def __init__(self, groups: list[dict], matrices: set[nn.Parameter], recipe: Recipe) -> None:
        if not hasattr(torch.optim, "Muon"):
            raise ValueError(f"optimizer muon needs torch 2.9 or newer, here is {torch.__version__}; use adamw")
        if not matrices:
            raise ValueError("optimizer muon steps the matrices of encoder blocks, and this model has none; use adamw")
        parts = [
            [{**g, "params": [p for p in g["params"] if (p in matrices) == taken]} for g in groups]
            for taken in (True, False)
        ]
        hidden, rest = ([group for group in part if group["params"]] for part in parts)
        self.muon = torch.optim.Muon(hidden, lr=recipe.lr, adjust_lr_fn="match_rms_adamw")
        self.adamw = torch.optim.AdamW(rest, lr=recipe.lr, betas=recipe.betas, fused=True)
        super().__init__([*self.muon.param_groups, *self.adamw.param_groups], {})
        self._share()

    def _share(self) -> None:
        """The two halves read and write this object's groups and memory, so that it is saved and restored like any optimiser."""
        split = len(self.muon.param_groups)
        self.muon.param_groups, self.adamw.param_groups = self.param_groups[:split], self.param_groups[split:]
        self.muon.state = self.adamw.state = self.state

    def load_state_dict(self, state_dict: dict) -> None:
        super().load_state_dict(state_dict)
        self._share()

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        self._gather()
        if all(
            p.is_cuda and not hasattr(p, "redistribute") for group in self.muon.param_groups for p in group["params"]
        ):
            stacked_muon_step(self.muon)
        else:
            self.muon.step()
        self.adamw.step()

    def _gather(self) -> None:
        """Of matrices whose rows lie in several processes, have gradient and momentum whole in each: Muon's products need whole matrices.

        Muon runs on parts, too, but then adds up parts of products in bfloat16: for each number of processes its step is another by some percent,
        which is what bfloat16 costs it anyway.
        """
        divided = [p for g in self.muon.param_groups for p in g["params"] if hasattr(p.grad, "redistribute")]
        if divided:
            from torch.distributed.tensor import Replicate  # takes half a second to import

            everywhere = [Replicate()]
            for p in divided:
                p.grad = p.grad.redistribute(placements=everywhere)
                if "momentum_buffer" in self.state[p]:
                    self.state[p]["momentum_buffer"] = self.state[p]["momentum_buffer"].redistribute(
                        placements=everywhere
                    )


@torch.no_grad()
def stacked_muon_step(muon: torch.optim.Optimizer) -> None:
    """What `torch.optim.Muon.step` does, for all matrices of one shape at once; equal but for rounding in bfloat16.

    torch goes through the matrices one by one, some thirty small kernels each, which a GPU runs faster than Python can ask for them. Stacked
    they are thirty for each *shape*, of which a ViT's blocks have four.
    """
    for group in muon.param_groups:
        lr, momentum = group["lr"], group["momentum"]
        by_shape: dict[torch.Size, list[torch.Tensor]] = {}
        for p in group["params"]:
            if p.grad is not None:
                by_shape.setdefault(p.shape, []).append(p)
        for shape, matrices in by_shape.items():
            for p in matrices:
                if "momentum_buffer" not in muon.state[p]:
                    muon.state[p]["momentum_buffer"] = torch.zeros_like(p)
            gradients = [p.grad for p in matrices if p.grad is not None]
            buffers = [muon.state[p]["momentum_buffer"] for p in matrices]
            torch._foreach_lerp_(buffers, gradients, 1 - momentum)
            updates = torch._foreach_lerp(gradients, buffers, momentum) if group["nesterov"] else buffers
            directions = orthogonalised(
                torch.stack(list(updates)), group["ns_coefficients"], group["ns_steps"], group["eps"]
            )
            torch._foreach_mul_(list[torch.Tensor](matrices), 1 - lr * group["weight_decay"])
            torch._foreach_add_(
                list[torch.Tensor](matrices), list(directions.float()), alpha=-lr * 0.2 * max(shape) ** 0.5
            )


def orthogonalised(
    matrices: torch.Tensor, coefficients: tuple[float, float, float], steps: int, eps: float
) -> torch.Tensor:
    """[n, rows, columns], each with its singular values brought near 1 by Newton and Schulz's iteration in bfloat16 (Jordan et al. 2024)."""
    a, b, c = coefficients
    tall = matrices.shape[-2] > matrices.shape[-1]
    X = (matrices.mT if tall else matrices).bfloat16()
    X = X / X.norm(dim=(-2, -1), keepdim=True).clamp(min=eps)  # the largest singular value is then at most 1
    for _ in range(steps):
        A = X @ X.mT
        X = torch.baddbmm(X, torch.baddbmm(A, A, A, beta=b, alpha=c), X, beta=a)
    return X.mT if tall else X


class EMA:
    """Exponential moving average of the weights: m_t = d_t m_{t-1} + (1 - d_t) w_t, with d_t = min(d, (1 + t) / (10 + t)).

    The average forgets the random initial weights quickly because d_t starts small. Polyak and Juditsky 1992; the
    ramp is TensorFlow's `ExponentialMovingAverage(num_updates=...)`.

    Args:
        model: the model to follow; `self.model` is a copy of it that holds the average.
        decay: d, in [0, 1). With d = 0 the average is the model itself, and no copy is made.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.source = model
        self.model = copy.deepcopy(model).requires_grad_(False) if decay > 0 else model

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move the average towards the weights after step t (counted from 0)."""
        if self.decay > 0:
            decay = min(self.decay, (1 + step) / (10 + step))
            torch._foreach_lerp_(list(self.model.parameters()), list(self.source.parameters()), 1 - decay)
            for mine, theirs in zip(self.model.buffers(), self.source.buffers(), strict=True):
                mine.copy_(theirs)
