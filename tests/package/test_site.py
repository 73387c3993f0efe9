"""A model as one HTML file: all of it inside, nothing from elsewhere."""

from __future__ import annotations

import base64
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from odd_images import noise

from vit_tutorial.cli import main
from vit_tutorial.vit import VisionTransformer, ViTConfig
from vit_tutorial.weights import save_model
from vit_tutorial.widgets.models.export import page_model
from vit_tutorial.widgets.site import STYLE, export_site

DESCRIPTION = {"classes": ["cat", "</script><b>", "owl"], "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4]}


def small_model() -> VisionTransformer:
    torch.manual_seed(0)
    fields = {"img_size": 16, "patch_size": 8, "num_classes": 3, "embed_dim": 16, "depth": 2, "num_heads": 2}
    return VisionTransformer(ViTConfig(**fields)).eval()  # type: ignore[arg-type]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    noise(0).save(tmp_path / "first one.png")
    return tmp_path / "first one.png"


def test_the_file_holds_the_weights_the_names_and_the_picture(tmp_path: Path, picture: Path) -> None:
    text = export_site(
        small_model(), tmp_path / "mine.html", **DESCRIPTION, pictures=[picture], dtype="fp32"
    ).read_text()
    model = re.search(r'vitTutorialModels\?\?=\{\}\)\["mine"\]=(\{.*?\});\n', text)
    assert model is not None
    entry = json.loads(model.group(1))
    expected = page_model(small_model(), "fp32", **DESCRIPTION)
    assert entry["manifest"] == expected.manifest
    assert base64.b64decode(entry["base64"]) == expected.data
    assert "first one" in text


def test_the_file_loads_nothing_and_no_class_name_ends_a_script(tmp_path: Path, picture: Path) -> None:
    text = export_site(small_model(), tmp_path / "mine.html", **DESCRIPTION, pictures=[picture]).read_text()
    assert text.count("<script>") == text.count("</script>") == 5
    assert not re.search(r"""(?:src|href)=["']""", re.sub(r"<script>.*?</script>", "", text, flags=re.S))
    assert "<b>" not in re.sub(r"<script>.*?</script>", "", text, flags=re.S)


def test_the_picture_in_the_file_is_what_the_model_is_trained_to_see(tmp_path: Path, picture: Path) -> None:
    import io

    from PIL import Image

    from vit_tutorial.cli.pictures import read_image

    text = export_site(small_model(), tmp_path / "mine.html", **DESCRIPTION, pictures=[picture]).read_text()
    found = re.search(r'"image":"data:image/png;base64,([^"]+)"', text.replace("<\\/", "</"))
    assert found is not None
    shown = np.array(Image.open(io.BytesIO(base64.b64decode(found.group(1)))))
    seen, _ = read_image(str(picture), 3, (16, 16))
    assert seen is not None
    assert (shown.transpose(2, 0, 1) == seen.numpy()).all()


def test_a_page_without_a_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs a picture to start with"):
        export_site(small_model(), tmp_path / "mine.html", **DESCRIPTION)


def test_the_command_writes_one_file(tmp_path: Path, picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_model(small_model(), tmp_path / "model.safetensors", DESCRIPTION)
    words = ["export", str(tmp_path / "model.safetensors"), "--to", "site", "--pictures", str(picture)]
    assert main([*words, "--title", "Cats & owls"]) == 0
    assert "model.html" in capsys.readouterr().out
    assert "<h1>Cats &amp; owls</h1>" in (tmp_path / "model.html").read_text()


def test_pictures_of_a_folder_go_into_a_folder_that_is_there(
    tmp_path: Path, picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_model(small_model(), tmp_path / "model.safetensors", DESCRIPTION)
    for name in ("pictures", "site", "empty"):
        (tmp_path / name).mkdir()
    for name in "ab":
        shutil.copy(picture, tmp_path / "pictures" / f"{name}{picture.suffix}")
    words = [
        "export",
        str(tmp_path / "model.safetensors"),
        "--to",
        "site",
        "--out",
        str(tmp_path / "site"),
        "--pictures",
    ]
    assert main([*words, str(tmp_path / "pictures")]) == 0
    assert (tmp_path / "site" / "model.html").read_text().count('"image":"data:image/png') == 2
    assert main([*words, str(tmp_path / "empty")]) == 2
    assert "no image files in" in capsys.readouterr().err


def test_the_pages_colours_are_the_books() -> None:
    book = (Path(__file__).parents[2] / "book/assets/book.css").read_text(encoding="utf-8")
    colours = re.findall(r"--vt-\w+: #\w+;", STYLE)
    assert len(colours) == 10
    assert [colour for colour in colours if colour not in book] == []
