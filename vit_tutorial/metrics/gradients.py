"""Do two tasks pull the same weights the same way? Gradients of several losses, layer by layer, and the cosines between them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn


def shared_layers(encoder: nn.Module) -> dict[str, list[nn.Parameter]]:
    """A ViT's parameters by layer: "embedding", "block 1" to "block L", "norm". Those of its own head are left out."""
    layers: dict[str, list[nn.Parameter]] = {}
    for name, parameter in encoder.named_parameters():
        block = re.match(r"blocks\.(\d+)\.", name)
        if name.startswith("head."):
            continue
        layer = f"block {int(block[1]) + 1}" if block else "norm" if "norm" in name else "embedding"
        layers.setdefault(layer, []).append(parameter)
    return layers


def task_gradients(losses: Mapping[str, Tensor], layers: Mapping[str, Sequence[nn.Parameter]]) -> dict[str, Tensor]:
    """The gradient of each loss with respect to each layer, flat: [T, P_layer] each. The graph is kept, and no ``.grad`` is touched.

    Args:
        losses: T scalars of one forward pass. A layer that a loss does not reach has gradient 0.
        layers: parameters by layer, as :func:`shared_layers` gives them.
    """
    everything = [p for of_layer in layers.values() for p in of_layer]
    rows = [
        torch.autograd.grad(loss, everything, retain_graph=True, materialize_grads=True) for loss in losses.values()
    ]
    result, start = {}, 0
    for layer, of_layer in layers.items():
        part = slice(start, start + len(of_layer))
        result[layer] = torch.stack([torch.cat([g.flatten() for g in row[part]]) for row in rows])
        start += len(of_layer)
    return result


def cosines(gradients: Tensor) -> Tensor:
    """cos(g_i, g_j) = g_i . g_j / (|g_i| |g_j|) for all pairs of rows of [T, P]: [T, T]; 0 where a gradient is 0.

    Below 0 a small step down one loss goes up the other (Yu et al. 2020, "Gradient Surgery for Multi-Task Learning").
    """
    unit = gradients / gradients.norm(dim=1, keepdim=True).clamp(min=1e-30)
    return unit @ unit.T


def conflict(losses: Mapping[str, Tensor], layers: Mapping[str, Sequence[nn.Parameter]]) -> dict[str, Tensor]:
    """The cosines between the tasks' gradients in each layer: [T, T] a layer, in the order of the losses."""
    return {layer: cosines(gradients) for layer, gradients in task_gradients(losses, layers).items()}
