"""The command that turns a card into records, rehearsed on the processor: whole, killed in each part, and what it plans."""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gpu_helpers import street_folder, travelling_data

from benchmarks import report
from benchmarks.gpu import __main__ as command
from benchmarks.gpu import runs, speed
from benchmarks.gpu.folder import write_folder
from benchmarks.gpu.runs import Job
from benchmarks.gpu.watch import read_json, run_all, write_json
from benchmarks.peers import OURS, make_installed, ours, torchvision
from vit_tutorial.data import digits
from vit_tutorial.training import load_recipe
from vit_tutorial.training import record as records
from vit_tutorial.vit import ViTConfig

# Of a part that has begun to work: the file that shows it.
AT_WORK = {
    "card": "logs/card.txt",
    "speed": "logs/speed.txt",
    "cifar10": "runs/cifar10/seed-0/checkpoint.safetensors",
    "mae": "runs/mae-cifar10/seed-0/checkpoint.safetensors",
}


@pytest.fixture(scope="module")
def begin(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Callable[[], Any]]:
    """The folder of the records, and what starts the command for it in a process of its own."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.gpu.__main__", "torch.utils.tensorboard"])
    root = tmp_path_factory.mktemp("card")
    data, out = travelling_data(root), root / "records"
    words = ["--tiny", "--device", "cpu", "--minutes", "10", "--out", str(out), "--data", str(data)]

    def start() -> Any:
        process = context.Process(target=command.main, args=(words,))
        process.start()
        return process

    return out, start


@pytest.fixture(scope="module")
def killed(begin: tuple[Path, Callable[[], Any]]) -> Path:
    """The records of a command that was killed in each part, and begun anew each time; the last time it came to its end."""
    out, start = begin
    for part, file in AT_WORK.items():
        process = start()
        while process.is_alive() and not ((out / file).exists() and status(out, part) == "began"):
            time.sleep(0.005)
        assert process.is_alive(), f"the command ended before {part} could be killed"
        before = {path: path.read_bytes() for path in whole_records(out)}
        process.kill()
        process.join()
        time.sleep(0.05)  # the parts die with the command
        assert all(path.read_bytes() == content for path, content in before.items())
        assert status(out, part) == "began"
        for path in out.rglob("*.json"):
            json.loads(path.read_text(encoding="utf-8"))
    process = start()
    process.join(300)
    assert process.exitcode == 0
    return out


def status(out: Path, part: str) -> str:
    return str(read_json(out / "summary.json", {}).get(part, {}).get("status"))


def whole_records(out: Path) -> list[Path]:
    return [path for path in (out / "card.json", *(out / "results").glob("*.json")) if path.is_file()]


def test_a_command_that_was_killed_in_each_part_ends_with_all_records(killed: Path) -> None:
    summary = read_json(killed / "summary.json")
    assert {name: part["status"] for name, part in summary.items()} == dict.fromkeys(
        ("card", "speed", "cifar10", "mae", "camvid"), "done"
    )
    assert {path.stem for path in (killed / "results").glob("*.json")} == {
        "cifar10", "mae-cifar10", "tuned-cifar10-10", "scratch-cifar10-10", "camvid-gpu",
    }  # fmt: skip


def test_each_record_is_what_its_recipe_says_and_a_tiny_one_claims_nothing(killed: Path) -> None:
    for path in (killed / "results").glob("*.json"):
        record = read_json(path)
        assert records.check(record) == []
        assert record["status"] == records.SHORT_RUN
        assert f"--record {record['name']}" in record["command"]
    assert read_json(killed / "results" / "cifar10.json")["seeds"] == [0, 1, 2]


def test_the_record_of_speed_has_the_form_that_the_results_page_shows(killed: Path) -> None:
    record = read_json(killed / "speed.json")
    (result,) = record["libraries"]
    assert list(result["rows"]) == [OURS, "torchvision"]
    assert result["rows"][OURS]["ratio_iqr"] == [1, 1]
    (predicted,) = record["predicted"]
    assert predicted["seconds_predicted"] > 0
    first, second = report.tables(record)
    assert "bfloat16 autocast" in first.caption
    assert "formula" in second.caption
    assert {len(row) for table in (first, second) for row in table.rows} == {len(first.head), len(second.head)}
    assert "cifar10: test accuracy" in command.told(killed)


def sleeping(seconds: float) -> None:
    time.sleep(seconds)


def failing() -> None:
    raise ValueError("this part\n  fails")


def test_a_part_is_cut_off_at_its_limit_and_one_that_fails_says_why(tmp_path: Path) -> None:
    parts = {"long": (sleeping, (60.0,)), "wrong": (failing, ()), "short": (sleeping, (0.0,))}
    ended = run_all(parts, 2.0, tmp_path)
    assert {name: part["status"] for name, part in ended.items()} == {
        "long": "cut off",
        "wrong": "failed",
        "short": "done",
    }
    assert ended["wrong"]["message"] == "ValueError: this part"
    assert ended["long"]["seconds"] < 20


@pytest.mark.parametrize(
    ("broken", "minutes", "compiled"), [((), 20, True), ((), 5, False), (("compiled",), 20, False)]
)
def test_the_step_is_compiled_where_there_is_time_and_it_works(
    broken: tuple[str, ...], minutes: float, compiled: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pretend(parts: dict[str, Any], seconds: float, folder: Path) -> dict[str, Any]:
        for recipe, _, file, _ in (arguments for _, arguments in parts.values()):
            rate = 60_000.0 if recipe.compile else 30_000.0
            write_json(
                file, {"images_per_s": [rate, rate / 2], "first_seconds": 60.0 * recipe.compile, "evaluation": 0.1}
            )
        return {name: {"status": "failed" if name.startswith(broken) and broken else "done"} for name in parts}

    monkeypatch.setattr(runs, "run_all", pretend)
    job, recipe = Job(tmp_path, 60 * minutes, None, False), load_recipe("cifar10")
    splits = type("Splits", (), {"train": range(45_000)})()
    planned = runs.plan(job, recipe, splits, time.monotonic() + job.seconds)
    assert planned["compile"] is compiled
    epoch = 45_000 * (0.8 / 60_000 + 0.2 / 30_000) * (1 if compiled else 2) + 0.1 / recipe.eval_every
    expected = (60 * minutes * runs.RESERVE - 60 * compiled) / epoch
    assert expected - 2 <= planned["epochs"] <= expected


def test_a_slow_card_is_timed_on_a_tenth_of_the_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(parts: dict[str, Any], seconds: float, folder: Path) -> dict[str, Any]:
        for _, _, file, portion in (arguments for _, arguments in parts.values()):
            if portion < 1:
                write_json(file, {"images_per_s": [3000.0, 1500.0], "first_seconds": 1.0, "evaluation": 1.0})
        return {name: {"status": "done" if portion < 1 else "cut off"} for name in parts}

    monkeypatch.setattr(runs, "run_all", slow)
    splits = type("Splits", (), {"train": range(45_000)})()
    planned = runs.plan(Job(tmp_path, 300, None, False), load_recipe("cifar10"), splits, time.monotonic() + 300)
    assert planned["portion"] == 0.1
    assert 10 <= planned["epochs"] <= 16  # of 18 seconds each


def test_a_look_at_a_tenth_finds_the_rate_of_the_recipes_own_loop(tmp_path: Path) -> None:
    splits = digits()
    recipe = load_recipe("digits", batch_size=16, **{"model.embed_dim": 16, "model.depth": 1, "model.num_heads": 2})
    runs.look(recipe, splits, tmp_path / "look.json", portion=0.1)
    seen = read_json(tmp_path / "look.json")
    assert min(seen["images_per_s"]) > 0
    assert seen["first_seconds"] >= 0
    assert len(splits.train) > 1000  # the splits that were given are whole


def test_where_nothing_trains_the_plan_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "run_all", lambda parts, *_: {name: {"status": "failed"} for name in parts})
    with pytest.raises(RuntimeError, match="came to its end"):
        runs.plan(Job(tmp_path, 60, None, False), load_recipe("cifar10"), None, time.monotonic() + 60)  # type: ignore[arg-type]


def test_a_batch_is_halved_until_the_formula_says_that_it_fits() -> None:
    base = ViTConfig.named("base")
    assert speed.fitting(base, 128, 1e12) == 128
    assert speed.fitting(base, 128, 8e9) < 64
    assert speed.fitting(base, 128, 1) == 1


def test_the_blocks_of_each_library_are_found_by_being_alike() -> None:
    for peer in make_installed(speed.TINY, speed.torch.device("cpu"), (ours, torchvision)):
        assert len(speed.blocks_of(peer.model)) == speed.TINY.depth


def test_the_folder_that_travels_holds_what_another_machine_may_lack(tmp_path: Path) -> None:
    total = write_folder(tmp_path / "travel", None, street_folder(tmp_path / "streets"))
    assert total < 60_000_000
    there = {path.name for path in (tmp_path / "travel").iterdir()}
    assert there == {"vit_tutorial", "benchmarks", "data", "packages", "COMMIT"}
    assert {path.name for path in (tmp_path / "travel" / "packages").iterdir()} == {"yaml", "tqdm", "safetensors"}
    with pytest.raises(FileExistsError, match="name a new folder"):
        write_folder(tmp_path / "travel", None, None)


def test_complete_records_are_taken_into_the_checkout_and_short_ones_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "RESULTS", tmp_path / "kept")
    (tmp_path / "kept").mkdir()
    for name, state in (("whole", records.COMPLETE), ("short", records.SHORT_RUN)):
        write_json(tmp_path / "from" / "results" / f"{name}.json", {"name": name, "status": state})
    assert command.main(["--keep", str(tmp_path / "from")]) == 0
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["whole.json"]
    assert "left:" in capsys.readouterr().out
