"""The helper package of *Vision Transformers, built and measured*: each module is a page that a chapter derives.

Reading order: patches, positions, attention, feedforward, blocks, vit; then heads, weights, interpret, data, training, tasks.
"""

import os
from typing import TYPE_CHECKING, Any

# Threads that wait should sleep, not spin: small models on a busy machine train ten times faster. Read when torch is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

if TYPE_CHECKING:
    from vit_tutorial.notebook import Run, check_shape, setup

__version__ = "0.1.0"
__all__ = ["Run", "__version__", "check_shape", "setup"]


def __getattr__(name: str) -> Any:
    """The notebooks' helpers, imported with torch where they are first asked for: `vit-tutorial --help` needs neither."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from vit_tutorial import notebook

    return getattr(notebook, name)
