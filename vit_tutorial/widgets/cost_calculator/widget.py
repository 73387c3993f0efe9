"""The cost calculator of a notebook, which works both ways: ``w.batch_size = 8`` changes the figure, what the reader types changes ``w.batch_size``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget

from vit_tutorial.cost import memory, peak
from vit_tutorial.widgets.cost_calculator.state import CalculatorState, start_state


class CostCalculator(anywidget.AnyWidget, CalculatorState):
    """What a training step of a ViT takes, by formula. All traits may be set from Python at any time.

    Traits:
        embed_dim, depth, num_heads, mlp_ratio, img_size, patch_size: of the model, as in ``ViTConfig``.
        batch_size, precision, attention, optimizer: of the step, as in ``vit_tutorial.cost.Step``.
        tflops, bandwidth: what the device reaches, in 10^12 operations and 10^9 bytes a second. gib: its memory.

    Raises:
        traitlets.TraitError, ValueError: a value that cannot be.
    """

    _esm = Path(__file__).parent / "dist" / "widget.js"

    def __init__(self, **settings: Any) -> None:
        start = start_state(settings)
        super().__init__(
            **{name: getattr(start, name) for name in start.trait_names() if name in CalculatorState.class_own_traits()}
        )

    @property
    def peak(self) -> int:
        """Bytes of the step at its fullest."""
        return peak(memory(self.config, self.step))
