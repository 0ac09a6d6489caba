"""Files of strangers: what they are by their content, how large, and the same pictures without their metadata."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np
from PIL.BmpImagePlugin import BmpImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from ayolom.data.images import MIN_SIDE, check_jpeg
from ayolom.errors import AyolomError
from ayolom.files import write_atomic
from ayolom.serve._jpeg import without_metadata
from ayolom.serve._limits import Rejected

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path

    from ayolom.serve._limits import Limits

# How photos begin, their suffixes, and what reads their headers. Pillow's own `open` would try all its formats, and the
# base's patch of it would install a package for files that it does not know.
PHOTOS = (
    (re.compile(rb"\xff\xd8\xff"), "jpg", JpegImageFile),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "png", PngImageFile),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "webp", WebPImageFile),
    (re.compile(rb"BM"), "bmp", BmpImageFile),
)
UNREADABLE = (OSError, ValueError, SyntaxError, KeyError, TypeError, IndexError)  # what Pillow raises for broken files
HEAD = 64  # bytes that tell a video
ORIENTATION, UPRIGHT = 0x0112, 1
QUALITY = 95  # of photos that have to be turned
NAME = 80  # characters

Kind = Literal["photo", "video"]


def recognise(file: Path, limits: Limits) -> tuple[Kind, str]:
    """Return what a file is and the suffix that goes with it, by its content; no picture is decoded.

    Raises:
        Rejected: It is neither a photo nor a video that is taken, or has more pixels than the limit.
    """
    with file.open("rb") as stream:
        head = stream.read(HEAD)
    if not head:
        raise Rejected("empty")
    suffix = video_suffix(head)
    if suffix is not None:
        return "video", suffix
    if head[4:12] in {b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypmsf1", b"ftypheim", b"ftyphevc"}:
        raise Rejected("heic")
    return "photo", _photo_suffix(file, head, limits)


def video_suffix(head: bytes) -> str | None:
    """Return the suffix of a video by its first bytes: MP4 and QuickTime, Matroska and WebM, AVI; None for others."""
    if head[4:8] == b"ftyp" and head[8:12] not in {
        b"heic", b"heix", b"heim", b"hevc", b"mif1", b"msf1", b"avif", b"avis"
    }:  # fmt: skip
        return "mov" if head[8:12] == b"qt  " else "mp4"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "mkv"
    return "avi" if head[:4] == b"RIFF" and head[8:12] == b"AVI " else None


def check_size(width: int, height: int, limits: Limits) -> None:
    """Raise where a picture has too many or too few pixels.

    Raises:
        Rejected: It has.
    """
    if min(width, height) < MIN_SIDE:
        raise Rejected("small", width=width, height=height, least=MIN_SIDE)
    if width * height > limits.megapixels * 1e6:
        raise Rejected("pixels", width=width, height=height, most=f"{limits.megapixels:g}")


def clean_photo(file: Path, folder: Path, stem: str) -> Path:
    """Write a photo without metadata, upright, and return where.

    A JPEG that is upright keeps its pixels bit by bit: only the segments around them go. One that was held sideways is
    turned and compressed once more; every other format becomes PNG.

    Args:
        file: The photo.
        folder: Where to write.
        stem: Name without suffix.

    Raises:
        Rejected: It cannot be decoded.
    """
    try:
        if check_jpeg(file):
            with JpegImageFile(file) as image:
                upright = image.getexif().get(ORIENTATION, UPRIGHT) == UPRIGHT
            target = folder / f"{stem}.jpg"
            if upright:
                write_atomic(target, without_metadata(file.read_bytes()))
            else:
                write_atomic(target, _encoded(".jpg", file, [cv2.IMWRITE_JPEG_QUALITY, QUALITY]))
        else:
            target = folder / f"{stem}.png"
            write_atomic(target, _encoded(".png", file, [cv2.IMWRITE_PNG_COMPRESSION, 1]))
    except (AyolomError, cv2.error, *UNREADABLE):
        raise Rejected("damaged") from None
    return target


def shown_name(raw: str, taken: Container[str]) -> str:
    """Return a file's name for people: its last part, printable, not too long, and not yet taken."""
    last = re.split(r"[\\/]", unicodedata.normalize("NFC", raw))[-1]
    clean = "".join(c for c in last if c.isprintable() and unicodedata.category(c) not in {"Cf", "Cs"}).strip()
    stem, dot, suffix = clean.rpartition(".")
    if dot and stem and len(suffix) <= 5:
        clean = f"{stem[: NAME - len(suffix) - 1]}.{suffix}"
    clean = clean[:NAME].strip(". ") or "file"
    name, number = clean, 2
    while name in taken:
        name, number = f"{clean} ({number})", number + 1
    return name


def _photo_suffix(file: Path, head: bytes, limits: Limits) -> str:
    """Return the suffix of a photo after checking its size, which stands in its header."""
    known = next(((suffix, kind) for begin, suffix, kind in PHOTOS if begin.match(head)), None)
    if known is None:
        raise Rejected("kind")
    suffix, kind = known
    try:
        with kind(file) as image:
            width, height = image.size
    except UNREADABLE:
        raise Rejected("damaged") from None
    check_size(width, height, limits)
    return suffix


def _encoded(suffix: str, file: Path, parameters: list[int]) -> bytes:
    """Return a photo encoded anew, upright, from its pixels alone."""
    image = cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError("cannot be decoded")
    return cv2.imencode(suffix, image, parameters)[1].tobytes()
