"""What the cost calculator is asked, as traits that are checked, and the configuration and step that they make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import traitlets as t

from vit_tutorial.cost import Rates, Step, parameters
from vit_tutorial.vit import SIZES, ViTConfig

SETTINGS = (
    *("embed_dim", "depth", "num_heads", "mlp_ratio", "img_size", "patch_size", "batch_size"),
    *("precision", "attention", "optimizer", "tflops", "bandwidth", "gib"),
)


class CalculatorState(t.HasTraits):
    """What is asked. Traits: see :class:`~vit_tutorial.widgets.CostCalculator`."""

    embed_dim = t.Int(192, min=16, max=8192).tag(sync=True)
    depth = t.Int(12, min=1, max=96).tag(sync=True)
    num_heads = t.Int(3, min=1, max=64).tag(sync=True)
    mlp_ratio = t.Float(4.0, min=0.5, max=8.0).tag(sync=True)
    img_size = t.Int(224, min=8, max=2048).tag(sync=True)
    patch_size = t.Int(16, min=1, max=64).tag(sync=True)
    batch_size = t.Int(64, min=1, max=65536).tag(sync=True)
    precision = t.Enum(("fp32", "bf16"), "fp32").tag(sync=True)
    attention = t.Enum(("fused", "explicit"), "fused").tag(sync=True)
    optimizer = t.Enum(("adamw", "muon", "sgd"), "adamw").tag(sync=True)
    tflops = t.Float(0.1, min=0.001, max=10_000.0).tag(sync=True)
    bandwidth = t.Float(5.0, min=0.1, max=100_000.0).tag(sync=True)
    gib = t.Float(8.0, min=0.5, max=4096.0).tag(sync=True)

    @property
    def config(self) -> ViTConfig:
        """The model: three channels, 1000 classes, class token."""
        names = ("embed_dim", "depth", "num_heads", "mlp_ratio", "img_size", "patch_size")
        return ViTConfig.from_dict({name: getattr(self, name) for name in names})

    @property
    def step(self) -> Step:
        return Step(self.batch_size, self.precision, self.attention, self.optimizer)  # type: ignore[arg-type]

    @property
    def rates(self) -> Rates:
        """One rate for all products."""
        return Rates(self.tflops * 1e12, self.tflops * 1e12, self.bandwidth * 1e9)


def with_size(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings in which ``size="base"`` is written out.

    Raises:
        ValueError: an unknown size or name.
    """
    given = dict(settings)
    size = given.pop("size", None)
    if size is not None and size not in SIZES:
        raise ValueError(f"unknown size {size!r}; choose one of {', '.join(SIZES)}")
    unknown = [key for key in given if key not in SETTINGS]
    if unknown:
        raise ValueError(f"the figure has no {unknown[0]!r}; it has size, {', '.join(SETTINGS)}")
    return {**SIZES.get(size or "", {}), **given}


def start_state(settings: Mapping[str, Any]) -> CalculatorState:
    """What a figure starts with, checked.

    Raises:
        ValueError: a value that cannot be, an unknown name, or a width that its heads do not divide.
    """
    try:
        start = CalculatorState(**with_size(settings))
    except t.TraitError as error:
        raise ValueError(str(error)) from error
    if start.embed_dim % start.num_heads or start.img_size % start.patch_size:
        raise ValueError(
            f"width {start.embed_dim} has to be divisible by {start.num_heads} heads, and {start.img_size} pixels by patches of {start.patch_size}"
        )
    parameters(start.config)
    return start
