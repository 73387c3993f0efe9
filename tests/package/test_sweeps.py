"""Sweeps: what is compared, that no run is lost or made twice, and what is recorded."""

from __future__ import annotations

import itertools
import json
import os
import re
import shlex
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from process_helpers import start
from safetensors.torch import load_file

from vit_tutorial.cli import main
from vit_tutorial.cli.parser import build_parser
from vit_tutorial.tasks import Classification, task_of
from vit_tutorial.training import Recipe, environment
from vit_tutorial.training import sweep_record as records
from vit_tutorial.training import sweep_runs as runs
from vit_tutorial.training.record import RecordError
from vit_tutorial.training.run_folder import alone_in
from vit_tutorial.training.sweep import Sweep, SweepError, list_sweeps, load_sweep
from vit_tutorial.training.sweep_record import check_sweep, list_sweep_records, read_sweep_record, table, values

TINY: dict[str, Any] = {
    "title": "Tiny",
    "recipe": "digits",
    "overrides": {
        "epochs": 1, "warmup_epochs": 0, "eval_every": 1, "model.embed_dim": 8, "model.depth": 1, "model.num_heads": 1, "shift": 0, "rotate": 0,
    },
    "grid": {"lr": [1e-3, 3e-3], "batch_size": [256, 512]},
    "seeds": [0, 1],
}  # fmt: skip


def sweep(**changes: Any) -> Sweep:
    return Sweep.from_dict({"name": "tiny", **TINY, **changes})


def written(folder: Path, **changes: Any) -> Path:
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump({**TINY, **changes}))
    return path


class Breaks(Classification):
    """A task that cannot be made with one learning rate."""

    def __init__(self, recipe: Recipe) -> None:
        if recipe.lr == 1e-3:
            raise MemoryError("no room")
        super().__init__(recipe)


def make_all(of: Sweep, out: Path, make_task: runs.MakeTask = task_of, processes: int = 1) -> dict[str, runs.Outcome]:
    jobs = runs.jobs_of(of, out, 1078)
    return {str(job.folder.relative_to(out)): made for job, made in runs.make_runs(jobs, make_task, processes)}


# What is compared


def test_a_grid_is_every_combination_and_each_has_its_recipe() -> None:
    points = sweep().points()
    assert [point.fields for point in points] == [
        {"lr": lr, "batch_size": B} for lr, B in itertools.product([1e-3, 3e-3], [256, 512])
    ]
    assert [(p.recipe.lr, p.recipe.batch_size, p.recipe.epochs) for p in points[:2]] == [(1e-3, 256, 1), (1e-3, 512, 1)]
    assert points[0].name == "lr=0.001,batch_size=256"


def test_without_a_grid_the_recipe_alone_is_trained() -> None:
    (point,) = sweep(grid={}).points()
    assert (point.fields, point.name) == ({}, "recipe")


def test_a_random_search_draws_within_its_ranges_and_the_same_again() -> None:
    ranges = {"lr": {"low": "1e-4", "high": 1e-1, "scale": "log"}, "model.depth": {"low": 1, "high": 6}}
    drawn = sweep(grid={}, random=ranges, draws=40).points()
    rates, depths = ([point.fields[name] for point in drawn] for name in ranges)
    assert all(1e-4 <= lr <= 1e-1 for lr in rates)
    assert 10 <= sum(lr < 10**-2.5 for lr in rates) <= 30  # half of them, on a logarithmic scale
    assert {type(depth) for depth in depths} == {int}
    assert set(depths) == {1, 2, 3, 4, 5, 6}
    assert drawn == sweep(grid={}, random=ranges, draws=40).points()
    assert drawn != sweep(grid={}, random=ranges, draws=40, draw_seed=1).points()


def test_equal_epochs_leave_the_recipe_and_equal_steps_stretch_it_with_the_batch() -> None:
    changes = {"overrides": {**TINY["overrides"], "epochs": 10, "warmup_epochs": 2, "batch_size": 32}}
    grid = {"batch_size": [32, 64, 16]}
    by_epochs, by_steps = (sweep(**changes, grid=grid, budget=b).points(1024) for b in ("epochs", "steps"))
    assert [(p.recipe.epochs, p.recipe.warmup_epochs) for p in by_epochs] == [(10, 2)] * 3
    assert [(p.recipe.epochs, p.recipe.warmup_epochs) for p in by_steps] == [(10, 2), (20, 4), (5, 1)]
    assert {p.recipe.epochs * (1024 // p.recipe.batch_size) for p in by_steps} == {320}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"grid": {"lrate": [1]}}, "unknown Recipe field 'lrate'; did you mean"),
        ({"grid": {"lr": []}}, r"grid lr is \[\]; it must be a list with at least one value"),
        ({"grid": {"lr": 1e-3}}, "grid lr is 0.001; it must be a list"),
        ({"grid": {"lr": [1e-3, "1e-3"]}}, "the setting lr=0.001 is there twice"),
        ({"grid": {"lr": [-1]}}, "lr is -1; it must be a number above 0"),
        ({"seeds": [0, 0]}, r"seeds is \[0, 0\]; each seed can be there once"),
        ({"seeds": []}, r"seeds is \[\]; it must be one or more"),
        ({"recipe": "digts"}, "no recipe 'digts'; did you mean 'digits'"),
        ({"recipe": ""}, "recipe is not given"),
        ({"grids": {}}, "unknown Sweep field 'grids'; did you mean 'grid'"),
        ({"random": {"lr": {"low": 1, "high": 2}}}, "grid and random are both given"),
        ({"grid": {}, "random": {"lr": {"low": 2, "high": 1}}}, "random lr is .*low below high"),
        ({"grid": {}, "random": {"lr": [1, 2]}}, "random lr is .*low: NUMBER"),
        ({"grid": {"epochs": [1, 2]}}, "epochs changes the budget that budget: epochs holds equal"),
        ({"overrides": {"patience": 3}}, "patience stops runs early"),
        ({"budget": "time"}, "budget is 'time'; it must be one of epochs, steps, free"),
    ],
)
def test_a_faulty_sweep_is_refused_in_a_line(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(SweepError, match=message) as error:
        load_sweep(written(tmp_path, **changes))
    assert "\n" not in str(error.value)


def test_an_unknown_sweep_names_the_nearest() -> None:
    with pytest.raises(SweepError, match=r"no sweep 'lr_bach'; did you mean 'lr_batch'"):
        load_sweep("lr_bach")


@pytest.mark.parametrize("name", list_sweeps())
def test_every_sweep_of_the_package_loads_and_says_what_it_is(name: str) -> None:
    assert load_sweep(name).title
    assert load_sweep(name).points(1000)


# Runs


def test_a_run_of_a_sweep_has_the_weights_of_the_same_run_by_train(tmp_path: Path) -> None:
    of = sweep(grid={"lr": [3e-3]}, seeds=[1])
    changed = [word for field, value in TINY["overrides"].items() for word in ("--set", f"{field}={value}")]
    out = str(tmp_path / "train")
    assert (
        main(["train", "digits", *changed, "--set", "lr=3e-3", "--seed", "1", "--out", out, "--quiet", "--no-test"])
        == 0
    )
    wanted = load_file(tmp_path / "train" / "seed-1" / "model.safetensors")
    metrics = json.loads((tmp_path / "train" / "seed-1" / "result.json").read_text())["metrics"]
    (outcome,) = make_all(of, tmp_path / "sweep").values()
    found = load_file(tmp_path / "sweep" / "lr=0.003" / "seed-1" / "model.safetensors")
    assert all(wanted[name].equal(found[name]) for name in wanted)
    assert outcome.metrics["val_loss"] == metrics["val_loss"]
    assert not any(name.startswith("test_") for name in outcome.metrics)


def test_a_failed_run_is_named_the_others_go_on_and_the_next_start_tries_it_alone(tmp_path: Path) -> None:
    made = make_all(sweep(), tmp_path, make_task=Breaks)
    failed = {name for name, outcome in made.items() if outcome.status == runs.FAILED}
    assert failed == {f"lr=0.001,batch_size={B}/seed-{seed}" for B in (256, 512) for seed in (0, 1)}
    assert all(made[name].message == "MemoryError: no room" for name in failed)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("result.json")}
    assert len(before) == 4
    assert {outcome.status for outcome in make_all(sweep(), tmp_path).values()} == {runs.FINISHED}
    assert all(path.stat().st_mtime_ns == then for path, then in before.items())


def test_a_diverged_run_is_a_result_that_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of = sweep(grid={"lr": [1e-3, 1e30]}, seeds=[0])
    made = make_all(of, tmp_path)
    assert [outcome.status for outcome in made.values()] == [runs.FINISHED, runs.DIVERGED]
    assert "the loss is nan" in made["lr=1e+30/seed-0"].message
    monkeypatch.setattr(runs, "make_run", lambda *_: pytest.fail("it trained again"))
    assert make_all(of, tmp_path) == made


def test_a_worker_that_is_killed_fails_its_run_and_another_takes_its_place(tmp_path: Path) -> None:
    worker = runs.Worker(0, 2)
    job = runs.jobs_of(sweep(), tmp_path, 1078)[0]
    assert worker.run(job, KillsItself).message.startswith("its process was ended from outside")
    assert worker.run(job, task_of).status == runs.FINISHED
    worker.stop(in_mid_run=False)


class KillsItself(Classification):
    """A task whose making ends the process, as a machine short of memory does."""

    def __init__(self, recipe: Recipe) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_sweep_killed_in_mid_run_goes_on_and_repeats_no_finished_run(tmp_path: Path) -> None:
    """What two processes began and one ended is what one makes alone."""
    overrides = {**TINY["overrides"], "epochs": 12, "batch_size": 64, "checkpoint_every_steps": 20}
    path, out = written(tmp_path, overrides=overrides, grid={"lr": [1e-3, 2e-3, 3e-3]}, seeds=[0]), tmp_path / "out"
    process = start(["sweep", str(path), "--out", str(out), "--jobs", "2"], tmp_path / "log.txt")
    while not (finished := list(out.rglob("result.json"))):
        assert process.is_alive(), "it ended before it could be killed"
        time.sleep(0.01)
    process.kill()
    process.join()
    time.sleep(0.5)  # workers notice
    seen = {file: file.read_bytes() for file in out.rglob("checkpoint.safetensors")}
    time.sleep(0.3)
    assert {file: file.read_bytes() for file in out.rglob("checkpoint.safetensors")} == seen, "a worker lived on"
    left = 3 - len(finished := list(out.rglob("result.json")))
    assert left
    times = {file: file.stat().st_mtime_ns for file in finished}
    made = make_all(load_sweep(path), out)
    assert {outcome.status for outcome in made.values()} == {runs.FINISHED}
    assert all(file.stat().st_mtime_ns == then for file, then in times.items())
    whole = make_all(load_sweep(path), tmp_path / "undisturbed")
    assert {n: o.metrics["val_loss"] for n, o in made.items()} == {n: o.metrics["val_loss"] for n, o in whole.items()}


def test_processes_are_bounded_by_cores_and_by_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = sweep().base().with_(device="cpu", threads=2)
    monkeypatch.setattr(runs, "cores", lambda: 8)
    for gib, wanted in ((100, 4), (5, 3), (0.5, 1)):
        monkeypatch.setattr(runs, "free_memory", lambda gib=gib: int(gib * 2**30))
        assert runs.processes_for(recipe) == wanted


# The command and its record


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a sweep file, its runs in `out`, and its record."""
    folder = tmp_path_factory.mktemp("sweep")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("vit_tutorial.training.sweep_record", "vit_tutorial.cli.sweep"):
            patch.setattr(f"{name}.SWEEP_RESULTS", folder)
        patch.setattr(environment, "in_checkout", lambda: True)
        path = str(written(folder, grid={"lr": [1e-3, 3e-3, 1e30]}))
        assert main(["sweep", path, "--out", str(folder / "out"), "--jobs", "1", "--record", "tiny", "--test"]) == 0
    return folder


def test_a_record_has_every_run_in_the_order_of_the_seeds(finished: Path) -> None:
    record = json.loads((finished / "tiny.json").read_text())
    assert (record["runs"], record["diverged"]) == (6, 2)
    assert record["command"].endswith("tiny.yaml --test --record tiny")
    assert record["points"][0]["fields"] == {"lr": 0.001}
    for seed in (0, 1):
        result = json.loads((finished / "out" / "lr=0.003" / f"seed-{seed}" / "result.json").read_text())
        assert values(record, "val_loss", lr=3e-3)[seed] == pytest.approx(result["metrics"]["val_loss"], abs=1e-6)
        assert values(record, "val_loss", last=True, lr=3e-3)[seed] == pytest.approx(
            result["history"][-1]["val_loss"], abs=1e-4
        )
    assert record["points"][2]["curves"] == [None, None]
    assert np.isnan(values(record, "val_loss", lr=1e30)).all()
    assert {"device", "versions", "git_commit", "date"} <= set(record)


def test_the_chosen_point_is_the_best_on_validation_and_alone_has_test_scores(finished: Path) -> None:
    record = json.loads((finished / "tiny.json").read_text())
    means = [np.mean(point["val_accuracy"]) for point in record["points"][:2]]
    assert record["chosen"] == int(np.argmax(means))
    assert {len(scores) for scores in record["test"].values()} == {2}
    assert not any(name.startswith("test") for point in record["points"] for name in point)


def test_the_same_command_again_trains_nothing_and_says_the_points(
    finished: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "make_run", lambda *_: pytest.fail("it trained again"))
    assert main(["sweep", str(finished / "tiny.yaml"), "--out", str(finished / "out"), "--quiet"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"lr 0.00[13]: \d+\.\d\d % ± \d+\.\d\d  <- chosen", out)
    assert "lr 1e+30: no run finished, 2 diverged" in out
    assert "test split" not in out


def test_a_sweep_that_changed_is_refused_where_its_old_runs_are(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = finished / "changed"
    folder.mkdir(exist_ok=True)
    for changes, what in (
        ({"grid": {"lr": [2e-3]}}, "grid is"),
        ({"grid": {"lr": [1e-3, 3e-3, 1e30]}, "seeds": [0]}, "seeds is"),
        ({"grid": {"lr": [1e-3, 3e-3, 1e30]}, "overrides": {**TINY["overrides"], "epochs": 2}}, "overrides is"),
    ):
        assert main(["sweep", str(written(folder, **changes)), "--out", str(finished / "out")]) == 2
        error = capsys.readouterr().err
        assert f"holds another sweep: {what}" in error
        assert error.endswith("Choose another --out, or remove the folder\n")
        assert error.count("\n") == 1


def test_a_second_sweep_in_one_folder_is_refused_while_the_first_goes_on(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with alone_in(finished / "out"):
        assert main(["sweep", str(finished / "tiny.yaml"), "--out", str(finished / "out")]) == 2
    error = capsys.readouterr().err
    assert f"another process trains in {finished / 'out'} at this moment; wait for it, stop it, or choose" in error


def test_a_failed_run_is_listed_at_the_end_with_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "fit", lambda *_, **__: (_ for _ in ()).throw(OSError("disk full")))
    path = written(tmp_path, grid={}, seeds=[0])
    assert main(["sweep", str(path), "--out", str(tmp_path / "out"), "--jobs", "1", "--record", "none"]) == 1
    error = capsys.readouterr().err
    assert "seed-0 failed: OSError: disk full" in error
    assert "1 of 1 runs failed; the same command tries them again" in error
    assert "none" not in list_sweep_records()


def test_a_record_in_the_way_is_said_before_anything_is_trained(
    finished: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vit_tutorial.cli.sweep.SWEEP_RESULTS", finished)
    assert main(["sweep", str(finished / "tiny.yaml"), "--record", "tiny"]) == 2
    assert "there is a record 'tiny' already; remove its file, or choose another name" in capsys.readouterr().err


def test_runs_of_different_code_make_no_one_record(tmp_path: Path) -> None:
    of = sweep(grid={}, seeds=[0, 1])
    jobs = runs.jobs_of(of, tmp_path, 1078)
    made = [(job, runs.Outcome(runs.DIVERGED, "", {}, [], {"git_commit": str(job.seed), "date": ""})) for job in jobs]
    with pytest.raises(RecordError, match="was run with another git_commit"):
        records.make_sweep_record("x", "", of, task_of(of.base()).splits, made, "accuracy")


@pytest.mark.parametrize("name", list_sweep_records())
def test_every_committed_record_is_what_its_sweep_says_and_was_made_by_committed_code(name: str) -> None:
    record = read_sweep_record(name)
    assert check_sweep(record) == []
    assert re.fullmatch("[0-9a-f]{40}", record["git_commit"])


@pytest.mark.parametrize("name", list_sweep_records())
def test_every_committed_records_command_gives_the_recorded_sweep(name: str) -> None:
    record = read_sweep_record(name)
    options = build_parser().parse_args(shlex.split(record["command"])[1:])
    assert load_sweep(options.sweep).to_dict() == record["sweep"]
    assert options.record == record["name"] == name


@pytest.mark.parametrize("name", list_sweep_records())
def test_every_committed_record_has_a_value_for_every_point_and_seed(name: str) -> None:
    record = read_sweep_record(name)
    points = load_sweep(record["sweep"]["name"]).points(record["data"]["n_train"])
    assert [point["fields"] for point in record["points"]] == [point.fields for point in points]
    assert record["runs"] == len(points) * len(record["sweep"]["seeds"])
    lost = sum(curve is None for point in record["points"] for curve in point["curves"])
    assert lost == record["diverged"]
    assert record["chosen"] == records.best_point(record)


def test_a_record_whose_sweep_changed_since_is_noticed(finished: Path) -> None:
    record = json.loads((finished / "tiny.json").read_text())
    record["sweep"] = load_sweep("seeds").to_dict() | {"seeds": [7]}
    record["recipe"] = load_sweep("seeds").base().to_dict() | {"lr": 0.5}
    faults = check_sweep(record)
    assert len(faults) == 2
    assert faults[0].startswith("seeds: [7] was recorded")
    assert faults[1].startswith("recipe.lr: 0.5 was recorded")


def test_a_grid_is_read_as_a_table(finished: Path) -> None:
    record = json.loads((finished / "tiny.json").read_text())
    record["points"] = [
        {"fields": {"lr": lr, "batch_size": B}, "val_accuracy": [lr * B, 0], "curves": [None, None]}
        for lr in (1, 2)
        for B in (8, 16)
    ]
    assert table(record, "val_accuracy", "batch_size", "lr")[..., 0].tolist() == [[8, 16], [16, 32]]
    with pytest.raises(KeyError, match="points of tiny have"):
        values(record, "val_accuracy", lr=1)
