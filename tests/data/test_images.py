"""Image files: found, measured as they are decoded, refused when damaged, and never written to."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from ayolom.data.images import image_shape, list_images, read_image
from ayolom.data.walk import is_image
from ayolom.errors import AyolomError

PICTURE = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 255, (48, 64, 3)).astype(np.uint8), (5, 5), 0)


def encoded(suffix):
    return cv2.imencode(suffix, PICTURE)[1].tobytes()


def rotated(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    Image.fromarray(PICTURE).save(stream, "JPEG", exif=exif)
    return stream.getvalue()


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp", ".tif"])
def test_shape_is_height_and_width(tmp_path, suffix):
    file = tmp_path / f"a{suffix}"
    file.write_bytes(encoded(suffix))
    assert image_shape(file) == (48, 64) == read_image(file).shape[:2]


@pytest.mark.parametrize(("orientation", "expected"), [(1, (48, 64)), (3, (48, 64)), (6, (64, 48)), (8, (64, 48))])
def test_shape_is_that_of_the_rotated_image(tmp_path, orientation, expected):
    (tmp_path / "a.jpg").write_bytes(rotated(orientation))
    assert image_shape(tmp_path / "a.jpg") == expected == read_image(tmp_path / "a.jpg").shape[:2]


@pytest.mark.parametrize("tail", [b"", b"trailing bytes" * 9])
def test_a_jpeg_that_decodes_is_used_as_it_is(tmp_path, tail):
    file = tmp_path / "a.jpg"
    file.write_bytes(encoded(".jpg") + tail)
    before = file.read_bytes(), file.stat().st_mtime_ns
    assert image_shape(file) == (48, 64)
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before


BAD = [
    pytest.param("a.jpg", b"", "is an empty file", id="empty"),
    pytest.param("a.jpg", encoded(".jpg")[:-60], "the JPEG is damaged or cut short", id="jpeg cut short"),
    pytest.param("a.jpg", encoded(".jpg")[:-2] + b"\0\0", "damaged or cut short", id="jpeg without its end"),
    pytest.param("a.jpg", encoded(".jpg")[:120], "damaged or cut short", id="jpeg header only"),
    pytest.param("a.png", encoded(".png")[:-300], "no image that can be read, or is damaged", id="png cut short"),
    pytest.param("a.jpg", b"not an image", "no image that can be read", id="text"),
    pytest.param("a.png", cv2.imencode(".png", PICTURE[:9])[1].tobytes(), "is 64x9 pixels", id="too small"),
]


@pytest.mark.parametrize(("name", "content", "message"), BAD)
def test_a_bad_image_is_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AyolomError, match=rf"{name}: .*{message}|{name}: {message}"):
        image_shape(tmp_path / name)


def test_a_missing_image(tmp_path):
    with pytest.raises(AyolomError, match=r"a\.jpg: cannot be read \(No such file"):
        image_shape(tmp_path / "a.jpg")


def test_a_format_that_needs_another_package_installs_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("ayolom.data.images.find_spec", lambda name: None)
    monkeypatch.setattr("ultralytics.utils.checks.check_requirements", lambda *a, **k: pytest.fail("installs"))
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + b"\0" * 99)
    with pytest.raises(AyolomError, match=r"a\.heic: \.heic images need one more package: pip install pi-heif"):
        image_shape(tmp_path / "a.heic")


def test_folders_are_searched_to_the_bottom(tmp_path):
    for name in ("b/2.jpg", "b/c/1.PNG", "a.bmp", ".hidden/x.jpg", "b/.y.jpg", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = list_images([tmp_path, tmp_path / "b"], tmp_path)
    assert found == sorted(str(tmp_path / name) for name in ("a.bmp", "b/2.jpg", "b/c/1.PNG"))


def test_lists_are_relative_to_themselves_then_to_the_root(tmp_path):
    (tmp_path / "lists").mkdir()
    (tmp_path / "images").mkdir()
    for name in ("lists/near.jpg", "images/far.jpg"):
        (tmp_path / name).touch()
    (tmp_path / "lists" / "train.txt").write_text("./near.jpg\n\nimages/far.jpg\n/abs/c.jpg\nmissing.jpg\n")
    found = list_images([tmp_path / "lists" / "train.txt"], tmp_path)
    expected = ["/abs/c.jpg", *(str(tmp_path / n) for n in ("images/far.jpg", "lists/missing.jpg", "lists/near.jpg"))]
    assert found == sorted(expected)


def test_a_list_with_a_zero_byte_is_named(tmp_path):
    (tmp_path / "train.txt").write_bytes(b"a.jpg\nb\0c.jpg\n")
    with pytest.raises(AyolomError, match=r"train\.txt, line 2: holds a zero byte"):
        list_images([tmp_path / "train.txt"], tmp_path)


def test_a_folder_without_images(tmp_path):
    with pytest.raises(AyolomError, match="holds no images; put files of these kinds there: avif, bmp"):
        list_images([tmp_path], tmp_path)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.jpg", True), ("b/A.JPEG", True), ("a.heic", True), (".a.jpg", False), ("a.txt", False), ("png", False)],
)
def test_names_of_images(name, expected):
    assert is_image(name) is expected
