"""Good pixels beside bad metadata: the picture is used, upright where that can be known, and is no damaged one."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from folder_helpers import classes
from odd_images import noise
from PIL import Image, PngImagePlugin

from vit_tutorial.cli.pictures import read_image
from vit_tutorial.data import BadImages, image_folder
from vit_tutorial.data.decode import open_image
from vit_tutorial.data.metadata import without_metadata

ASIDE = 6  # the orientation of a photo that lies on its side


def tiff(*tags: tuple[int, int, int, bytes]) -> bytes:
    """An EXIF block in which each tag (number, type, count, four bytes of value) stands as it is given."""
    entries = b"".join(struct.pack("<HHI", number, kind, count) + value for number, kind, count, value in tags)
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, len(tags)) + entries + b"\0" * 4


TURN = (0x0112, 3, 1, struct.pack("<HH", ASIDE, 0))
BLOCKS = {  # name: (EXIF block, whether the orientation can be read)
    "width as text": (tiff((0x0100, 2, 4, b"ab\0\0"), TURN), True),
    "width as a fraction that is not there": (tiff((0x0100, 5, 1, b"\xff\xff\0\0"), TURN), False),
    "a type that does not exist": (tiff((0x0131, 99, 1, b"\0\0\0\0"), TURN), True),
    "more values than bytes": (tiff(TURN, (0x010F, 2, 2**31, b"\1\2\3\4")), True),
    "orientation as text": (tiff((0x0112, 2, 2, b"6\0\0\0")), False),
    "orientation twice": (tiff((0x0112, 3, 2, struct.pack("<HH", 6, 6))), True),
    "orientation that does not exist": (tiff((0x0112, 3, 1, struct.pack("<HH", 77, 0))), False),
    "orientation as a fraction by zero": (tiff((0x0112, 5, 1, struct.pack("<I", 8))), False),
    "cut after its head": (b"Exif\0\0II*\0\x08\0\0\0\x05", False),
    "no TIFF at all": (b"Exif\0\0what is this?", False),
    "a list that leads to itself": (tiff(TURN)[:-4] + struct.pack("<I", 8), True),
}


def picture() -> Image.Image:
    return noise(3, (24, 16))


def jpeg(exif: bytes) -> bytes:
    buffer = io.BytesIO()
    picture().save(buffer, "JPEG", quality=95)
    content = buffer.getvalue()
    return content[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + content[2:]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", BLOCKS)
def test_a_jpeg_with_an_odd_exif_block_is_decoded_and_turned_if_it_says_so(name: str) -> None:
    block, readable = BLOCKS[name]
    plain = io.BytesIO()
    picture().save(plain, "JPEG", quality=95)
    expected = Image.open(plain).transpose(Image.Transpose.ROTATE_270) if readable else Image.open(plain)
    assert np.array_equal(open_image(jpeg(block)), expected)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_other_formats_with_an_odd_exif_block_are_decoded_too(kind: str) -> None:
    for block, _ in BLOCKS.values():
        buffer = io.BytesIO()
        options = {"lossless": True} if kind == "WEBP" else {}
        if kind == "TIFF":
            picture().save(buffer, kind, tiffinfo={0x010F: "a maker", 0x0131: "x" * 9})
        else:
            picture().save(buffer, kind, exif=block, **options)
        found = np.asarray(open_image(buffer.getvalue()))
        assert np.array_equal(found, picture()) or np.array_equal(
            found, picture().transpose(Image.Transpose.ROTATE_270)
        )


def chunk(kind: bytes, content: bytes, crc: int | None = None) -> bytes:
    check = zlib.crc32(kind + content) if crc is None else crc
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


def png(extra: bytes) -> bytes:
    buffer = io.BytesIO()
    picture().save(buffer, "PNG")
    content = buffer.getvalue()
    return content[:33] + extra + content[33:]  # behind the header


CHUNKS = {
    "a wrong checksum in a comment": chunk(b"tEXt", b"Author\0me", crc=1),
    "a profile that is no zip": chunk(b"iCCP", b"sRGB\0\0nonsense"),
    "a comment that unpacks to too much": chunk(
        b"zTXt", b"a\0\0" + zlib.compress(b"\0" * (PngImagePlugin.MAX_TEXT_CHUNK + 9))
    ),
    "a resolution of two bytes": chunk(b"pHYs", b"\0\1"),
    "gamma of one byte": chunk(b"gAMA", b"\1"),
    "an unknown chunk": chunk(b"abCd", b"anything"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CHUNKS)
def test_a_png_with_a_damaged_chunk_beside_its_pixels_is_decoded(name: str) -> None:
    assert np.array_equal(open_image(png(CHUNKS[name])), picture())


@pytest.mark.filterwarnings("ignore")
def test_training_and_prediction_take_such_images(tmp_path: Path) -> None:
    classes(tmp_path, 6)
    for number, (block, _) in enumerate(BLOCKS.values()):
        (tmp_path / "a" / f"odd {number}.jpg").write_bytes(jpeg(block))
    for number, extra in enumerate(CHUNKS.values()):
        (tmp_path / "b" / f"odd {number}.png").write_bytes(png(extra))
    splits = image_folder(tmp_path, 16, progress=False)
    assert sum(map(len, splits)) == 12 + len(BLOCKS) + len(CHUNKS)
    for split in splits:
        for file, image in zip(split.files, split.images):
            found, answer = read_image(str(tmp_path / file), 3, (16, 16))
            assert answer.error == ""
            assert found is not None
            assert (found == image).all()


def test_damaged_pixels_stay_damaged(tmp_path: Path) -> None:
    classes(tmp_path, 6)
    content = jpeg(BLOCKS["width as text"][0])
    (tmp_path / "a" / "cut.jpg").write_bytes(content[:-200])
    with pytest.raises(BadImages, match=r"a/cut.jpg \(.*truncated"):
        image_folder(tmp_path, 16, progress=False)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_what_is_left_without_metadata_has_the_same_pixels(kind: str) -> None:
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = ASIDE
    picture().convert("CMYK" if kind == "JPEG" else "RGBA").save(buffer, kind, exif=exif)
    less = without_metadata(buffer.getvalue())
    assert len(less) < len(buffer.getvalue())
    assert np.array_equal(Image.open(io.BytesIO(less)), Image.open(buffer))
    assert without_metadata(b"GIF89a and so on") == b"GIF89a and so on"
