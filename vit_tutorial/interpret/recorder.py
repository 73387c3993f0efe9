"""Recording attention weights, which the fused path never stores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from vit_tutorial.attention import Attention, CrossAttention


@contextmanager
def record_attention(model: nn.Module) -> Iterator[list[Tensor]]:
    """Inside the ``with``, every attention layer of the model takes the explicit path and its weights are collected.

        with record_attention(model) as maps:
            model(images)
        maps[0]  # first layer: [B, h, N, N], rows sum to 1

    The weights are detached. Calls inside the ``with`` append to the same list, in the order in which the layers ran. On leaving, also
    through an exception, the model is back on the fused path.

    Raises:
        ValueError: the model has no attention layer, or is being recorded already.
    """
    layers = [m for m in model.modules() if isinstance(m, (Attention, CrossAttention))]
    if not layers:
        raise ValueError(f"{type(model).__name__} has no attention layer of vit_tutorial to record")
    if any(layer.recorder is not None for layer in layers):
        raise ValueError("this model's attention is being recorded already; leave the outer record_attention first")
    maps: list[Tensor] = []
    try:
        for layer in layers:
            layer.recorder = lambda weights: maps.append(weights.detach())
        yield maps
    finally:
        for layer in layers:
            layer.recorder = None
