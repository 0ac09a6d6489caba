"""A JPEG without what does not belong to its pixels: EXIF, GPS, thumbnails, comments, and whatever follows its end.

The segments are those of ITU-T T.81, annex B (https://www.w3.org/Graphics/JPEG/itu-t81.pdf).
"""

from __future__ import annotations

START, END, SCAN = 0xD8, 0xD9, 0xDA
ALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a length
APPLICATION = range(0xE0, 0xF0)
COMMENT = 0xFE
ADOBE = 0xEE  # says how colours are stored, so pixels need it
RESTART = range(0xD0, 0xD8)
JFIF = 0xE0
# Says that colours are YCbCr: version 1.1, no unit, no thumbnail (https://www.w3.org/Graphics/JPEG/jfif3.pdf).
PLAIN_JFIF = bytes((0xFF, JFIF, 0, 16)) + b"JFIF\0\x01\x01\x00\x00\x01\x00\x01\x00\x00"


def without_metadata(data: bytes) -> bytes:
    """Return a JPEG with only the segments that its decoder needs; the pixels are the same.

    Args:
        data: A JPEG file, or one of several pictures, of which the first stays.

    Raises:
        ValueError: It is none, or ends too early.
    """
    if data[:2] != bytes((0xFF, START)):
        raise ValueError("no JPEG")
    kept, at = [data[:2]], 2
    while True:
        marker, at = _marker(data, at)
        if marker == END:
            return b"".join([*kept, bytes((0xFF, END))])
        stop = at if marker in ALONE else at + int.from_bytes(data[at : at + 2], "big")
        if stop > len(data) or (marker not in ALONE and stop < at + 2):
            raise ValueError("the JPEG is cut short")
        if marker == JFIF and data[at + 2 :].startswith(b"JFIF\0"):
            kept.append(PLAIN_JFIF)
        elif _is_needed(marker, data[at + 2 : stop]):
            kept.append(bytes((0xFF, marker)) + data[at:stop])
        at = stop
        if marker == SCAN:
            stop = _end_of_scan(data, at)
            kept.append(data[at:stop])
            at = stop


def _marker(data: bytes, at: int) -> tuple[int, int]:
    """Return the next marker and the place behind it; fill bytes before it are passed over."""
    if at >= len(data) or data[at] != 0xFF:
        raise ValueError("the JPEG has no marker where one must be")
    while at < len(data) and data[at] == 0xFF:
        at += 1
    if at >= len(data):
        raise ValueError("the JPEG is cut short")
    return data[at], at + 1


def _is_needed(marker: int, content: bytes) -> bool:
    """Return whether a decoder needs a segment to get the colours right."""
    if marker == COMMENT:
        return False
    return marker not in APPLICATION or (marker == ADOBE and content.startswith(b"Adobe"))


def _end_of_scan(data: bytes, at: int) -> int:
    """Return where the coded pixels end: at the first marker that is neither a stuffed byte nor a restart."""
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            raise ValueError("the JPEG is cut short")
        following = data[at + 1]
        if following not in {0x00, 0xFF} and following not in RESTART:
            return at
        at += 1 if following == 0xFF else 2
