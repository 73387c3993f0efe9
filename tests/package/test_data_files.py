"""Folders as they are: links, other owners, what disks and archives leave behind, and names of every kind."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from folder_helpers import classes, pictures
from odd_images import noise
from PIL import Image

from vit_tutorial.cli import main
from vit_tutorial.cli.pictures import image_names
from vit_tutorial.data import BadImages, image_folder
from vit_tutorial.data import files as files_module
from vit_tutorial.data.files import IMAGE_SUFFIXES, Sight, images_below


def total(root: Path) -> int:
    return sum(len(split) for split in image_folder(root, 8, progress=False))


def predicted(root: Path) -> list[str]:
    return list(image_names([str(root)]))


# What may not be read


@pytest.fixture
def locked(monkeypatch: pytest.MonkeyPatch):
    """A function that makes a folder unreadable, for every user: tests may run as root."""
    closed: set[str] = set()
    scandir = os.scandir

    def refusing(path):
        if str(path) in closed:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(files_module.os, "scandir", refusing)
    return lambda path: closed.add(str(path))


@pytest.mark.parametrize("which", ["a/batch2", "a/batch2/deeper", "b"])
def test_a_folder_that_may_not_be_read_is_an_error_that_names_it(tmp_path: Path, locked, which: str) -> None:
    classes(tmp_path, 6)
    pictures(tmp_path, ["a/batch2/1.png", "a/batch2/deeper/1.png"])
    locked(tmp_path / which)
    for read in (total, predicted):
        with pytest.raises(
            PermissionError, match=rf"{which} cannot be read \(Permission denied\), .*Get the right"
        ) as caught:
            read(tmp_path)
        assert "remove" not in str(caught.value)


def test_the_command_line_says_so_in_one_line(tmp_path: Path, locked, capsys: pytest.CaptureFixture[str]) -> None:
    classes(tmp_path, 6)
    locked(tmp_path / "b")
    assert main(["train", "image_folder", "--data", str(tmp_path), "--out", str(tmp_path / "runs")]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"vit-tutorial train: {tmp_path / 'b'} cannot be read")
    assert len(error.splitlines()) == 1


def test_files_that_may_not_be_read_are_no_damaged_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    classes(tmp_path, 6)
    read = Path.read_bytes

    def refusing(path: Path) -> bytes:
        if path.name == "003.png":
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refusing)
    with pytest.raises(PermissionError, match=r"2 of 12 image files .*a/003.png \(Permission denied\).*chmod"):
        total(tmp_path)


# Links


def test_links_to_folders_and_files_are_followed_by_training_and_prediction(tmp_path: Path) -> None:
    store = classes(tmp_path / "store", 8)
    root = tmp_path / "photos"
    for name in "ab":
        (root / name).mkdir(parents=True)
        (root / name / "linked").symlink_to(store / name, target_is_directory=True)
        noise(ord(name)).save(store / f"{name} single.png")
        (root / name / "single.png").symlink_to(store / f"{name} single.png")
    assert total(root) == len(predicted(root)) == 18
    (tmp_path / "all").mkdir()
    for name in "ab":
        (tmp_path / "all" / name).symlink_to(store / name, target_is_directory=True)
    assert total(tmp_path / "all") == len(predicted(tmp_path / "all")) == 16


@pytest.mark.parametrize(("where", "to"), [("a/up", "."), ("a/itself", "a"), ("b/deep/up", "b"), ("round", ".")])
def test_links_in_a_circle_end_and_are_said(tmp_path: Path, where: str, to: str) -> None:
    root = classes(tmp_path / "photos", 6)
    (root / where).parent.mkdir(exist_ok=True)
    (root / where).symlink_to(root / to, target_is_directory=True)
    splits = image_folder(root, 8, progress=False)
    assert sum(map(len, splits)) == len(predicted(root)) == 12
    assert splits.classes == ["a", "b"]
    assert "ignored links to a folder that holds them: " in str(splits.report)


def test_a_link_that_leads_nowhere_is_an_error(tmp_path: Path) -> None:
    classes(tmp_path, 6)
    (tmp_path / "c").symlink_to(tmp_path / "not mounted" / "c")
    with pytest.raises(
        FileNotFoundError, match=r"the link .*/c leads to .*not mounted/c, which is not there; put it back"
    ):
        total(tmp_path)
    (tmp_path / "c").unlink()
    (tmp_path / "a" / "gone.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(BadImages, match=r"a/gone.png \(No such file or directory\)"):
        total(tmp_path)


def test_a_pipe_with_the_name_of_an_image_is_not_waited_for(tmp_path: Path) -> None:
    classes(tmp_path, 6)
    os.mkfifo(tmp_path / "a" / "pipe.png")
    (tmp_path / "a" / "linked.png").symlink_to(tmp_path / "a" / "pipe.png")
    assert total(tmp_path) == len(predicted(tmp_path)) == 12


# What the system leaves behind


@pytest.mark.parametrize(
    "name", ["@eaDir", "__MACOSX", "$RECYCLE.BIN", "#recycle", "lost+found", "System Volume Information", "@Recycle"]
)
@pytest.mark.parametrize("where", [".", "a", "a/deep"])
def test_folders_of_the_system_are_left_out_and_counted(tmp_path: Path, name: str, where: str) -> None:
    classes(tmp_path, 6)
    pictures(tmp_path, ["a/deep/1.png", f"{where}/{name}/a/thumb.jpg", f"{where}/{name}/b.png"])
    splits = image_folder(tmp_path, 8, progress=False)
    assert sum(map(len, splits)) == len(predicted(tmp_path)) == 13
    assert splits.classes == ["a", "b"]
    assert splits.report.system == {name: 1}
    assert f"ignored 1 folders of the system: 1 {name}" in str(splits.report)


def test_a_folder_of_the_system_may_be_unreadable(tmp_path: Path, locked) -> None:
    classes(tmp_path, 6)
    (tmp_path / "lost+found").mkdir()
    locked(tmp_path / "lost+found")
    assert total(tmp_path) == 12


def test_files_of_the_system_are_no_images(tmp_path: Path) -> None:
    classes(tmp_path, 6)
    for name in (".DS_Store", "._000.png", "Thumbs.db", "desktop.ini"):
        (tmp_path / "a" / name).write_bytes(b"\0\5\x16\7")
    report = image_folder(tmp_path, 8, progress=False).report
    assert (report.images, report.hidden) == (12, 2)
    assert report.not_images == {".db": 1, ".ini": 1}


# Suffixes


@pytest.mark.parametrize("suffix", [".ppm", ".pgm", ".jfif", ".jpe", ".tga", ".jp2", ".PNM", ".ico", ".avif"])
def test_images_of_every_suffix_that_pillow_reads_are_used(tmp_path: Path, suffix: str) -> None:
    if suffix not in Image.registered_extensions() and suffix == ".avif":
        pytest.skip("this Pillow knows no AVIF")
    classes(tmp_path, 6)
    image = noise(77, (32, 32))
    image.convert("L" if suffix == ".pgm" else "RGB").save(
        tmp_path / "a" / f"odd{suffix}", Image.registered_extensions()[suffix.lower()]
    )
    assert total(tmp_path) == len(predicted(tmp_path)) == 13


def test_no_suffix_is_read_that_runs_another_program_or_holds_no_picture() -> None:
    assert not IMAGE_SUFFIXES & {".eps", ".ps", ".wmf", ".pdf", ".mpg", ".h5", ".txt", ".db", ".json"}
    assert {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".mpo"} <= IMAGE_SUFFIXES


def test_postscript_under_the_name_of_a_jpeg_is_not_run(tmp_path: Path) -> None:
    classes(tmp_path, 6)
    (tmp_path / "a" / "drawing.jpg").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
    )
    with pytest.raises(BadImages, match=r"drawing.jpg \(it is no image of a format that Pillow knows\)"):
        total(tmp_path)


@pytest.mark.parametrize(
    ("names", "said"),
    [(["1.heic", "2.heic", "x.txt"], "2 .heic, 1 .txt"), (["0001", "0002"], "2 without suffix"), (["v.mp4"], "1 .mp4")],
)
def test_files_that_are_not_read_are_named_where_they_are_the_cause(
    tmp_path: Path, names: list[str], said: str
) -> None:
    classes(tmp_path, 6)
    (tmp_path / "c").mkdir()
    for name in names:
        (tmp_path / "c" / name).write_bytes(b"x")
    with pytest.raises(ValueError, match=rf"/c has no images that Pillow reads, but {said}; convert them"):
        total(tmp_path)
    with pytest.raises(FileNotFoundError, match=rf"no image files in .*/c, but {said}; known are .jpg"):
        predicted(tmp_path / "c")


# Names


def test_file_names_that_are_not_utf_8_are_read_and_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    classes(tmp_path, 6)
    strange = os.fsencode(tmp_path / "a") + b"/caf\xe9.png"
    noise(5).save(tmp_path / "plain.png")
    try:
        os.rename(tmp_path / "plain.png", strange)
    except OSError:
        pytest.skip("this file system takes UTF-8 alone")
    splits = image_folder(tmp_path, 8, progress=False)
    names = [file for split in splits for file in split.files]
    assert len(names) == 13
    print(*names)  # may not raise
    assert "a/caf\\udce9.png" in capsys.readouterr().out
    with open(strange, "wb") as file:
        file.write(b"no image")
    with pytest.raises(BadImages, match=r"caf\\udce9.png") as caught:
        total(tmp_path)
    str(caught.value).encode()


def test_a_class_whose_name_is_not_utf_8_is_named(tmp_path: Path) -> None:
    classes(tmp_path, 6)
    try:
        os.rename(tmp_path / "a", os.fsencode(tmp_path) + b"/caf\xe9")
    except OSError:
        pytest.skip("this file system takes UTF-8 alone")
    with pytest.raises(ValueError, match=r"the class folder caf\\udce9 of .* is not UTF-8; rename it"):
        total(tmp_path)


@pytest.mark.parametrize(
    "names",
    [
        ("Cat", "cat"),
        ("straße", "STRASSE"),
        (unicodedata.normalize("NFC", "käfer"), unicodedata.normalize("NFD", "käfer")),
        ("cat", "cat "),
    ],
)
def test_classes_that_differ_in_case_or_form_alone_are_an_error_that_names_both(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    classes(tmp_path, 6, [*names, "dog"])
    if len(list(tmp_path.iterdir())) < 3:
        pytest.skip("this file system takes both names for one")
    with pytest.raises(ValueError, match="differ in case, spaces or Unicode form alone") as caught:
        total(tmp_path)
    assert all(ascii(name) in str(caught.value) for name in names)


def test_large_and_small_letters_are_two_classes(tmp_path: Path) -> None:
    classes(tmp_path, 6, ["A", "a", "b"])
    if len(list(tmp_path.iterdir())) < 3:
        pytest.skip("this file system takes both names for one")
    splits = image_folder(tmp_path, 8, progress=False)
    assert splits.classes == ["A", "a", "b"]
    assert "A and a are two classes, as letters are" in str(splits.report)


def test_what_was_left_out_is_told_once(tmp_path: Path) -> None:
    classes(tmp_path, 2)
    (tmp_path / "a" / ".hidden").mkdir()
    (tmp_path / "a" / "note.txt").write_text("x")
    sight = Sight()
    assert len(images_below(tmp_path, sight)) == 4
    assert (sight.hidden, sight.not_images) == (1, {".txt": 1})
