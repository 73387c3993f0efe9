"""The figures that stay alive: their engine, the attention explorer, scenes and their masks, hidden patches, maps of features, a calculator of costs, sliders over pictures, and the export of models to the page."""

from __future__ import annotations

from importlib import import_module
from typing import Any

# Imported when first asked for, so that a build which needs no figure imports neither torch nor the widgets' libraries.
# No module or folder here may have one of these names: importing it would put it in the place of what is meant.
_HOME = {
    "AttentionExplorer": "attention_explorer.widget",
    "calculate_cost": "cost_calculator.figure",
    "CostCalculator": "cost_calculator.widget",
    "embedding_map": "feature_map.figure",
    "EmbeddingMap": "feature_map.widget",
    "explorer": "attention_explorer.figure",
    "live": "sliders.figure",
    "load_page_model": "models.page_model",
    "mask_patches": "patch_masker.figure",
    "open_picture": "models.page_model",
    "PatchMasker": "patch_masker.widget",
    "scene_mask": "scene_segmenter.figure",
    "SceneSegmenter": "scene_segmenter.widget",
}
__all__ = [
    "AttentionExplorer",
    "CostCalculator",
    "EmbeddingMap",
    "PatchMasker",
    "SceneSegmenter",
    "calculate_cost",
    "embedding_map",
    "explorer",
    "live",
    "load_page_model",
    "mask_patches",
    "open_picture",
    "scene_mask",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
