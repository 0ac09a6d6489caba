"""Real sources: known counts, and the same annotations written in other formats and read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import quoteattr

import numpy as np
import pytest

from ayolom.data.convert import read_coco
from ayolom.data.convert._format import ReadOptions
from ayolom.data.convert._values import Report
from ayolom.data.convert.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable

    from ayolom.data.convert import LabelledImage

pytestmark = pytest.mark.shared_data
READERS = {reader.name: reader for reader in FORMATS}


def read(source: Path, layer: int = 0) -> tuple[str, list[LabelledImage], Report]:
    reader, report = next(reader for reader in FORMATS if reader.recognises(source)), Report()
    options = ReadOptions()
    return reader.name, list(reader.read(source, reader.layers(source, options)[layer], options, report)), report


@pytest.mark.parametrize(
    ("source", "name", "images", "objects"),
    [
        ("bilgi", "roboflow", 448, 1373),
        ("dsmlr", "dsmlr", 447, 3460),
        ("lensor", "coco", 160, 374),
        ("doha", "yolo", 78, 139),
    ],
)
def test_counts(shared_data: Path, source: str, name: str, images: int, objects: int) -> None:
    found, read_images, _ = read(shared_data / source)
    assert found == name
    assert len(read_images) == images
    assert sum(len(image.objects) for image in read_images) == objects
    assert all(image.path is not None and image.path.is_file() for image in read_images)


def test_two_label_sets_in_one_folder(shared_data: Path) -> None:
    counts = [sum(len(image.objects) for image in read(shared_data / "mlnuggets", layer)[1]) for layer in (0, 1)]
    assert sorted(counts) == [132, 161]


def via(images: list[LabelledImage], root: Path, as_list: bool) -> None:
    content: dict[str, Any] = {}
    for image in images:
        regions = [
            {
                "shape_attributes": {
                    "name": "polygon",
                    "all_points_x": points[:, 0].tolist(),
                    "all_points_y": points[:, 1].tolist(),
                },
                "region_attributes": {"part": item.label},
            }
            for item in image.objects
            for points in item.polygons
        ]
        kept: Any = regions if as_list else {str(number): region for number, region in enumerate(regions)}
        content[image.file] = {"filename": image.file, "size": -1, "regions": kept, "file_attributes": {}}
    (root / "via.json").write_text(
        json.dumps(content if as_list else {"_via_settings": {}, "_via_img_metadata": content})
    )


def via_list(images: list[LabelledImage], root: Path) -> None:
    via(images, root, as_list=True)


def via_dictionary(images: list[LabelledImage], root: Path) -> None:
    via(images, root, as_list=False)


def labelme(images: list[LabelledImage], root: Path) -> None:
    for image in images:
        shapes = [
            {"label": item.label, "points": points.tolist(), "shape_type": "polygon", "group_id": number, "flags": {}}
            for number, item in enumerate(image.objects)
            for points in item.polygons
        ]
        content = {"version": "5.5.0", "flags": {}, "shapes": shapes, "imagePath": image.file, "imageData": None}
        content |= {"imageHeight": image.shape[0], "imageWidth": image.shape[1]}
        (root / Path(image.file).with_suffix(".json").name).write_text(json.dumps(content))


def cvat(images: list[LabelledImage], root: Path) -> None:
    lines = ["<annotations><version>1.1</version>"]
    for number, image in enumerate(images):
        height, width = image.shape
        lines.append(f'<image id="{number}" name={quoteattr(image.file)} width="{width}" height="{height}">')
        for group, item in enumerate(image.objects, 1):
            for points in item.polygons:
                text = ";".join(f"{x!r},{y!r}" for x, y in points.tolist())
                lines.append(f'<polygon label={quoteattr(item.label)} points="{text}" group_id="{group}"/>')
        lines.append("</image>")
    (root / "annotations.xml").write_text("\n".join([*lines, "</annotations>"]))


def voc(images: list[LabelledImage], root: Path) -> None:
    for image in images:
        height, width = image.shape
        parts = [f"<annotation><filename>{image.file}</filename>"]
        parts.append(f"<size><width>{width}</width><height>{height}</height></size>")
        for item in image.objects:
            x1, y1, x2, y2 = item.box
            box = f"<xmin>{x1 + 1!r}</xmin><ymin>{y1 + 1!r}</ymin><xmax>{x2!r}</xmax><ymax>{y2!r}</ymax>"
            parts.append(f"<object><name>{item.label}</name><bndbox>{box}</bndbox></object>")
        (root / Path(image.file).with_suffix(".xml").name).write_text("\n".join([*parts, "</annotation>"]))


def outlines(images: list[LabelledImage], boxes: bool) -> dict[str, list[tuple[str, list[float]]]]:
    """What was drawn, by image, without the grouping that some formats cannot tell."""
    found: dict[str, list[tuple[str, list[float]]]] = {}
    for image in images:
        drawn = found.setdefault(image.file, [])
        for item in image.objects:
            if boxes:
                drawn.append((item.label, [round(value, 6) for value in item.box]))
            else:
                drawn += [(item.label, np.round(points, 6).ravel().tolist()) for points in item.polygons]
    return found


@pytest.mark.parametrize(
    ("write", "name", "grouped"),
    [
        (via_list, "via", False),
        (via_dictionary, "via", False),
        (labelme, "labelme", True),
        (cvat, "cvat", True),
        (voc, "voc", True),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_written_in_another_format_and_read_back(
    shared_data: Path, tmp_path: Path, write: Callable[[list[LabelledImage], Path], None], name: str, grouped: bool
) -> None:
    folder = shared_data / "dsmlr" / "testset"
    images = read_coco(folder / "annotations.json").images
    write(images, tmp_path)
    for image in images:
        (tmp_path / image.file).symlink_to(folder / "JPEGImages" / image.file)
    found, again, report = read(tmp_path)
    assert found == name
    assert not report.counts, report.lines()
    assert outlines(again, name == "voc") == outlines(images, name == "voc")
    assert {image.file: image.shape for image in again} == {image.file: image.shape for image in images}
    if grouped:
        assert sum(len(image.objects) for image in again) == sum(len(image.objects) for image in images) > 300
