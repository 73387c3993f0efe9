"""A folder of one's own, by commands alone: train, stop early, evaluate, predict files, folders and addresses, export."""

from __future__ import annotations

import csv
import functools
import io
import json
import re
import shutil
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from odd_images import noise
from PIL import Image

from vit_tutorial.cli import main
from vit_tutorial.data import image_folder, normalize
from vit_tutorial.vit import VisionTransformer
from vit_tutorial.weights import load_model, read_extra
from vit_tutorial.widgets.models.export import export_onnx
from vit_tutorial.widgets.models.page_model import page_models

Capture = pytest.CaptureFixture[str]
RECIPE = ["image_folder", "--quiet", "--device", "cpu"]
for assignment in ("model.img_size=16", "model.embed_dim=12", "model.depth=1", "batch_size=8", "shift=0", "workers=0"):
    RECIPE += ["--set", assignment]
NAMES = ("dark", "grey", "light")


def fill(folder: Path, n: int, start: int = 0) -> Path:
    """n pictures of each of three brightnesses; every tenth lies under a wrong name."""
    for index in range(start, start + 3 * n):
        level = index % 3
        name = NAMES[(level + (index % 10 == 0)) % 3]
        (folder / name).mkdir(parents=True, exist_ok=True)
        noise(index, low=70 * level).save(folder / name / f"{index:03d}.png")
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("folder") / "photos"
    for split, n, start in (("train", 16, 0), ("val", 8, 100), ("test", 10, 200)):
        fill(root / split, n, start)
    return root


@pytest.fixture(scope="module")
def run(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs")
    words = ["train", *RECIPE, "--epochs", "60", "--set", "patience=6", "--set", "lr=3e-3", "--set", "ema_decay=0"]
    assert main([*words, "--data", str(photos), "--out", str(out)]) == 0
    return out / "seed-0"


# train


def test_training_stops_when_validation_has_not_improved_for_as_long_as_asked(run: Path) -> None:
    history = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    scores = [row["val_accuracy"] for row in history]
    assert len(scores) < 60
    assert max(scores[-6:]) <= max(scores[:-6])
    for end in range(6 + 1, len(scores)):  # and not before
        assert max(scores[max(end - 6, 0) : end]) > max(scores[: end - 6], default=-1)


def test_the_saved_model_is_the_one_that_was_best_on_validation(run: Path, photos: Path) -> None:
    result = json.loads((run / "result.json").read_text())
    assert result["metrics"]["val_accuracy"] == max(row["val_accuracy"] for row in result["history"])
    val = image_folder(photos, 16).val
    extra, model = read_extra(run / "model.safetensors"), load_model(run / "model.safetensors")
    with torch.no_grad():
        called = model(normalize(val.images, extra["mean"], extra["std"])).argmax(1)
    assert (called == val.labels).double().mean().item() == pytest.approx(result["metrics"]["val_accuracy"])


def test_a_test_image_among_the_training_images_stops_training_and_is_dropped_by_choice(
    photos: Path, tmp_path: Path, capsys: Capture
) -> None:
    shutil.copytree(photos, tmp_path / "photos")
    shutil.copy(photos / "test" / "grey" / "205.png", tmp_path / "photos" / "train" / "grey" / "found.png")
    words = ["train", *RECIPE, "--epochs", "1", "--data", str(tmp_path / "photos"), "--out", str(tmp_path / "runs")]
    assert main(words) == 2
    error = capsys.readouterr().err
    assert "train/grey/found.png = test/grey/205.png" in error
    assert "--set on_leak=drop" in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "runs").exists()
    with pytest.warns(UserWarning, match="Left out: train/grey/found.png"):
        assert main([*words, "--set", "on_leak=drop"]) == 0
    out = capsys.readouterr().out
    assert "48 training" in out
    assert "left out 1 copies across splits or classes: train/grey/found.png" in out


def test_a_class_with_one_image_is_named_in_one_line(tmp_path: Path, capsys: Capture) -> None:
    fill(tmp_path / "photos", 5)
    (tmp_path / "photos" / "bat").mkdir()
    noise(999).save(tmp_path / "photos" / "bat" / "only.png")
    assert main(["train", *RECIPE, "--data", str(tmp_path / "photos"), "--out", str(tmp_path / "runs")]) == 2
    error = capsys.readouterr().err
    assert "class 'bat' has 1 image(s), too few for 3 splits; add at least 2, or leave the class out" in error


# evaluate


def test_evaluation_names_the_classes_the_confusions_and_the_surest_mistakes(
    run: Path, photos: Path, capsys: Capture
) -> None:
    assert main(["evaluate", str(run), "--data", str(photos), "--split", "test", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    test = image_folder(photos, 16).test
    extra, model = read_extra(run / "model.safetensors"), load_model(run / "model.safetensors")
    with torch.no_grad():
        p = model(normalize(test.images, extra["mean"], extra["std"])).softmax(1)
    called = p.argmax(1)
    for number, row in enumerate(found["classes"]):
        truly, said = test.labels == number, called == number
        both = (truly & said).sum().item()
        assert (row["images"], row["called"]) == (truly.sum().item(), said.sum().item())
        assert row["recall"] == pytest.approx(both / truly.sum().item())
        assert row["precision"] == (pytest.approx(both / said.sum().item()) if said.any() else None)
    wrong = {test.files[i]: p[i].max().item() for i in torch.nonzero(called != test.labels)[:, 0].tolist()}
    assert len(wrong) >= 2  # the wrong names
    surest = sorted(wrong.values(), reverse=True)[:5]
    assert [m["probability"] for m in found["mistakes"]] == pytest.approx(surest, abs=1e-5)
    assert {m["image"] for m in found["mistakes"]} <= set(wrong)
    assert sum(pair["times"] for pair in found["confusions"]) <= len(wrong)
    low, high = found["accuracy_interval"]
    assert low < found["metrics"]["accuracy"] < high


def test_the_text_of_an_evaluation_has_a_line_a_class_and_file_names(run: Path, photos: Path, capsys: Capture) -> None:
    assert main(["evaluate", str(run), "--data", str(photos), "--split", "test", "--mistakes", "2"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"class +images +recall +precision\ndark +\d+ +\d+\.\d %", out)
    assert re.search(r"95 % interval of the accuracy: \d+\.\d to \d+\.\d %", out)
    assert len(re.findall(r"test/\w+/\d+\.png: \w+ taken for \w+, \d+\.\d % sure", out)) == 2


def test_a_class_that_the_split_has_not_has_no_recall(run: Path, photos: Path, tmp_path: Path, capsys: Capture) -> None:
    shutil.copytree(photos, tmp_path / "photos")
    shutil.rmtree(tmp_path / "photos" / "test" / "light")
    assert main(["evaluate", str(run), "--data", str(tmp_path / "photos"), "--split", "test"]) == 0
    assert re.search(r"light +0 +- ", capsys.readouterr().out)


def test_a_folder_of_other_classes_is_refused_with_both_lists(run: Path, tmp_path: Path, capsys: Capture) -> None:
    for index in range(12):
        file = tmp_path / "photos" / ("cat", "dog", "owl")[index % 3] / f"{index}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        noise(index).save(file)
    assert main(["evaluate", str(run), "--data", str(tmp_path / "photos")]) == 2
    assert "knows the classes dark, grey, light, but the data has cat, dog, owl" in capsys.readouterr().err


def test_evaluation_normalises_as_the_model_was_trained(
    run: Path, photos: Path, tmp_path: Path, capsys: Capture
) -> None:
    """Other training images in the folder have another mean; the test images' scores must not move."""
    shutil.copytree(photos / "test", tmp_path / "photos" / "test")
    for index in range(12):
        file = tmp_path / "photos" / "train" / NAMES[index % 3] / f"{index}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 20), (255, index, 0)).save(file)
    metrics = []
    for folder in (photos, tmp_path / "photos"):
        main(["evaluate", str(run), "--data", str(folder), "--split", "test", "--format", "json"])
        metrics.append(json.loads(capsys.readouterr().out)["metrics"])
    assert metrics[0] == pytest.approx(metrics[1], abs=1e-6)


# predict


@pytest.fixture(scope="module")
def site(photos: Path) -> Iterator[str]:
    """The folder, served over http."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(photos))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("no_proxy", "*")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def answers(capsys: Capture, *words: object) -> list[dict[str, object]]:
    main(["predict", *map(str, words), "--format", "json"])
    return json.loads(capsys.readouterr().out)


def test_an_address_gets_the_answer_of_its_file(run: Path, photos: Path, site: str, capsys: Capture) -> None:
    by_file, by_address = answers(capsys, run, photos / "test/dark/201.png", f"{site}/test/dark/201.png")
    assert by_address["image"] == f"{site}/test/dark/201.png"
    assert by_address["predictions"] == by_file["predictions"]


def test_an_address_that_fails_is_named_and_the_others_answered(
    run: Path, photos: Path, site: str, capsys: Capture
) -> None:
    words = [f"{site}/gone.png", photos / "test/dark/201.png", f"{site}/test/", "ftp://example.org/a.png"]
    assert main(["predict", str(run), *map(str, words)]) == 1
    gone, good, listing, scheme = capsys.readouterr().out.splitlines()
    assert gone == f"{site}/gone.png: cannot be read (the server answered 404 File not found)"
    assert re.search(r"201\.png: (dark|grey|light) \d", good)
    assert "cannot be decoded (it is no image of a format that Pillow knows)" in listing
    assert "only http:// and https:// are read" in scheme


def test_many_images_go_through_the_model_in_batches_and_keep_their_order(
    run: Path, photos: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []
    forward = VisionTransformer.forward
    monkeypatch.setattr(VisionTransformer, "forward", lambda self, x: (sizes.append(len(x)), forward(self, x))[1])
    found = answers(capsys, run, photos / "train", "--batch-size", 20)
    assert sizes == [20, 20, 8]
    assert [a["image"] for a in found] == sorted(map(str, (photos / "train").rglob("*.png")))
    one_by_one = answers(capsys, run, photos / "train", "--batch-size", 1)
    for a, b in zip(found, one_by_one, strict=True):
        assert [p["class"] for p in a["predictions"]] == [p["class"] for p in b["predictions"]]  # type: ignore[attr-defined]


def test_csv_has_a_row_an_image_and_a_column_a_place(run: Path, photos: Path, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "no, image.png").write_text("x")
    words = [photos / "test/dark/201.png", tmp_path / "no, image.png"]
    assert main(["predict", str(run), *map(str, words), "--format", "csv", "--top", "2"]) == 1
    good, bad = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert list(good) == ["image", "error", "notes", "class_1", "probability_1", "class_2", "probability_2"]
    assert float(good["probability_1"]) >= float(good["probability_2"])
    assert bad["image"] == str(tmp_path / "no, image.png")
    assert bad["class_1"] == ""
    assert "no image of a format" in bad["error"]


def test_hidden_files_in_a_folder_are_no_images(run: Path, photos: Path, tmp_path: Path, capsys: Capture) -> None:
    shutil.copy(photos / "test" / "dark" / "201.png", tmp_path / "a.png")
    (tmp_path / "._a.png").write_bytes(b"resource fork")
    assert [a["image"] for a in answers(capsys, run, tmp_path)] == [str(tmp_path / "a.png")]


def test_a_model_of_two_classes_shows_two(tmp_path: Path, capsys: Capture) -> None:
    for index in range(16):
        file = tmp_path / "photos" / "ab"[index % 2] / f"{index}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        noise(index).save(file)
    main(["train", *RECIPE, "--epochs", "1", "--data", str(tmp_path / "photos"), "--out", str(tmp_path / "runs")])
    capsys.readouterr()
    (answer,) = answers(capsys, tmp_path / "runs" / "seed-0", tmp_path / "photos" / "a" / "0.png")
    assert len(answer["predictions"]) == 2  # type: ignore[arg-type]


# export


@pytest.mark.slow
def test_the_onnx_file_of_a_trained_folder_says_all_that_is_needed_to_use_it(
    run: Path, photos: Path, tmp_path: Path, capsys: Capture
) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    assert main(["export", str(run), "--to", "onnx", "--out", str(tmp_path / "mine")]) == 0
    session = onnxruntime.InferenceSession(str(tmp_path / "mine.onnx"))
    meta = session.get_modelmeta().custom_metadata_map
    assert json.loads(meta["classes"]) == ["dark", "grey", "light"]
    assert meta["channels"] == "RGB"
    assert "EXIF" in meta["preprocessing"]
    # As somebody would who has only the file
    height, width = json.loads(meta["img_size"])
    mean, std = (np.array(json.loads(meta[key]), np.float32) for key in ("mean", "std"))
    test, model = image_folder(photos, 16).test, load_model(run / "model.safetensors")
    extra = read_extra(run / "model.safetensors")
    for batch in (1, 7):
        pixels = test.images[:batch].permute(0, 2, 3, 1).numpy()
        assert pixels.shape[1:3] == (height, width)
        inputs = np.ascontiguousarray(((pixels.astype(np.float32) / 255 - mean) / std).transpose(0, 3, 1, 2))
        (logits,) = session.run(None, {"images": inputs})
        with torch.no_grad():
            expected = model(normalize(test.images[:batch], extra["mean"], extra["std"])).numpy()
        np.testing.assert_allclose(logits, expected, atol=1e-4)


def test_the_page_files_of_a_trained_folder_hold_its_classes(run: Path, tmp_path: Path) -> None:
    assert main(["export", str(run), "--to", "page", "--out", str(tmp_path / "mine")]) == 0
    manifest = json.loads((tmp_path / "mine.json").read_text())
    assert manifest["classes"] == ["dark", "grey", "light"]
    assert manifest["bytes"] == (tmp_path / "mine.bin").stat().st_size
    assert "mine" not in page_models()


def test_descriptions_that_do_not_fit_are_refused_before_anything_is_written(run: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    with pytest.raises(ValueError, match="2 class names for a model of 3 classes"):
        export_onnx(load_model(run / "model.safetensors"), tmp_path / "a.onnx", classes=["a", "b"])
    assert not (tmp_path / "a.onnx").exists()
