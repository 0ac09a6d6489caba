"""BDD100K: both ages of its JSON, curves, class maps, and which layers a source has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ayolom.data.convert import _stream
from ayolom.data.convert._format import ReadOptions
from ayolom.data.convert._geometry import fill_polygon, polygon_area
from ayolom.data.convert._poly2d import outlines_of
from ayolom.data.convert._values import Report
from ayolom.data.convert.bdd100k import BddFormat
from ayolom.errors import AyolomError

SHAPE = (72, 128)
BOX = {"category": "car", "attributes": {"occluded": False}, "box2d": {"x1": 10, "y1": 20.5, "x2": 30, "y2": 40}}
AREA_POINTS = [[10, 10], [50, 10], [50, 40]]
AREA = {
    "category": "drivable area",
    "attributes": {"areaType": "alternative"},
    "poly2d": [{"vertices": AREA_POINTS, "types": "LLL", "closed": True}],
}
LANE = {
    "category": "lane",
    "attributes": {"laneTypes": "road curb"},
    "poly2d": [{"vertices": [[20, 30], [60, 30]], "types": "LL", "closed": False}],
}


def image(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", SHAPE[::-1]).save(file)
    return file


def save(file: Path, content: Any) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content))
    return file


def frame(name: str, *labels: Any) -> dict[str, Any]:
    return {"name": name, "attributes": {"timeofday": "night"}, "timestamp": 1, "labels": list(labels)}


def read(source: Path, name: str, images: Path | None = None):
    report, options = Report(), ReadOptions(images=images)
    layers = {layer.name: layer for layer in BddFormat().layers(source, options)}
    return list(BddFormat().read(source, layers[name], options, report)), report


def make(root: Path) -> Path:
    """The whole folder: one list of frames for a split, images in images/100k."""
    for split in ("train", "val"):
        image(root / "images" / "100k" / split / f"{split}.jpg")
        frames = [frame(f"{split}.jpg", BOX, AREA, LANE), frame("gone.jpg")]
        save(root / "labels" / f"bdd100k_labels_images_{split}.json", frames)
    return root


class TestLists:
    @pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
    def test_three_layers(self, tmp_path: Path, streamed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        if streamed:
            pytest.importorskip("ijson")
            monkeypatch.setattr(_stream, "SMALL", 0)
        root = make(tmp_path)
        layers = BddFormat().layers(root, ReadOptions())
        assert [(layer.name, layer.kind) for layer in layers] == [
            ("vehicles", "detect"),
            ("drivable", "semantic"),
            ("lane", "semantic"),
        ]
        images, report = read(root, "vehicles")
        assert [(found.file, found.split) for found in images] == [
            ("train.jpg", "train"),
            ("gone.jpg", "train"),
            ("val.jpg", "val"),
            ("gone.jpg", "val"),
        ]
        assert images[0].path == root / "images" / "100k" / "train" / "train.jpg"
        assert images[0].shape == SHAPE
        assert [(item.label, item.box) for item in images[0].objects] == [("car", (10, 20.5, 30, 40))]
        assert images[1].objects == ()
        assert not report.counts

    def test_drivable_area(self, tmp_path: Path) -> None:
        images, _ = read(make(tmp_path), "drivable")
        (item,) = images[0].objects
        assert item.label == "alternative"
        assert item.polygons[0].tolist() == AREA_POINTS
        assert item.where == f"{tmp_path}/labels/bdd100k_labels_images_train.json: [0].labels[1]"

    def test_lane_is_as_wide_as_it_is_drawn(self, tmp_path: Path) -> None:
        images, _ = read(make(tmp_path), "lane")
        (item,) = images[0].objects
        assert item.label == "road curb"
        mask = fill_polygon(item.polygons[0], SHAPE)
        rows, columns = np.nonzero(mask)
        assert (rows.min(), rows.max()) == (26, 33)  # 8 pixels about y = 30
        assert (columns.min(), columns.max()) == (16, 63)  # 20 to 60, and 4 at each end

    def test_a_list_of_boxes_says_nothing_of_areas(self, tmp_path: Path) -> None:
        save(
            tmp_path / "labels" / "det_20" / "det_train.json", [frame("a.jpg", BOX), {"name": "b.jpg", "labels": None}]
        )
        areas = {"category": "direct", "poly2d": AREA["poly2d"]}
        save(tmp_path / "labels" / "drivable" / "polygons" / "drivable_train.json", [frame("a.jpg", areas)])
        boxes, _ = read(tmp_path, "vehicles")
        assert [(found.file, len(found.objects)) for found in boxes] == [("a.jpg", 1), ("b.jpg", 0)]
        found, _ = read(tmp_path, "drivable")
        assert [(image.file, image.objects[0].label) for image in found] == [("a.jpg", "direct")]

    @pytest.mark.parametrize(
        ("label", "layer", "what"),
        [
            pytest.param({**BOX, "box2d": {"x1": 1}}, "vehicles", "malformed box", id="box without edges"),
            pytest.param({"category": "car"}, "vehicles", "label without box or outline", id="nothing"),
            pytest.param({**AREA, "attributes": {}}, "drivable", "label without a class", id="no kind of area"),
            pytest.param(
                {**AREA, "poly2d": [{"vertices": [[1, 2]]}]}, "drivable", "malformed outline", id="one corner"
            ),
            pytest.param({**LANE, "poly2d": None}, "lane", "malformed outline", id="no line"),
        ],
    )
    def test_bad_labels_make_the_image_incomplete(self, tmp_path: Path, label: Any, layer: str, what: str) -> None:
        file = save(tmp_path / "x_train.json", [frame("a.jpg", BOX, AREA, LANE, label)])
        (found,), report = read(file, layer)
        assert not found.complete
        assert len(found.objects) == 1
        assert report.counts == {what: 1}
        assert report.examples[what] == [f"{file}: [0].labels[3]"]

    def test_damaged_list_beside_a_good_one(self, tmp_path: Path) -> None:
        good = save(tmp_path / "b_val.json", [frame("b.jpg", BOX)])
        (tmp_path / "a_train.json").write_text(good.read_text()[:-4])
        images, report = read(tmp_path, "vehicles")
        assert [found.file for found in images] == ["b.jpg"]
        assert report.counts == {"broken JSON file: the rest is not read": 1}


class TestFilesForImages:
    def test_older_form(self, tmp_path: Path) -> None:
        for name in ("b", "a"):
            image(tmp_path / "images" / "100k" / "val" / f"{name}.jpg")
            objects = [
                BOX,
                {"category": "area/alternative", "poly2d": [[*point, "L"] for point in AREA_POINTS]},
                {"category": "lane/single white", "poly2d": [[20, 30, "L"], [60, 30, "L"]]},
            ]
            content = {"name": name, "frames": [{"timestamp": 10000, "objects": objects}], "attributes": {}}
            save(tmp_path / "labels" / "100k" / "val" / f"{name}.json", content)
        save(tmp_path / "labels" / "det_20" / "det_val.json", [frame("x.jpg", BOX)])  # boxes of the newer release
        (tmp_path / "labels" / "100k" / "val" / "c.json").write_text('{"name": "c", "frames": [{"objects": [')
        for layer, label in (("vehicles", "car"), ("drivable", "alternative"), ("lane", "single white")):
            images, report = read(tmp_path / "labels" / "100k", layer, tmp_path / "images" / "100k")
            assert [(found.path.name, found.split, found.shape) for found in images] == [
                ("a.jpg", "val", SHAPE),
                ("b.jpg", "val", SHAPE),
            ]
            assert [item.label for item in images[0].objects] == [label]
            assert report.counts == {"broken JSON file: the rest is not read": 1}


class TestCurves:
    def test_curve_of_a_quarter_circle(self) -> None:
        pull = 0.5522847498  # of a Bézier curve that follows a circle within 0.03 %
        line = [[100, 0, "L"], [100, 100 * pull, "C"], [100 * pull, 100, "C"], [0, 100, "C"]]
        (points,) = outlines_of(line, closed=False)
        assert len(points) == 13
        assert np.allclose(np.hypot(*points.T), 100, rtol=3e-4)

    def test_last_curve_goes_back_to_the_start(self) -> None:
        vertices = [[0, 0], [30, 0], [30, 30], [0, 30], [-30, 15]]
        (points,) = outlines_of([{"vertices": vertices, "types": "LLLCC", "closed": True}], closed=True)
        assert points[-1].tolist() == [0, 0]
        assert polygon_area(points) > 450

    @pytest.mark.parametrize(
        ("types", "closed"),
        [
            pytest.param("LLCCLL", True, id="the end is a corner"),
            pytest.param("LLCCCL", True, id="the end is of the curve"),
            pytest.param("LLLCCC", True, id="closed behind a curve"),
            pytest.param("LLCCL", False, id="open"),
        ],
    )
    def test_types_as_they_stand_in_the_files(self, types: str, closed: bool) -> None:
        """Matplotlib, which draws the data set's own masks, is the witness."""
        path = pytest.importorskip("matplotlib.path")
        vertices = [[0, 0], [40, 0], [70, 5], [60, 30], [35, 50], [5, 45]][: len(types)]
        (points,) = outlines_of([{"vertices": vertices, "types": types, "closed": closed}], closed=False)
        codes = [path.Path.CURVE4 if kind == "C" else path.Path.LINETO for kind in types]
        codes[0] = path.Path.MOVETO
        if closed:
            vertices, codes = [*vertices, vertices[0]], [*codes, path.Path.LINETO]
        (drawn,) = path.Path(vertices, codes).to_polygons(closed_only=False)
        assert polygon_area(points) == pytest.approx(polygon_area(drawn), rel=0.01)

    def test_an_area_is_closed_whatever_it_says(self) -> None:
        line = {"vertices": [[0, 0], [30, 0], [30, 30], [0, 30], [-30, 15]], "types": "LLLCC", "closed": False}
        assert outlines_of([line], closed=False) is None
        assert outlines_of([line], closed=True) is not None

    @pytest.mark.parametrize(
        "poly2d",
        [
            pytest.param([], id="empty"),
            pytest.param([{"vertices": [[0, 0], [1, 1]], "types": "LC"}], id="curve without points"),
            pytest.param([{"vertices": [[0, 0], [1, 1]], "types": "LX"}], id="unknown type"),
            pytest.param([{"vertices": [[0, 0], [1, 1]], "types": "L"}], id="few types"),
            pytest.param([{"vertices": [[0, 0], [1, "x"]]}], id="no number"),
            pytest.param([{"vertices": [[0, 0], [1, 10**400]]}], id="number beyond floats"),
            pytest.param([{"vertices": [[0, 0], [1, 1]], "types": 2}], id="types of no kind"),
            pytest.param([{"vertices": [[0, 0], [1, 1]], "types": [["L"], "L"]}], id="list as type"),
            pytest.param([[0, 0, "L"], []], id="point without numbers"),
            pytest.param([[0, 0, "L"], 5], id="number as point"),
            pytest.param("nonsense", id="no list"),
        ],
    )
    def test_malformed(self, poly2d: Any) -> None:
        assert outlines_of(poly2d, closed=False) is None


class TestMaps:
    def save_map(self, file: Path, values: dict[tuple[int, int], int], rest: int) -> None:
        pixels = np.full(SHAPE, rest, np.uint8)
        for place, value in values.items():
            pixels[place] = value
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(file)

    def test_drivable(self, tmp_path: Path) -> None:
        make(tmp_path)
        self.save_map(tmp_path / "labels/drivable/masks/train/train.png", {(1, 2): 0, (3, 4): 1}, rest=2)
        layers = {layer.name: layer for layer in BddFormat().layers(tmp_path, ReadOptions())}
        assert layers["drivable"].names == ("direct", "alternative", "background")
        (found,), report = read(tmp_path, "drivable")
        assert (found.class_map[1, 2], found.class_map[3, 4], found.class_map[0, 0]) == (0, 1, 2)
        assert (found.split, found.path.name) == ("train", "train.jpg")
        assert found.path.is_file()
        assert not report.counts

    def test_older_drivable_counts_from_the_background(self, tmp_path: Path) -> None:
        file = tmp_path / "bdd100k_drivable_maps" / "labels" / "val" / "x_drivable_id.png"
        self.save_map(file, {(1, 2): 1, (3, 4): 2}, rest=0)
        (found,), _ = read(tmp_path, "drivable")
        assert (found.class_map[1, 2], found.class_map[3, 4], found.class_map[0, 0]) == (0, 1, 2)
        assert (found.split, found.path.name) == ("val", "x")

    def test_lane_bits(self, tmp_path: Path) -> None:
        # category 4 (road curb), dashed and vertical; category 6 (single white)
        self.save_map(tmp_path / "lane/masks/train/x.png", {(1, 2): 0b110100, (3, 4): 6}, rest=255)
        (found,), report = read(tmp_path, "lane")
        layer = BddFormat().layers(tmp_path, ReadOptions())[0]
        named = [layer.names[found.class_map[place]] for place in ((1, 2), (3, 4), (0, 0))]
        assert named == ["road curb", "single white", "background"]
        assert not report.counts

    def test_strange_values_and_broken_maps(self, tmp_path: Path) -> None:
        folder = tmp_path / "drivable" / "masks" / "val"
        self.save_map(folder / "a.png", {(0, 0): 9}, rest=2)
        (folder / "b.png").write_bytes(b"no PNG")
        (found,), report = read(tmp_path, "drivable")
        assert not found.complete
        assert found.class_map[0, 0] == 255
        assert report.counts == {"values [9] of no class in a class map": 1, "class map that cannot be read": 1}


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AyolomError, match="holds no labels of BDD100K"):
        BddFormat().layers(tmp_path, ReadOptions())
