"""The patch masker's Python: its settings are checked, the page and the notebook get the figure, and a run's folder gives its model."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
import torch
import traitlets

from vit_tutorial.cli import main
from vit_tutorial.patches import patchify
from vit_tutorial.pretraining import MaskedAutoencoder
from vit_tutorial.pretraining.mae import masked_mse
from vit_tutorial.widgets import PatchMasker, explorer, load_page_model, mask_patches, open_picture
from vit_tutorial.widgets.assets import needed
from vit_tutorial.widgets.models.page_model import build_page_model, gallery, page_models, read_page_model
from vit_tutorial.widgets.page_figure import PageFigure
from vit_tutorial.widgets.patch_masker.state import MODEL, start_state
from vit_tutorial.widgets.patch_masker.still import readings


def test_it_starts_with_the_share_that_the_model_was_trained_with() -> None:
    start = start_state({})
    assert len(start.hide) == round(0.75 * 49)
    assert start.hide == sorted(set(start.hide)) == start_state({}).hide
    assert start.image == gallery(MODEL)[0]["name"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"image": "hat"}, "there is no image 'hat'; there are: ankle boot, striped T-shirt"),
        ({"hide": [3, 49]}, "hide names the patch 49, which is not there; they are 0 to 48"),
        ({"sampling": "rows"}, "rows"),
        ({"show": "mask"}, "mask"),
        ({"ratio": 0.5}, "the figure has no 'ratio'; it has image, hide, sampling, show"),
    ],
)
def test_what_cannot_be_shown_is_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        start_state(settings)


def test_the_errors_are_the_models_loss_and_that_of_the_visible_mean() -> None:
    start = start_state({"image": "checked shirt", "hide": [8, 9, 10, 24]})
    image, painted, error, guess = readings(start)
    mask = torch.tensor([[patch in start.hide for patch in range(49)]])
    patches = patchify(image[None], 4)
    assert error == pytest.approx(load_page_model(MODEL).loss(image[None], mask).item(), rel=1e-5)
    assert torch.equal(patchify(painted[None], 4)[~mask], patches[~mask])  # what was visible stays
    mean = patches[~mask].mean()
    assert guess == pytest.approx(masked_mse(mean.expand_as(patches), patches, mask).item(), rel=1e-5)
    assert all(math.isnan(x) for x in readings(start_state({"hide": []}))[2:])


def test_the_decoder_does_better_than_the_mean_on_every_garment() -> None:
    for entry in gallery(MODEL)[:-1]:  # the last is no garment
        _, _, error, guess = readings(start_state({"image": entry["name"]}))
        assert error < guess, entry["name"]


def test_in_a_notebook_the_call_gives_a_widget_that_checks_what_is_set() -> None:
    widget = mask_patches(image="coat", hide=[5, 4, 4])
    assert isinstance(widget, PatchMasker)
    assert (widget.image, widget.hide) == ("coat", [4, 5])
    assert widget.asset.manifest["autoencoder"]["mask_ratio"] == 0.75
    with pytest.raises(traitlets.TraitError, match="hide names the patch -1"):
        widget.hide = [-1]
    with pytest.raises(ValueError, match="the page has painted nothing yet"):
        widget.painted_array()
    widget.painted = [0.0] * 28 * 28
    assert widget.painted_array().shape == (1, 28, 28)
    widget.close()


def test_while_the_book_is_built_the_call_gives_an_element_with_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIT_BOOK_BUILD", "1")
    figure = mask_patches(image="coat", show="error", caption="A <caption>.", name="masker")
    assert isinstance(figure, PageFigure)
    files = {"vit-figures.js", "vit-masking.js", f"model-{MODEL}.js", f"gallery-{MODEL}.js"}
    assert needed(figure.element) == files
    assert figure.element.count("<img ") == figure.element.count(" alt=") == 3
    assert "<figcaption>A &lt;caption&gt;.</figcaption>" in figure.element
    data = re.search(r'<script type="application/json">(.*?)</script>', figure.element)
    assert data is not None
    assert json.loads(data.group(1))["state"]["show"] == "error"
    assert re.search(r"coat, with 37 of 49 patches hidden.*mean squared error is \d\.\d{3};", figure.description)


def test_the_model_is_small_and_another_figure_names_it() -> None:
    assert page_models("autoencoder") == [MODEL]
    manifest, data = read_page_model(MODEL)
    assert len(data) <= 400_000
    assert manifest["source"]["recipe"]["data"] == "fashion_mnist"
    assert isinstance(load_page_model(MODEL), MaskedAutoencoder)
    assert open_picture(MODEL, "coat").shape == (1, 1, 28, 28)
    with pytest.raises(traitlets.TraitError, match=r"is an autoencoder; vit_tutorial.widgets.patch_masker shows it"):
        explorer(MODEL)


RECIPE = """
title: for a test
task: pretraining
data: digits
model: {patch_size: 2, embed_dim: 16, depth: 1, num_heads: 2}
pretraining: {method: mae, decoder_dim: 8, decoder_heads: 2, norm_targets: false}
epochs: 1
batch_size: 512
warmup_epochs: 0
eval_every: 1
threads: 1
"""


def test_a_runs_folder_is_exported_with_its_decoder_and_its_file_without(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tiny.yaml").write_text(RECIPE)
    run = tmp_path / "runs" / "seed-0"
    assert (
        main(["train", str(tmp_path / "tiny.yaml"), "--out", str(run.parent), "--seeds", "0", "--quiet", "--no-test"])
        == 0
    )
    assert main(["export", str(run), "--to", "page", "--dtype", "fp32", "--out", str(tmp_path / "whole")]) == 0
    manifest = json.loads((tmp_path / "whole.json").read_text())
    assert manifest["source"]["recipe"]["pretraining"]["method"] == "mae"
    model = build_page_model(manifest, (tmp_path / "whole.bin").read_bytes())
    assert isinstance(model, MaskedAutoencoder)
    assert (
        main(
            [
                "export",
                str(run / "model.safetensors"),
                "--to",
                "page",
                "--dtype",
                "fp32",
                "--out",
                str(tmp_path / "part"),
            ]
        )
        == 0
    )
    part = json.loads((tmp_path / "part.json").read_text())
    assert "autoencoder" not in part
    encoder = build_page_model(part, (tmp_path / "part.bin").read_bytes())
    for name, tensor in encoder.state_dict().items():
        assert torch.equal(model.encoder.state_dict()[name], tensor), name
    (run / "checkpoint.safetensors").unlink()
    capsys.readouterr()
    assert main(["export", str(run), "--to", "page"]) == 2
    assert "has no checkpoint.safetensors, where the decoder is; export" in capsys.readouterr().err
