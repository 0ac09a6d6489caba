"""What files are, and what stays of them."""

from __future__ import annotations

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from ayolom.serve._jpeg import without_metadata
from ayolom.serve._limits import Limits, Rejected
from ayolom.serve._media import clean_photo, recognise, shown_name

SECRET = b"51 deg 28 min"


def tagged(orientation=1, fmt="JPEG", **given):
    """A picture with EXIF, GPS, a comment and an ICC profile."""
    image = Image.fromarray(np.random.default_rng(3).integers(0, 255, (40, 60, 3), np.uint8))
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = orientation, SECRET.decode()
    exif.get_ifd(0x8825).update({1: "N", 2: (51.0, 28.0, 38.0)})
    stream = io.BytesIO()
    image.save(stream, fmt, exif=exif, **given)
    return stream.getvalue()


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"quality": 90}, id="baseline"),
        pytest.param({"quality": 90, "progressive": True}, id="progressive"),
        pytest.param({"quality": 90, "restart_marker_blocks": 2}, id="restarts"),
        pytest.param({"comment": SECRET, "icc_profile": SECRET * 10}, id="comment-and-profile"),
    ],
)
def test_a_jpeg_loses_its_metadata_and_no_pixel(given):
    data = tagged(**given)
    clean = without_metadata(data + b"a second picture" + SECRET)
    assert SECRET in data
    assert SECRET not in clean
    assert clean.endswith(b"\xff\xd9")
    image = Image.open(io.BytesIO(clean))
    assert not image.getexif()
    assert not set(image.info) & {"exif", "comment", "icc_profile", "photoshop"}
    decode = [cv2.imdecode(np.frombuffer(one, np.uint8), cv2.IMREAD_COLOR) for one in (data, clean)]
    assert np.array_equal(*decode)


@pytest.mark.parametrize("cut", [1, 2, 20, 300], ids=str)
def test_a_cut_jpeg_is_no_jpeg(cut):
    with pytest.raises(ValueError, match=r"cut short|no JPEG|no marker"):
        without_metadata(tagged()[:cut])


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_turned_photo_is_upright_and_has_no_exif(tmp_path, orientation):
    file = tmp_path / "in.jpg"
    file.write_bytes(tagged(orientation, quality=95))
    clean = clean_photo(file, tmp_path, "0001")
    expected = cv2.imread(str(file))
    image = Image.open(clean)
    assert not image.getexif()
    assert image.size == (expected.shape[1], expected.shape[0])
    assert np.abs(cv2.imread(str(clean)).astype(int) - expected).mean() < 12
    assert SECRET not in clean.read_bytes()


@pytest.mark.parametrize("fmt", ["PNG", "WEBP"])
def test_other_photos_keep_their_pixels(tmp_path, fmt):
    file = tmp_path / f"in.{fmt.lower()}"
    file.write_bytes(tagged(fmt=fmt))
    clean = clean_photo(file, tmp_path, "0001")
    assert clean.suffix == ".png"
    assert SECRET not in clean.read_bytes()
    assert np.array_equal(cv2.imread(str(clean)), cv2.imread(str(file)))


def bomb():
    """A PNG of a few bytes that claims 60000 x 60000 pixels."""
    head = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    chunks = b""
    for name, content in ((b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 9)), (b"IEND", b"")):
        chunks += struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(b"", "empty", id="empty"),
        pytest.param(b"#!/bin/sh\n", "kind", id="text"),
        pytest.param(b"GIF89a" + b"\0" * 40, "kind", id="gif"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "kind", id="svg"),
        pytest.param(b"\0\0\0\x18ftypheic\0\0\0\0", "heic", id="heic"),
        pytest.param(bomb(), "pixels", id="bomb"),
    ],
)
def test_what_is_not_taken(tmp_path, content, code):
    file = tmp_path / "photo.jpg"
    file.write_bytes(content)
    with pytest.raises(Rejected) as rejected:
        recognise(file, Limits())
    assert rejected.value.code == code


def test_the_limit_of_pixels_is_read_from_the_header(tmp_path, photo):
    file = tmp_path / "photo"
    file.write_bytes(photo(size=(120, 160)))
    assert recognise(file, Limits(megapixels=0.0192)) == ("photo", "jpg")
    with pytest.raises(Rejected, match="pixels"):
        recognise(file, Limits(megapixels=0.0191))


@pytest.mark.parametrize(
    ("head", "suffix"),
    [
        pytest.param(b"\0\0\0\x20ftypisom" + b"\0" * 30, "mp4", id="mp4"),
        pytest.param(b"\0\0\0\x14ftypqt  " + b"\0" * 30, "mov", id="quicktime"),
        pytest.param(b"\x1a\x45\xdf\xa3" + b"\0" * 30, "mkv", id="matroska"),
        pytest.param(b"RIFF\0\0\0\0AVI LIST", "avi", id="avi"),
    ],
)
def test_videos_are_known_by_their_content(tmp_path, head, suffix):
    file = tmp_path / "holiday.jpg"
    file.write_bytes(head)
    assert recognise(file, Limits()) == ("video", suffix)


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        pytest.param("car.jpg", "car.jpg", id="plain"),
        pytest.param("../../etc/passwd", "passwd", id="path"),
        pytest.param("C:\\users\\me\\a.png", "a.png", id="windows-path"),
        pytest.param("<img src=x>\x00\n\u202e.jpg", "<img src=x>.jpg", id="control-characters"),
        pytest.param("차 앞.jpg", "차 앞.jpg", id="korean"),
        pytest.param("..", "file", id="dots"),
        pytest.param("x" * 500 + ".jpeg", "x" * 75 + ".jpeg", id="long"),
        pytest.param("taken.jpg", "taken.jpg (2)", id="taken"),
    ],
)
def test_names_for_people(raw, name):
    assert shown_name(raw, {"taken.jpg"}) == name
