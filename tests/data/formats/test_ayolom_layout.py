"""The layout of A-YOLOM: text and class maps by task, names from its YAML or of the published data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ayolom.data.convert._format import ReadOptions
from ayolom.data.convert._values import Report
from ayolom.data.convert.ayolom_layout import AyolomLayoutFormat
from ayolom.errors import AyolomError

PLAIN = ReadOptions()
FILES = {
    "detection-object/labels/train2017/a.txt": "2 0.5 0.5 0.2 0.5\n",
    "detection-object/labels/val2017/b.txt": "",
    "seg-drivable-10/labels/train2017/a.txt": "10 0.1 0.1 0.5 0.1 0.5 0.5\n",
    "seg-lane-11/labels/val2017/b.txt": "11 0 0 1 0 1 1 0 1\n",
}


def make(root: Path, files: dict[str, str] = FILES) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    for name in ("train2017/a.jpg", "val2017/b.jpg"):
        (root / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (100, 80)).save(root / "images" / name)
    return root


def read(source: Path, name: str, options: ReadOptions = PLAIN):
    report = Report()
    layers = {layer.name: layer for layer in AyolomLayoutFormat().layers(source, options)}
    return list(AyolomLayoutFormat().read(source, layers[name], options, report)), report


def test_layers_of_the_published_data(tmp_path: Path) -> None:
    layers = AyolomLayoutFormat().layers(make(tmp_path), PLAIN)
    assert [(layer.name, layer.kind, len(layer.names)) for layer in layers] == [
        ("detection-object", "detect", 10),
        ("seg-drivable-10", "semantic", 1),
        ("seg-lane-11", "semantic", 1),
    ]
    assert layers[1].names == ("drivable",)


def test_boxes(tmp_path: Path) -> None:
    images, report = read(make(tmp_path), "detection-object")
    assert [(image.file, image.split, len(image.objects)) for image in images] == [
        ("train2017/a.jpg", "train", 1),
        ("val2017/b.jpg", "val", 0),
    ]
    assert images[0].objects[0].label == "car"
    assert images[0].objects[0].box == pytest.approx((40, 20, 60, 60))
    assert not report.counts


def test_polygons(tmp_path: Path) -> None:
    (image,), _ = read(make(tmp_path), "seg-drivable-10")  # the other image is not labelled for it
    assert image.objects[0].label == "drivable"
    assert np.allclose(image.objects[0].polygons[0], [[10, 8], [50, 8], [50, 40]])


def test_class_maps(tmp_path: Path) -> None:
    root = make(tmp_path)
    (root / "seg-lane-11/labels/val2017/b.txt").unlink()
    pixels = np.zeros((80, 100), np.uint8)
    pixels[5, 6] = 255
    Image.fromarray(pixels).save(root / "seg-lane-11/labels/val2017/b.png")
    (image,), _ = read(root, "seg-lane-11")
    assert AyolomLayoutFormat().layers(root, PLAIN)[2].names == ("background", "lane")
    assert (image.class_map[5, 6], image.class_map.sum()) == (1, 1)
    assert image.path == root / "images/val2017/b.jpg"


def test_names_of_the_yaml_file(tmp_path: Path) -> None:
    files = {"det-damage/labels/train/a.txt": "1 0.5 0.5 1 1\n", "seg-parts/labels/train/a.txt": "0 0 0 1 0 1 1\n"}
    root = make(tmp_path, files)
    with pytest.raises(AyolomError, match="no YAML file tells the class names"):
        AyolomLayoutFormat().layers(root, PLAIN)
    (root / "mine.yaml").write_text("labels_list: [det-damage, seg-parts]\nnames: {0: hood, 1: dent}\n")
    (image,), _ = read(root, "det-damage")
    assert [item.label for item in image.objects] == ["dent"]
    (image,), _ = read(root, "det-damage", ReadOptions(names=("x", "y")))
    assert [item.label for item in image.objects] == ["y"]


def test_another_yaml_goes_before_the_published_names(tmp_path: Path) -> None:
    """A data set with classes of its own came in this layout with an ordinary YAML file."""
    root = make(tmp_path)
    (root / "data.yaml").write_text("train: images\nnames: [" + ", ".join(f"c{n}" for n in range(12)) + "]\n")
    assert read(root, "detection-object")[0][0].objects[0].label == "c2"
    (root / "zzz.yaml").write_text("labels_list: [x]\nnames: [" + ", ".join(f"d{n}" for n in range(12)) + "]\n")
    assert read(root, "detection-object")[0][0].objects[0].label == "d2"


def test_number_behind_a_folder_of_boxes_is_no_class(tmp_path: Path) -> None:
    """One publication calls it `detection-object-9`: the last of ten classes, not the only one."""
    root = make(tmp_path)
    (root / "detection-object").rename(root / "detection-object-9")
    names = tuple(f"c{n}" for n in range(12))
    layers = AyolomLayoutFormat().layers(root, ReadOptions(names=names))
    assert [layer.names for layer in layers] == [names[:10], ("c10",), ("c11",)]


def test_bad_rows_are_reported_with_their_line(tmp_path: Path) -> None:
    root = make(tmp_path)
    file = root / "detection-object/labels/train2017/a.txt"
    file.write_text("2 0.5 0.5 0.2 0.5\n99 0.5 0.5 0.1 0.1\n1 x\n")
    images, report = read(root, "detection-object")
    assert [(image.complete, len(image.objects)) for image in images] == [(False, 1), (True, 0)]
    assert report.examples == {
        "unknown class id": [f"{file}: line 2"],
        "malformed row": [f"{file}: line 3"],
    }


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AyolomError, match="holds no folders of tasks"):
        AyolomLayoutFormat().layers(tmp_path, PLAIN)
