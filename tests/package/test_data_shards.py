"""Tar shards: the same data set as the folder that they were written from, and a clear message for what is wrong with them."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import tarfile
import tracemalloc
from pathlib import Path

import pytest
import torch
from folder_helpers import classes
from odd_images import GOOD, noise
from shard_helpers import offset_of, png, sample, samples, tar
from training_helpers import TINY

from vit_tutorial.cli import main
from vit_tutorial.data import (
    BadImages,
    BadShard,
    FileImages,
    LeakedImages,
    batches,
    find_leaks,
    image_folder,
    in_turn,
    shards,
    write_shards,
)
from vit_tutorial.data.shards import scan_shards
from vit_tutorial.tasks import Classification
from vit_tutorial.training import RecipeError, fit, load_recipe
from vit_tutorial.training.state import TrainingState


def items(splits) -> list[list[tuple[list[int], int]]]:
    return [
        [(image.flatten().tolist(), label) for image, label in (part[i] for i in range(len(part)))] for part in splits
    ]


def few(root: Path, per_shard: int = 4) -> Path:
    """Twelve images of two classes in shards."""
    for number in range(0, 12, per_shard):
        tar(root / f"{number:03d}.tar", samples(number, number + per_shard))
    return root


# The same as the folder


@pytest.mark.parametrize("memory_budget", [2**30, 0])
@pytest.mark.parametrize("per_shard", [5, 100])
def test_items_order_splits_and_fingerprint_of_shards_are_those_of_the_folder(tmp_path, memory_budget, per_shard):
    classes(tmp_path / "folder", 12, ("owl", "cat 2.0", "dog"))
    classes(tmp_path / "folder", 2, ("owl/clip.a", "dog/b"))
    write_shards(tmp_path / "folder", tmp_path / "shards", per_shard)
    folder = image_folder(tmp_path / "folder", 8, memory_budget=memory_budget)
    packed = shards(tmp_path / "shards", 8, memory_budget=memory_budget)
    assert items(packed) == items(folder)
    assert packed.classes == folder.classes == ["cat 2.0", "dog", "owl"]
    assert packed.fingerprint() == folder.fingerprint()
    assert (packed.mean, packed.std) == (folder.mean, folder.std)
    assert packed.remembered == folder.remembered


def test_splits_of_the_folder_stay_splits(tmp_path):
    for part, start in (("train", 0), ("val", 6), ("test", 8)):
        classes(tmp_path / "folder" / part, 6 if part == "train" else 2, start=start)
    written = write_shards(tmp_path / "folder", tmp_path / "shards", 5)
    assert sorted(file.relative_to(tmp_path / "shards").as_posix() for file in written) == [
        "test/000000.tar", "train/000000.tar", "train/000001.tar", "train/000002.tar", "val/000000.tar"
    ]  # fmt: skip
    assert sorted(written) == sorted((tmp_path / "shards").rglob("*.tar"))
    assert items(shards(tmp_path / "shards", 8)) == items(image_folder(tmp_path / "folder", 8))


def test_names_of_shards_may_say_the_split(tmp_path):
    for part, start in (("train", 0), ("validation", 6), ("test", 8)):
        tar(tmp_path / f"{part}-000000.tar", samples(start, start + (6 if part == "train" else 2)))
    assert [len(part) for part in shards(tmp_path, 8)] == [6, 2, 2]


def test_images_of_every_kind_are_decoded_as_in_a_folder(tmp_path):
    for number, (name, write) in enumerate(GOOD.items()):
        (tmp_path / "folder" / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        write(tmp_path / "folder" / "ab"[number % 2] / name)
    write_shards(tmp_path / "folder", tmp_path / "shards", 4)
    assert items(shards(tmp_path / "shards", 8)) == items(image_folder(tmp_path / "folder", 8))


def test_images_of_one_origin_stay_in_one_split(tmp_path):
    for clip in range(8):
        classes(tmp_path / "folder", 3, (f"a/clip{clip}", f"b/clip{clip}"))
    write_shards(tmp_path / "folder", tmp_path / "shards", 7)
    packed, folder = (
        read(tmp_path / name, 8, group_by="folder") for read, name in ((shards, "shards"), (image_folder, "folder"))
    )
    assert items(packed) == items(folder)


def test_a_copy_in_two_splits_is_found_and_named_by_its_shard(tmp_path):
    tar(tmp_path / "train-0.tar", samples(0, 8))
    tar(tmp_path / "val-0.tar", samples(8, 10))
    tar(tmp_path / "test-0.tar", [*samples(10, 12), *sample(3, 1, "again")])
    with pytest.raises(LeakedImages, match=r"train-0.tar: 003 = test-0.tar: again"):
        shards(tmp_path, 8)
    with pytest.warns(UserWarning, match=r"Left out: train-0.tar: 003"):
        assert find_leaks(shards(tmp_path, 8, on_leak="drop")) == []


# Labels


def test_labels_are_numbers_whose_names_a_list_says(tmp_path):
    few(tmp_path)
    assert shards(tmp_path, 8).classes == ["0", "1"]
    (tmp_path / "classnames.txt").write_text("owl\ncat\n")
    assert shards(tmp_path, 8).classes == ["owl", "cat"]


def test_labels_are_names_or_stand_in_json(tmp_path):
    names = [m for i in range(12) for m in [(f"{i}.png", png(i)), (f"{i}.cls", f"{['dog', 'cat'][i % 2]}\n".encode())]]
    fields = [
        m
        for i in range(12)
        for m in [(f"{i}.png", png(i)), (f"{i}.json", json.dumps({"label": ["dog", "cat"][i % 2]}).encode())]
    ]
    tar(tmp_path / "names" / "0.tar", names)
    tar(tmp_path / "json" / "0.tar", fields)
    assert shards(tmp_path / "names", 8).classes == ["cat", "dog"]
    assert items(shards(tmp_path / "names", 8)) == items(shards(tmp_path / "json", 8))


def test_pretraining_asks_for_no_labels(tmp_path):
    tar(tmp_path / "0.tar", [(f"{i}.png", png(i)) for i in range(10)])
    assert sum(len(part) for part in shards(tmp_path, 8, labelled=False)) == 10


def test_keys_may_lie_in_folders_and_labels_far_from_their_image(tmp_path):
    images = [(f"x.y/{i % 2}/{i}.JPG", png(i)) for i in range(12)]
    tar(tmp_path / "0.tar", [*images, *[(f"x.y/{i % 2}/{i}.cls", str(i % 2).encode()) for i in range(12)]])
    assert sum(len(part) for part in shards(tmp_path, 8)) == 12


def test_what_a_mac_and_a_person_put_beside_is_left_out_and_counted(tmp_path):
    tar(tmp_path / "0.tar", [("._000.png", b"x"), ("README", b"x"), ("000.txt", b"a caption"), *samples(0, 12)])
    report = shards(tmp_path, 8).report
    assert (report.images, report.hidden, report.not_images.total()) == (12, 1, 2)


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ([("new.png", png(50))], "key 'new' in .*000.tar has no label; add new.cls"),
        ([("new.cls", b"1")], "key 'new' in .*000.tar has .cls and no image"),
        ([*sample(50, 1, "new"), ("new.cls", b"0")], "key 'new' in .*000.tar has two labels"),
        ([*sample(50, 1, "new"), ("new.json", b'{"label": 0}')], "key 'new' .* has two labels, cls 1, json 0; keep the right one"),
        ([*sample(50, 1, "new"), ("new.jpg", png(51))], "key 'new' .* has two images, .png, .jpg"),
        (sample(50, "cat", "new"), "labels are numbers and names: 0 of 000 in 000.tar, 'cat' of new in 000.tar; write all in one way"),
        (sample(50, -1, "new"), "new.cls in .* says -1, which stands for no label"),
        (sample(50, "", "new"), "new.cls in .* says the label ''; it must be a number or a name"),
        ([("new.png", png(50)), ("new.json", b"{")], "new.json in .* is no JSON"),
        ([("new.png", png(50)), ("new.json", b'{"label": true}')], "says the label True"),
        ([("new.png", png(50)), ("new.cls", b"\xff")], "new.cls in .* is no text"),
        (sample(50, 1, "v1.50"), "key 'v1' in .*000.tar has .50.png, .50.cls and no image; a key ends at the first dot"),
    ],
)  # fmt: skip
def test_a_faulty_key_is_named_with_its_shard_and_the_remedy(tmp_path, extra, said):
    tar(tmp_path / "000.tar", [*samples(0, 12), *extra])
    with pytest.raises(BadShard, match=said):
        shards(tmp_path, 8)


def test_lists_of_classes_have_to_agree_with_the_shards_and_with_one_another(tmp_path):
    few(tmp_path / "train")
    tar(tmp_path / "test" / "000.tar", samples(20, 24))
    (tmp_path / "train" / "classnames.txt").write_text("owl\n")
    with pytest.raises(
        BadShard,
        match=r"011 in .*008.tar has the class 1, but classnames.txt names 1, 0 to 0; add its name|has the class 1, but",
    ):
        shards(tmp_path, 8)
    (tmp_path / "train" / "classnames.txt").write_text("owl\ncat\n")
    (tmp_path / "test" / "classnames.txt").write_text("owl\ndog\n")
    with pytest.raises(
        BadShard, match=r"name different classes, or in another order .cat, dog.; give all shards one list"
    ):
        shards(tmp_path, 8)
    (tmp_path / "test" / "classnames.txt").write_text("owl\ncat\n")
    assert shards(tmp_path, 8).classes == ["owl", "cat"]
    (tmp_path / "classnames.txt").write_text("owl\nowl\n")
    with pytest.raises(BadShard, match="name"):
        shards(tmp_path, 8)


def test_a_class_without_training_images_is_an_error(tmp_path):
    few(tmp_path / "train")
    tar(tmp_path / "test" / "000.tar", [*samples(20, 24), *sample(30, 2)])
    with pytest.raises(ValueError, match=r"class '2' is in test but not in train .which has 0, 1."):
        shards(tmp_path, 8)


# Damage


def test_a_truncated_shard_is_noticed_also_where_pythons_reader_notices_nothing(tmp_path):
    whole = few(tmp_path, 12) / "000.tar"
    content, at = whole.read_bytes(), offset_of(whole, 10)
    for end, said in (
        (at + 700, "is truncated within 005.png"),
        (at, "ends without its end mark"),
        (at + 100, "truncated"),
    ):
        whole.write_bytes(content[:end])
        with pytest.raises(BadShard, match=said):
            shards(tmp_path, 8)
    with tarfile.open(fileobj=io.BytesIO(content[:at])) as archive:
        assert len(archive.getmembers()) == 10  # of 24, and no word


def test_a_damaged_header_is_noticed(tmp_path):
    shard = few(tmp_path, 12) / "000.tar"
    content = bytearray(shard.read_bytes())
    content[offset_of(shard, 10) + 150] ^= 255
    shard.write_bytes(content)
    with pytest.raises(BadShard, match="has a damaged header at byte"):
        shards(tmp_path, 8)


def test_an_image_that_cannot_be_read_is_named_by_shard_and_key(tmp_path):
    tar(tmp_path / "000.tar", [*samples(0, 20), ("bad.jpg", png(50)[:60]), ("bad.cls", b"1")])
    with pytest.raises(BadImages, match=r"1 of 21 image files .*: 000.tar: bad \(.*--set on_bad=skip"):
        shards(tmp_path, 8)
    with pytest.warns(UserWarning, match="They are left out"):
        assert sum(len(part) for part in shards(tmp_path, 8, on_bad="skip")) == 20
    unchecked = shards(tmp_path, 8, check=False, memory_budget=0)
    part = next(part for part in unchecked if any("bad" in str(file) for file in part.files))
    with pytest.raises(BadImages, match=r"000.tar: bad cannot be decoded"):
        list(batches(part, 1, seed=0, epoch=0))


def test_a_shard_that_has_shrunk_since_it_was_opened_stops_reading(tmp_path):
    shard = few(tmp_path, 12) / "000.tar"
    splits = shards(tmp_path, 8, memory_budget=0)
    shard.write_bytes(shard.read_bytes()[:600])
    with pytest.raises(BadImages, match=r"000.tar ends within"):
        list(batches(splits.train, 4, seed=0, epoch=0))


def test_a_shard_that_is_there_twice_is_an_error(tmp_path):
    few(tmp_path)
    shutil.copy(tmp_path / "004.tar", tmp_path / "004 (copy).tar")
    with pytest.raises(BadShard, match="hold the same keys and sizes; remove the copy"):
        shards(tmp_path, 8)


def test_what_is_no_folder_of_shards_says_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist; give the folder"):
        shards(tmp_path / "nowhere", 8)
    with pytest.raises(BadShard, match=r"no \*.tar in .*; vit-tutorial shards FOLDER --to OUT writes them"):
        shards(tmp_path, 8)
    (tmp_path / "0.tar.gz").write_bytes(gzip.compress(b""))
    with pytest.raises(BadShard, match=r"unpack 0.tar.gz to .tar first"):
        shards(tmp_path, 8)
    (tmp_path / "0.tar").write_bytes(gzip.compress(b"0" * 5000))
    with pytest.raises(BadShard, match="is no plain tar"):
        shards(tmp_path, 8)
    with pytest.raises(NotADirectoryError, match="is a file"):
        shards(tmp_path / "0.tar", 8)
    tar(tmp_path / "0.tar", [])
    with pytest.raises(BadShard, match="hold no image"):
        shards(tmp_path, 8)
    tar(tmp_path / "0.tar", sample(1, 0))
    with pytest.raises(ValueError, match="has the one class '0'"):
        shards(tmp_path, 8)
    tar(tmp_path / "train-0.tar", samples(3, 9))
    with pytest.raises(BadShard, match="belongs to no split"):
        shards(tmp_path, 8)
    (tmp_path / "0.tar").unlink()
    (tmp_path / "train-0.tar").rename(tmp_path / "val-0.tar")
    with pytest.raises(BadShard, match="none for train"):
        shards(tmp_path, 8)


def test_a_link_in_a_shard_is_refused(tmp_path):
    shard = tmp_path / "0.tar"
    with tarfile.open(shard, "w") as archive:
        link = tarfile.TarInfo("a.png")
        link.type, link.linkname = tarfile.SYMTYPE, "b.png"
        archive.addfile(link)
    with pytest.raises(BadShard, match=r"a.png in .* is a link"):
        shards(tmp_path, 8)


def test_writing_refuses_a_folder_with_something_in_it_and_shards_of_nothing(tmp_path):
    classes(tmp_path / "folder")
    with pytest.raises(FileExistsError, match="not empty; remove it, or give another --to"):
        write_shards(tmp_path / "folder", tmp_path / "folder")
    with pytest.raises(ValueError, match="at least 1 image, got --per-shard 0"):
        write_shards(tmp_path / "folder", tmp_path / "shards", 0)


# Memory and order


def test_ten_times_the_images_take_a_few_hundred_bytes_more_each(tmp_path):
    """What stays in memory is where each image lies, not its pixels."""

    def bytes_for(n: int) -> int:
        tar(
            tmp_path / str(n) / "0.tar",
            [m for i in range(n) for m in [(f"{i:06d}.png", content), (f"{i:06d}.cls", b"01"[i % 2 :][:1])]],
        )
        tracemalloc.start()
        scan_shards(tmp_path / str(n))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    content = noise(1, (32, 32)).tobytes()  # 3 KB, and nobody decodes it
    assert (bytes_for(550) - bytes_for(50)) / 500 < 2000


def test_shards_in_turn_give_each_image_once_and_keep_to_a_few_shards_at_a_time():
    shard = torch.arange(60) // 6 * 3  # ten shards of six, whose numbers have gaps
    order = in_turn(shard, 2)
    first = order(60, 0, 0)
    assert sorted(first.tolist()) == list(range(60))
    for start in range(0, 60, 12):
        assert len(shard[first[start : start + 12]].unique()) == 2
    assert torch.equal(first, order(60, 0, 0))
    assert not torch.equal(first, order(60, 0, 1))
    assert not torch.equal(first, order(60, 1, 0))
    assert sorted(in_turn(shard, 99)(60, 0, 0).tolist()) == list(range(60))


# Training


def small(**changes):
    fields = {
        **TINY,
        "batch_size": 8,
        "model.img_size": 8,
        "model.patch_size": 4,
        "eval_every": 1,
        "epochs": 2,
        "rotate": 15.0,
    }
    return load_recipe("digits", **{**fields, **changes})


def test_training_from_shards_goes_through_the_same_steps_as_from_the_folder(tmp_path):
    classes(tmp_path / "folder", 20)
    write_shards(tmp_path / "folder", tmp_path / "shards", 7)
    for budget in (0, 2**30):
        runs = [
            fit(Classification(recipe, splits=read(tmp_path / name, 8, memory_budget=budget)), recipe, progress=False)
            for recipe, read, name in ((small(), image_folder, "folder"), (small(), shards, "shards"))
        ]
        first, second = (run.model.state_dict() for run in runs)
        assert all(torch.equal(first[name], second[name]) for name in first)
        assert [row["train_loss"] for row in runs[0].history] == [row["train_loss"] for row in runs[1].history]


class Stopped(Exception):
    pass


@pytest.mark.parametrize(("in_turn", "workers"), [(0, 0), (2, 1)])
def test_a_run_stopped_in_mid_epoch_and_resumed_ends_with_the_same_weights(tmp_path, monkeypatch, in_turn, workers):
    classes(tmp_path / "folder", 20)
    write_shards(tmp_path / "folder", tmp_path / "shards", 7)
    recipe = small(data="shards", shuffle_shards=in_turn, checkpoint_every_steps=3, workers=workers)
    task = Classification(recipe, splits=shards(tmp_path / "shards", 8, memory_budget=0))
    whole = fit(task, recipe, tmp_path / "whole", progress=False).model.state_dict()
    save = TrainingState.save

    def save_and_stop(self, path):
        save(self, path)
        if self.counters.step == 3:
            raise Stopped

    monkeypatch.setattr(TrainingState, "save", save_and_stop)
    with pytest.raises(Stopped):
        fit(task, recipe, tmp_path / "cut", progress=False)
    monkeypatch.setattr(TrainingState, "save", save)
    again = fit(task, recipe, tmp_path / "cut", progress=False).model.state_dict()
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_shards_in_turn_are_for_shards_that_stay_on_the_disk(tmp_path):
    few(tmp_path)
    with pytest.raises(RecipeError, match="shuffle_shards is 2, but digits has no shards"):
        small(shuffle_shards=2)
    recipe = small(data="shards", shuffle_shards=2, batch_size=2)
    with pytest.raises(ValueError, match="they fit into memory, where every order costs the same"):
        fit(Classification(recipe, tmp_path), recipe, progress=False)


def test_the_command_line_packs_trains_and_evaluates(tmp_path, capsys):
    classes(tmp_path / "folder", 20)
    assert (
        main(["shards", str(tmp_path / "folder"), "--to", str(tmp_path / "shards"), "--per-shard", "15", "--quiet"])
        == 0
    )
    assert "3 shard(s)" in capsys.readouterr().out
    fields = [
        "data=shards",
        "model.img_size=8",
        "model.patch_size=4",
        "model.embed_dim=12",
        "warmup_epochs=0",
        "model.depth=1",
        "batch_size=8",
        "workers=0",
    ]
    command = [
        "train",
        "image_folder",
        "--data",
        str(tmp_path / "shards"),
        "--epochs",
        "1",
        "--out",
        str(tmp_path / "runs"),
        "--quiet",
    ]
    assert main([*command, *[word for field in fields for word in ("--set", field)]]) == 0
    assert (
        main(["evaluate", str(tmp_path / "runs" / "seed-0"), "--data", str(tmp_path / "shards"), "--split", "test"])
        == 0
    )
    assert "test split" in capsys.readouterr().out


def test_a_set_too_large_for_memory_stays_in_its_shards(tmp_path):
    splits = shards(few(tmp_path), 8, memory_budget=0)
    assert isinstance(splits.train, FileImages)
    assert splits.train.item_name(0) == "000.tar: 000"
    assert splits.train.select([1, 0]).labels.tolist() == splits.train.labels[[1, 0]].tolist()
