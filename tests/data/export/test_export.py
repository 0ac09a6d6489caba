"""Exports, read back by other libraries and by our own readers."""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from xml.etree import ElementTree as ET

import cv2
import numpy as np
import pytest
import yaml
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from ayolom import cli
from ayolom.data.convert import import_dataset
from ayolom.data.entries import images_of, tasks_of
from ayolom.data.export import EXPORTERS, ExportOptions, export_dataset
from ayolom.data.schema import load_schema
from ayolom.errors import AyolomError

EXACT = ExportOptions(simplify=0)
NAMES = ("left_door", "right_door")


@pytest.fixture
def parts():
    """Return a mask of two doors, one of them in two regions and with a hole."""
    mask = np.zeros((40, 60), np.uint8)
    mask[5:25, 5:25], mask[10:14, 10:16] = 1, 0
    mask[30:36, 5:15] = 1
    cv2.circle(mask, (45, 20), 10, 2, -1)
    return mask


@pytest.fixture
def schema(folder, parts):
    """Return two images for training, of which one has boxes only, and one for validation; and one without labels."""
    folder.image("both")
    folder.boxes("both", "0 0.5 0.5 0.2 0.4\n1 0.25 0.25 0.1 0.1\n")
    folder.mask("both", parts)
    folder.image("boxes")
    folder.boxes("boxes", "")
    folder.image("nothing")
    folder.image("scored", split="val")
    folder.mask("scored", parts.T[:40, :40].repeat(2, 1)[:, :60], split="val")
    return load_schema(folder.yaml())


def pixels(mask):
    return {name: int((mask == i).sum()) for i, name in enumerate(NAMES, 1)}


def test_coco_is_what_pycocotools_reads(schema, tmp_path, parts):
    result = export_dataset(schema, tmp_path / "out", "coco", options=EXACT)
    assert dict(result.images) == {("damage", "train"): 2, ("parts", "train"): 1, ("parts", "val"): 1}
    assert result.unlabelled == 1
    boxes, masks = (COCO(tmp_path / "out" / "annotations" / f"{task}_train.json") for task in ("damage", "parts"))
    assert [image["file_name"] for image in boxes.imgs.values()] == ["both.png", "boxes.png"]
    assert [entry["bbox"] for entry in boxes.anns.values()] == [[24.0, 12.0, 12.0, 16.0], [12.0, 8.0, 6.0, 4.0]]
    assert [entry["area"] for entry in boxes.anns.values()] == [192.0, 24.0]
    areas = Counter()
    for entry in masks.anns.values():
        assert entry["area"] == coco_mask.area(masks.annToRLE(entry))
        areas[masks.cats[entry["category_id"]]["name"]] += int(entry["area"])
    assert areas == pixels(parts)
    assert (tmp_path / "out" / "images" / "train" / "both.png").is_file()
    assert not list((tmp_path / "out" / "annotations").glob("*.annotations"))


def test_coco_run_lengths_are_the_mask(schema, tmp_path, parts):
    export_dataset(schema, tmp_path / "out", "coco", ["parts"], ["train"], ExportOptions(segmentation="rle"))
    file = COCO(tmp_path / "out" / "annotations" / "parts_train.json")
    back = np.zeros_like(parts)
    for entry in file.anns.values():
        back[file.annToMask(entry) == 1] = entry["category_id"]
    np.testing.assert_array_equal(back, parts)


def test_supervision_reads_coco_and_yolo(schema, tmp_path, parts):
    supervision = pytest.importorskip("supervision")
    export_dataset(schema, tmp_path / "coco", "coco", ["parts"], ["train"])
    read = supervision.DetectionDataset.from_coco(
        str(tmp_path / "coco" / "images" / "train"),
        str(tmp_path / "coco" / "annotations" / "parts_train.json"),
        force_masks=True,
    )
    labelled = next(one for path, _, one in read if path.endswith("both.png"))
    assert sorted(read.classes) == sorted(NAMES)
    assert labelled.mask.sum() == pytest.approx((parts > 0).sum(), rel=0.15)  # it paints outlines as well
    export_dataset(schema, tmp_path / "yolo", "yolo", ["damage"])
    read = supervision.DetectionDataset.from_yolo(
        *(str(tmp_path / "yolo" / name) for name in ("images/train", "labels/train", "data.yaml"))
    )
    labelled = {os.path.basename(path): one for path, _, one in read}
    np.testing.assert_allclose(labelled["both.png"].xyxy, [[24, 12, 36, 28], [12, 8, 18, 12]], atol=0.01)
    assert len(labelled["boxes.png"]) == 0
    assert "nothing.png" not in labelled


def test_yolo_has_a_set_for_each_task(schema, tmp_path):
    export_dataset(schema, tmp_path / "out", "yolo")
    assert yaml.safe_load((tmp_path / "out" / "parts" / "data.yaml").read_text()) == {
        "train": "images/train",
        "val": "images/val",
        "names": dict(enumerate(NAMES)),
    }
    damage = yaml.safe_load((tmp_path / "out" / "damage" / "data.yaml").read_text())
    assert damage["val"] == "images/train"  # no image for validation is labelled for it, and the base demands one
    assert (tmp_path / "out" / "damage" / "labels" / "train" / "boxes.txt").read_text() == ""


@pytest.mark.parametrize("palette", [False, True], ids=["grey", "palette"])
def test_masks_hold_the_ids_of_the_data_set(schema, tmp_path, parts, palette):
    export_dataset(schema, tmp_path / "out", "masks", options=ExportOptions(palette=palette))
    image = Image.open(tmp_path / "out" / "parts" / "train" / "both.png")
    assert image.mode == ("P" if palette else "L")
    np.testing.assert_array_equal(np.asarray(image), parts)
    with (tmp_path / "out" / "parts_classes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["id"], row["name"]) for row in rows] == [("0", "background"), ("1", NAMES[0]), ("2", NAMES[1])]
    if palette:
        shown = np.asarray(image.convert("RGB"))[20, 45]
        assert [str(value) for value in shown] == [rows[2][key] for key in ("red", "green", "blue")]


@pytest.mark.parametrize("form", ["coco", "yolo", "labelme", "cvat"])
def test_masks_come_back_the_same(schema, tmp_path, parts, form):
    export_dataset(schema, tmp_path / "out", form, ["parts"], ["train"], EXACT)
    import_dataset(tmp_path / "out", tmp_path / "back", tasks=["parts"], kind="semantic", strict=True)
    back = load_schema(tmp_path / "back" / "data.yaml")
    names = {name: i for i, name in back.tasks["parts"].names.items()}
    (task,) = tasks_of(back)
    file = next(file for _, file in images_of(back) if "both" in file)
    mask = task.read_plane(task.label_file(file, back.root), parts.shape).mask
    for i, name in enumerate(NAMES, 1):
        np.testing.assert_array_equal(mask == names[name], parts == i)


def test_polygons_of_coco_keep_their_areas_through_import_and_export(folder, tmp_path):
    """Polygons with slanted sides, drawn to masks and traced again."""
    image = folder.image("car", shape=(300, 400))
    outlines = {
        "hood": [30.5, 40.2, 180.1, 60.7, 200.3, 150.9, 25.2, 170.4],
        "door": [220.0, 50.0, 380.4, 80.5, 350.6, 280.2, 240.8, 260.1],
    }
    content = {
        "images": [{"id": 1, "file_name": "car.png", "height": 300, "width": 400}],
        "categories": [{"id": i, "name": name} for i, name in enumerate(outlines, 1)],
        "annotations": [
            {"id": i, "image_id": 1, "category_id": i, "segmentation": [points], "iscrowd": 0}
            for i, points in enumerate(outlines.values(), 1)
        ],
    }
    (image.parent / "annotations.json").write_text(json.dumps(content))
    import_dataset(image.parent / "annotations.json", tmp_path / "in", tasks=["parts"], kind="semantic")
    export_dataset(load_schema(tmp_path / "in" / "data.yaml"), tmp_path / "out", "coco")
    back = COCO(next((tmp_path / "out" / "annotations").glob("parts_*.json")))
    for entry in back.anns.values():
        given = np.array(outlines[back.cats[entry["category_id"]]["name"]]).reshape(-1, 2)
        wanted = cv2.contourArea(given.astype(np.float32))
        assert entry["area"] == pytest.approx(wanted, rel=0.01)
        assert coco_mask.area(back.annToRLE(entry)) == pytest.approx(wanted, rel=0.01)


def test_polygons_of_boxes_are_kept(folder, tmp_path):
    folder.image("car")
    folder.boxes("car", "1 0.1 0.1 0.5 0.1 0.5 0.5\n")
    schema = load_schema(folder.yaml(head="train: images/train\n"))
    export_dataset(schema, tmp_path / "out", "yolo", ["damage"])
    values = (tmp_path / "out" / "labels" / "train" / "car.txt").read_text().split()
    assert list(map(float, values)) == pytest.approx([1, 0.1, 0.1, 0.5, 0.1, 0.5, 0.5])


def test_projects_hold_both_tasks(schema, tmp_path):
    export_dataset(schema, tmp_path / "labelme", "labelme", splits=["train"])
    shapes = json.loads((tmp_path / "labelme" / "train" / "both.json").read_text())["shapes"]
    kinds = Counter((shape["description"], shape["shape_type"]) for shape in shapes)
    assert kinds == {("damage", "rectangle"): 2, ("parts", "polygon"): 3}
    export_dataset(schema, tmp_path / "cvat", "cvat")
    tree = ET.parse(tmp_path / "cvat" / "annotations.xml").getroot()
    assert [image.get("name") for image in tree.iter("image")] == [
        "train/both.png",
        "train/boxes.png",
        "val/scored.png",
    ]
    assert [name.text for name in tree.iterfind("meta/task/labels/label/name")] == ["dent", "scratch", *NAMES]
    assert {child.tag for child in tree.find("image")} == {"box", "polygon"}


def test_a_class_of_two_tasks_is_told_apart_in_projects(folder, tmp_path):
    folder.image("car")
    folder.boxes("car", "0 0.5 0.5 0.2 0.2\n")
    folder.mask("car", np.eye(40, 60))
    tasks = (
        "\n  a: {kind: detect, names: ['<door> & \"co\"', door]}\n  b: {kind: semantic, names: [background, door]}\n"
    )
    export_dataset(load_schema(folder.yaml(tasks, "train: images/train\n")), tmp_path / "out", "cvat")
    tree = ET.parse(tmp_path / "out" / "annotations.xml").getroot()
    assert [name.text for name in tree.iter("name")] == ['<door> & "co"', "a.door", "b.door"]


def test_images_of_one_name_in_two_folders_are_both_there(folder, tmp_path):
    for place in ("train", "extra"):
        folder.image("car", split=place)
        folder.boxes("car", "0 0.5 0.5 0.2 0.2\n", split=place)
    file = folder.yaml(head="train: [images/train, images/extra]\n")
    export_dataset(load_schema(file), tmp_path / "out", "yolo", ["damage"])
    assert sorted(path.name for path in (tmp_path / "out" / "images" / "train").iterdir()) == ["car-2.png", "car.png"]
    assert sorted(path.name for path in (tmp_path / "out" / "labels" / "train").iterdir()) == ["car-2.txt", "car.txt"]


def test_links_lead_to_the_originals(schema, tmp_path):
    export_dataset(schema, tmp_path / "out", "masks", options=ExportOptions(place="link"))
    link = tmp_path / "out" / "images" / "train" / "both.png"
    assert link.is_symlink()
    assert link.resolve() == (schema.root / "images" / "train" / "both.png").resolve()


def test_broken_labels_are_named_and_the_others_exported(schema, folder, tmp_path):
    folder.image("broken")
    folder.boxes("broken", "7 1 2\n")
    result = export_dataset(schema, tmp_path / "out", "coco", ["damage"])
    assert result.images["damage", "train"] == 2
    assert len(result.problems) == 1
    assert "broken.txt" in result.problems[0]


@pytest.mark.parametrize("form", EXPORTERS)
def test_an_interrupted_export_leaves_nothing(schema, tmp_path, monkeypatch, form):
    done = []

    def add(self, *given):
        if done:
            raise KeyboardInterrupt
        done.append(add_one(self, *given))

    add_one = EXPORTERS[form].add
    monkeypatch.setattr(EXPORTERS[form], "add", add)
    (tmp_path / "exports").mkdir()
    with pytest.raises(KeyboardInterrupt):
        export_dataset(schema, tmp_path / "exports" / "out", form)
    assert not list((tmp_path / "exports").iterdir())


def test_a_folder_in_use_is_refused(schema, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(AyolomError, match="is there already"):
        export_dataset(schema, tmp_path / "out", "coco")
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["format=masks", "task=damage"], "damage has boxes and no masks"),
        (["format=coco", "task=damages"], "no task 'damages'. Did you mean 'damage'?"),
        (["format=voc"], "must be one of"),
    ],
    ids=["boxes as masks", "unknown task", "unknown format"],
)
def test_the_command_says_what_is_wrong(schema, tmp_path, capsys, words, message):
    assert cli.main(["yolo", "data", "export", f"data={schema.file}", f"out={tmp_path / 'out'}", *words]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_command_exports_and_its_dry_run_does_not(schema, tmp_path):
    line = ["yolo", "data", "export", f"data={schema.file}", "format=coco", f"out={tmp_path / 'out'}"]
    assert cli.main([*line, "dry_run=True"]) == 0
    assert not (tmp_path / "out").exists()
    assert cli.main(line) == 0
    assert sorted(file.name for file in (tmp_path / "out" / "annotations").iterdir()) == [
        "damage_train.json",
        "parts_train.json",
        "parts_val.json",
    ]
