"""Decoding: image files of every kind become 8-bit RGB or grey, and cut ones are found."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn.datasets import load_sample_image

from vit_tutorial.data.decode import as_tensor, decode_all, fit, open_image, random_fit

FORMATS = [
    ("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {}), ("BMP", {}), ("WEBP", {"lossless": True}),
    ("WEBP", {}), ("GIF", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}),
]  # fmt: skip
EXACT = [case for case in FORMATS if case[0] in ("PNG", "BMP", "TIFF") or "lossless" in case[1]]


def photo() -> Image.Image:
    """A part of a real photograph, 80 wide and 64 high, RGB."""
    return Image.fromarray(load_sample_image("china.jpg")[100:164, 100:180])


def encoded(image: Image.Image, kind: str = "PNG", **settings) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **settings)
    return buffer.getvalue()


@pytest.mark.parametrize(("kind", "options"), EXACT)
def test_lossless_formats_come_back_pixel_for_pixel(kind, options):
    assert np.array_equal(open_image(encoded(photo(), kind, **options)), photo())


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_a_jpeg_comes_back_nearly(options):
    difference = np.asarray(open_image(encoded(photo(), "JPEG", quality=95, **options))).astype(int) - photo()
    assert np.abs(difference).mean() < 4


@pytest.mark.parametrize("exif_orientation", range(1, 9))
def test_exif_orientation_is_applied(exif_orientation):
    stored_as = {  # what a camera does to an upright picture before it writes this orientation
        1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[exif_orientation]  # fmt: skip
    stored = photo() if stored_as is None else photo().transpose(stored_as)
    exif = Image.Exif()
    exif[0x0112] = exif_orientation
    assert np.array_equal(open_image(encoded(stored, "PNG", exif=exif)), photo())


def test_grey_becomes_rgb_and_rgb_becomes_grey_on_request():
    grey = photo().convert("L")
    assert np.array_equal(open_image(encoded(grey)), np.asarray(grey)[..., None].repeat(3, 2))
    assert np.array_equal(open_image(encoded(photo()), channels=1), grey)
    assert as_tensor(open_image(encoded(photo()), channels=1)).shape == (1, 64, 80)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_transparency_is_composited_onto_the_background(kind):
    pixels = np.zeros((1, 3, 4), np.uint8)
    pixels[0, :, 0] = 200  # red, of three opacities
    pixels[0, :, 3] = 0, 51, 255
    content = encoded(Image.fromarray(pixels), kind, **({"lossless": True, "exact": True} if kind == "WEBP" else {}))
    on_white, on_blue = open_image(content), open_image(content, background=(0, 0, 255))
    assert np.asarray(on_white).tolist() == [[[255, 255, 255], [244, 204, 204], [200, 0, 0]]]
    assert np.asarray(on_blue).tolist() == [[[0, 0, 255], [40, 0, 204], [200, 0, 0]]]


def test_a_palette_with_a_transparent_colour_is_composited_too():
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    content = encoded(image, "GIF", transparency=0)
    assert np.asarray(open_image(content)).tolist() == [[[255, 255, 255], [40, 50, 60]]]


def test_cmyk_becomes_rgb():
    cmyk = Image.fromarray(np.array([[[0, 255, 255, 0], [0, 0, 0, 0], [0, 0, 0, 255]]], np.uint8), "CMYK")
    red, white, black = np.asarray(open_image(encoded(cmyk, "TIFF")))[0].tolist()
    assert (red, white, black) == ([255, 0, 0], [255, 255, 255], [0, 0, 0])


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_not_clipped(kind):
    values = np.array([[0, 128, 257, 32768, 65535, 1000]], np.uint16)
    found = np.asarray(open_image(encoded(Image.fromarray(values), kind), channels=1))
    assert np.array_equal(found, np.round(values / 257).astype(np.uint8))


def test_pixels_without_a_fixed_range_are_refused():
    with pytest.raises(ValueError, match="floating-point pixels have no fixed range; save the image with 8 or 16"):
        open_image(encoded(Image.fromarray(np.zeros((2, 2), np.float32)), "TIFF"))
    with pytest.raises(ValueError, match="32-bit pixels have no fixed range"):
        open_image(encoded(Image.fromarray(np.full((2, 2), 70_000, np.int32)), "TIFF"))


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_the_first_frame_of_an_animation_is_taken(kind):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if kind == "WEBP" else {}
    content = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert np.asarray(open_image(content))[4, 4].tolist() == [255, 0, 0]


@pytest.mark.parametrize(("kind", "options"), FORMATS)
def test_no_cut_file_passes_with_wrong_pixels(kind, options):
    """A cut in the trailer after the pixels (PNG, GIF) may pass, but then the pixels are all there."""
    content = encoded(photo(), kind, **options)
    whole = np.asarray(open_image(content))
    passed = 0
    for length in [1, 10, 100, *range(200, len(content), 199), *range(len(content) - 40, len(content))]:
        try:
            found = open_image(content[:length])
        except Exception:
            continue
        passed += 1
        assert np.array_equal(found, whole)
    assert passed <= 25


def test_what_is_no_image_is_said_to_be_none():
    with pytest.raises(ValueError, match="no image of a format that Pillow knows"):
        open_image(b"<html>404</html>")
    with pytest.raises(ValueError, match="it is empty"):
        open_image(b"")


def test_an_image_with_too_many_pixels_is_refused_before_it_is_decoded(monkeypatch):
    content = encoded(Image.new("1", (1000, 1000)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 400_000)  # refused above twice as many
    with pytest.raises(
        ValueError, match=r"too many pixels to be decoded safely: .*1000000 pixels.*; save a smaller copy"
    ):
        open_image(content)


# Fitting


@settings(deadline=None)
@given(
    size=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    to=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    mode=st.sampled_from(["RGB", "L"]),
)
def test_any_image_is_fitted_to_any_size(size, to, mode):
    channels = 3 if mode == "RGB" else 1
    grey = Image.new(mode, size, "#808080")
    for image in (fit(grey, to), random_fit(grey, to, (0.2, 1.0))):
        found = as_tensor(image)
        assert found.shape == (channels, *to)
        assert found.dtype == torch.uint8
        assert (found == 128).all()


def test_an_image_of_the_right_size_is_left_as_it_is():
    assert np.array_equal(fit(photo(), (64, 80)), photo())


def test_fitting_keeps_the_centre_and_the_aspect_ratio():
    image = Image.new("RGB", (30, 10), "red")
    image.paste((0, 0, 255), (10, 0, 20, 10))  # the central square is blue
    assert (as_tensor(fit(image, (10, 10))) == torch.tensor([0, 0, 255]).view(3, 1, 1)).all()


def test_shrinking_is_antialiased():
    stripes = Image.fromarray(np.tile(np.array([[0, 255]], np.uint8), (64, 32)))  # every second column white
    shrunk = as_tensor(fit(stripes, (16, 16))).float()
    assert (shrunk[:, :, 1:-1] - 127.5).abs().max() < 10  # without antialiasing it would be all black or all white


# Many files


def test_many_files_are_decoded_in_order_with_their_digests_and_the_bad_ones_named(tmp_path):
    files: list[Path] = []
    for i in range(150):  # more than two chunks
        files.append(tmp_path / f"{i}.png")
        files[-1].write_bytes(encoded(Image.new("RGB", (5, 4), (i, 0, 0))))
    files[70].write_bytes(files[70].read_bytes()[:50])
    files[149].unlink()
    images, digests, bad = decode_all(files, (4, 5), threads=3, progress=False)
    assert images.shape == (150, 3, 4, 5)
    assert [int(image[0, 0, 0]) for image in images] == [i if i not in (70, 149) else 0 for i in range(150)]
    assert digests[70] == hashlib.sha256(files[70].read_bytes()).digest()
    assert list(bad) == [70, 149]
    assert "No such file" in bad[149]
