"""Importers: hand-made inputs with the traps of real sources; areas by formulas that the importers do not use."""

from __future__ import annotations

import importlib.util
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml
from PIL import Image

from ayolom.data.convert import (
    DatasetWriter,
    LabelledImage,
    LabelledObject,
    Report,
    box_rows,
    class_map,
    parse_coco,
    parse_via,
    parse_yolo,
    read_coco,
    read_via,
    read_yolo,
    split_by_group,
    used_classes,
)
from ayolom.data.convert._geometry import clip_polygon, fill_polygon, polygon_area
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from types import ModuleType

SHAPE = (80, 100)  # H, W
SQUARE = [10.0, 20.0, 30.0, 20.0, 30.0, 40.0, 10.0, 40.0]
OTHER = [60.0, 20.0, 80.0, 20.0, 80.0, 50.0, 60.0, 50.0]


def coco(annotations: list[dict[str, Any]], first_id: int = 1, names: tuple[str, ...] = ("door", "wheel")) -> dict:
    """COCO content of one 100 x 80 image; annotations name their class, the ids follow from `first_id`."""
    ids = {name: number for number, name in enumerate(names, first_id)}
    entries = [{"image_id": 7, **entry, "category_id": ids.get(entry["label"], 99)} for entry in annotations]
    return {
        "images": [{"id": 7, "file_name": "a.jpg", "height": SHAPE[0], "width": SHAPE[1]}],
        "categories": [{"id": number, "name": name} for name, number in ids.items()],
        "annotations": entries,
    }


def one_image(*objects: LabelledObject) -> LabelledImage:
    return LabelledImage("a.jpg", SHAPE, objects)


def outline(*flat: float) -> np.ndarray:
    return np.array(flat, dtype=np.float64).reshape(-1, 2)


def save_image(file: Path, shape: tuple[int, int] = SHAPE) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((*shape, 3), 90, np.uint8)).save(file)
    return file


class TestGeometry:
    @pytest.mark.parametrize(
        ("points", "area"),
        [
            pytest.param(outline(*SQUARE), 400.0, id="square"),
            pytest.param(outline(10, 10, 70, 10, 10, 50), 1200.0, id="triangle: half of base times height"),
            pytest.param(outline(10, 10, 50, 10, 50, 20, 20, 20, 20, 60, 10, 60), 800.0, id="concave: an L"),
        ],
    )
    def test_shoelace_and_pixels_give_the_known_area(self, points: np.ndarray, area: float) -> None:
        assert polygon_area(points) == pytest.approx(area)
        assert polygon_area(points[::-1]) == pytest.approx(area)
        assert fill_polygon(points, SHAPE).sum() == pytest.approx(area, rel=0.03)

    def test_pixel_count_of_random_polygons_has_no_bias(self) -> None:
        random = np.random.default_rng(0)
        errors = []
        for _ in range(40):
            angle = np.sort(random.uniform(0, 2 * np.pi, 9))
            radius = random.uniform(10, 35, 9)
            points = np.stack([50 + radius * np.cos(angle), 40 + radius * np.sin(angle)], axis=1)
            errors.append(fill_polygon(points, SHAPE).sum() - polygon_area(points))
        assert np.abs(errors).max() < 25  # about the root of the outline's length in pixels
        assert abs(np.mean(errors)) < 2

    def test_crossing_outline_is_filled_throughout(self) -> None:
        twice_round = outline(*SQUARE, *SQUARE)
        assert fill_polygon(twice_round, SHAPE).sum() == 400

    @pytest.mark.parametrize(
        ("points", "area"),
        [
            pytest.param(outline(*SQUARE), 400.0, id="inside: unchanged"),
            pytest.param(outline(-10, 10, 10, 10, 10, 30, -10, 30), 200.0, id="half outside on the left"),
            pytest.param(outline(90, 70, 110, 70, 110, 90, 90, 90), 100.0, id="over the lower right corner"),
            pytest.param(outline(-50, -50, 150, -50, 150, 130, -50, 130), 8000.0, id="round the whole image"),
            pytest.param(outline(-30, 10, -10, 10, -10, 30), 0.0, id="outside altogether"),
        ],
    )
    def test_clipping_leaves_the_area_inside(self, points: np.ndarray, area: float) -> None:
        cut = clip_polygon(points, SHAPE)
        assert (polygon_area(cut) if len(cut) else 0.0) == pytest.approx(area)
        assert fill_polygon(points, SHAPE).sum() == pytest.approx(area)
        assert not len(cut) or ((cut >= 0).all() and (cut <= (100, 80)).all())


class TestCoco:
    @pytest.mark.parametrize("first_id", [0, 1], ids=["ids from 0", "ids from 1"])
    def test_first_category_id_does_not_matter(self, first_id: int) -> None:
        content = coco([{"label": "wheel", "segmentation": [SQUARE]}], first_id, ("car", "door", "wheel"))
        parsed = parse_coco(content, "x.json")
        assert parsed.names == ["car", "door", "wheel"]
        assert [item.label for item in parsed.images[0].objects] == ["wheel"]
        assert not parsed.report.counts

    def test_unused_parent_class_falls_away(self) -> None:
        first = parse_coco(coco([{"label": "wheel", "segmentation": [SQUARE]}], 0, ("car", "door", "wheel")), "1.json")
        second = parse_coco(coco([{"label": "door", "segmentation": [SQUARE]}], 0, ("car", "door", "wheel")), "2.json")
        assert used_classes([first]) == ["wheel"]
        assert used_classes([first, second]) == ["door", "wheel"]

    def test_same_id_in_two_files_keeps_its_own_meaning(self) -> None:
        damage = parse_coco(coco([{"label": "damage", "segmentation": [SQUARE]}], 1, ("damage",)), "1.json")
        part = parse_coco(coco([{"label": "lamp", "segmentation": [SQUARE]}], 1, ("lamp",)), "2.json")
        assert [source.images[0].objects[0].label for source in (damage, part)] == ["damage", "lamp"]

    @pytest.mark.parametrize(
        ("entry", "reason"),
        [
            pytest.param({"label": "nothing", "segmentation": [SQUARE]}, "unknown category", id="category"),
            pytest.param({"label": "door", "image_id": 8, "segmentation": [SQUARE]}, "not listed", id="image"),
            pytest.param({"label": "door", "image_id": [7], "segmentation": [SQUARE]}, "not listed", id="list as id"),
            pytest.param({"label": "door", "segmentation": [[1, 2, 3, 4]]}, "malformed outline", id="two points"),
            pytest.param({"label": "door", "segmentation": [SQUARE[:-1]]}, "malformed outline", id="odd count"),
            pytest.param({"label": "door", "segmentation": [[*SQUARE, 1, math.nan]]}, "malformed outline", id="nan"),
            pytest.param({"label": "door", "segmentation": [["a"] * 6]}, "malformed outline", id="words"),
            pytest.param({"label": "door", "segmentation": [[10**400, *SQUARE[1:]]]}, "malformed outline", id="huge"),
            pytest.param({"label": "door", "bbox": [1, 2, 3]}, "malformed box", id="three numbers"),
            pytest.param({"label": "door", "bbox": [1, 2, -3, 4]}, "malformed box", id="negative width"),
            pytest.param({"label": "door", "bbox": 5}, "malformed box", id="a number as box"),
            pytest.param({"label": "door", "segmentation": {"counts": [1]}}, "run-length", id="run lengths"),
            pytest.param({"label": "door", "segmentation": {}, "iscrowd": 1}, "crowd", id="crowd"),
            pytest.param({"label": "door", "segmentation": []}, "without a usable", id="nothing at all"),
        ],
    )
    def test_unusable_annotation_is_counted_and_good_ones_stay(self, entry: dict[str, Any], reason: str) -> None:
        parsed = parse_coco(coco([entry, {"label": "wheel", "segmentation": [SQUARE]}]), "x.json")
        assert [item.label for item in parsed.images[0].objects] == ["wheel"]
        assert any(reason in what for what in parsed.report.counts), parsed.report.lines()
        assert "x.json: annotations[0]" in " ".join(parsed.report.lines())

    def test_good_outline_beside_a_malformed_one_is_kept(self) -> None:
        parsed = parse_coco(coco([{"label": "door", "segmentation": [[1, 2], SQUARE]}]), "x.json")
        assert len(parsed.images[0].objects[0].polygons) == 1
        assert parsed.report.counts == {"malformed outline (left out)": 1}

    def test_outline_without_the_outer_list_is_read(self) -> None:
        parsed = parse_coco(coco([{"label": "door", "segmentation": SQUARE}]), "x.json")
        assert parsed.images[0].objects[0].polygons[0].tolist() == outline(*SQUARE).tolist()

    def test_malformed_and_repeated_images_are_counted(self) -> None:
        content = coco([])
        good = content["images"][0]
        content["images"] += ["x", {"id": 8}, {**good, "id": 9}, {**good, "file_name": "b.jpg"}, {**good, "width": 0}]
        content["categories"].append({"id": 5})
        parsed = parse_coco(content, "x.json")
        assert [image.file for image in parsed.images] == ["a.jpg"]
        assert parsed.report.counts == {
            "malformed image entry (left out)": 3,
            "image listed twice (the first is kept)": 2,
            "malformed category (left out)": 1,
        }

    @pytest.mark.parametrize("content", [[], {}, {"images": [], "annotations": {}, "categories": []}, None])
    def test_other_json_is_refused(self, content: Any) -> None:
        with pytest.raises(AyolomError, match=r"x\.json: is not COCO JSON"):
            parse_coco(content, "x.json")

    def test_file_errors_name_the_file(self, tmp_path: Path) -> None:
        with pytest.raises(AyolomError, match=r"none\.json: cannot be read"):
            read_coco(tmp_path / "none.json")
        (tmp_path / "cut.json").write_text('{"images": [')
        with pytest.raises(AyolomError, match=r"cut\.json: is not JSON"):
            read_coco(tmp_path / "cut.json")


class TestBoxes:
    wheels = LabelledObject("wheel", (outline(*SQUARE), outline(*OTHER)), (10.0, 20.0, 80.0, 50.0))

    def test_annotation_over_two_wheels_becomes_two_boxes_on_request(self) -> None:
        report = Report()
        one = box_rows(one_image(self.wheels), {"wheel": 3}, report)
        two = box_rows(one_image(self.wheels), {"wheel": 3}, report, boxes="polygon")
        assert one == pytest.approx(np.array([[3, 0.45, 35 / 80, 0.7, 30 / 80]]))
        assert two == pytest.approx(np.array([[3, 0.2, 30 / 80, 0.2, 20 / 80], [3, 0.7, 35 / 80, 0.2, 30 / 80]]))
        assert not report.counts

    def test_without_a_box_the_outlines_bound_it_and_the_reverse(self) -> None:
        classes, report = {"wheel": 0}, Report()
        no_box = one_image(LabelledObject("wheel", self.wheels.polygons))
        no_outline = one_image(LabelledObject("wheel", (), self.wheels.box))
        expected = box_rows(one_image(self.wheels), classes, report)
        assert box_rows(no_box, classes, report) == pytest.approx(expected)
        assert box_rows(no_outline, classes, report, boxes="polygon") == pytest.approx(expected)

    def test_outside_points_are_cut_and_counted(self) -> None:
        report = Report()
        box = LabelledObject("wheel", (), (90.0, 70.0, 110.0, 90.0))
        rows = box_rows(one_image(box), {"wheel": 0}, report)
        assert rows == pytest.approx(np.array([[0, 0.95, 75 / 80, 0.1, 10 / 80]]))
        assert report.counts == {"outline reaches outside the image (clipped)": 1}

    @pytest.mark.parametrize(
        ("item", "reason"),
        [
            pytest.param(LabelledObject("wheel", (), (5.0, 5.0, 5.0, 9.0)), "without area", id="no width"),
            pytest.param(LabelledObject("wheel", (), (200.0, 5.0, 210.0, 9.0)), "without area", id="outside"),
            pytest.param(LabelledObject("roof", (), (5.0, 5.0, 9.0, 9.0)), "'roof' is not mapped", id="other class"),
        ],
    )
    def test_unusable_box_is_left_out_and_counted(self, item: LabelledObject, reason: str) -> None:
        report = Report()
        assert box_rows(one_image(item), {"wheel": 0}, report).shape == (0, 5)
        assert any(reason in what for what in report.counts)

    def test_duplicate_is_left_out_and_counted(self) -> None:
        report = Report()
        assert len(box_rows(one_image(self.wheels, self.wheels), {"wheel": 0}, report)) == 1
        assert report.counts == {"duplicate box (left out)": 1}


class TestClassMap:
    def test_smaller_lies_over_larger_in_either_order(self) -> None:
        door = LabelledObject("door", (outline(0, 0, 60, 0, 60, 60, 0, 60),))
        handle = LabelledObject("handle", (outline(*SQUARE),))
        classes = {"door": 1, "handle": 2}
        masks = [class_map(one_image(*order), classes, Report()) for order in ((door, handle), (handle, door))]
        assert (masks[0] == masks[1]).all()
        assert np.bincount(masks[0].ravel()).tolist() == [8000 - 3600, 3600 - 400, 400]
        assert masks[0].dtype == np.uint8
        assert masks[0].shape == SHAPE

    def test_all_outlines_of_an_object_are_painted_even_where_they_overlap(self) -> None:
        overlapping = LabelledObject("wheel", (outline(*SQUARE), outline(20, 20, 40, 20, 40, 40, 20, 40)))
        assert (class_map(one_image(overlapping), {"wheel": 1}, Report()) == 1).sum() == 600

    def test_what_cannot_be_painted_is_counted(self) -> None:
        report = Report()
        objects = (
            LabelledObject("wheel", (), (1.0, 1.0, 9.0, 9.0)),
            LabelledObject("wheel", (outline(5.1, 5.1, 5.2, 5.1, 5.2, 5.2),)),
            LabelledObject("wheel", (outline(95, 70, 105, 70, 105, 90, 95, 90),)),
        )
        mask = class_map(one_image(*objects), {"wheel": 1}, report)
        assert mask.sum() == 5 * 10
        assert sorted(report.counts) == [
            "object without a pixel in the image (left out)",
            "object without an outline (left out of the mask)",
            "outline reaches outside the image (clipped)",
        ]


class TestYolo:
    def test_boxes_and_polygons_round_trip(self) -> None:
        text = "1 0.2 0.375 0.2 0.25\n\n0 0.1 0.25 0.3 0.25 0.3 0.5 0.1 0.5\n"
        report = Report()
        objects = parse_yolo(text, ["door", "wheel"], SHAPE, "a.txt", report)
        assert [item.label for item in objects] == ["wheel", "door"]
        rows = box_rows(one_image(*objects), {"door": 0, "wheel": 1}, report)
        assert rows == pytest.approx(np.array([[1, 0.2, 0.375, 0.2, 0.25], [0, 0.2, 0.375, 0.2, 0.25]]))
        assert not report.counts

    @pytest.mark.parametrize(
        ("row", "reason"),
        [
            pytest.param("0 0.5 0.5 0.1", "malformed", id="four columns"),
            pytest.param("0 0.5 0.5 0.1 0.1 0.9", "malformed", id="six columns"),
            pytest.param("0 0.5 0.5 0.1 nan", "malformed", id="nan"),
            pytest.param("door 0.5 0.5 0.1 0.1", "malformed", id="a word"),
            pytest.param("2 0.5 0.5 0.1 0.1", "unknown class", id="class beyond the names"),
            pytest.param("-1 0.5 0.5 0.1 0.1", "unknown class", id="negative class"),
            pytest.param("0.5 0.5 0.5 0.1 0.1", "unknown class", id="fractional class"),
        ],
    )
    def test_unusable_row_is_counted_with_its_line(self, row: str, reason: str) -> None:
        report = Report()
        objects = parse_yolo(f"1 0.5 0.5 0.2 0.2\n{row}\n", ["door", "wheel"], SHAPE, "a.txt", report)
        assert [item.label for item in objects] == ["wheel"]
        assert reason in report.lines()[0]
        assert "a.txt: line 2" in report.lines()[0]

    def test_folder_tells_missing_from_empty(self, tmp_path: Path) -> None:
        for name in ("full.JPEG", "empty.jpg", "none.jpg"):
            save_image(tmp_path / "images" / "train" / name)
        labels = tmp_path / "labels" / "train"
        labels.mkdir(parents=True)
        (labels / "full.txt").write_text("0 0.5 0.5 0.2 0.2\n")
        (labels / "empty.txt").write_text("")
        parsed = read_yolo(tmp_path / "images", tmp_path / "labels", ["damage"])
        assert {image.file: len(image.objects) for image in parsed.images} == {
            "train/full.JPEG": 1,
            "train/empty.jpg": 0,
        }
        assert parsed.images[0].shape == SHAPE
        assert parsed.report.counts == {"image without a label file (left out)": 1}

    def test_missing_folders_are_named(self, tmp_path: Path) -> None:
        with pytest.raises(AyolomError, match="labels: no such folder"):
            read_yolo(tmp_path, tmp_path / "labels", ["damage"])
        (tmp_path / "labels").mkdir()
        with pytest.raises(AyolomError, match="images: no such folder"):
            read_yolo(tmp_path / "images", tmp_path / "labels", ["damage"])


def via_region(shape: dict[str, Any], attributes: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"shape_attributes": shape, "region_attributes": {"kind": "dent"} if attributes is None else attributes}


VIA_SQUARE = {"name": "polygon", "all_points_x": SQUARE[::2], "all_points_y": SQUARE[1::2]}


class TestVia:
    @pytest.mark.parametrize("project", [False, True], ids=["annotations", "project"])
    @pytest.mark.parametrize("numbered", [False, True], ids=["list", "dict"])
    def test_regions_as_list_or_dict(self, project: bool, numbered: bool) -> None:
        regions: Any = [via_region(VIA_SQUARE), via_region({"name": "rect", "x": 1, "y": 2, "width": 4, "height": 6})]
        regions = {str(i): region for i, region in enumerate(regions)} if numbered else regions
        content: Any = {"a.jpg123": {"filename": "a.jpg", "size": 123, "regions": regions}}
        content = {"_via_settings": {}, "_via_img_metadata": content} if project else content
        parsed = parse_via(content, {"a.jpg": SHAPE}, "v.json")
        areas = [polygon_area(item.polygons[0]) for item in parsed.images[0].objects]
        assert areas == pytest.approx([400, 24])
        assert parsed.names == ["dent"]
        assert parsed.images[0].shape == SHAPE

    @pytest.mark.parametrize(
        ("shape", "area", "box"),
        [
            ({"name": "circle", "cx": 50, "cy": 40, "r": 10}, math.pi * 100, (40, 30, 60, 50)),
            ({"name": "ellipse", "cx": 50, "cy": 40, "rx": 20, "ry": 5}, math.pi * 100, (30, 35, 70, 45)),
            (
                {"name": "ellipse", "cx": 50, "cy": 40, "rx": 20, "ry": 5, "theta": math.pi / 2},
                math.pi * 100,
                (45, 20, 55, 60),
            ),
        ],
        ids=["circle", "ellipse", "ellipse turned upright"],
    )
    def test_round_shapes(self, shape: dict[str, Any], area: float, box: tuple[int, ...]) -> None:
        content = {"a": {"filename": "a.jpg", "regions": [via_region(shape)]}}
        points = parse_via(content, {"a.jpg": SHAPE}, "v.json").images[0].objects[0].polygons[0]
        assert polygon_area(points) == pytest.approx(area, rel=0.003)
        assert (*points.min(axis=0), *points.max(axis=0)) == pytest.approx(box, abs=0.05)

    @pytest.mark.parametrize(
        ("attributes", "options", "labels"),
        [
            pytest.param({"kind": "dent"}, {}, ["dent"], id="the only attribute"),
            pytest.param({"kind": "dent", "note": "x"}, {"attribute": "kind"}, ["dent"], id="named attribute"),
            pytest.param({"kind": {"dent": True, "scratch": True}}, {}, ["dent", "scratch"], id="boxes to tick"),
            pytest.param({}, {"default": "damage"}, ["damage"], id="no attributes, default given"),
            pytest.param({"kind": "dent", "note": "x"}, {}, [], id="two attributes, none named"),
            pytest.param({"kind": " "}, {"default": "damage"}, [], id="left blank"),
            pytest.param({}, {}, [], id="no attributes"),
        ],
    )
    def test_class_of_a_region(self, attributes: dict[str, Any], options: dict[str, str], labels: list[str]) -> None:
        content = {"a": {"filename": "a.jpg", "regions": [via_region(VIA_SQUARE, attributes)]}}
        parsed = parse_via(content, {"a.jpg": SHAPE}, "v.json", **options)
        assert [item.label for item in parsed.images[0].objects] == labels
        assert parsed.report.counts == ({} if labels else {"region without a class (left out)": 1})

    @pytest.mark.parametrize(
        ("region", "reason"),
        [
            pytest.param(via_region({"name": "point", "cx": 1, "cy": 2}), "which has no area", id="point"),
            pytest.param(via_region({**VIA_SQUARE, "all_points_x": [1, 2]}), "malformed region", id="unequal lists"),
            pytest.param(via_region({"name": "rect", "x": 1}), "malformed region", id="rectangle without size"),
            pytest.param(via_region({"name": "circle", "cx": 1, "cy": 2}), "malformed region", id="no radius"),
            pytest.param(
                via_region({"name": "rect", "x": 10**400, "y": 1, "width": 2, "height": 2}),
                "malformed region",
                id="huge",
            ),
            pytest.param(via_region({"name": ["rect"]}), "kind '['rect']'", id="list as kind"),
            pytest.param("x", "malformed region", id="a word"),
        ],
    )
    def test_unusable_region_is_counted(self, region: Any, reason: str) -> None:
        content = {"a": {"filename": "a.jpg", "regions": [region, via_region(VIA_SQUARE)]}}
        parsed = parse_via(content, {"a.jpg": SHAPE}, "v.json")
        assert len(parsed.images[0].objects) == 1
        assert reason in parsed.report.lines()[0]
        assert "a.jpg region 0" in parsed.report.lines()[0]

    def test_missing_image_is_counted(self, tmp_path: Path) -> None:
        save_image(tmp_path / "a.jpg")
        entries = {name: {"filename": name, "regions": [via_region(VIA_SQUARE)]} for name in ("a.jpg", "gone.jpg")}
        (tmp_path / "v.json").write_text(json.dumps(entries))
        parsed = read_via(tmp_path / "v.json", tmp_path)
        assert [image.file for image in parsed.images] == ["a.jpg"]
        assert parsed.report.counts == {"image missing or unreadable (left out)": 1}

    def test_other_json_is_refused(self) -> None:
        with pytest.raises(AyolomError, match=r"v\.json: is not a VIA 1 or 2 file"):
            parse_via({"project": {}, "file": {}}, {}, "v.json")


class TestSplit:
    def test_groups_stay_together_and_the_share_is_met(self) -> None:
        random = np.random.default_rng(0)
        groups = {f"{source}{i}": f"g{random.integers(60)}" for source in "ab" for i in range(200)}
        sources = {image: image[0] for image in groups}
        split = split_by_group(groups, sources, 0.2, 0)
        sides = {group: {split[image] for image in groups if groups[image] == group} for group in groups.values()}
        assert all(len(side) == 1 for side in sides.values())
        for source in "ab":
            assert 30 <= sum(split[image] == "val" for image in groups if image[0] == source) <= 40

    def test_seed_decides(self) -> None:
        groups = {str(i): str(i) for i in range(50)}
        sources = dict.fromkeys(groups, "a")
        assert split_by_group(groups, sources, 0.2, 0) == split_by_group(groups, sources, 0.2, 0)
        assert split_by_group(groups, sources, 0.2, 0) != split_by_group(groups, sources, 0.2, 1)


class TestWriter:
    @pytest.mark.parametrize("place", ["copy", "link"])
    def test_layout_and_untouched_originals(self, tmp_path: Path, place: Any) -> None:
        image = save_image(tmp_path / "source" / "a.jpg")
        before, time = image.read_bytes(), image.stat().st_mtime_ns
        image.chmod(0o444)
        writer = DatasetWriter(tmp_path / "out", Report(), place)
        rows = np.array([[2, 0.5, 0.25, 0.125, 1 / 3]])
        assert writer.add(image, SHAPE, "train", "s__a", rows, np.full(SHAPE, 3, np.uint8))
        assert writer.add(image, SHAPE, "val", "s__empty", np.zeros((0, 5)))
        out = tmp_path / "out"
        assert (out / "images/train/s__a.jpg").read_bytes() == before
        assert (out / "images/train/s__a.jpg").is_symlink() == (place == "link")
        assert (out / "labels/train/s__a.txt").read_text() == "2 0.500000 0.250000 0.125000 0.333333\n"
        with Image.open(out / "masks/train/s__a.png") as mask:
            assert mask.mode == "L"
            assert mask.size == (100, 80)
            assert np.unique(np.asarray(mask)).tolist() == [3]
        assert (out / "labels/val/s__empty.txt").read_text() == ""
        assert not (out / "masks/val").exists()
        assert (image.read_bytes(), image.stat().st_mtime_ns) == (before, time)

    def test_missing_broken_and_resized_images_are_counted(self, tmp_path: Path) -> None:
        report = Report()
        writer = DatasetWriter(tmp_path / "out", report)
        (tmp_path / "zero.jpg").write_bytes(b"")
        (tmp_path / "broken.jpg").write_bytes(b"no image")
        (tmp_path / "cut.jpg").write_bytes(save_image(tmp_path / "whole.jpg").read_bytes()[:-40])
        small = save_image(tmp_path / "small.jpg", (40, 50))
        for image in (*(tmp_path / f"{name}.jpg" for name in ("gone", "zero", "broken", "cut")), small):
            assert not writer.add(image, SHAPE, "train", image.stem)
        assert report.counts == {
            "image missing or unreadable (left out)": 4,
            "image of another size than its labels (left out)": 1,
        }
        assert not (tmp_path / "out" / "images").exists()

    def test_used_folder_and_repeated_name_are_refused(self, tmp_path: Path) -> None:
        image = save_image(tmp_path / "a.jpg")
        writer = DatasetWriter(tmp_path / "out", Report())
        writer.add(image, SHAPE, "train", "a")
        with pytest.raises(AyolomError, match="two images of one name"):
            writer.add(image, SHAPE, "train", "a")
        with pytest.raises(AyolomError, match="is there already"):
            DatasetWriter(tmp_path / "out", Report())

    def test_report_lists_few_places_and_counts_all(self) -> None:
        report, other = Report(), Report()
        for number in range(9):
            report.add("odd", f"file {number}")
        other.add("odd", "file 9")
        other.add("rare", "file 1")
        report.update(other)
        assert report.lines() == ["10 x odd (file 0, file 1, file 2, file 3, file 4)", "1 x rare (file 1)"]


def load_script(name: str) -> ModuleType:
    """Import a file of scripts/, which is no package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parents[2] / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


prepare_trial = load_script("prepare_trial")


def make_sources(root: Path) -> None:
    """Lay out six bilgi, four dsmlr and four mlnuggets images as the trial's script expects them."""
    for folder, files in prepare_trial.FILES.items():
        source = folder.split()[0]
        rows = ["image,group"]
        for number, file in enumerate(files):
            base = (root / source / file).parent
            below = prepare_trial.IMAGE_FOLDERS.get(source, "")
            content = coco([], 0, ("parent", "gocuk"))
            content["images"] = []
            for i in range(2):
                name = f"{source}{number}{i}.jpg"
                save_image(base / below / name)
                rows.append(f"{(Path(file).parent / below / name).as_posix()},{source}{i}")
                content["images"].append({"id": i, "file_name": name, "height": SHAPE[0], "width": SHAPE[1]})
                content["annotations"].append({"image_id": i, "category_id": 1, "segmentation": [SQUARE]})
            (root / source / file).write_text(json.dumps(content))
        (root / source / "manifest.csv").write_text("\n".join(rows))


class TestPrepareTrial:
    def test_sets_agree_and_each_image_has_one_task(self, tmp_path: Path) -> None:
        make_sources(tmp_path / "data")
        before = {path: path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file()}
        out = tmp_path / "sets" / "trial"
        prepare_trial.prepare(tmp_path / "data", out, seed=0, val=0.5, place="link")
        files = {
            name: {path.relative_to(out.parent / name).as_posix() for path in (out.parent / name).rglob("*.*")}
            for name in ("trial", "trial-damage", "trial-parts", "mlnuggets-both")
        }
        images = {path for path in files["trial"] if path.startswith("images/")}
        assert len(images) == 10
        alone = {path for name in ("trial-damage", "trial-parts") for path in files[name]}
        assert alone - {"damage.yaml", "parts.yaml"} == files["trial"] - {"trial.yaml"}
        labels = {Path(path).stem for path in files["trial"] if path.startswith("labels/")}
        masks = {Path(path).stem for path in files["trial"] if path.startswith("masks/")}
        assert {name.split("__")[0] for name in labels} == {"bilgi"}
        assert {name.split("__")[0] for name in masks} == {"dsmlr"}
        assert sum(path.startswith(("labels/", "masks/")) for path in files["mlnuggets-both"]) == 8
        content = yaml.safe_load((out / "trial.yaml").read_text())
        assert content["tasks"]["damage"]["names"] == {0: "dent"}
        assert content["tasks"]["parts"]["names"] == {0: "background", 1: "gocuk"}
        mask = np.asarray(Image.open(next((out / "masks").rglob("*.png"))))
        assert np.bincount(mask.ravel()).tolist() == [8000 - 400, 400]
        assert {path: path.read_bytes() for path in before} == before

    def test_second_run_needs_leave_to_replace_the_first(self, tmp_path: Path) -> None:
        make_sources(tmp_path / "data")
        run = lambda **more: prepare_trial.prepare(tmp_path / "data", tmp_path / "t", 0, 0.5, "copy", **more)  # noqa: E731
        run()
        with pytest.raises(AyolomError, match="is there already"):
            run()
        run(overwrite=True)

    def test_image_without_a_group_is_named(self, tmp_path: Path) -> None:
        make_sources(tmp_path / "data")
        (tmp_path / "data" / "bilgi" / "manifest.csv").write_text("image,group\n")
        with pytest.raises(AyolomError, match=r"does not list train/bilgi00\.jpg and 5 more"):
            prepare_trial.prepare(tmp_path / "data", tmp_path / "t", 0, 0.5, "link")
