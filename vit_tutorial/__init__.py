"""The helper package of *Vision Transformers, built and measured*: each module is a page that a chapter derives.

Reading order: patches, positions, attention, feedforward, blocks, vit; then heads, weights, interpret, data, training, tasks.
"""

import os

# Threads that wait should sleep, not spin: small models on a busy machine train ten times faster. Read when torch is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from vit_tutorial.notebook import Run, check_shape, setup

__version__ = "0.1.0"
__all__ = ["Run", "__version__", "check_shape", "setup"]
