"""Models of the page by the name under which scripts know them; they live in ``models.page_model``."""

from vit_tutorial.widgets.models.page_model import (
    build_page_model,
    gallery,
    gallery_picture,
    load_page_model,
    open_picture,
    page_models,
    read_page_model,
)

__all__ = [
    "build_page_model",
    "gallery",
    "gallery_picture",
    "load_page_model",
    "open_picture",
    "page_models",
    "read_page_model",
]
