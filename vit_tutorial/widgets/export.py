"""The export of models by the name under which scripts know it; it lives beside the models of the page, in ``models.export``."""

from vit_tutorial.widgets.models.export import PageModel, export_onnx, export_page, page_model

__all__ = ["PageModel", "export_onnx", "export_page", "page_model"]
