"""LabelMe: each kind of shape with hand-worked pixels, groups, paths, and broken files."""

from __future__ import annotations

import base64
import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ayolom.data.convert._format import ReadOptions
from ayolom.data.convert._geometry import polygon_area
from ayolom.data.convert._values import Report
from ayolom.data.convert.labelme import LabelMeFormat
from ayolom.errors import AyolomError

SQUARE = [[10, 20], [30, 20], [30, 40], [10, 40]]
PLAIN = ReadOptions()


def shape(points: Any = None, kind: str = "polygon", label: Any = "door", group: Any = None, **more: Any) -> dict:
    points = SQUARE if points is None else points
    return {"label": label, "points": points, "group_id": group, "shape_type": kind, "flags": {}, **more}


def png(pixels: np.ndarray) -> str:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


def save(root: Path, *shapes: Any, stem: str = "a", **more: Any) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (100, 80)).save(root / f"{stem}.jpg")
    content = {"version": "5.5.0", "flags": {}, "shapes": list(shapes), "imagePath": f"{stem}.jpg", "imageData": None}
    content |= {"imageHeight": 80, "imageWidth": 100} | more
    (root / f"{stem}.json").write_text(json.dumps(content))
    return root


def read(source: Path, options: ReadOptions = PLAIN):
    report = Report()
    (layer,) = LabelMeFormat().layers(source, options)
    return layer, list(LabelMeFormat().read(source, layer, options, report)), report


class TestShapes:
    def test_polygon(self, tmp_path: Path) -> None:
        layer, (image,), report = read(save(tmp_path, shape()))
        assert (layer.name, layer.kind) == ("objects", "semantic")
        assert image.objects[0].polygons[0].tolist() == SQUARE
        assert image.objects[0].where == f"{tmp_path}/a.json: shapes[0]"
        assert (image.file, image.shape, image.path) == ("a.jpg", (80, 100), tmp_path / "a.jpg")
        assert image.complete
        assert not report.counts

    def test_rectangle_by_any_corners(self, tmp_path: Path) -> None:
        layer, (image,), _ = read(save(tmp_path, shape([[30, 20], [10, 40]], "rectangle")))
        assert layer.kind == "detect"
        assert image.objects[0].box == (10, 20, 30, 40)

    def test_circle_through_its_point(self, tmp_path: Path) -> None:
        _, (image,), _ = read(save(tmp_path, shape([[50, 40], [53, 44]], "circle")))  # 3, 4, 5
        points = image.objects[0].polygons[0]
        assert np.allclose(np.hypot(*(points - [50, 40]).T), 5)
        assert polygon_area(points) == pytest.approx(math.pi * 25, rel=0.01)

    def test_mask_covers_both_corner_pixels(self, tmp_path: Path) -> None:
        pixels = np.zeros((3, 4), bool)
        pixels[0, 0] = pixels[2, 3] = True
        _, (image,), _ = read(save(tmp_path, shape([[10, 20], [13, 22]], "mask", mask=png(pixels))))
        mask = image.objects[0].mask
        assert mask.shape == (80, 100)
        assert np.argwhere(mask).tolist() == [[20, 10], [22, 13]]

    def test_ignored_label_teaches_nothing(self, tmp_path: Path) -> None:
        _, (image,), _ = read(save(tmp_path, shape(label="__ignore__")))
        assert image.objects[0].crowd

    @pytest.mark.parametrize("kind", ["line", "point", "points", "linestrip"])
    def test_what_has_no_area_is_for_the_map_to_judge(self, tmp_path: Path, kind: str) -> None:
        _, (image,), report = read(save(tmp_path, shape(), shape([[1, 1], [2, 2]], kind, label="lace")))
        assert [bool(item.shapeless) for item in image.objects] == [False, True]
        assert (image.objects[1].label, image.objects[1].where) == ("lace", f"{tmp_path}/a.json: shapes[1]")
        assert image.complete
        assert not report.counts

    @pytest.mark.parametrize(
        ("bad", "what"),
        [
            pytest.param(shape([[1, 1], [2, 2]]), "malformed polygon", id="two corners"),
            pytest.param(shape([[1, None], [2, 2], [3, 3]]), "malformed polygon", id="no number"),
            pytest.param(shape([[1, 1]], "rectangle"), "malformed rectangle", id="one corner"),
            pytest.param(shape([[1, 1], [1, 1]], "circle"), "malformed circle", id="no radius"),
            pytest.param(shape([[0, 0], [9, 9]], "mask", mask="%%"), "malformed mask", id="no base64"),
            pytest.param(
                shape([[0, 0], [9, 9]], "mask", mask=png(np.ones((3, 3), bool))), "malformed mask", id="mask of a size"
            ),
            pytest.param(shape(label=""), "shape without a label", id="no label"),
            pytest.param("nonsense", "malformed shape", id="no shape"),
        ],
    )
    def test_bad_shapes_make_the_image_incomplete(self, tmp_path: Path, bad: Any, what: str) -> None:
        _, (image,), report = read(save(tmp_path, shape(), bad))
        assert not image.complete
        assert len(image.objects) == 1
        assert report.counts == {what: 1}
        assert report.examples[what] == [f"{tmp_path}/a.json: shapes[1]"]


class TestGroups:
    def test_group_of_a_class_is_one_object(self, tmp_path: Path) -> None:
        other = [[x + 50, y] for x, y in SQUARE]
        shapes = [shape(group=1), shape(group=2), shape(other, group=1), shape(group=1, label="hood"), shape(other)]
        _, (image,), _ = read(save(tmp_path, *shapes))
        assert [(item.label, len(item.polygons)) for item in image.objects] == [
            ("door", 2),
            ("door", 1),
            ("hood", 1),
            ("door", 1),
        ]

    def test_masks_and_polygons_of_a_group_are_joined(self, tmp_path: Path) -> None:
        mask = shape([[90, 70], [91, 70]], "mask", group=1, mask=png(np.ones((1, 2), bool)))
        _, (image,), _ = read(save(tmp_path, shape(group=1), mask))
        (item,) = image.objects
        assert item.polygons == ()
        assert item.mask.sum() == 20 * 20 + 2


class TestFiles:
    def test_image_in_the_folder_beside(self, tmp_path: Path) -> None:
        save(tmp_path / "set" / "labels", shape(), imagePath="..\\images\\p.jpg")
        (tmp_path / "set" / "images").mkdir()
        Image.new("RGB", (100, 80)).save(tmp_path / "set" / "images" / "p.jpg")
        _, (image,), _ = read(tmp_path / "set" / "labels")
        assert image.path == tmp_path / "set" / "images" / "p.jpg"

    def test_path_does_not_lead_further(self, tmp_path: Path) -> None:
        Image.new("RGB", (100, 80)).save(tmp_path / "secret.jpg")
        root = save(tmp_path / "one" / "two" / "labels", shape(), imagePath="../../../secret.jpg")
        _, (image,), _ = read(root)
        assert image.path == root / "a.jpg"

    def test_folder_of_images_that_the_user_gives(self, tmp_path: Path) -> None:
        root = save(tmp_path / "labels", shape(), imagePath="C:\\photos\\p.png")
        (tmp_path / "photos").mkdir()
        Image.new("RGB", (100, 80)).save(tmp_path / "photos" / "p.png")
        _, (image,), _ = read(root, ReadOptions(images=tmp_path / "photos"))
        assert image.path == tmp_path / "photos" / "p.png"

    def test_order_and_splits(self, tmp_path: Path) -> None:
        for name in ("val/b", "train/c", "train/a"):
            folder, stem = name.split("/")
            save(tmp_path / folder, stem=stem)
        _, images, _ = read(tmp_path)
        assert [(image.file, image.split) for image in images] == [
            ("train/a.jpg", "train"),
            ("train/c.jpg", "train"),
            ("val/b.jpg", "val"),
        ]

    def test_broken_and_foreign_files_leave_the_others(self, tmp_path: Path) -> None:
        save(tmp_path, shape())
        (tmp_path / "b.json").write_text('{"version": "5", "flags": {}, "shapes": [')
        (tmp_path / "c.json").write_text("{}")
        (tmp_path / "d.json").write_text('{"flags": {}, "shapes": 3}')
        _, images, report = read(tmp_path)
        assert [image.file for image in images] == ["a.jpg"]
        assert report.counts == {"broken JSON file": 1, "file without a list 'shapes'": 1}
        assert report.notes == {"JSON file of another kind (not read)": 1}

    def test_another_folder_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(AyolomError, match="holds no LabelMe JSON"):
            read(tmp_path)
