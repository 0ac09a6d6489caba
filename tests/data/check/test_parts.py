"""The small parts of a check by themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from ultralytics.utils.metrics import box_iou

from ayolom.data.check._boxes import box_findings, overlaps, row_findings
from ayolom.data.check._image import look
from ayolom.data.check._plots import box_points, ticks
from ayolom.data.check._values import Limits
from ayolom.data.check._versions import picture_of
from ayolom.data.images import image_shape
from ayolom.errors import AyolomError
from tests.data.check.conftest import put, scene


@pytest.mark.parametrize(
    ("name", "picture"),
    [
        ("car_1_jpg.rf.0123456789abcdef0123456789abcdef.jpg", "car_1_jpg"),
        ("a.b_PNG.rf.0123456789abcdef0123456789abcdef.jpg", "a.b_PNG"),
        ("mine__car_1_jpeg.rf.0123456789abcdef0123456789abcdef.png", "mine__car_1_jpeg"),
        ("car_1.jpg", None),
        ("car_jpg.jpg", None),
        ("car.rf.0123456789abcdef.jpg", None),
    ],
    ids=["usual", "other suffix", "with a prefix", "plain name", "no hash", "no suffix in the stem"],
)
def test_roboflow_names(name: str, picture: str | None) -> None:
    assert picture_of(f"/data/train/{name}") == picture


def test_overlaps_are_the_bases() -> None:
    random = np.random.default_rng(0)
    boxes = np.concatenate((random.uniform(0.3, 0.7, (9, 2)), random.uniform(0.05, 0.5, (9, 2))), 1)
    corners = torch.from_numpy(np.concatenate((boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2), 1))
    np.testing.assert_allclose(
        overlaps(boxes, boxes[:4]), box_iou(corners, corners[:4]).numpy(), atol=1e-4
    )  # the base adds a small number to the union


def test_tiny_is_measured_at_the_size_of_training() -> None:
    boxes, names = np.array([[0.5, 0.5, 0.01, 0.5]]), {0: "dent"}
    # 0.01 of 1000 pixels, 640 / 1000 of that
    found = list(box_findings(np.zeros(1, int), boxes, (500, 1000), names, Limits(tiny=6.5)))
    assert [(kind, detail) for kind, detail, _ in found] == [("box-tiny", "dent: 6.4 x 160.0 pixels at 640")]
    assert list(box_findings(np.zeros(1, int), boxes, (500, 1000), names, Limits(tiny=6.3))) == []


def test_no_boxes_no_findings() -> None:
    assert list(box_findings(np.zeros(0, int), np.zeros((0, 4)), (9, 9), {}, Limits())) == []


def test_rows_that_the_reader_drops() -> None:
    text = "0 .5 .5 .1 .1\n0 .5 .5 .1 .1\n\n1 .5 .5 .1 0\n"
    assert [(kind, weight) for kind, _, weight in row_findings(text, 1)] == [
        ("box-repeated", 1.0),
        ("box-no-area", 1.0),
    ]


def test_a_jpeg_looks_like_its_png(tmp_path: Path) -> None:
    image = scene(0, (400, 520))
    put(tmp_path, "a.jpg", image)
    put(tmp_path, "a.png", image)
    one, other = (look(str(tmp_path / "images" / name)) for name in ("a.jpg", "a.png"))
    assert one.shape == other.shape == (400, 520)
    assert np.abs(one.thumbnail.astype(int) - other.thumbnail).mean() < 2
    assert (one.hashes[0] ^ other.hashes[0]).bit_count() <= 4
    assert one.digest != other.digest


@pytest.mark.parametrize("content", [b"", b"text", b"\xff\xd8\xff\xe0"], ids=["empty", "text", "cut"])
def test_what_training_refuses_is_refused_with_the_same_words(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.jpg"
    file.write_bytes(content)
    with pytest.raises(AyolomError) as expected:
        image_shape(file)
    with pytest.raises(AyolomError) as found:
        look(str(file))
    assert str(found.value) == str(expected.value)


def test_axes_of_the_plot_are_logarithmic() -> None:
    assert box_points(np.array([[1.0, 1.0], [0.003, 0.003]]), 100.0) == [(100.0, 0.0), (0.0, 100.0)]
    places = [place for place, _ in ticks(100.0)]
    assert places == sorted(places)
    assert places[-1] == 100.0
