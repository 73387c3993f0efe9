"""Records: what is in them, and whether they still are what their recipes say."""

from __future__ import annotations

import json
import re
import shlex
import statistics
import subprocess
from pathlib import Path
from typing import Any

import pytest
from training_helpers import TINY, tiny_task

from vit_tutorial.cli.parser import build_parser
from vit_tutorial.cli.train import changed_fields
from vit_tutorial.training import Recipe, environment, fit, load_recipe
from vit_tutorial.training import record as records
from vit_tutorial.training.record import RecordError, check, in_words, list_records, make_record, read_record, summary


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    task, recipe = tiny_task(epochs=1)
    results = [fit(task, recipe, seed=seed, progress=False) for seed in (0, 1)]
    return make_record("tiny", "vit-tutorial train digits", recipe, {**TINY, "epochs": 1}, [0, 1], task.splits, results)


@pytest.mark.parametrize("name", list_records())
def test_every_committed_record_is_what_its_recipe_says(name: str) -> None:
    assert check(read_record(name)) == []


@pytest.mark.parametrize("name", list_records())
def test_every_committed_records_command_gives_the_recorded_recipe(name: str) -> None:
    record = read_record(name)
    options = build_parser().parse_args(shlex.split(record["command"])[1:])
    assert load_recipe(options.recipe, **changed_fields(options)) == Recipe.from_dict(record["recipe"])
    assert options.seeds == record["seeds"]
    assert options.record == record["name"] == name


@pytest.mark.parametrize("name", list_records())
def test_every_committed_records_numbers_agree_with_each_other(name: str) -> None:
    record = read_record(name)
    for key, metric in record["metrics"].items():
        assert len(metric["values"]) == len(record["seeds"]), key
        again = summary(key, metric["values"])
        for name in ("mean", "std"):  # another Python may round the last digit otherwise
            assert metric[name] == (None if again[name] is None else pytest.approx(again[name], rel=1e-12)), key
        assert metric == again | {name: metric[name] for name in ("mean", "std")}


def test_a_record_from_before_a_field_existed_took_its_default() -> None:
    old = read_record("digits")
    old["recipe"].pop("layer_decay", None)
    assert check(old) == []
    assert any("layer_decay" in fault for fault in check({**old, "recipe": {**old["recipe"], "layer_decay": 0.5}}))


def test_a_record_says_what_was_run_on_what_and_how_well(record: dict[str, Any]) -> None:
    assert record["data"] | {"sha256": "", "variant": ""} == {
        "name": "digits", "n_train": 1078, "n_val": 360, "n_test": 359, "sha256": "", "variant": ""
    }  # fmt: skip
    assert len(record["data"]["sha256"]) == 64
    assert record["device"].startswith(("CPU: ", "GPU: "))
    assert {"python", "torch", "torchvision", "vit_tutorial"} == set(record["versions"])
    assert record["status"] == "complete"
    accuracy = record["metrics"]["test_accuracy"]
    assert accuracy["unit"] == "fraction"
    assert accuracy["mean"] == pytest.approx(statistics.mean(accuracy["values"]))
    assert accuracy["std"] == pytest.approx(statistics.stdev(accuracy["values"]))
    json.dumps(record)


def test_a_record_keeps_the_learning_curve_of_each_seed_without_its_times(record: dict[str, Any]) -> None:
    assert len(record["curves"]) == len(record["seeds"])
    for seed, curve in enumerate(record["curves"]):
        assert set(curve) == {
            "epoch",
            "train_loss",
            "val_accuracy",
            "val_class_accuracy",
            "val_loss",
            "val_top5_accuracy",
        }
        assert curve["epoch"] == [1]
        assert curve["val_accuracy"] == [pytest.approx(record["metrics"]["val_accuracy"]["values"][seed], abs=1e-5)]
    for columns, rows in zip(record["curves"], records.histories(record), strict=True):
        assert records.curve(rows) == columns


def test_a_records_lists_of_numbers_stand_in_one_line_and_its_words_as_they_were(
    record: dict[str, Any], tmp_path: Path
) -> None:
    strange = {**record, "title": "a [ 1, 2 ] b", "overrides": {"words": ["x", "y"], "empty": []}}
    path = records.write_record(strange, tmp_path)
    assert json.loads(path.read_text(encoding="utf-8")) == strange
    assert '"seeds": [0, 1],\n' in path.read_text(encoding="utf-8")


def test_the_spread_of_one_seed_is_unknown_and_not_zero() -> None:
    assert summary("test_accuracy", [0.9])["std"] is None


def test_a_record_of_todays_recipe_has_no_differences(record: dict[str, Any]) -> None:
    assert check(record) == []


def test_a_recipe_that_changed_since_is_noticed(record: dict[str, Any]) -> None:
    stale = {**record, "recipe": {**record["recipe"], "lr": 0.5}}
    assert check(stale) == ["lr: 0.5 was recorded, the recipe says 0.003"]


def test_a_recipe_that_is_gone_is_noticed(record: dict[str, Any]) -> None:
    (difference,) = check({**record, "recipe": {**record["recipe"], "name": "gone"}})
    assert "no recipe 'gone'" in difference


@pytest.mark.parametrize(
    ("name", "value", "std", "text"),
    [
        ("test_accuracy", 0.984, 0.002, "98.40 % ± 0.20"),
        ("test_miou", 0.45, None, "45.00 %"),
        ("loss", 0.07125, None, "0.07125 nat"),
        ("ink_error", 12.0, 0.31, "12 ± 0.31"),
    ],
)
def test_a_metric_is_said_in_its_unit(name: str, value: float, std: float | None, text: str) -> None:
    assert in_words(name, value, std) == text


def test_records_are_written_and_read(record: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "RESULTS", tmp_path)
    records.write_record(record)
    assert list_records() == ["tiny"]
    assert read_record("tiny") == record
    with pytest.raises(RecordError, match=r"no record 'tiney'; did you mean 'tiny'\?"):
        read_record("tiney")
    (tmp_path / "cut.json").write_text(json.dumps(record)[:40])
    with pytest.raises(RecordError, match=r"cut\.json is not a record"):
        read_record("cut")


def test_runs_of_different_code_make_no_one_record() -> None:
    task, recipe = tiny_task(epochs=1)
    results = [fit(task, recipe, seed=seed, progress=False) for seed in (0, 1)]
    results[1].environment = {**results[1].environment, "git_commit": "another"}
    with pytest.raises(RecordError, match="seed 1 was run with another git_commit than seed 0"):
        make_record("mixed", "", recipe, {}, [0, 1], task.splits, results)


def test_the_commit_is_the_projects_and_never_that_of_a_repository_around_an_installed_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*words: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", "-C", str(tmp_path), *who, *words], check=True, capture_output=True)

    (tmp_path / "vit_tutorial").mkdir()
    code = tmp_path / "vit_tutorial" / "loop.py"
    code.write_text("a = 1\n")
    monkeypatch.setattr(environment, "PACKAGE", tmp_path / "vit_tutorial")
    git("init")
    git("add", ".")
    git("commit", "--no-verify", "-m", "first")
    assert environment.git_commit() is None
    (tmp_path / "pyproject.toml").touch()
    assert re.fullmatch("[0-9a-f]{40}", environment.git_commit() or "")
    code.write_text("a = 2\n")
    assert re.fullmatch("[0-9a-f]{40}-dirty", environment.git_commit() or "")
