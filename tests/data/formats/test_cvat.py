"""CVAT XML: each kind of shape with hand-worked pixels, projects with subsets, videos and archives refused."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ayolom.data.convert._format import ReadOptions
from ayolom.data.convert._geometry import polygon_area
from ayolom.data.convert._values import Report
from ayolom.data.convert.cvat import CvatFormat
from ayolom.errors import AyolomError

META = (
    "<meta><task><id>1</id><labels><label><name>hood</name><type>any</type><attributes/></label>"
    "<label><name>door</name></label><label><name>bone</name><parent>x</parent></label></labels></task></meta>"
)
BOX = '<box label="door" xtl="10" ytl="20.5" xbr="30" ybr="40" occluded="0" z_order="0">{}</box>'
POLYGON = '<polygon label="hood" points="1,2;9.5,2;5,8"/>'
PLAIN = ReadOptions()


def document(*images: str, meta: str = META) -> str:
    return f'<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n{meta}\n' + (
        "\n".join(images) + "\n</annotations>\n"
    )


def image(*shapes: str, name: str = "a.jpg", more: str = "") -> str:
    return f'<image id="0" name="{name}" width="100" height="80" {more}>\n' + "\n".join(shapes) + "\n</image>"


def save(root: Path, text: str, *images: str) -> Path:
    for name in images:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (100, 80)).save(root / name)
    root.mkdir(exist_ok=True)
    (root / "annotations.xml").write_text(text, encoding="utf-8")
    return root


def read(source: Path, options: ReadOptions = PLAIN):
    report = Report()
    (layer,) = CvatFormat().layers(source, options)
    return layer, list(CvatFormat().read(source, layer, options, report)), report


class TestShapes:
    def test_box_and_polygon(self, tmp_path: Path) -> None:
        layer, (first,), report = read(save(tmp_path, document(image(BOX, POLYGON)), "images/a.jpg"))
        assert (layer.names, layer.kind) == (("hood", "door"), "semantic")
        assert (first.file, first.shape, first.path) == ("a.jpg", (80, 100), tmp_path / "images" / "a.jpg")
        assert [item.label for item in first.objects] == ["door", "hood"]
        assert first.objects[0].box == (10, 20.5, 30, 40)
        assert first.objects[1].polygons[0].tolist() == [[1, 2], [9.5, 2], [5, 8]]
        assert first.objects[1].where == f"{tmp_path}/annotations.xml: line 7"
        assert first.complete
        assert not report.counts

    def test_boxes_alone_suit_detection(self, tmp_path: Path) -> None:
        assert read(save(tmp_path, document(image(BOX))))[0].kind == "detect"

    def test_turned_box(self, tmp_path: Path) -> None:
        box = '<box label="door" xtl="10" ytl="20" xbr="30" ybr="40" rotation="45"/>'
        _, (first,), _ = read(save(tmp_path, document(image(box))))
        half = np.sqrt(2) * 10  # of the diagonal of a square of 20
        corners = first.objects[0].polygons[0]
        assert np.allclose(corners, [[20, 30 - half], [20 + half, 30], [20, 30 + half], [20 - half, 30]])

    def test_ellipse(self, tmp_path: Path) -> None:
        ellipse = '<ellipse label="door" cx="50" cy="40" rx="20" ry="10" rotation="90"/>'
        _, (first,), _ = read(save(tmp_path, document(image(ellipse))))
        points = first.objects[0].polygons[0]
        assert np.allclose(np.ptp(points, axis=0), [20, 40], atol=0.1)
        assert polygon_area(points) == pytest.approx(np.pi * 200, rel=0.01)

    def test_mask_runs_row_by_row_from_the_background(self, tmp_path: Path) -> None:
        mask = '<mask label="door" rle="1, 2, 2, 1" left="10" top="20" width="3" height="2"/>'
        _, (first,), _ = read(save(tmp_path, document(image(mask))))
        assert np.argwhere(first.objects[0].mask).tolist() == [[20, 11], [20, 12], [21, 12]]

    def test_group_of_a_class_is_one_object(self, tmp_path: Path) -> None:
        shapes = [POLYGON.replace("label", f'group_id="{group}" label') for group in (1, 1, 0, 0)]
        _, (first,), _ = read(save(tmp_path, document(image(*shapes))))
        assert [len(item.polygons) for item in first.objects] == [2, 1, 1]

    def test_what_is_outside_is_not_there(self, tmp_path: Path) -> None:
        _, (first,), report = read(save(tmp_path, document(image(POLYGON.replace("label", 'outside="1" label')))))
        assert first.objects == ()
        assert first.complete
        assert not report.counts

    def test_tags_are_told_and_lose_nothing(self, tmp_path: Path) -> None:
        _, (first,), report = read(save(tmp_path, document(image('<tag label="door"/>'))))
        assert first.complete
        assert report.notes == {"tag of a whole image (not read)": 1}

    def test_attribute_as_class(self, tmp_path: Path) -> None:
        boxes = [BOX.format('<attribute name="kind">dent</attribute>'), BOX.format("")]
        _, (first,), report = read(save(tmp_path, document(image(*boxes))), ReadOptions(attribute="kind"))
        assert [item.label for item in first.objects] == ["dent"]
        assert not first.complete
        assert report.counts == {"box without a class": 1}

    @pytest.mark.parametrize(
        "annotation",
        [
            pytest.param('<polyline label="lace" points="1,2;30,4;30,40"/>', id="open polyline"),
            pytest.param('<polyline label="lace" points="1,2;1,3;2,2"/>', id="short polyline"),
            pytest.param('<polyline label="lace" points="1,2;x"/>', id="malformed polyline"),
            pytest.param('<points label="lace" points="1,2"/>', id="points"),
            pytest.param('<cuboid label="lace" xtl1="1"/>', id="cuboid"),
        ],
    )
    def test_what_has_no_area_is_for_the_map_to_judge(self, tmp_path: Path, annotation: str) -> None:
        _, (first,), report = read(save(tmp_path, document(image(BOX, annotation))))
        assert [(item.label, bool(item.shapeless)) for item in first.objects] == [("door", False), ("lace", True)]
        assert first.objects[1].where.startswith(f"{tmp_path}/annotations.xml: line ")
        assert first.complete
        assert not report.counts

    def test_polyline_that_ends_where_it_begins_is_an_outline(self, tmp_path: Path) -> None:
        line = '<polyline label="door" points="10.0,10.0;30.0,10.0;30.0,30.0;10.5,11.0"/>'
        _, (first,), report = read(save(tmp_path, document(image(line))))
        assert [points.tolist() for points in first.objects[0].polygons] == [[[10, 10], [30, 10], [30, 30], [10.5, 11]]]
        assert report.notes == {"polyline that ends where it begins (taken as an outline)": 1}

    @pytest.mark.parametrize(
        ("bad", "what"),
        [
            pytest.param('<points points="1,2"/>', "points without a class", id="points without a class"),
            pytest.param(
                '<polyline label="" points="1,2;3,4"/>', "polyline without a class", id="line without a class"
            ),
            pytest.param('<polygon label="door" points="1,2;3,4"/>', "malformed polygon", id="two corners"),
            pytest.param('<polygon label="door" points="1,2;3,4;x,5"/>', "malformed polygon", id="no number"),
            pytest.param('<box label="door" xtl="1"/>', "malformed box", id="box without edges"),
            pytest.param(BOX.replace("30", "inf"), "malformed box", id="endless box"),
            pytest.param('<ellipse label="door" cx="1" cy="1" rx="0" ry="1"/>', "malformed ellipse", id="flat"),
            pytest.param(
                '<mask label="door" rle="1,2" left="0" top="0" width="2" height="2"/>', "malformed mask", id="few runs"
            ),
            pytest.param(
                '<mask label="door" rle="9999999999999999" left="0" top="0" width="2" height="2"/>',
                "malformed mask",
                id="huge run",
            ),
            pytest.param('<polygon points="1,2;3,4;5,5"/>', "polygon without a class", id="no class"),
            pytest.param('<circle label="door"/>', "malformed circle", id="unknown"),
        ],
    )
    def test_bad_shapes_are_reported_with_their_line(self, tmp_path: Path, bad: str, what: str) -> None:
        _, (first,), report = read(save(tmp_path, document(image(POLYGON, bad))))
        assert not first.complete
        assert len(first.objects) == 1
        assert report.counts == {what: 1}
        assert report.examples[what] == [f"{tmp_path}/annotations.xml: line 7"]


class TestFiles:
    def test_project_with_subsets(self, tmp_path: Path) -> None:
        parts = [
            image(POLYGON, name="a.jpg", more='subset="Train" task_id="1"'),
            image(name="x/b.jpg", more='subset="Validation" task_id="2"'),
        ]
        root = save(tmp_path, document(*parts), "images/Train/a.jpg", "images/x/b.jpg")
        _, images, _ = read(root)
        assert [(found.file, found.split) for found in images] == [("Train/a.jpg", "train"), ("x/b.jpg", "val")]
        assert [found.path.is_file() for found in images] == [True, True]

    def test_tasks_in_folders(self, tmp_path: Path) -> None:
        save(tmp_path / "train", document(image(POLYGON)), "images/a.jpg")
        save(tmp_path / "val", document(image(BOX)), "images/a.jpg")
        layer, images, _ = read(tmp_path)
        assert layer.names == ("hood", "door")
        assert [(found.split, found.path) for found in images] == [
            ("train", tmp_path / "train/images/a.jpg"),
            ("val", tmp_path / "val/images/a.jpg"),
        ]

    @pytest.mark.parametrize(
        "end", ["<image oops", "</image></image>", "<image>&x;</image>"], ids=["cut", "tag", "entity"]
    )
    def test_damage_keeps_what_is_before_it(self, tmp_path: Path, end: str) -> None:
        _, images, report = read(save(tmp_path, document(image(POLYGON), end), "a.jpg"))
        assert [found.file for found in images] == ["a.jpg"]
        (what,) = report.counts
        assert what.startswith("damaged XML")
        assert report.examples[what][0].rpartition(" ")[2] in {"8", "9"}

    def test_many_images_come_one_at_a_time(self, tmp_path: Path) -> None:
        root = save(tmp_path, document(*(image(POLYGON, name=f"{n:05}.jpg") for n in range(3000))))
        with (root / "annotations.xml").open("r+b") as stream:
            stream.seek(-200, 2)
            stream.truncate()
        (layer,) = CvatFormat().layers(root, ReadOptions())
        report = Report()
        images = CvatFormat().read(root, layer, ReadOptions(), report)
        assert next(images).file == "00000.jpg"
        assert not report.counts  # the damage at the end is not met yet

    def test_image_without_size(self, tmp_path: Path) -> None:
        text = document(image(POLYGON).replace('width="100"', ""), image(name="b.jpg"))
        _, images, report = read(save(tmp_path, text))
        assert [found.file for found in images] == ["b.jpg"]
        assert report.counts == {"image without a name or size": 1}

    def test_entities_are_refused(self, tmp_path: Path) -> None:
        root = save(
            tmp_path, '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n' + document(image(POLYGON))[39:]
        )
        with pytest.raises(AyolomError, match="holds no CVAT XML"):
            read(root)

    def test_video_is_refused(self, tmp_path: Path) -> None:
        track = '<track id="0" label="door"><box frame="0" outside="0" xtl="1" ytl="1" xbr="2" ybr="2"/></track>'
        with pytest.raises(AyolomError, match=r"tracks of a video.*CVAT for images"):
            read(save(tmp_path, document(track)))

    def test_archive_is_refused(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
            archive.writestr("annotations.xml", document())
        assert CvatFormat().recognises(tmp_path / "t.zip")
        with pytest.raises(AyolomError, match="is a zip; unpack it"):
            read(tmp_path / "t.zip")
