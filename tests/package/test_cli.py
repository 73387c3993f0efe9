"""The command line: what it prints, what it writes, and how it refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from training_helpers import as_options

from vit_tutorial.cli import doctor, main
from vit_tutorial.data import digits
from vit_tutorial.training import environment
from vit_tutorial.training import recipe as recipes
from vit_tutorial.training import record as records

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
        assert {file.name for file in (trained / seed).iterdir()} == names


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
        (["train", "digits", "--set", "lrr=1"], "unknown field 'lrr' in a recipe; did you mean 'lr'?"),
        (["train", "digits", "--set", "model.dept=1"], "unknown ViTConfig field 'dept'; did you mean 'depth'?"),
        (["train", "digits", "--set", "model.patch_size=3"], "8 is not divisible by patch size 3; choose 2, 4"),
        (["train", "digits", "--set", "model.num_heads=5"], "width 64 is not divisible by 5 heads; choose"),
        (["train", "digits", "--epochs", "0"], "epochs is 0; it must be larger than 0"),
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
    assert "transparent pixels made white; colour made grey; 30x20 pixels, its centre resized to 8x8" in out


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
