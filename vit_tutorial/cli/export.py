"""`vit-tutorial export`: a trained model as a web page of its own, for the book's figures, or for other runtimes."""

from __future__ import annotations

import argparse
from typing import Any

from vit_tutorial.cli.commands import described, model_file
from vit_tutorial.data.decode import FULL_RANGE
from vit_tutorial.vit import VisionTransformer
from vit_tutorial.weights import load_classifier
from vit_tutorial.widgets.models.export import export_onnx, export_page
from vit_tutorial.widgets.site import export_site


def run_export(options: argparse.Namespace) -> int:
    """Write the files and say their sizes.

    Raises:
        ValueError, OSError: the model cannot be read or written. ImportError: ONNX's packages are not installed.
    """
    path = model_file(options.model)
    model = load_classifier(path)
    if not isinstance(model, VisionTransformer):
        raise ValueError(f"{path} holds a CNN, and export writes ViTs; predict and evaluate take it")
    if options.to == "site" and not model.config.num_classes:
        raise ValueError(
            f"a site shows a classifier, and {path} is an encoder without classes; export it --to page or onnx"
        )
    out = options.out or path.with_suffix("")
    extra = described(path, model.config)
    describe: dict[str, Any] = {key: extra[key] for key in ("classes", "mean", "std")}
    if options.to == "onnx":
        paths = [export_onnx(model, out.with_name(out.name.removesuffix(".onnx") + ".onnx"), **describe)]
    elif options.to == "site":
        file = out.with_name(out.name.removesuffix(".html") + ".html")
        low, high = extra.get("value_range") or FULL_RANGE
        show = {
            "pictures": options.pictures,
            "title": options.title,
            "dtype": options.dtype,
            "value_range": (low, high),
        }
        paths = [export_site(model, file, **describe, **show)]
    else:
        paths = export_page(model, out, options.dtype, **describe)
    for path in paths:
        print(f"{path}  {path.stat().st_size / 1000:.0f} kB")
    return 0
