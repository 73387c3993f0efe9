"""Orientation, and files whose pixels are whole while something beside them is not."""

from __future__ import annotations

import struct

from PIL import Image

ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"acTL", b"fcTL", b"fdAT")


def orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 (upright) where the metadata has none, are damaged or hold another kind of value."""
    try:
        value = image.getexif().get(ORIENTATION, 1)
        return value if value in _TURNS else 1
    except Exception:  # Pillow raises many kinds on damaged metadata, and the pixels are good
        return 1


def upright(image: Image.Image) -> Image.Image:
    """The image as its EXIF orientation says that it is to be seen. (`ImageOps.exif_transpose` also writes the metadata anew.)"""
    turn = _TURNS.get(orientation(image))
    return image if turn is None else image.transpose(turn)


def without_metadata(content: bytes) -> bytes:
    """A JPEG or PNG file with its pixels and what they need alone; any other content as it is."""
    if content.startswith(b"\xff\xd8"):
        return _plain_jpeg(content)
    return _plain_png(content) if content.startswith(_PNG) else content


def _plain_jpeg(content: bytes) -> bytes:
    """Without comments and application segments but JFIF's (APP0) and Adobe's (APP14), which says how colours are stored."""
    kept, at = [content[:2]], 2
    while at + 4 <= len(content) and content[at] == 0xFF and content[at + 1] != 0xDA:  # SOS starts the pixels
        end = at + 2 + struct.unpack(">H", content[at + 2 : at + 4])[0]
        marker = content[at + 1]
        if marker != 0xFE and not (0xE1 <= marker <= 0xEF and marker != 0xEE):
            kept.append(content[at:end])
        at = end
    return b"".join([*kept, content[at:]])


def _plain_png(content: bytes) -> bytes:
    """Without the chunks that no pixel depends on."""
    kept, at = [_PNG], len(_PNG)
    while at + 12 <= len(content):
        end = at + 12 + struct.unpack(">I", content[at : at + 4])[0]
        if content[at + 4 : at + 8] in _PNG_PIXELS:
            kept.append(content[at:end])
        at = end
    return b"".join([*kept, content[at:]])
