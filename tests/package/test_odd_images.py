"""Odd image files through the whole path: trained on, predicted, and named where they are bad."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from odd_images import BAD, GOOD, noise

from vit_tutorial.cli import main
from vit_tutorial.data import BadImages, image_folder

TRAIN = ["train", "image_folder", "--quiet", "--epochs", "1", "--device", "cpu"]
for assignment in ("model.img_size=16", "model.embed_dim=12", "model.depth=1", "batch_size=8"):
    TRAIN += ["--set", assignment]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of plain pictures, and every odd but good one in the first."""
    root = tmp_path_factory.mktemp("odd") / "photos of mine"
    for index in range(24):
        file = root / ("dark", "light")[index % 2] / f"plain {index}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        noise(100 + index, low=150 * (index % 2)).save(file)
    for name, write in GOOD.items():
        write(root / "dark" / name)
    return root


@pytest.fixture(scope="module")
def model(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run")
    assert main([*TRAIN, "--data", str(folder), "--out", str(out)]) == 0
    return out / "seed-0"


def test_every_odd_image_is_trained_on(folder: Path) -> None:
    splits = image_folder(folder, 16)
    files = {Path(file).name for split in splits for file in split.files}
    assert set(GOOD) <= files
    assert len(files) == 24 + len(GOOD)


@pytest.mark.parametrize("name", GOOD)
def test_every_odd_image_is_predicted(folder: Path, model: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(model), str(folder / "dark" / name)]) == 0
    assert re.search(rf"{re.escape(name)}: (dark|light) \d", capsys.readouterr().out)


@pytest.mark.parametrize("name", GOOD)
def test_an_odd_image_is_the_same_to_training_and_to_predicting(folder: Path, name: str) -> None:
    from vit_tutorial.cli.pictures import read_image

    file = folder / "dark" / name
    splits = image_folder(folder, 16)
    (trained,) = [split.images[i] for split in splits for i, f in enumerate(split.files) if Path(f).name == name]
    image, _ = read_image(str(file), 3, (16, 16))
    assert image is not None
    assert (image == trained).all()


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("turned.jpg", "turned upright; 24x20 pixels (height x width), its centre resized"),
        ("animated.gif", "the first of 3 frames"),
        ("16 bit.png", "grey made RGB"),
        ("palette.png", "transparent pixels made white"),
    ],
)
def test_what_was_done_to_an_odd_image_is_said(
    folder: Path, model: Path, name: str, note: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["predict", str(model), str(folder / "dark" / name)])
    assert note in capsys.readouterr().out


@pytest.mark.parametrize("name", BAD)
def test_a_bad_image_stops_training_with_its_name_and_reason(tmp_path: Path, name: str) -> None:
    for index in range(12):
        file = tmp_path / "ab"[index % 2] / f"{index}.png"
        file.parent.mkdir(exist_ok=True)
        noise(index).save(file)
    write, reason = BAD[name]
    write(tmp_path / "b" / name)
    with pytest.raises(BadImages, match=rf"b/{re.escape(name)} \(.*{reason}"):
        image_folder(tmp_path, 16)


def test_bad_images_are_named_in_their_places_and_the_others_answered(
    folder: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = []
    for index, (name, (write, _)) in enumerate(BAD.items()):
        noise(index).save(tmp_path / f"{index} good.png")
        write(tmp_path / name)
        names += [tmp_path / f"{index} good.png", tmp_path / name]
    words = ["predict", str(model), *map(str, names), str(tmp_path / "gone.jpg"), "--format", "json"]
    assert main([*words, "--batch-size", "3"]) == 1
    captured = capsys.readouterr()
    answers = json.loads(captured.out)
    assert [answer["image"] for answer in answers] == [*map(str, names), str(tmp_path / "gone.jpg")]
    for answer in answers:
        name = Path(answer["image"]).name
        if name in BAD:
            assert re.search(BAD[name][1], answer["error"])
            assert answer["predictions"] == []
        elif name == "gone.jpg":
            assert answer["error"] == "there is no image of that name"
        else:
            assert answer["error"] is None
            assert sum(p["probability"] for p in answer["predictions"]) == pytest.approx(1, abs=1e-4)
    assert "5 of 9 images failed" in captured.err
