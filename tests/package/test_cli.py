"""The command line: what it prints, what it writes, and how it refuses."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from training_helpers import as_options

from vit_tutorial import setup
from vit_tutorial.cli import doctor, main
from vit_tutorial.cnn import CNNConfig, ConvNet
from vit_tutorial.data import digits
from vit_tutorial.device import pick_device
from vit_tutorial.training import environment
from vit_tutorial.training import recipe as recipes
from vit_tutorial.training import record as records
from vit_tutorial.training.sweep_record import list_sweep_records
from vit_tutorial.vit import VisionTransformer, ViTConfig
from vit_tutorial.weights import load_model, save_model

Capture = pytest.CaptureFixture[str]


def run(capsys: Capture, *words: object) -> tuple[int, str, str]:
    """Exit status, output and errors of one command."""
    try:
        status = main([str(word) for word in words])
    except SystemExit as stop:  # argparse
        status = int(stop.code or 0)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run with the seeds 0 and 1, and its record."""
    out = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "RESULTS", out)
        patch.setattr(environment, "in_checkout", lambda: True)
        words = ["train", "digits", *as_options(epochs=1), "--seeds", "0,1", "--out", str(out), "--quiet"]
        assert main([*words, "--record", "tiny", "--short-run"]) == 0
    return out


def save_digit(path: Path, index: int = 0) -> Path:
    image, _ = digits().test[index]
    Image.fromarray(image[0].numpy()).save(path)
    return path


# train


def test_training_says_what_it_does_and_writes_a_run_a_seed(trained: Path) -> None:
    names = {"run.json", "checkpoint.safetensors", "model.safetensors", "history.jsonl", "result.json", "tensorboard"}
    for seed in ("seed-0", "seed-1"):
        assert {file.name for file in (trained / seed).iterdir()} - {
            ".lock"
        } == names  # some versions of filelock remove it


def test_a_record_repeats_by_its_command(trained: Path) -> None:
    record = json.loads((trained / "tiny.json").read_text())
    assert record["command"].startswith("vit-tutorial train digits --seeds 0,1 --set epochs=1 --set batch_size=256")
    assert record["command"].endswith("--record tiny --short-run")
    assert record["status"] == "short run, no quality claim"
    assert record["overrides"]["model.embed_dim"] == 16


def test_the_same_command_again_says_that_it_is_finished(trained: Path, capsys: Capture) -> None:
    status, out, _ = run(capsys, "train", "digits", *as_options(epochs=1), "--out", trained)
    assert status == 0
    assert "this run is already finished; --no-resume trains it afresh" in out
    assert "test accuracy" in out


def test_several_seeds_are_summed_up(trained: Path, capsys: Capture) -> None:
    _, out, _ = run(capsys, "train", "digits", *as_options(epochs=1), "--out", trained, "--seeds", "0,1")
    assert re.search(r"2 seeds: test accuracy \d+\.\d\d % ± \d+\.\d\d", out)


def test_an_installed_package_keeps_records_beside_the_runs(
    trained: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "in_checkout", lambda: False)
    _, out, _ = run(capsys, "train", "digits", *as_options(epochs=1), "--out", trained, "--seed", 0, "--record", "mine")
    assert f"not a checkout; the record is in {trained / 'mine.json'}" in out


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of 24 small pictures in two classes."""
    for index in range(24):
        file = tmp_path / "photos" / ("dark", "light")[index % 2] / f"{index}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(index).integers(100, size=(20, 24, 3), dtype=np.uint8)
        Image.fromarray(noise + np.uint8(150 * (index % 2))).save(file)
    return tmp_path / "photos"


FOLDER_RECIPE = [
    "image_folder",
    "--epochs",
    "2",
    "--quiet",
    "--set",
    "model.img_size=16",
    "--set",
    "model.embed_dim=12",
]
FOLDER_RECIPE += ["--set", "batch_size=8", "--set", "shift=0", "--set", "workers=0", "--set", "variant=Two greys"]


def test_ones_own_folder_of_images_is_trained_on_and_predicted(photos: Path, tmp_path: Path, capsys: Capture) -> None:
    status, out, err = run(capsys, "train", *FOLDER_RECIPE, "--data", photos, "--out", tmp_path / "runs")
    assert status == 0, err
    assert out.startswith("Two greys; image folder photos: 24 images, 2 classes, resized to 16x16")
    status, out, _ = run(capsys, "predict", tmp_path / "runs" / "seed-0", photos, "--top", "2")
    assert status == 0
    assert len(re.findall(r"\.jpg: (?:dark|light) \d", out)) == 24


def test_a_truncated_image_stops_training_or_is_skipped_by_choice(
    photos: Path, tmp_path: Path, capsys: Capture
) -> None:
    bad = photos / "dark" / "0.jpg"
    bad.write_bytes(bad.read_bytes()[:300])
    words = ["train", *FOLDER_RECIPE, "--data", photos, "--out", tmp_path / "runs"]
    status, _, err = run(capsys, *words)
    assert status == 2
    assert "1 of 24 image files" in err
    assert "dark/0.jpg" in err
    with pytest.warns(UserWarning, match=r"dark/0\.jpg"):
        status, out, _ = run(capsys, *words, "--set", "on_bad=skip")
    assert status == 0
    assert "23 images" in out


# wrong input: one line, status 2, no traceback


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "digts"], "no recipe 'digts'; did you mean 'digits'?"),
        (["train", "digits", "--set", "lrr=1"], "unknown Recipe field 'lrr'; did you mean 'lr'?"),
        (["train", "digits", "--set", "model.dept=1"], "unknown ViTConfig field 'dept'; did you mean 'depth'?"),
        (["train", "digits", "--set", "model.patch_size=3"], "8 is not divisible by patch size 3; choose 2, 4"),
        (["train", "digits", "--set", "model.num_heads=5"], "width 64 is not divisible by 5 heads; choose"),
        (["train", "digits", "--epochs", "0"], "epochs is 0; it must be a whole number of at least 1"),
        (["train", "digits", "--device", "tpu"], "device 'tpu' is unknown; choose auto, cpu"),
        (["train", "image_folder", "--data", "nowhere"], "nowhere"),
        (["train", "mnist", "--data", "nowhere"], "no complete MNIST in any of these"),
        (["evaluate", "nowhere"], "nowhere"),
        (["predict", "nowhere", "x.png"], "nowhere"),
        (["results", "nothing"], "no record 'nothing'"),
    ],
)
def test_wrong_input_is_one_line_that_names_it(
    words: list[str], message: str, capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    status, _, err = run(capsys, *words)
    assert status == 2
    assert err.startswith(f"vit-tutorial {words[0]}: ")
    assert message in err
    assert len(err.strip().splitlines()) == 1
    assert not list(tmp_path.rglob("*.safetensors"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "digits", "--set", "lr"], "'lr' is no assignment; write FIELD=VALUE"),
        (["train", "digits", "--seeds", "0,x"], "'x' is no seed; give a whole number from 0"),
        (["train", "digits", "--seed", "²"], "'²' is no seed"),
        (["train", "digits", "--seed", str(2**63)], "is no seed; give a whole number from 0 and below 2**63"),
        (["train", "image_folder", "--data", ""], "argument --data: the path is empty"),
        (["evaluate", "runs/digits/seed-0", "--mistakes", "-3"], "'-3' is no number of mistakes"),
        (["train", "digits", "--seeds", "0,0"], "names a seed twice"),
        (["fly"], "invalid choice: 'fly'"),
    ],
)
def test_words_that_cannot_be_read_are_refused_by_the_parser(words: list[str], message: str, capsys: Capture) -> None:
    status, _, err = run(capsys, *words)
    assert status == 2
    assert message in err


def test_debug_shows_where(capsys: Capture) -> None:
    with pytest.raises(recipes.RecipeError):
        main(["train", "digts", "--debug"])


def test_a_loss_that_is_no_number_fails_with_status_1(tmp_path: Path, capsys: Capture) -> None:
    options = as_options(lr=1e30, warmup_epochs=0, clip_grad=0, schedule="constant")
    status, _, err = run(capsys, "train", "digits", *options, "--out", tmp_path, "--quiet")
    assert status == 1
    assert re.search(r"the loss is (nan|inf) .* at step \d+, learning rate 1e\+30", err)
    assert str(tmp_path / "seed-0" / "checkpoint.safetensors") in err


# evaluate


@pytest.mark.parametrize("name", ["seed-0", "seed-0/model.safetensors"])
def test_evaluation_gives_the_accuracy_of_the_training(trained: Path, name: str, capsys: Capture) -> None:
    status, out, _ = run(capsys, "evaluate", trained / name, "--split", "test")
    expected = json.loads((trained / "seed-0" / "result.json").read_text())["metrics"]["test_accuracy"]
    assert status == 0
    assert re.search(rf"accuracy +{100 * expected:.2f} %", out)
    assert "taken for" in out


def test_a_folder_of_several_runs_asks_which(trained: Path, capsys: Capture) -> None:
    status, _, err = run(capsys, "evaluate", trained)
    assert status == 2
    assert "did you mean one of its folders, seed-0, seed-1?" in err


def test_a_run_that_is_not_finished_says_so(trained: Path, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "checkpoint.safetensors").write_bytes((trained / "seed-0" / "checkpoint.safetensors").read_bytes())
    assert "is not finished" in run(capsys, "evaluate", tmp_path)[2]


# predict


def test_an_image_gets_its_most_probable_classes(trained: Path, tmp_path: Path, capsys: Capture) -> None:
    status, out, _ = run(capsys, "predict", trained / "seed-0", save_digit(tmp_path / "digit.png"), "--top", "10")
    assert status == 0
    shares = [float(share) for share in re.findall(r"(\d+\.\d) %", out)]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(100, abs=0.6)
    assert "(" not in out  # an 8x8 grey image needs no change, and none is reported


def test_prediction_is_that_of_the_model_on_the_data_sets_image(trained: Path, tmp_path: Path, capsys: Capture) -> None:
    from vit_tutorial.data import normalize
    from vit_tutorial.weights import load_model, read_extra

    path = trained / "seed-0" / "model.safetensors"
    extra, model = read_extra(path), load_model(path)
    image, _ = digits().test[3]
    probabilities = model(normalize(image[None], extra["mean"], extra["std"])).softmax(1)[0]
    _, out, _ = run(capsys, "predict", path, save_digit(tmp_path / "digit.png", 3), "--top", "1")
    best = int(probabilities.argmax())
    assert f": {extra['classes'][best]} {100 * probabilities[best].item():.1f} %" in out


def test_an_image_that_had_to_be_changed_is_fitted_and_says_so(trained: Path, tmp_path: Path, capsys: Capture) -> None:
    pixels = np.zeros((20, 30, 4), np.uint8)
    Image.fromarray(pixels, "RGBA").save(tmp_path / "rgba.png")
    status, out, _ = run(capsys, "predict", trained / "seed-0", tmp_path / "rgba.png")
    assert status == 0
    assert (
        "transparent pixels made white; colour made grey; 20x30 pixels (height x width), its centre resized to 8x8"
        in out
    )


def test_a_folder_of_images_is_read_whole_and_a_damaged_file_is_named(
    trained: Path, tmp_path: Path, capsys: Capture
) -> None:
    good = save_digit(tmp_path / "good.png")
    (tmp_path / "cut.png").write_bytes(good.read_bytes()[:40])
    status, out, _ = run(capsys, "predict", trained / "seed-0", tmp_path)
    assert status == 1
    assert f"{tmp_path / 'cut.png'}: cannot be decoded" in out
    assert re.search(r"good\.png: \d", out)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: [folder], "no image files in"),
        (
            lambda folder: [save_digit(folder / "d.png"), "--top", "11"],
            "--top 11 does not exist; this model has 10 classes",
        ),
    ],
)
def test_wrong_input_of_predict(trained: Path, tmp_path: Path, make: object, message: str, capsys: Capture) -> None:
    status, _, err = run(capsys, "predict", trained / "seed-0", *make(tmp_path))  # type: ignore[operator]
    assert status == 2
    assert message in err


# A file that Python's save_model wrote


def save_untrained(path: Path, extra: dict[str, object], **fields: object) -> Path:
    config = {
        "img_size": 8,
        "patch_size": 4,
        "in_chans": 1,
        "num_classes": 3,
        "embed_dim": 8,
        "depth": 1,
        "num_heads": 2,
        **fields,
    }
    save_model(VisionTransformer(ViTConfig.from_dict(config)), path, extra)
    return path


def test_a_model_saved_in_python_with_its_description_is_used_without_a_word(tmp_path: Path, capsys: Capture) -> None:
    extra = {"classes": ["a", "b", "c"], "mean": (0.5,), "std": (0.25,)}
    path = save_untrained(tmp_path / "mine.safetensors", extra)
    status, out, err = run(capsys, "predict", path, save_digit(tmp_path / "d.png"))
    assert (status, err) == (0, "")
    assert re.search(r"d\.png: [abc] \d", out)


@pytest.mark.parametrize(
    ("extra", "sentence"),
    [
        ({}, "classes (they are numbered), mean (0 is taken), std (1 is taken)"),
        ({"classes": ["a", "b", "c"]}, "mean (0 is taken), std (1 is taken)"),
        ({"mean": [0.5], "std": [0.5], "note": "x"}, "classes (they are numbered)"),
    ],
)
def test_what_a_saved_model_does_not_say_is_assumed_and_said(
    extra: dict[str, object], sentence: str, tmp_path: Path, capsys: Capture
) -> None:
    path = save_untrained(tmp_path / "mine.safetensors", extra)
    status, out, err = run(capsys, "predict", path, save_digit(tmp_path / "d.png"), "--top", "1")
    assert status == 0
    assert err.startswith(f"{path} does not say its {sentence}; save_model(load_model(path), path, ")
    assert len(err.strip().splitlines()) == 1
    assert re.search(r"d\.png: [abc] \d" if "classes" in extra else r"d\.png: class [012] \d", out)
    assert run(capsys, "export", path, "--to", "page")[::2] == (0, err)


def test_without_mean_and_std_pixels_go_in_from_0_to_1(tmp_path: Path, capsys: Capture) -> None:
    path = save_untrained(tmp_path / "mine.safetensors", {})
    image, _ = digits().test[0]
    expected = load_model(path)(image[None].float() / 255).softmax(1)[0].tolist()
    _, out, _ = run(capsys, "predict", path, save_digit(tmp_path / "d.png"), "--format", "json")
    said = {p["class"]: p["probability"] for p in json.loads(out)[0]["predictions"]}
    assert [said[f"class {k}"] for k in range(3)] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"classes": ["a", "b"]}, "has 2 values as its classes, and the model needs a list of 3"),
        ({"mean": [0.1, 0.2, 0.3], "std": [1, 1, 1]}, "has 3 values as its mean, and the model needs a list of 1"),
        ({"mean": [0.5], "std": [0]}, "has [0] as its std, and the model needs numbers above 0"),
        ({"mean": [float("nan")]}, "has [nan] as its mean, and the model needs numbers"),
        ({"mean": 0.5}, "has 0.5 as its mean, and the model needs a list of 1"),
        ({"classes": {"0": "a"}}, "has {'0': 'a'} as its classes, and the model needs a list of 3"),
    ],
)
@pytest.mark.parametrize("command", [("predict", "d.png"), ("export", "--to", "page")], ids=["predict", "export"])
def test_a_description_that_does_not_fit_is_one_line(
    command: tuple[str, ...], extra: dict[str, object], message: str, tmp_path: Path, capsys: Capture
) -> None:
    path = save_untrained(tmp_path / "mine.safetensors", extra)
    status, _, err = run(capsys, command[0], path, *command[1:])
    assert status == 2
    assert f"{path} {message}" in err
    assert len(err.strip().splitlines()) == 1


def test_evaluation_needs_to_know_the_data_and_says_who_writes_it(tmp_path: Path, capsys: Capture) -> None:
    path = save_untrained(tmp_path / "mine.safetensors", {"classes": ["a", "b", "c"], "mean": [0], "std": [1]})
    status, _, err = run(capsys, "evaluate", path)
    assert status == 2
    assert "does not say its recipe" in err
    assert "predict takes this file" in err


def test_an_encoder_without_classes_is_not_asked_for_any(tmp_path: Path, capsys: Capture) -> None:
    path = save_untrained(tmp_path / "encoder.safetensors", {"mean": [0], "std": [1]}, num_classes=0)
    status, _, err = run(capsys, "predict", path, save_digit(tmp_path / "d.png"))
    assert status == 2
    assert "is an encoder without classes" in err
    assert run(capsys, "export", path, "--to", "page")[::2] == (0, "")
    status, _, err = run(capsys, "export", path, "--to", "site", "--pictures", tmp_path / "d.png")
    assert status == 2
    assert "a site shows a classifier" in err


# export and predict name a wrong model in the same words


def wrong_model(kind: str, folder: Path, trained: Path) -> Path:
    """Something that is no trained ViT."""
    path = folder / "wrong"
    if kind == "runs":
        return trained
    if kind == "runs of recipes":
        return trained.parent
    if kind == "unfinished":
        path.mkdir()
        shutil.copy(trained / "seed-0" / "checkpoint.safetensors", path)
    elif kind == "checkpoint":
        return trained / "seed-0" / "checkpoint.safetensors"
    elif kind == "photos":
        save_digit_in(path / "three" / "1.png")
    elif kind == "photo":
        return save_digit_in(folder / "wrong.png")
    elif kind == "nothing":
        path.mkdir()
    elif kind == "torch":
        path = folder / "wrong.pth"
        torch.save(load_model(trained / "seed-0" / "model.safetensors").state_dict(), path)
    elif kind == "foreign":
        path = folder / "wrong.safetensors"
        save_file(dict(load_model(trained / "seed-0" / "model.safetensors").state_dict()), path)
    elif kind == "recipe":
        path = folder / "wrong.yaml"
        path.write_text("data: digits\n")
    elif kind == "onnx":
        path = folder / "wrong.onnx"
        path.write_bytes(b"\x08\x0a\x12\x07pytorch" + bytes(64))
    elif kind in ("page.json", "page.js", "page.html"):
        path = folder / f"wrong.{kind.split('.')[1]}"
        path.write_text(
            {"json": "{}", "js": "(globalThis.vitTutorialModels??={})", "html": "<!doctype html>"}[path.suffix[1:]]
        )
    return path


def save_digit_in(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return save_digit(path)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("runs", "no trained model in {path}; did you mean one of its folders, seed-0, seed-1?"),
        ("runs of recipes", "/seed-0, "),
        ("unfinished", "the run in {path} is not finished"),
        ("checkpoint", "{path} is the checkpoint of a training; its model is model.safetensors in the same folder"),
        ("photos", "no trained model in {path}; it is a folder of images, and the model comes first"),
        ("photo", "{path} is an image, and the model comes first"),
        ("nothing", "no trained model in {path}; give a run's folder, as runs/RECIPE/seed-0, or a model.safetensors"),
        ("gone", "no weights file {path}"),
        ("torch", "cannot read {path}: it is a pickle (torch.save) and not safetensors; load_weights(model, path)"),
        ("foreign", "{path} holds weights but no ViTConfig"),
        ("recipe", "{path}: it is a recipe, not a trained model; train it: vit-tutorial train FILE"),
        ("onnx", "{path}: it is an ONNX model"),
        ("page.json", "{path}: it is JSON, which holds no weights"),
        ("page.js", "{path}: it is a model for the page"),
        ("page.html", "{path}: it is a web page"),
    ],
)
def test_predict_evaluate_and_export_name_a_wrong_model_in_the_same_words(
    kind: str, message: str, trained: Path, tmp_path: Path, capsys: Capture
) -> None:
    path = wrong_model(kind, tmp_path, trained)
    said = set()
    for command in (("predict", "x.png"), ("evaluate",), ("export", "--to", "page"), ("export", "--to", "onnx")):
        status, _, err = run(capsys, command[0], path, *command[1:])
        assert status == 2
        assert len(err.strip().splitlines()) == 1
        said.add(err.partition(": ")[2])
    assert len(said) == 1
    assert message.format(path=path) in said.pop()


def test_a_model_without_a_class_token_becomes_a_site(tmp_path: Path, capsys: Capture) -> None:
    path = save_untrained(tmp_path / "m.safetensors", {}, class_token=False, global_pool="avg")
    status, _, err = run(capsys, "export", path, "--to", "site", "--pictures", save_digit(tmp_path / "d.png"))
    assert status == 0, err
    assert "class 2" in (tmp_path / "m.html").read_text()


def test_a_picture_of_a_site_that_is_none_is_named(trained: Path, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    words = ["export", trained / "seed-0", "--to", "site", "--out", tmp_path / "s", "--pictures"]
    status, _, err = run(capsys, *words, save_digit(tmp_path / "d.png"), tmp_path / "notes.txt")
    assert status == 2
    assert f"the picture {tmp_path / 'notes.txt'} cannot be decoded: it is no image" in err
    status, _, err = run(capsys, *words, tmp_path / "gone.png")
    assert status == 2
    assert "gone.png" in err


def test_a_cnn_is_told_apart_from_what_export_writes(tmp_path: Path, capsys: Capture) -> None:
    save_model(ConvNet(CNNConfig(img_size=8, in_chans=1, num_classes=3, widths=(4,))), tmp_path / "cnn.safetensors")
    status, _, err = run(capsys, "export", tmp_path / "cnn.safetensors", "--to", "onnx")
    assert status == 2
    assert (
        f"{tmp_path / 'cnn.safetensors'} holds a CNN, and export writes plain ViTs; predict and evaluate take it" in err
    )


# devices


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tpu", "'tpu' is unknown; choose auto, cpu, cuda or mps"),
        ("CPU", "'CPU' is unknown; choose auto, cpu, cuda or mps"),
        ("cuda:x", "'cuda:x' is unknown; choose auto, cpu, cuda or mps"),
        ("cuda:99", r"'cuda:99' is not available here; choose one of ['"),
        ("cpu:1", r"'cpu:1' is not available here; choose one of ['"),
    ],
)
def test_a_wrong_device_is_one_line_wherever_it_is_named(
    name: str, message: str, trained: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for words in (["evaluate", trained / "seed-0"], ["train", "digits"]):
        status, _, err = run(capsys, *words, "--device", name)
        assert status == 2
        assert err.startswith(f"vit-tutorial {words[0]}: device {message}")
    monkeypatch.setenv("VIT_DEVICE", name)
    status, _, err = run(capsys, "evaluate", trained / "seed-0")
    assert status == 2
    assert err.startswith(f"vit-tutorial evaluate: VIT_DEVICE {message}")
    with pytest.raises(ValueError, match=re.escape(f"VIT_DEVICE {message}")):
        setup()


@pytest.mark.parametrize("name", ["cpu", " cpu ", "cpu:0", "auto", ""])
def test_a_device_that_is_there_is_taken(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIT_DEVICE", name)
    assert pick_device("auto").type == setup().device.type
    if "cpu" in name:
        assert pick_device("auto").type == "cpu"


# results and doctor


def test_the_table_of_results_has_a_line_a_record(
    trained: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "RESULTS", trained)
    _, out, _ = run(capsys, "results")
    assert "tiny: " in out
    assert "(2 seeds)" in out
    _, out, _ = run(capsys, "results", "tiny")
    assert json.loads(out)["seeds"] == [0, 1]


def test_recorded_sweeps_are_among_the_results(capsys: Capture) -> None:
    name = list_sweep_records()[0]
    record = json.loads(run(capsys, "results", name)[1])
    assert record["points"]
    assert f"{name}: {record['title']}\n    a sweep: {record['runs']} runs at" in run(capsys, "results")[1]


def test_the_doctor_finds_this_machine_well(capsys: Capture, tmp_path: Path) -> None:
    status, out, _ = run(capsys, "doctor", "--data", tmp_path)
    assert status == 0, out
    assert "a training step on cpu: works in fp32 and bf16" in out
    assert "digits (embedded)" in out
    assert out.strip().endswith("all is well")


def test_the_doctor_names_what_is_wrong_and_what_to_do() -> None:
    assert doctor.check_python((3, 9, 1)).remedy == "use Python 3.10, 3.11, 3.12 or 3.13"
    pair = doctor.check_torchvision("2.12.1", "0.25.0")
    assert pair.remedy == "torch 2.12 goes with torchvision 0.27: pip install torchvision==0.27.*"
    assert doctor.check_torchvision("2.6.0+cpu", "0.21.0+cpu").remedy == ""
    assert doctor.check_packages(("no_such_package",))[0].remedy == "pip install -r requirements.txt"
    assert "close other programs" in doctor.check_memory(needed=1e18).remedy
    assert "install torch" in doctor.check_step("no_such_device").remedy


def test_the_doctor_finds_a_damaged_data_set(tmp_path: Path, capsys: Capture) -> None:
    for name in ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"):
        (tmp_path / name).write_bytes(b"not a data set")
    status, out, _ = run(capsys, "doctor", "--data", tmp_path)
    assert status == 1
    assert re.search(r"problem +data mnist_10k: .*t10k-images-idx3-ubyte is not a whole IDX file", out)
    assert "1 problem" in out


def test_the_doctor_finds_a_data_root_that_is_not_there(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIT_DATA", str(tmp_path / "nowhere"))
    status, out, _ = run(capsys, "doctor")
    assert status == 1
    assert "VIT_DATA names a folder that does not exist" in out
