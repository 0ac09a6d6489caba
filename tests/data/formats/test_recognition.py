"""A small source of every format, made on the spot: the first format that recognises it is the right one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from ayolom.data.convert._format import ReadOptions
from ayolom.data.convert._values import Report
from ayolom.data.convert.formats import FORMATS
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Callable

POINTS = [10, 10, 50, 10, 50, 40]
PAIRS = [[10, 10], [50, 10], [50, 40]]
ROW = "0 0.5 0.5 0.2 0.2\n"
VOC = "<annotation><filename>a.jpg</filename><size><width>100</width><height>80</height></size></annotation>"
CVAT = '<annotations><image id="0" name="a.jpg" width="100" height="80"></image></annotations>'


def write(file: Path, text: Any) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text if isinstance(text, str) else json.dumps(text), encoding="utf-8")
    return file


def picture(file: Path, mode: str = "RGB") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (100, 80)).save(file)


def coco(name: str = "a.jpg") -> dict[str, Any]:
    outline = {"id": 1, "image_id": 1, "category_id": 1, "segmentation": [POINTS], "bbox": [10, 10, 40, 30]}
    return {
        "images": [{"id": 1, "file_name": name, "width": 100, "height": 80}],
        "annotations": [outline],
        "categories": [{"id": 1, "name": "dent"}],
    }


def make_coco(root: Path) -> None:
    write(root / "annotations" / "instances_train.json", coco())
    picture(root / "images" / "train" / "a.jpg")


def make_yolo(root: Path) -> None:
    write(root / "data.yaml", "train: images\nnames: [dent]\n")
    write(root / "labels" / "a.txt", ROW)
    picture(root / "images" / "a.jpg")


def make_masks(root: Path) -> None:
    write(root / "classes.txt", "background\nhood\n")
    picture(root / "masks" / "a.png", "L")
    picture(root / "images" / "a.jpg")


def make_voc(root: Path) -> None:
    write(root / "Annotations" / "a.xml", VOC)
    picture(root / "JPEGImages" / "a.jpg")


def make_voc_masks(root: Path) -> None:
    picture(root / "SegmentationClass" / "a.png", "L")
    picture(root / "JPEGImages" / "a.jpg")


def make_via(root: Path) -> None:
    shape = {"name": "polygon", "all_points_x": POINTS[::2], "all_points_y": POINTS[1::2]}
    region = {"shape_attributes": shape, "region_attributes": {"name": "dent"}}
    write(root / "train" / "via_region_data.json", {"a": {"filename": "a.jpg", "size": 1, "regions": {"0": region}}})
    picture(root / "train" / "a.jpg")


def make_labelme(root: Path) -> None:
    shape = {"label": "hood", "points": PAIRS, "shape_type": "polygon", "group_id": None, "flags": {}}
    write(root / "a.json", {"version": "5.5.0", "flags": {}, "shapes": [shape], "imagePath": "a.jpg"})
    picture(root / "a.jpg")


def make_cvat(root: Path) -> None:
    write(root / "annotations.xml", CVAT)
    picture(root / "images" / "a.jpg")


def make_bdd_list(root: Path) -> None:
    box = {"category": "car", "box2d": {"x1": 1, "y1": 1, "x2": 9, "y2": 9}}
    write(root / "labels" / "det_20" / "det_val.json", [{"name": "a.jpg", "labels": [box]}])
    picture(root / "images" / "100k" / "val" / "a.jpg")


def make_bdd_files(root: Path) -> None:
    objects = [{"category": "car", "box2d": {"x1": 1, "y1": 1, "x2": 9, "y2": 9}}]
    write(root / "labels" / "100k" / "val" / "a.json", {"name": "a", "frames": [{"objects": objects}]})
    picture(root / "images" / "100k" / "val" / "a.jpg")


def make_bdd_maps(root: Path) -> None:
    picture(root / "labels" / "drivable" / "masks" / "val" / "a.png", "L")
    picture(root / "images" / "100k" / "val" / "a.jpg")


def make_ayolom(root: Path) -> None:
    write(root / "detection-object" / "labels" / "train2017" / "a.txt", ROW)
    write(root / "seg-lane-11" / "labels" / "train2017" / "a.txt", "11 0 0 1 0 1 1\n")
    picture(root / "images" / "train2017" / "a.jpg")


def make_aihub(root: Path) -> None:
    damage = {"damage": "Scratched", "level": "1", "bbox": [1, 1, 5, 5], "segmentation": [[[PAIRS]]]}
    content = {
        "images": {"id": 1, "file_name": "a_as-1.jpg", "width": 100, "height": 80},
        "categories": {"id": 1, "supercategory_name": "Sedan"},
        "annotations": [damage],
    }
    write(root / "1.Training" / "2.라벨링데이터" / "TL_damage" / "a_as-1.json", content)
    picture(root / "1.Training" / "1.원천데이터" / "TS_damage" / "a_as-1.jpg")


def make_cardd(root: Path) -> None:
    write(root / "CarDD_COCO" / "annotations" / "instances_train2017.json", coco())
    picture(root / "CarDD_COCO" / "train2017" / "a.jpg")
    picture(root / "CarDD_SOD" / "CarDD-TR" / "CarDD-TR-Mask" / "a.png", "L")


def make_cardd_unpacked(root: Path) -> None:
    make_cardd(root / "CarDD_release" / "CarDD_release")


def make_dsmlr(root: Path) -> None:
    write(root / "trainingset" / "annotations.json", coco())
    picture(root / "trainingset" / "JPEGImages" / "a.jpg")


def make_carparts(root: Path) -> None:
    write(root / "carparts-seg" / "labels" / "train" / "a.txt", "22 0.1 0.1 0.5 0.1 0.5 0.5\n")
    picture(root / "carparts-seg" / "images" / "train" / "a.jpg")


def make_roboflow_coco(root: Path) -> None:
    name = "a_jpg.rf.0123456789abcdef0123456789abcdef.jpg"
    write(root / "valid" / "_annotations.coco.json", coco(name))
    picture(root / "valid" / name)


def make_roboflow_yolo(root: Path) -> None:
    name = "a_jpg.rf.0123456789abcdef0123456789abcdef"
    write(root / "data.yaml", "train: ../train/images\nval: ../valid/images\nnc: 1\nnames: [dent]\n")
    for folder in ("train", "valid"):
        write(root / folder / "labels" / f"{name}.txt", ROW)
        picture(root / folder / "images" / f"{name}.jpg")


def make_roboflow_voc(root: Path) -> None:
    name = "a_jpg.rf.0123456789abcdef0123456789abcdef"
    write(root / "train" / f"{name}.xml", VOC.replace("a.jpg", f"{name}.jpg"))
    picture(root / "train" / f"{name}.jpg")


# What makes it, the format, the part of it that is the source, its layers
CASES = [
    (make_coco, "coco", "", ["instances"]),
    (make_coco, "coco", "annotations/instances_train.json", ["instances"]),
    (make_yolo, "yolo", "", None),
    (make_masks, "masks", "", ["masks"]),
    (make_voc, "voc", "", ["objects"]),
    (make_voc, "voc", "Annotations/a.xml", ["objects"]),
    (make_voc_masks, "voc", "", ["masks"]),
    (make_via, "via", "", ["objects"]),
    (make_via, "via", "train/via_region_data.json", ["objects"]),
    (make_labelme, "labelme", "", ["objects"]),
    (make_labelme, "labelme", "a.json", ["objects"]),
    (make_cvat, "cvat", "", ["objects"]),
    (make_cvat, "cvat", "annotations.xml", ["objects"]),
    (make_bdd_list, "bdd100k", "", ["vehicles"]),
    (make_bdd_list, "bdd100k", "labels/det_20/det_val.json", ["vehicles"]),
    (make_bdd_files, "bdd100k", "", ["vehicles"]),
    (make_bdd_maps, "bdd100k", "", ["drivable"]),
    (make_ayolom, "ayolom", "", ["detection-object", "seg-lane-11"]),
    (make_aihub, "aihub", "", ["damage"]),
    (make_cardd, "cardd", "", ["damage"]),
    (make_cardd, "cardd", "CarDD_COCO", ["damage"]),
    (make_cardd_unpacked, "cardd", "", ["damage"]),
    (make_cardd_unpacked, "cardd", "CarDD_release", ["damage"]),
    (make_dsmlr, "dsmlr", "", ["parts"]),
    (make_dsmlr, "dsmlr", "trainingset", ["parts"]),
    (make_carparts, "carparts-seg", "carparts-seg", ["parts"]),
    (make_roboflow_coco, "roboflow", "", ["objects"]),
    (make_roboflow_yolo, "roboflow", "", ["objects"]),
    (make_roboflow_voc, "roboflow", "", ["objects"]),
]
IDS = [f"{make.__name__.removeprefix('make_')}-{part or 'folder'}" for make, _, part, _ in CASES]


@pytest.mark.parametrize(("make", "name", "part", "layers"), CASES, ids=IDS)
def test_first_match_is_right(
    tmp_path: Path, make: Callable[[Path], None], name: str, part: str, layers: list[str] | None
) -> None:
    make(tmp_path)
    source = tmp_path / part
    found = next(reader for reader in FORMATS if reader.recognises(source))
    assert found.name == name
    options, report = ReadOptions(), Report()
    given = found.layers(source, options)
    if layers is not None:
        assert [layer.name for layer in given] == layers
    for layer in given:
        images = list(found.read(source, layer, options, report))
        assert images, layer
        assert all(image.path is not None and image.path.is_file() for image in images), images
        assert all(image.complete for image in images)
    assert not report.counts


@pytest.mark.parametrize("reader", FORMATS, ids=lambda reader: reader.name)
def test_nothing_is_claimed_that_holds_no_labels(tmp_path: Path, reader: Any) -> None:
    picture(tmp_path / "photos" / "a.jpg")
    write(tmp_path / "package.json", {"name": "x", "labels": 3})
    write(tmp_path / "notes.txt", "nothing")
    write(tmp_path / "page.xml", "<html/>")
    (tmp_path / "empty").mkdir()
    np.save(tmp_path / "x.npy", np.zeros(3))
    sources = [tmp_path, *tmp_path.iterdir(), tmp_path / "missing"]
    assert [source.name for source in sources if reader.recognises(source)] == []


@pytest.mark.parametrize("reader", FORMATS, ids=lambda reader: reader.name)
def test_a_source_of_another_kind_is_refused(tmp_path: Path, reader: Any) -> None:
    write(tmp_path / "package.json", {"name": "x"})
    with pytest.raises(AyolomError):
        reader.layers(tmp_path, ReadOptions())


def test_names_are_different() -> None:
    assert len({reader.name for reader in FORMATS}) == len(FORMATS)
    assert all(reader.title for reader in FORMATS)
