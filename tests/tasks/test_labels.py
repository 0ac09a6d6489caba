"""Label files: parsers against arrays by hand, masks against PNGs built byte by byte, the raster against geometry."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from ayolom.errors import AyolomError
from ayolom.tasks.labels import (
    count_mask,
    count_values,
    join_polygons,
    rasterise,
    read_boxes,
    read_mask,
    read_polygons,
    read_text,
    split_polygons,
)

PLTE_GREY_REVERSED = bytes(value for i in range(256) for value in (255 - i,) * 3)


def write_png(file, values, depth, colour, palette=PLTE_GREY_REVERSED):
    """Write a PNG with nothing but zlib: `colour` 0 grey, 2 RGB, 3 palette."""
    rows = b""
    for row in values:
        if depth == 16:
            packed = row.astype(">u2").tobytes()
        elif depth == 8:
            packed = row.astype("u1").tobytes()
        else:
            bits = "".join(format(int(v), f"0{depth}b") for v in row)
            bits += "0" * (-len(bits) % 8)
            packed = bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))
        rows += b"\0" + packed

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = values.shape[:2]
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    if colour == 3:
        data += chunk(b"PLTE", palette[: 3 * 2**depth])
    file.write_bytes(data + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
    return file


# Boxes ----------------------------------------------------------------------------------------------------------------
def test_boxes_of_a_hand_written_file():
    label = read_boxes("1 0.5 0.25 0.2 0.1\n\n  0 0.1 0.1 0.2 0.2  \n", 2, "a.txt")
    assert label["cls"].tolist() == [1, 0]
    assert label["cls"].dtype == np.int32
    assert label["bboxes"].dtype == np.float32
    np.testing.assert_array_equal(label["bboxes"], np.float32([[0.5, 0.25, 0.2, 0.1], [0.1, 0.1, 0.2, 0.2]]))
    assert "points" not in label


def test_boxes_of_an_empty_file_keep_their_shapes():
    label = read_boxes(" \n", 2, "a.txt")
    assert label["cls"].shape == (0,)
    assert label["bboxes"].shape == (0, 4)
    assert split_polygons(label) == []


def test_polygon_rows_become_their_bounds_and_keep_their_outlines():
    label = read_boxes("0 0.1 0.2 0.5 0.2 0.3 0.8\n1 0 0 1 0 1 1 0 1\n", 2, "a.txt")
    np.testing.assert_allclose(label["bboxes"], [[0.3, 0.5, 0.4, 0.6], [0.5, 0.5, 1, 1]], atol=1e-6)
    assert label["lengths"].tolist() == [3, 4]
    np.testing.assert_allclose(split_polygons(label)[0], [[0.1, 0.2], [0.5, 0.2], [0.3, 0.8]], atol=1e-6)


def test_mixed_rows_become_boxes_without_outlines():
    label = read_boxes("0 0.5 0.5 0.2 0.2\n0 0.1 0.1 0.3 0.1 0.3 0.3\n", 1, "a.txt")
    assert set(label) == {"cls", "bboxes"}
    np.testing.assert_allclose(label["bboxes"][1], [0.2, 0.2, 0.2, 0.2], atol=1e-6)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param("0 0.5 0.5 1.005 1", [0.5, 0.5, 1, 1], id="a little more than the image"),
        pytest.param("0 -0.004 0.5 0.2 0.2", [0.05, 0.5, 0.1, 0.2], id="centre just outside"),
        pytest.param("0 0.95 0.5 0.2 0.2", [0.925, 0.5, 0.15, 0.2], id="reaches over the edge"),
        pytest.param("1.0 0.5 0.5 0.2 0.2", [0.5, 0.5, 0.2, 0.2], id="class written as 1.0"),
    ],
)
def test_boxes_are_cut_at_the_edge(row, expected):
    np.testing.assert_allclose(read_boxes(row, 2, "a.txt")["bboxes"], [expected], atol=1e-6)


def test_repeated_and_flat_boxes_are_dropped():
    text = "0 0.5 0.5 0.2 0.2\n1 0.5 0.5 0.2 0.2\n0 0.5 0.5 0.2 0.2\n0 0.3 0.3 0 0.2\n"
    assert read_boxes(text, 2, "a.txt")["cls"].tolist() == [0, 1]
    outlines = "0 0.1 0.1 0.2 0.1 0.2 0.2\n" * 2
    assert read_boxes(outlines, 1, "a.txt")["lengths"].tolist() == [3]


def test_single_cls_makes_all_classes_one():
    assert read_boxes("1 0.5 0.5 0.2 0.2\n0 0.2 0.2 0.1 0.1", 2, "a.txt", single_cls=True)["cls"].tolist() == [0, 0]


BAD_ROWS = [
    pytest.param("0 0.5 nan 0.2 0.2", "line 2: holds NaN", id="nan"),
    pytest.param("0 0.5 inf 0.2 0.2", "line 2: holds NaN or infinity", id="infinity"),
    pytest.param("0.5 0.5 0.5 0.2 0.2", "line 2: the class id must be a whole number", id="class 0.5"),
    pytest.param("2 0.5 0.5 0.2 0.2", r"line 2: class 2 does not exist, the task has 2 \(ids 0 to 1\)", id="class 2"),
    pytest.param("-1 0.5 0.5 0.2 0.2", "line 2: class -1 does not exist", id="class -1"),
    pytest.param("0 320 240 20 20", r"line 2: coordinates are fractions .*\(got 320\)", id="pixels"),
    pytest.param("0 1.02 0.5 0.2 0.2", r"got 1\.02", id="outside by 2 %"),
    pytest.param("0 0.5 0.5 -0.2 0.2", r"got -0\.2", id="negative width"),
    pytest.param("0 0.5 0.5 0.2", "line 2: has 4 values", id="4 values"),
    pytest.param("0 0.5 0.5 0.2 0.2 0.9", "line 2: has 6 values", id="6 values"),
    pytest.param("0 a b c d", "line 2: holds something that is no number", id="words"),
    pytest.param("0,0.5,0.5,0.2,0.2", "separated by spaces", id="commas"),
]


@pytest.mark.parametrize(("row", "message"), BAD_ROWS)
def test_a_bad_row_is_named_with_file_and_line(row, message):
    with pytest.raises(AyolomError, match=rf"dir/a\.txt, {message}" if message.startswith("line") else message):
        read_boxes(f"0 0.5 0.5 0.2 0.2\n{row}\n", 2, "dir/a.txt")


# Polygons -------------------------------------------------------------------------------------------------------------
def test_polygons_are_flat_arrays_that_split_again():
    label = read_polygons("2 0 0 1 0 1 1\n0 0 0 .5 0 .5 .5 0 .5\n", 3, "a.txt")
    assert label["cls"].tolist() == [2, 0]
    assert label["points"].shape == (7, 2)
    assert [len(p) for p in split_polygons(label)] == [3, 4]
    again = join_polygons(split_polygons(label))
    np.testing.assert_array_equal(again[0], label["points"])
    np.testing.assert_array_equal(again[1], label["lengths"])


def test_no_polygons():
    label = read_polygons("", 3, "a.txt")
    assert [label[k].shape for k in ("cls", "points", "lengths")] == [(0,), (0, 2), (0,)]


def test_a_box_among_polygons_is_refused():
    with pytest.raises(AyolomError, match=r"a\.txt, line 2: is a box \(5 values\) where polygons are wanted"):
        read_polygons("0 0 0 1 0 1 1\n0 0.5 0.5 1 1\n", 1, "a.txt")


# Masks ----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("colour", [pytest.param(0, id="grey"), pytest.param(3, id="palette")])
@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_masks_of_every_depth_hold_their_ids(tmp_path, colour, depth):
    ids = np.arange(35).reshape(5, 7) % min(2**depth, 20)
    file = write_png(tmp_path / "a.png", ids, depth, colour)
    mask = read_mask(file, (5, 7), 20)
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, ids)


def test_16_bit_and_three_equal_channels(tmp_path):
    ids = np.arange(35).reshape(5, 7) % 6
    np.testing.assert_array_equal(read_mask(write_png(tmp_path / "a.png", ids, 16, 0), (5, 7), 6), ids)
    rgb = np.repeat(ids, 3, axis=1)
    file = write_png(tmp_path / "b.png", rgb, 8, 2)
    data = bytearray(file.read_bytes())
    data[16:20] = struct.pack(">I", 7)  # three values a pixel
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    file.write_bytes(data)
    np.testing.assert_array_equal(read_mask(file, (5, 7), 6), ids)


def test_the_ignore_value_and_255_become_255(tmp_path):
    file = write_png(tmp_path / "a.png", np.array([[0, 1, 9, 255]]), 8, 0)
    assert read_mask(file, (1, 4), 2, ignore=9).tolist() == [[0, 1, 255, 255]]
    assert read_mask(write_png(tmp_path / "b.png", np.array([[0, 1]]), 8, 0), (1, 2), 2, ignore=0).tolist() == [
        [255, 1]
    ]


@pytest.mark.parametrize(
    ("values", "ignore", "expected"),
    [
        pytest.param([[0, 1]], 255, [[0, 1]], id="0 and 1"),
        pytest.param([[0, 255]], -1, [[0, 1]], id="0 and 255, nothing ignored"),
        pytest.param([[0, 255]], 255, [[0, 255]], id="255 ignored"),
    ],
)
def test_binary_masks(tmp_path, values, ignore, expected):
    file = write_png(tmp_path / "a.png", np.array(values), 8, 0)
    assert read_mask(file, (1, 2), 1, ignore).tolist() == expected


def _truncated(file):
    write_png(file, np.random.default_rng(0).integers(0, 3, (8, 9)), 8, 0)
    file.write_bytes(file.read_bytes()[:-30])


def _flipped_bit(file):
    write_png(file, np.random.default_rng(0).integers(0, 3, (8, 9)), 8, 0)
    data = bytearray(file.read_bytes())
    data[-20] ^= 4
    file.write_bytes(bytes(data))


def _bomb(file):
    write_png(file, np.zeros((1, 1)), 8, 0)
    data = bytearray(file.read_bytes())
    data[16:24] = struct.pack(">II", 2**31 - 1, 2**31 - 1)  # billions of pixels, which must never be made room for
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    file.write_bytes(bytes(data))


def _colour(file):
    cv2.imwrite(str(file), np.random.default_rng(0).integers(0, 3, (8, 9, 3)).astype(np.uint8))


BAD_MASKS = [
    pytest.param(
        lambda f: write_png(f, np.zeros((9, 8)), 8, 0), r"is 8x9 pixels \(width x height\) and its image 9x8", id="size"
    ),
    pytest.param(lambda f: write_png(f, np.full((8, 9), 7), 8, 0), r"ids 7 beyond the classes \(0 to 2", id="id 7"),
    pytest.param(lambda f: write_png(f, np.full((8, 9), 700), 16, 0), "ids 700 beyond", id="id 700"),
    pytest.param(_truncated, "damaged or cut short", id="truncated"),
    pytest.param(_flipped_bit, "damaged or cut short", id="one bit flipped"),
    pytest.param(_bomb, "is 2147483647x2147483647 pixels", id="bomb"),
    pytest.param(_colour, "is a colour picture", id="colour"),
    pytest.param(lambda f: f.write_bytes(b""), "is an empty file", id="empty"),
    pytest.param(lambda f: f.write_text("hello" * 20), "is not a PNG", id="text"),
]


@pytest.mark.parametrize(("make", "message"), BAD_MASKS)
def test_a_bad_mask_is_named(tmp_path, make, message):
    make(tmp_path / "mask.png")
    with pytest.raises(AyolomError, match=rf"mask\.png: .*{message}"):
        read_mask(tmp_path / "mask.png", (8, 9), 3)


@pytest.mark.parametrize("depth", [8, 16])
def test_pixels_are_counted_as_numpy_counts_them(tmp_path, depth):
    ids = np.random.default_rng(1).choice([0, 1, 2, 9, 255], (30, 40))
    mask, counts = count_mask(write_png(tmp_path / "a.png", ids, depth, 0), (30, 40), 3, ignore=9)
    np.testing.assert_array_equal(mask, np.where(ids == 9, 255, ids))
    np.testing.assert_array_equal(counts, np.bincount(mask.ravel(), minlength=256))
    assert mask.flags.writeable


def test_counts_of_large_masks_are_exact():
    assert count_values(np.ones((4097, 4097), np.uint8))[1] == 4097 * 4097  # odd, and more than float32 can tell


def test_a_grey_mask_with_a_transparent_level_keeps_its_ids(tmp_path):
    ids = np.arange(12).reshape(3, 4) % 3
    Image.fromarray(ids.astype(np.uint8)).save(tmp_path / "a.png", transparency=0)
    assert b"tRNS" in (tmp_path / "a.png").read_bytes()
    np.testing.assert_array_equal(read_mask(tmp_path / "a.png", (3, 4), 3), ids)


def test_a_mask_checked_before_is_read_without_its_shape(tmp_path):
    file = write_png(tmp_path / "a.png", np.array([[0, 7, 2]]), 8, 0)
    assert read_mask(file, None, 3).tolist() == [[0, 255, 2]]


def test_text_that_is_none(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe0\x00")
    with pytest.raises(AyolomError, match=r"a\.txt: is not UTF-8 text"):
        read_text(tmp_path / "a.txt")
    (tmp_path / "b.txt").write_bytes(b"\xef\xbb\xbf0 0.5 0.5 0.1 0.1")
    assert read_text(tmp_path / "b.txt").startswith("0 ")
    with pytest.raises(AyolomError, match=r"c\.txt: cannot be read"):
        read_text(tmp_path / "c.txt")


# Raster ---------------------------------------------------------------------------------------------------------------
def _inside(points, shape):
    """Pixels whose centre lies in the polygon, by counting crossings; and the distance of each centre from its edge."""
    ys, xs = np.mgrid[: shape[0], : shape[1]] + 0.5
    inside, distance = np.zeros(shape, bool), np.full(shape, np.inf)
    corners = points * (shape[1], shape[0])
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, 0), strict=True):
        with np.errstate(divide="ignore", invalid="ignore"):
            inside ^= ((y0 > ys) != (y1 > ys)) & (xs < (x1 - x0) * (ys - y0) / (y1 - y0) + x0)
        t = np.clip(((xs - x0) * (x1 - x0) + (ys - y0) * (y1 - y0)) / ((x1 - x0) ** 2 + (y1 - y0) ** 2), 0, 1)
        distance = np.minimum(distance, np.hypot(xs - x0 - t * (x1 - x0), ys - y0 - t * (y1 - y0)))
    return inside, distance


def test_a_polygon_covers_the_pixels_whose_centres_it_holds():
    points = np.array([[0.1, 0.15], [0.8, 0.3], [0.6, 0.9], [0.35, 0.6]], np.float32)
    label = {"cls": np.array([3]), "points": points, "lengths": np.array([4])}
    drawn = rasterise(label, (60, 90), 5, 0) == 3
    inside, distance = _inside(points, (60, 90))
    clear = distance > 1.0  # a pixel on the edge may fall to either side
    np.testing.assert_array_equal(drawn[clear], inside[clear])
    assert abs(int(drawn.sum()) - int(inside.sum())) < 0.06 * inside.sum()


@pytest.mark.parametrize("order", [pytest.param((0, 1), id="large first"), pytest.param((1, 0), id="small first")])
def test_smaller_over_larger(order):
    large, small = (
        np.float32([[0, 0], [1, 0], [1, 1], [0, 1]]),
        np.float32([[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]]),
    )
    polygons, classes = [(large, small)[i] for i in order], [(1, 2)[i] for i in order]
    points, lengths = join_polygons(polygons)
    mask = rasterise({"cls": np.array(classes), "points": points, "lengths": lengths}, (8, 8), 3, 0)
    expected = np.ones((8, 8), np.uint8)
    cv2.fillPoly(expected, [np.array([[2, 2], [5, 2], [5, 5], [2, 5]])], 2)  # pixel centres within 2.0 .. 6.0
    inner = np.pad(np.ones((4, 4), bool), 2)
    np.testing.assert_array_equal(mask[inner], 2)
    assert (mask != expected).sum() <= 9  # a row and a column on the edge may fall to either side


def test_background_and_binary():
    square = {
        "cls": np.array([0]),
        "points": np.float32([[0, 0], [0.5, 0], [0.5, 1], [0, 1]]),
        "lengths": np.array([4]),
    }
    none = {"cls": np.zeros(0, int), "points": np.zeros((0, 2)), "lengths": np.zeros(0, int)}
    assert rasterise(none, (2, 3), 4, 2).tolist() == [[2, 2, 2], [2, 2, 2]]
    assert rasterise(none, (2, 3), 1, 0).max() == 0
    assert set(np.unique(rasterise(square, (8, 8), 1, 0))) == {0, 1}
