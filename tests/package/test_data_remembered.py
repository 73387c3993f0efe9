"""A run remembers its split: what is added to a folder later is no test image of the run, and moves none."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest
from folder_helpers import classes, pictures
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_images import noise

from vit_tutorial.cli import main
from vit_tutorial.data import RememberedSplit, hashed_split, image_folder, take_share
from vit_tutorial.weights import load_classifier, read_extra, save_model

Capture = pytest.CaptureFixture[str]
PARTS = ("train", "val", "test")
TRAIN = ["train", "image_folder", "--quiet", "--epochs", "1", "--device", "cpu"]
for assignment in ("model.img_size=16", "model.embed_dim=12", "model.depth=1", "batch_size=8", "workers=0"):
    TRAIN += ["--set", assignment]


def parts(root: Path, **settings) -> dict[str, str]:
    """Which part each file is in."""
    splits = image_folder(root, 8, progress=False, **settings)
    return {file: part for part, split in zip(PARTS, splits) for file in split.files}


# The cut


@pytest.mark.parametrize("layout", [".", "train"])
def test_no_image_moves_when_others_are_added_or_removed(tmp_path: Path, layout: str) -> None:
    classes(tmp_path / layout, 40)
    before = parts(tmp_path)
    classes(tmp_path / layout, 25, start=40)
    after = parts(tmp_path)
    assert {file: after[file] for file in before} == before
    for file in list(before)[::3]:
        (tmp_path / file).unlink()
    assert {file: part for file, part in parts(tmp_path).items() if part != after[file]} == {}


def test_names_do_not_decide(tmp_path: Path) -> None:
    classes(tmp_path, 20)
    before = parts(tmp_path)
    (tmp_path / "a" / "003.png").rename(tmp_path / "a" / "zzz.png")
    assert parts(tmp_path)["a/zzz.png"] == before["a/003.png"]


def test_the_sizes_follow_the_fractions_as_coins_do() -> None:
    keys = [str(i).encode() for i in range(20_000)]
    train, val, test = hashed_split([i % 10 for i in range(20_000)], keys, [0.8, 0.1, 0.1], 20)
    assert sorted([*train, *val, *test]) == list(range(20_000))
    for part in (val, test):
        assert abs(len(part) - 2_000) < 4 * (20_000 * 0.1 * 0.9) ** 0.5  # four standard deviations
        assert all(abs(sum(i % 10 == label for i in part) - 200) < 54 for label in range(10))


@pytest.mark.parametrize("kinds", [[0], list(range(10))], ids=["one class", "ten classes"])
def test_a_split_takes_time_in_proportion_to_its_items(kinds: list[int]) -> None:
    """What grows with their square takes minutes here, and hours for a million images."""
    keys = [str(i).encode() for i in range(100_000)]
    start = time.process_time()
    hashed_split([kinds[i % len(kinds)] for i in range(len(keys))], keys, [0.8, 0.1, 0.1], 0)
    assert time.process_time() - start < 10


@given(st.lists(st.integers(0, 2), min_size=1, max_size=60), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_every_class_has_an_image_in_every_part_or_is_named(labels: list[int], seed: int) -> None:
    keys = [f"{i}".encode() for i in range(len(labels))]
    if min(labels.count(label) for label in labels) < 3:
        with pytest.raises(ValueError, match="too few for 3 splits"):
            hashed_split(labels, keys, [0.8, 0.1, 0.1], seed)
    else:
        found = hashed_split(labels, keys, [0.8, 0.1, 0.1], seed)
        assert sorted(i for part in found for i in part) == list(range(len(labels)))
        assert all({labels[i] for i in part} == set(labels) for part in found)


def test_the_digests_survive_the_way_through_json(tmp_path: Path) -> None:
    splits = image_folder(classes(tmp_path, 12), 8)
    kept = splits.remembered
    assert kept is not None
    assert RememberedSplit.from_dict(json.loads(json.dumps(kept.to_dict()))) == kept
    for part, split in zip(PARTS, splits):
        assert {kept.part_of(digest) for digest in split.digests()} == {part}
    assert kept.part_of(b"\0" * 32) is None
    assert len(json.dumps(kept.to_dict())) < 24 * 12 + 100  # about 11 characters an image


# A run


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder CLASS/*.png and a run on it."""
    root, out = tmp_path_factory.mktemp("data") / "photos", tmp_path_factory.mktemp("runs")
    classes(root, 30)
    assert main([*TRAIN, "--data", str(root), "--out", str(out)]) == 0
    return root, out / "seed-0"


@pytest.fixture
def copied(trained: tuple[Path, Path], tmp_path: Path) -> tuple[Path, Path]:
    root, run = (Path(shutil.copytree(path, tmp_path / path.name)) for path in trained)
    return root, run


def scored(capsys: Capture, run: Path, root: Path, *words: str) -> dict:
    capsys.readouterr()
    assert main(["evaluate", str(run), "--data", str(root), "--format", "json", "--mistakes", "99", *words]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("alone", [False, True])
def test_added_images_are_left_out_and_said_and_the_old_ones_scored_as_before(
    copied: tuple[Path, Path], capsys: Capture, part: str, alone: bool
) -> None:
    root, run = copied
    if alone:  # the model file without its run's folder
        run = Path(shutil.copy(run / "model.safetensors", root.parent / "alone.safetensors"))
    before = scored(capsys, run, root, "--split", part)
    assert before["notes"] == []
    classes(root, 20, start=30)
    after = scored(capsys, run, root, "--split", part)
    assert after["notes"][0].startswith("40 images are new since the run and left out; to score them, put them into")
    assert {**after, "notes": []} == before


def test_an_image_that_moved_to_another_class_is_scored_there_and_one_that_is_gone_is_said(
    copied: tuple[Path, Path], capsys: Capture
) -> None:
    root, run = copied
    test = image_folder(root, 16).test.files
    (root / test[0]).unlink()
    found = scored(capsys, run, root, "--split", "test")
    assert found["images"] == len(test) - 1
    assert found["notes"] == [f"1 of the run's {len(test)} different test images are gone or changed"]


def test_a_training_image_moved_into_a_test_folder_is_left_out(
    trained: tuple[Path, Path], tmp_path: Path, capsys: Capture
) -> None:
    root, run = trained
    splits = image_folder(root, 16)
    for file in (*splits.test.files, splits.train.files[0]):
        (tmp_path / "test" / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / file, tmp_path / "test" / file)
    found = scored(capsys, run, tmp_path, "--split", "test")
    assert found["images"] == len(splits.test)
    assert "1 images of" in found["notes"][0]
    assert "the run has them in another split" in found["notes"][0]


@pytest.mark.parametrize("layout", [".", "test"])
def test_a_labelled_folder_collected_later_is_scored_whole(
    trained: tuple[Path, Path], tmp_path: Path, capsys: Capture, layout: str
) -> None:
    classes(tmp_path / "later" / layout, 9, ("b",), start=500)  # one of the classes alone
    found = scored(capsys, trained[1], tmp_path / "later", "--split", "test")
    assert found["images"] == 9
    assert "new" in found["notes"][0]


def test_what_the_run_has_seen_is_left_out_of_a_later_folder(
    trained: tuple[Path, Path], tmp_path: Path, capsys: Capture
) -> None:
    root, run = trained
    later = classes(tmp_path / "later", 10, start=500)
    for file in image_folder(root, 16).train.files[:3]:
        shutil.copy(root / file, later / file)
    found = scored(capsys, run, later)
    assert found["images"] == 20
    assert "because the run has seen them: 3 of its train images" in found["notes"][0]
    assert scored(capsys, run, later, "--split", "all")["images"] == 23


def test_a_folder_of_training_images_alone_is_refused_with_what_it_is(
    trained: tuple[Path, Path], tmp_path: Path, capsys: Capture
) -> None:
    root, run = trained
    for file in image_folder(root, 16).train.files:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        shutil.copy(root / file, tmp_path / file)
    assert main(["evaluate", str(run), "--data", str(tmp_path), "--split", "test"]) == 2
    assert "of its train images, and 0 that are new. Choose another --split" in capsys.readouterr().err


@pytest.mark.parametrize("finished", [True, False])
def test_a_run_does_not_go_on_with_other_images_and_says_how_many(
    copied: tuple[Path, Path], capsys: Capture, finished: bool
) -> None:
    root, run = copied
    if not finished:
        (run / "result.json").unlink()
    words = [*TRAIN, "--data", str(root), "--out", str(run.parent)]
    run.rename(run.parent / "seed-0")
    assert main(words) == 0
    classes(root, 2, start=30)
    noise(12345).save(root / "a" / "000.png")
    capsys.readouterr()
    assert main(words) == 2
    assert "contents are not the same as then (5 image(s) new, 1 image(s) gone)" in capsys.readouterr().err


def forget(run: Path, path: Path) -> None:
    """Make a run one from before runs remembered."""
    extra = read_extra(path)
    for field in ("split", "value_range"):
        extra.pop(field)
    for field in ("split", "group_by", "value_range"):
        extra["recipe"].pop(field)
    save_model(load_classifier(path), path, extra)
    (run / "split.json").unlink()
    there = json.loads((run / "run.json").read_text())
    there["recipe"] = extra["recipe"]
    (run / "run.json").write_text(json.dumps(there))


def test_a_run_from_before_loads_evaluates_with_a_word_and_goes_on(tmp_path: Path, capsys: Capture) -> None:
    root, out = classes(tmp_path / "photos", 30), tmp_path / "runs"
    words = [*TRAIN, "--data", str(root), "--out", str(out)]
    assert main([*words, "--set", "split=shuffle"]) == 0
    forget(out / "seed-0", out / "seed-0" / "model.safetensors")
    assert main(words) == 0
    assert "they go on with the split they began with" in capsys.readouterr().out
    forgotten = tmp_path / "runs" / "seed-0" / "model.safetensors"
    found = scored(capsys, forgotten, root, "--split", "test")
    assert found["images"] == 6
    assert "does not remember its split" in found["notes"][0]
    assert scored(capsys, forgotten, classes(tmp_path / "later", 9, start=500), "--split", "all")["images"] == 18


def test_a_share_of_the_training_images_is_remembered_as_what_was_trained_on(tmp_path: Path, capsys: Capture) -> None:
    root = classes(tmp_path / "photos", 40)
    assert main([*TRAIN, "--data", str(root), "--set", "train_share=0.5", "--out", str(tmp_path / "runs")]) == 0
    n_train = len(image_folder(root, 16).train)
    found = scored(capsys, tmp_path / "runs" / "seed-0", root, "--split", "train")
    assert abs(found["images"] - n_train / 2) <= 2
    assert found["notes"] == []


def test_a_share_keeps_in_mind_what_it_leaves_out(tmp_path: Path) -> None:
    whole = image_folder(classes(tmp_path, 20), 8)
    kept = take_share(whole, 0.5).remembered
    assert kept is not None
    used = {*take_share(whole, 0.5).train.digests()}
    for digest in whole.train.digests():
        assert kept.part_of(digest) == ("train" if digest in used else "unused")
    assert {kept.part_of(digest) for digest in whole.test.digests()} == {"test"}


def test_classes_that_differ_in_form_alone_are_named_at_evaluation(
    trained: tuple[Path, Path], tmp_path: Path, capsys: Capture
) -> None:
    pictures(tmp_path, [f"{name}/{i}.png" for name in ("A", "b") for i in range(3)])
    assert main(["evaluate", str(trained[1]), "--data", str(tmp_path)]) == 2
    assert "'A' ('A')" in capsys.readouterr().err
