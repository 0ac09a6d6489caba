"""Pascal VOC: hand-worked pixels, supervision's writer as a witness, masks in VOC's colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ayolom.data.convert._format import ReadOptions
from ayolom.data.convert._mask_coding import names_file
from ayolom.data.convert._values import Report
from ayolom.data.convert._voc_masks import voc_colors
from ayolom.data.convert.voc import VocFormat
from ayolom.errors import AyolomError

SIZE = "<size><width>100</width><height>80</height><depth>3</depth></size>"
DOOR = "<object>\n<name>door</name><difficult>1</difficult><truncated>1</truncated>\n{}</object>"
BOX = "<bndbox><xmin>11</xmin><ymin>21</ymin><xmax>30</xmax><ymax>40</ymax></bndbox>"
PLAIN = ReadOptions()


def annotation(*objects: str, name: str = "a.jpg", size: str = SIZE) -> str:
    return f"<annotation>\n<filename>{name}</filename>\n{size}\n" + "\n".join(objects) + "\n</annotation>\n"


def make(root: Path, **files: str) -> Path:
    for folder in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for stem, text in files.items():
        (root / "Annotations" / f"{stem}.xml").write_text(text, encoding="utf-8")
        Image.new("RGB", (100, 80)).save(root / "JPEGImages" / f"{stem}.jpg")
    return root


def read(source: Path, layer: int = 0, options: ReadOptions = PLAIN):
    report = Report()
    found = VocFormat().layers(source, options)[layer]
    return list(VocFormat().read(source, found, options, report)), report


class TestBoxes:
    def test_box_names_first_and_last_pixel(self, tmp_path: Path) -> None:
        images, report = read(make(tmp_path, a=annotation(DOOR.format(BOX))))
        (image,) = images
        assert image.shape == (80, 100)
        assert image.complete
        assert image.path == tmp_path / "JPEGImages" / "a.jpg"
        assert [(item.label, item.box) for item in image.objects] == [("door", (10, 20, 30, 40))]
        assert not report.counts

    def test_zero_is_the_border(self, tmp_path: Path) -> None:
        box = BOX.replace(">11<", ">0<").replace(">21<", ">0<")
        (image,), _ = read(make(tmp_path, a=annotation(DOOR.format(box))))
        assert image.objects[0].box == (0, 0, 30, 40)

    def test_splits_come_from_the_lists(self, tmp_path: Path) -> None:
        root = make(tmp_path, a=annotation(), b=annotation(name="b.jpg"), c=annotation(name="c.jpg"))
        (root / "ImageSets/Main/train.txt").write_text("a\n")
        (root / "ImageSets/Main/val.txt").write_text("b -1\n")
        (root / "ImageSets/Main/trainval.txt").write_text("a\nb\nc\n")
        images, _ = read(root)
        assert [(image.file, image.split) for image in images] == [
            ("a.jpg", "train"),
            ("b.jpg", "val"),
            ("c.jpg", None),
        ]
        assert all(image.objects == () and image.complete for image in images)

    def test_years_are_read_one_after_the_other(self, tmp_path: Path) -> None:
        for year in ("VOC2012", "VOC2007"):
            make(tmp_path / year, a=annotation(DOOR.format(BOX)))
        images, _ = read(tmp_path)
        assert [image.path.parent.parent.name for image in images] == ["VOC2007", "VOC2012"]

    def test_files_beside_their_images(self, tmp_path: Path) -> None:
        (tmp_path / "train").mkdir()
        (tmp_path / "train" / "x.xml").write_text(annotation(DOOR.format(BOX), name="C:\\photos\\other.png"))
        Image.new("RGB", (100, 80)).save(tmp_path / "train" / "x.jpg")
        (image,), _ = read(tmp_path)
        assert (image.path, image.split) == (tmp_path / "train" / "x.jpg", "train")

    def test_size_from_the_image_where_the_file_has_none(self, tmp_path: Path) -> None:
        (image,), _ = read(make(tmp_path, a=annotation(size="")))
        assert image.shape == (80, 100)

    @pytest.mark.parametrize(
        ("bad", "what", "line"),
        [
            pytest.param("<object><name>x</name></object>", "object without a box", 4, id="no box"),
            pytest.param(f"<object>{BOX}</object>", "object without a name", 4, id="no name"),
            pytest.param(DOOR.format(BOX.replace("30", "nan")), "malformed object", 4, id="not a number"),
            pytest.param(DOOR.format(BOX.replace(">30<", ">3<")), "malformed object", 4, id="turned round"),
        ],
    )
    def test_bad_objects_are_reported_with_their_line(self, tmp_path: Path, bad: str, what: str, line: int) -> None:
        (image,), report = read(make(tmp_path, a=annotation(bad, DOOR.format(BOX))))
        assert not image.complete
        assert len(image.objects) == 1
        assert report.counts == {what: 1}
        assert report.examples[what] == [f"{tmp_path}/Annotations/a.xml: line {line}"]

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("<annotation>\n<object>\n</annotation>", id="not well-formed"),
            pytest.param('<!DOCTYPE a [<!ENTITY x "y">]>\n<annotation>&x;</annotation>', id="entity"),
            pytest.param('<!DOCTYPE a SYSTEM "file:///etc/passwd">\n<annotation/>', id="external"),
            pytest.param("", id="empty"),
        ],
    )
    def test_a_bad_file_leaves_the_others(self, tmp_path: Path, text: str) -> None:
        images, report = read(make(tmp_path, a=text, b=annotation(DOOR.format(BOX), name="b.jpg")))
        assert [image.file for image in images] == ["b.jpg"]
        (what,) = report.counts
        assert what.startswith("damaged XML")
        assert "a.xml: line " in report.examples[what][0]

    def test_bomb_is_refused_at_once(self, tmp_path: Path) -> None:
        levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
        bomb = f'<!DOCTYPE a [<!ENTITY e0 "ha">{levels}]><annotation><filename>&e9;</filename></annotation>'
        _, report = read(make(tmp_path, a=bomb, b=annotation(name="b.jpg")))
        assert "document type" in next(iter(report.counts))

    def test_names_do_not_lead_out_of_the_source(self, tmp_path: Path) -> None:
        Image.new("RGB", (100, 80)).save(tmp_path / "secret.jpg")
        root = make(tmp_path / "voc", a=annotation(name="../../secret.jpg"))
        (image,), _ = read(root)
        assert image.path == root / "JPEGImages" / "a.jpg"

    def test_body_parts_are_told_and_lose_nothing(self, tmp_path: Path) -> None:
        part = f"<part><name>head</name>{BOX}</part>"
        (image,), report = read(make(tmp_path, a=annotation(DOOR.format(BOX + part))))
        assert image.complete
        assert len(image.objects) == 1
        assert not report.counts
        assert report.notes == {"part of a body (not read)": 1}

    def test_supervision_writes_the_same(self, tmp_path: Path) -> None:
        import supervision as sv

        boxes = np.array([[10, 20, 30, 40], [0, 0, 100, 80]], dtype=np.float64)
        make(tmp_path, a="")
        image = str(tmp_path / "JPEGImages" / "a.jpg")
        found = sv.Detections(xyxy=boxes, class_id=np.array([1, 0]))
        data = sv.DetectionDataset(classes=["hood", "door"], images=[image], annotations={image: found})
        data.as_pascal_voc(annotations_directory_path=str(tmp_path / "Annotations"))
        (read_image,), _ = read(tmp_path)
        assert [(item.label, item.box) for item in read_image.objects] == [
            ("door", (10, 20, 30, 40)),
            ("hood", (0, 0, 100, 80)),
        ]

    def test_another_folder_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(AyolomError, match="holds no Pascal VOC files"):
            VocFormat().layers(tmp_path, ReadOptions())


class TestMasks:
    def test_colours_of_voc(self) -> None:
        # As in the development kit: aeroplane, bicycle, car, tvmonitor
        assert voc_colors(21)[[1, 2, 7, 20]].tolist() == [[128, 0, 0], [0, 128, 0], [128, 128, 128], [0, 64, 128]]

    @pytest.mark.parametrize("mode", ["palette", "rgb"])
    def test_mask(self, tmp_path: Path, mode: str) -> None:
        root = make(tmp_path, a=annotation())
        (root / "SegmentationClass").mkdir()
        (root / "ImageSets/Segmentation").mkdir()
        (root / "ImageSets/Segmentation/val.txt").write_text("a\n")
        values = np.zeros((80, 100), np.uint8)
        values[10:20, 30:50], values[0] = 7, 255
        mask = Image.fromarray(values, "P")
        mask.putpalette(voc_colors(256).ravel().tolist())
        (mask if mode == "palette" else mask.convert("RGB")).save(root / "SegmentationClass" / "a.png")
        layers = VocFormat().layers(root, ReadOptions())
        assert [(layer.name, layer.kind) for layer in layers] == [("objects", "detect"), ("masks", "semantic")]
        (image,), report = read(root, layer=1)
        assert layers[1].names[7] == "car"
        assert image.split == "val"
        assert image.complete, report.lines()
        assert np.array_equal(image.class_map, values)

    def test_label_map_of_an_export(self, tmp_path: Path) -> None:
        root = make(tmp_path)
        (root / "SegmentationClass").mkdir()
        (root / "labelmap.txt").write_text("# label:color_rgb:parts:actions\nbackground:0,0,0::\nhood:10,20,30::\n")
        pixels = np.zeros((80, 100, 3), np.uint8)
        pixels[5, 6], pixels[7, 8] = (10, 20, 30), (1, 1, 1)
        Image.fromarray(pixels).save(root / "SegmentationClass" / "a.png")
        (image,), report = read(root)
        assert (image.class_map[5, 6], image.class_map[7, 8], image.class_map[0, 0]) == (1, 255, 0)
        assert not image.complete
        assert list(report.counts) == ["colour or value (1, 1, 1) of no class in a mask"]

    @pytest.mark.parametrize("folder", ["SegmentationClass", "SegmentationClassPNG"])
    def test_class_names_of_labelme(self, tmp_path: Path, folder: str) -> None:
        """LabelMe's labelme2voc writes VOC's colours for classes of its own: they are no aeroplanes."""
        root = make(tmp_path)
        for name in ("SegmentationClass", folder):
            (root / name).mkdir(exist_ok=True)
        (root / "class_names.txt").write_text("_background_\nhood\ndoor")
        np.save(root / "SegmentationClass" / "a.npy", np.zeros((80, 100)))
        values = np.zeros((80, 100), np.uint8)
        values[5, 6], values[7, 8], values[9, 9] = 1, 2, 255
        mask = Image.fromarray(values, "P")
        mask.putpalette(voc_colors(256).ravel().tolist())
        mask.save(root / folder / "a.png")
        assert VocFormat().recognises(root)
        assert VocFormat().layers(root, PLAIN)[-1].names == ("_background_", "hood", "door")
        (image,), report = read(root, layer=-1)
        assert np.array_equal(image.class_map, values)
        assert not report.counts

    def test_first_line_of_labelmes_list_is_no_class(self, tmp_path: Path) -> None:
        (tmp_path / "labels.txt").write_text("__ignore__\n_background_\nhood\n")
        assert names_file(tmp_path) == ("_background_", "hood")
