"""COCO, YOLO and mask folders as streams: run lengths against pycocotools, layouts, names, palettes, Cityscapes."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ayolom.data.convert import LabelledImage, Report, _json
from ayolom.data.convert._files import find_image, safe_name, those_there
from ayolom.data.convert._format import ReadOptions
from ayolom.data.convert._rle import decode
from ayolom.data.convert._splits import split_of, without_split
from ayolom.data.convert.coco_format import CocoFormat
from ayolom.data.convert.masks_folder import MasksFormat
from ayolom.data.convert.yolo_format import YoloFormat
from ayolom.errors import AyolomError

SPEC = spec_from_file_location("import_inputs", Path(__file__).with_name("import_inputs.py"))
inputs = module_from_spec(SPEC)
SPEC.loader.exec_module(inputs)
SHAPE, SQUARE = inputs.SHAPE, inputs.SQUARE
annotation, coco, picture = inputs.annotation, inputs.coco, inputs.picture


def read(reader: Any, source: Path, layer: int = 0, **options: Any) -> tuple[list[LabelledImage], Report]:
    """All images of a layer, and what was reported."""
    given, report = ReadOptions(**options), Report()
    return list(reader.read(source, reader.layers(source, given)[layer], given, report)), report


def blob() -> np.ndarray:
    """A mask with a hole that touches two borders."""
    mask = np.zeros(SHAPE, np.uint8)
    mask[:30, 60:] = 1
    mask[10:15, 70:80] = 0
    return mask


def uncompressed(mask: np.ndarray) -> dict[str, Any]:
    """COCO's run lengths as numbers, counted by hand: down the columns, zeros first."""
    flat = mask.T.ravel()
    edges = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff([0, *edges, flat.size]).tolist()
    return {"counts": [0, *runs] if flat[0] else runs, "size": list(mask.shape)}


def compressed(mask: np.ndarray) -> dict[str, Any]:
    """COCO's run lengths as text."""
    coco_mask = pytest.importorskip("pycocotools.mask")
    code = coco_mask.encode(np.asfortranarray(mask))
    return {"counts": code["counts"].decode(), "size": list(mask.shape)}


class TestRunLengths:
    @pytest.mark.parametrize("encode", [uncompressed, compressed])
    @pytest.mark.parametrize("seed", range(4))
    def test_both_forms(self, encode: Callable[[np.ndarray], dict[str, Any]], seed: int) -> None:
        pytest.importorskip("pycocotools")
        mask = blob() if not seed else (np.random.default_rng(seed).random((37, 53)) < 0.3 * seed).astype(np.uint8)
        assert np.array_equal(decode(encode(mask), mask.shape), mask.astype(bool))

    @pytest.mark.parametrize(
        "code",
        [
            pytest.param({"counts": [5, 5], "size": [80, 100]}, id="too short"),
            pytest.param({"counts": [-1, 8001], "size": [80, 100]}, id="negative"),
            pytest.param({"counts": [8000], "size": [100, 80]}, id="another size"),
            pytest.param({"counts": "zzzz", "size": [80, 100]}, id="cut off"),
            pytest.param({"counts": "PPYo1", "size": [80, 100]}, id="not this image"),
            pytest.param({"counts": "\x7f\x01", "size": [80, 100]}, id="no letters of the code"),
            pytest.param({"size": [80, 100]}, id="nothing"),
        ],
    )
    def test_malformed_code_is_refused_before_the_library_sees_it(self, code: dict[str, Any]) -> None:
        pytest.importorskip("pycocotools")
        with pytest.raises(ValueError, match=r"its|it has"):
            decode(code, SHAPE)


class TestCoco:
    def test_masks_crowds_and_broken_entries(self, tmp_path: Path) -> None:
        pytest.importorskip("pycocotools")
        objects = [
            {"name": "hood", "segmentation": uncompressed(blob())},
            {"name": "hood", "segmentation": compressed(blob()), "iscrowd": 1},
            {"name": "hood", "segmentation": [[]], "bbox": [10, 20, 20, 20]},
        ]
        coco(tmp_path, {"a.png": objects, "b.png": [{"name": "hood", "segmentation": {"counts": [1], "size": [1, 1]}}]})
        (good, bad), report = read(CocoFormat(), tmp_path)
        assert [item.crowd for item in good.objects] == [False, True, False]
        assert all(np.array_equal(item.mask, blob()) for item in good.objects[:2])
        assert good.objects[2].box == (10, 20, 30, 40)
        assert good.complete
        assert (bad.complete, bad.objects) == (False, ())
        assert report.counts == {"malformed run-length mask": 1}

    @pytest.mark.parametrize(
        ("change", "kind", "complete"),
        [
            pytest.param({"category_id": 77}, "unknown category id", False, id="category"),
            pytest.param({"segmentation": [[1, 2, 3]]}, "malformed outline (left out)", False, id="outline"),
            pytest.param(
                {"segmentation": [[1, 2, 3]], "bbox": [1, 1, 5, 5]}, "malformed outline (left out)", True, id="with box"
            ),
            pytest.param({"image_id": 77}, "annotation of an image that is not listed (left out)", True, id="image"),
        ],
    )
    def test_annotation_that_cannot_be_used(
        self, tmp_path: Path, change: dict[str, Any], kind: str, complete: bool
    ) -> None:
        file = coco(tmp_path, {"a.png": [annotation("hood"), annotation("door")]})
        content = json.loads(file.read_text())
        content["annotations"][1].update(change)
        file.write_text(json.dumps(content))
        (image,), report = read(CocoFormat(), file)
        assert image.complete == complete
        assert report.counts[kind] == 1
        assert f"{file}: annotations[1]" in report.examples[kind][0]

    def test_large_files_are_streamed_and_say_the_same(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        pytest.importorskip("ijson")
        file = coco(tmp_path, {"a.png": [annotation("hood"), annotation("door", bbox=[1.5, 2, 3, 4])], "b.png": []})
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
        whole = [repr(image) for image in read(CocoFormat(), file)[0]]
        monkeypatch.setattr(_json, "SMALL", 0)
        assert [repr(image) for image in read(CocoFormat(), file)[0]] == whole
        file.write_bytes(file.read_bytes()[:-40])
        with pytest.raises(AyolomError, match=r"annotations\.json: is not JSON"):
            read(CocoFormat(), file)

    def test_label_sets_of_one_folder_are_layers(self, tmp_path: Path) -> None:
        for file, name in (("d_train.json", "dent"), ("d_val.json", "dent"), ("p_train.json", "hood")):
            coco(tmp_path, {"a.png": [annotation(name)]}, file)
        layers = CocoFormat().layers(tmp_path, ReadOptions())
        assert [(layer.name, layer.names) for layer in layers] == [("d", ("dent",)), ("p", ("hood",))]
        assert [image.split for image in read(CocoFormat(), tmp_path)[0]] == ["train", "val"]

    def test_unused_parent_class_is_left_out_of_the_names(self, tmp_path: Path) -> None:
        file = coco(tmp_path, {"a.png": [annotation("dent")]})
        content = json.loads(file.read_text())
        content["categories"].insert(0, {"id": 0, "name": "damage"})
        file.write_text(json.dumps(content))
        assert CocoFormat().layers(file, ReadOptions())[0].names == ("dent",)

    def test_other_json_is_not_taken_for_coco(self, tmp_path: Path) -> None:
        for name, content in {
            "labelme.json": {"shapes": [], "imagePath": "a.jpg"},
            "via.json": {"_via_settings": {}, "images": []},
            "aihub.json": {"images": {"id": 1}, "categories": {}, "annotations": []},
            "bdd.json": [{"name": "a", "labels": []}],
        }.items():
            (tmp_path / name).write_text(json.dumps(content))
            assert not CocoFormat().recognises(tmp_path / name)


class TestYolo:
    @pytest.mark.parametrize("layout", ["images first", "split first", "beside"])
    @pytest.mark.parametrize("names", ["data.yaml", "classes.txt", "names="])
    def test_layouts_and_names(self, tmp_path: Path, layout: str, names: str) -> None:
        image, label = {
            "images first": ("images/train/a.png", "labels/train/a.txt"),
            "split first": ("train/images/a.png", "train/labels/a.txt"),
            "beside": ("train/a.png", "train/a.txt"),
        }[layout]
        picture(tmp_path / image)
        (tmp_path / label).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / label).write_text("1 0.5 0.25 0.2 0.1\n0 0.1 0.25 0.3 0.25 0.3 0.5 0.1 0.5\n")
        options = {}
        if names == "data.yaml":
            folder = str(Path(image).parent)
            (tmp_path / "data.yaml").write_text(f"train: ../{folder}\nnc: 2\nnames: [dent, rust]\n")
        elif names == "classes.txt":
            (tmp_path / "classes.txt").write_text("dent\nrust\n")
        else:
            options = {"names": ("dent", "rust")}
        assert YoloFormat().recognises(tmp_path)
        (found,), report = read(YoloFormat(), tmp_path, **options)
        assert not report.counts
        assert (found.split, found.shape, found.complete) == ("train", SHAPE, True)
        assert [item.label for item in found.objects] == ["rust", "dent"]
        assert found.objects[0].box == pytest.approx((40, 16, 60, 24))
        assert found.objects[1].polygons[0] == pytest.approx(np.array(SQUARE, float).reshape(-1, 2))

    def test_unlabelled_empty_and_broken(self, tmp_path: Path) -> None:
        for seed, name in enumerate(("none", "empty", "word", "class")):
            picture(tmp_path / "images" / f"{name}.png", seed)
        (tmp_path / "labels").mkdir()
        for name, text in {
            "empty": "",
            "word": "0 a b c d\n",
            "class": "0 0.5 0.5 0.1 0.1\n7 0.5 0.5 0.1 0.1\n",
        }.items():
            (tmp_path / "labels" / f"{name}.txt").write_text(text)
        images, report = read(YoloFormat(), tmp_path, names=("dent",))
        assert {Path(image.file).stem: image.complete for image in images} == {
            "class": False,
            "empty": True,
            "word": False,
        }
        assert report.counts == {"unknown class id": 1, "malformed row": 1}
        assert report.notes == {"image without a label file (not labelled)": 1}
        assert report.examples["unknown class id"] == [f"{tmp_path / 'labels' / 'class.txt'}: line 2"]

    def test_several_sets_in_one_folder_are_layers(self, tmp_path: Path) -> None:
        for seed, (task, name) in enumerate((("damage", "dent"), ("parts", "hood"), ("train", "x"))):
            picture(tmp_path / task / "images" / "val" / "a.png", seed)
            (tmp_path / task / "labels" / "val").mkdir(parents=True)
            (tmp_path / task / "labels" / "val" / "a.txt").write_text("0 0.5 0.25 0.2 0.1\n")
            (tmp_path / task / "data.yaml").write_text(f"train: images/val\nval: images/val\nnames: [{name}]\n")
        assert YoloFormat().recognises(tmp_path)
        layers = YoloFormat().layers(tmp_path, ReadOptions())  # a folder named after a split is no set of its own
        assert [(one.name, one.names) for one in layers] == [("damage", ("dent",)), ("parts", ("hood",))]
        (first, *_), _ = read(YoloFormat(), tmp_path, layer=1)
        assert (first.path, first.objects[0].label) == (tmp_path / "parts/images/val/a.png", "hood")

    def test_names_are_asked_for(self, tmp_path: Path) -> None:
        picture(tmp_path / "images" / "a.png")
        with pytest.raises(AyolomError, match=r"no file tells the class names .*names=dent,scratch"):
            YoloFormat().layers(tmp_path, ReadOptions())


def save_mask(file: Path, values: np.ndarray, palette: bool = False) -> None:
    """Save ids as a grey or palette PNG, or colours."""
    file.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(values)
    if palette:
        image = image.convert("P")
        image.putdata(values.ravel().tolist())
    image.save(file)


class TestMasks:
    @pytest.mark.parametrize("palette", [False, True], ids=["grey", "palette"])
    def test_ids(self, tmp_path: Path, palette: bool) -> None:
        values = np.zeros(SHAPE, np.uint8)
        values[10:20], values[20:30], values[30:40] = 1, 9, 255
        picture(tmp_path / "images" / "train" / "a.png")
        save_mask(tmp_path / "masks" / "train" / "a.png", values, palette)
        assert MasksFormat().recognises(tmp_path)
        (found,), report = read(MasksFormat(), tmp_path, names=("background", "hood"))
        assert np.bincount(found.class_map.ravel())[[0, 1, 255]].tolist() == [5000, 1000, 2000]
        assert report.examples["mask value without a class (teaches nothing)"][0].endswith("a.png: value 9")
        assert found.split == "train"
        assert found.path == tmp_path / "images/train/a.png"

    def test_black_and_white(self, tmp_path: Path) -> None:
        values = np.zeros(SHAPE, np.uint8)
        values[10:20] = 255
        picture(tmp_path / "images" / "a.png")
        save_mask(tmp_path / "masks" / "a_mask.png", values)
        (found,), _ = read(MasksFormat(), tmp_path, names=("damage",))
        assert np.bincount(found.class_map.ravel()).tolist() == [7000, 1000]

    @pytest.mark.parametrize("by", ["colors", "labelmap.txt", "class_dict.csv"])
    def test_colours(self, tmp_path: Path, by: str) -> None:
        values = np.zeros((*SHAPE, 3), np.uint8)
        values[10:20], values[20:30] = (128, 0, 0), (1, 2, 3)
        picture(tmp_path / "JPEGImages" / "a.png")
        save_mask(tmp_path / "SegmentationClass" / "a.png", values)
        options: dict[str, Any] = {}
        if by == "colors":
            options = {"colors": {(0, 0, 0): "background", (128, 0, 0): "hood"}}
        elif by == "labelmap.txt":
            (tmp_path / by).write_text("# label:color_rgb:parts:actions\nbackground:0,0,0::\nhood:128,0,0::\n")
        else:
            (tmp_path / by).write_text("name,r,g,b\nbackground,0,0,0\nhood,128,0,0\n")
        (found,), report = read(MasksFormat(), tmp_path, **options)
        assert np.bincount(found.class_map.ravel())[[0, 1, 255]].tolist() == [6000, 1000, 1000]
        assert report.examples["mask colour without a class (teaches nothing)"][0].endswith("#010203 (1000 pixels)")

    @pytest.mark.parametrize("kind", ["labelIds", "labelTrainIds", "color"])
    def test_cityscapes(self, tmp_path: Path, kind: str) -> None:
        # Values of its table, by hand: road 7, 0, (128, 64, 128); car 26, 13, (0, 0, 142); unlabeled 0, 255, (0, 0, 0)
        coded = {
            "labelIds": (7, 26, 0),
            "labelTrainIds": (0, 13, 255),
            "color": ((128, 64, 128), (0, 0, 142), (0, 0, 0)),
        }[kind]
        values = np.zeros((*SHAPE, 3) if kind == "color" else SHAPE, np.uint8)
        values[:40], values[40:50], values[50:] = coded
        picture(tmp_path / "leftImg8bit" / "val" / "bonn" / "bonn_000000_000019_leftImg8bit.png")
        save_mask(tmp_path / "gtFine" / "val" / "bonn" / f"bonn_000000_000019_gtFine_{kind}.png", values)
        assert MasksFormat().recognises(tmp_path)
        layer = MasksFormat().layers(tmp_path, ReadOptions())[0]
        (found,), report = read(MasksFormat(), tmp_path)
        assert (layer.names[0], layer.names[13], len(layer.names)) == ("road", "car", 19)
        assert np.bincount(found.class_map.ravel())[[0, 13, 255]].tolist() == [4000, 1000, 3000]
        assert not report.counts
        assert found.split == "val"
        assert found.path.is_file()

    def test_tables_name_the_folders_of_masks_and_their_classes(self, tmp_path: Path) -> None:
        values = np.zeros(SHAPE, np.uint8)
        values[10:20], values[20:30], values[30:40] = 4, 9, 255
        picture(tmp_path / "images" / "val" / "a.png")
        for folder, table in (("parts", "id,name\n0,background\n4,hood\n"), ("rust", "name,id,red\nrust,9,1\n")):
            save_mask(tmp_path / folder / "val" / "a.png", values)
            (tmp_path / f"{folder}_classes.csv").write_text(f"\ufeff{table}", encoding="utf-8")
        assert MasksFormat().recognises(tmp_path)
        layers = MasksFormat().layers(tmp_path, ReadOptions())
        assert [(one.name, one.names) for one in layers] == [("parts", ("background", "hood")), ("rust", ("rust",))]
        (parts,), report = read(MasksFormat(), tmp_path)
        assert np.bincount(parts.class_map.ravel())[[0, 1, 255]].tolist() == [5000, 1000, 2000]
        assert report.examples["mask value without a class (teaches nothing)"][0].endswith("a.png: value 9")
        (rust,), _ = read(MasksFormat(), tmp_path, layer=1)
        assert np.bincount(rust.class_map.ravel())[[0, 255]].tolist() == [1000, 7000]
        assert (parts.split, parts.path) == ("val", tmp_path / "images/val/a.png")

    @pytest.mark.parametrize(
        ("file", "text"),
        [
            pytest.param("_classes.csv", "id,name\n0,hood\n", id="no folder"),
            pytest.param("train_classes.csv", "filename,hood\na.png,1\n", id="of another kind"),
            pytest.param("gone_classes.csv", "id,name\n0,hood\n", id="folder missing"),
        ],
    )
    def test_other_tables_are_not_taken_for_those_of_masks(self, tmp_path: Path, file: str, text: str) -> None:
        picture(tmp_path / "train" / "a.png")
        (tmp_path / file).write_text(text)
        assert not MasksFormat().recognises(tmp_path)

    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            pytest.param("x,hood\n", r"parts_classes\.csv: 'x,hood' must be an id from 0 to 254", id="id"),
            pytest.param("255,hood\n", r"'255,hood' must be an id", id="the value that teaches nothing"),
            pytest.param("1\n", r"'1,' must be an id from 0 to 254 and a name", id="no name"),
            pytest.param("", r"lists no class", id="empty"),
        ],
    )
    def test_damaged_table_is_named(self, tmp_path: Path, rows: str, message: str) -> None:
        picture(tmp_path / "images" / "a.png")
        (tmp_path / "parts").mkdir()
        (tmp_path / "parts_classes.csv").write_text(f"id,name\n{rows}")
        with pytest.raises(AyolomError, match=message):
            MasksFormat().layers(tmp_path, ReadOptions())

    def test_meaning_is_asked_for(self, tmp_path: Path) -> None:
        picture(tmp_path / "images" / "a.png")
        save_mask(tmp_path / "masks" / "a.png", np.full(SHAPE, 4, np.uint8))
        with pytest.raises(AyolomError, match=r"what the mask values 4 mean .*give names="):
            MasksFormat().layers(tmp_path, ReadOptions())


@pytest.mark.parametrize(
    ("path", "split"),
    [
        ("annotations/instances_val2017.json", "val"),
        ("trainingset/annotations.json", "train"),
        ("valid/_annotations.coco.json", "val"),
        ("images/contest/a.jpg", None),
    ],
)
def test_split_of(path: str, split: str | None) -> None:
    assert split_of(path) == split


def test_names_without_split_and_without_way_out() -> None:
    assert without_split("instances_train2017") == without_split("instances_val2017") == "instances"
    assert safe_name("/etc/../../passwd").as_posix() == "etc/passwd"
    assert safe_name("C:\\data\\a.jpg").as_posix() == "data/a.jpg"
    assert safe_name("a\0.jpg").as_posix() == "a.jpg"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("a.jpg", "one/a.jpg", id="the likeliest folder"),
        pytest.param("b.jpg", "two/b.jpg", id="this ending before another"),
        pytest.param("sub/a.jpg", "two/sub/a.png", id="the whole path before its end"),
        pytest.param("other/c.jpg", "two/c.jpg", id="the end of the path"),
        pytest.param("c", "two/c.jpg", id="no ending"),
        pytest.param("../../one/a.jpg", "one/a.jpg", id="no way out"),
        pytest.param("gone.jpg", "one/gone.jpg", id="missing"),
    ],
)
def test_image_of_a_name(name: str, expected: str, tmp_path: Path) -> None:
    for file in ("one/a.jpg", "one/b.png", "two/a.jpg", "two/b.jpg", "two/c.jpg", "two/sub/a.png"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    folders = those_there(tmp_path / folder for folder in ("zero", "one", "two", "one"))
    assert find_image(name, folders) == tmp_path / expected
