"""`vit-tutorial export`: a trained model as a web page of its own, for the book's figures, or for other runtimes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from vit_tutorial.cli.commands import described, model_file
from vit_tutorial.cli.pictures import image_names
from vit_tutorial.cnn import ConvNet
from vit_tutorial.data.decode import FULL_RANGE
from vit_tutorial.heads import Segmenter, SegmenterConfig
from vit_tutorial.pretraining import MaskedAutoencoder, PretrainingConfig
from vit_tutorial.training import RunFolder
from vit_tutorial.training.checkpoint import load_checkpoint
from vit_tutorial.vit import VisionTransformer
from vit_tutorial.weights import (
    holds_multitask,
    holds_segmenter,
    load_classifier,
    load_model,
    load_multitask,
    load_segmenter,
    read_extra,
)
from vit_tutorial.widgets.models.export import export_onnx, export_page
from vit_tutorial.widgets.site import export_site

SETTINGS = {"dtype": ("page", "site"), "pictures": ("site",), "title": ("site",)}  # what each belongs to


def run_export(options: argparse.Namespace) -> int:
    """Write the files and say their sizes.

    Raises:
        ValueError, OSError: the model cannot be read or written. ImportError: ONNX's packages are not installed.
    """
    given = {name: getattr(options, name) for name in SETTINGS if getattr(options, name) is not None}
    if beyond := [f"--{name}" for name in given if options.to not in SETTINGS[name]]:
        raise ValueError(
            f"{', '.join(beyond)} says nothing of --to {options.to}; leave it out, or export --to {SETTINGS[beyond[0][2:]][0]}"
        )
    path = model_file(options.model)
    model, K, channels = read_model(path)
    if options.to == "site" and not K:
        raise ValueError(
            f"a site shows a classifier or a segmenter, and {path} is an encoder without classes; export it --to page or onnx"
        )
    out = options.out or path.with_suffix("")
    if out.is_dir():
        out /= path.stem
    extra = described(path, K, channels)
    describe: dict[str, Any] = {key: extra[key] for key in ("classes", "mean", "std")}
    source = {key: extra[key] for key in ("recipe", "data") if key in extra}
    if options.to == "onnx":
        paths = [export_onnx(model, out.with_name(out.name.removesuffix(".onnx") + ".onnx"), **describe)]
    elif options.to == "site":
        file = out.with_name(out.name.removesuffix(".html") + ".html")
        low, high = extra.get("value_range") or FULL_RANGE
        show = {**given, "pictures": list(image_names(given.get("pictures", ()))), "value_range": (low, high)}
        paths = [export_site(model, file, **describe, **show)]
    else:
        whole = pretrained_autoencoder(options.model) or model
        if not isinstance(whole, VisionTransformer) and source:  # what a page of the book says of the model it shows
            describe["source"] = source
        paths = export_page(whole, out, **given, **describe)
    for path in paths:
        print(f"{path}  {path.stat().st_size / 1000:.0f} kB")
    return 0


def read_model(path: Path) -> tuple[VisionTransformer | Segmenter, int, int]:
    """A model that can be exported, its classes and its channels.

    Raises:
        ValueError: the file holds a CNN, a U-Net or a model of several tasks.
    """
    if holds_multitask(path):
        tasks = ", ".join(load_multitask(path).outputs)
        raise ValueError(
            f"{path} answers several tasks ({tasks}), and export writes models with one head. Another program can read what predict --format json "
            "says; for a page or ONNX train a classifier or a segmenter of the one task that is needed there (recipes image_folder, segmentation)"
        )
    if not holds_segmenter(path):
        model = load_classifier(path)
        if not isinstance(model, VisionTransformer):
            kind = "CNN" if isinstance(model, ConvNet) else "ViT with a second head (teacher_token)"
            raise ValueError(f"{path} holds a {kind}, and export writes plain ViTs; predict and evaluate take it")
        return model, model.config.num_classes, model.config.in_chans
    segmenter = load_segmenter(path)
    if not isinstance(segmenter, Segmenter):
        raise ValueError(f"{path} holds a U-Net, and export writes ViTs; predict and evaluate take it")
    return segmenter, SegmenterConfig.of(segmenter).num_classes, segmenter.encoder.config.in_chans


def pretrained_autoencoder(run: Path) -> MaskedAutoencoder | None:
    """The masked autoencoder of a run's folder with the decoder, which its model file leaves out; None where the run made no such model.

    Raises:
        FileNotFoundError: the checkpoint, which holds the decoder, was removed.
    """
    folder = RunFolder(run)
    if not run.is_dir():
        return None
    pretraining = read_extra(folder.model).get("recipe", {}).get("pretraining", {})
    if pretraining.get("method") != "mae":
        return None
    if not folder.checkpoint.is_file():
        raise FileNotFoundError(
            f"{run} has no {folder.checkpoint.name}, where the decoder is; export {folder.model}, the encoder alone, or train again"
        )
    model = PretrainingConfig.from_dict(pretraining).build(load_model(folder.model))
    assert isinstance(model, MaskedAutoencoder)
    model.load_state_dict(load_checkpoint(folder.checkpoint)[0]["best"])
    return model.eval()
