"""Exports imported again, through the command line: the same tasks, images, objects and pixels come back.

What is on the disk is read without the package.
"""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import yaml
from PIL import Image

from ayolom import cli
from ayolom.data.export import ExportOptions, export_dataset
from ayolom.data.schema import load_schema

SHAPE = (40, 60)
NAMES = {"damage": ["dent", "glass", "crack"], "parts": ["background", "hood", "glass"], "rust": ["background", "rust"]}
TASKS = "".join(
    f"\n  {name}: {{kind: {kind}, {folder}, names: {NAMES[name]}}}"
    for name, kind, folder in (
        ("damage", "detect", "labels: labels"),
        ("parts", "semantic", "masks: masks"),
        ("rust", "semantic", "masks: masks-rust"),
    )
)
BOXES = "0 0.5 0.5 0.2 0.4\n1 0.25 0.25 0.1 0.1\n"


def mask(*regions: tuple[int, int, int, int, int]) -> np.ndarray:
    """A mask with rectangles of (value, top, left, bottom, right)."""
    made = np.zeros(SHAPE, np.uint8)
    for value, top, left, bottom, right in regions:
        made[top:bottom, left:right] = value
    return made


@pytest.fixture
def data(folder) -> Path:
    """Images labelled for all tasks, for one, and for one without an object; one class that labels nothing."""
    for seed, name in enumerate(("all", "boxes", "hood", "sound", "bare", "never")):
        folder.image(name, np.random.default_rng(seed).integers(0, 255, (*SHAPE, 3), np.uint8))
    folder.boxes("all", BOXES)
    folder.mask("all", mask((1, 5, 5, 20, 30), (2, 8, 8, 12, 14), (2, 25, 30, 35, 50)))
    folder.mask("all", mask((1, 0, 0, 6, 6)), folder="masks-rust")
    folder.boxes("boxes", "0 0.25 0.5 0.1 0.2\n")
    folder.mask("hood", mask((1, 10, 10, 30, 40)))
    folder.boxes("sound", "")  # nothing is damaged there; its parts are not labelled
    folder.boxes("bare", "0 0.75 0.75 0.2 0.2\n")
    folder.mask("bare", mask())  # no part is to be seen there
    folder.image("scored", np.full((*SHAPE, 3), 7, np.uint8), split="val")
    folder.mask("scored", mask((2, 3, 3, 33, 43)), split="val")
    return folder.yaml(TASKS)


def labels(file: Path) -> dict[str, Any]:
    """Kind and names of each task, and by image its split and what it is labelled with."""
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    found: dict[str, Any] = {}
    for task, given in content["tasks"].items():
        names = given["names"]
        names = list(names.values()) if isinstance(names, dict) else names
        said = {}
        for label in sorted((file.parent / (given.get("labels") or given["masks"])).rglob("*.*")):
            name = label.stem.rpartition("__")[2]  # the import puts the folder before it
            split = next(part for part in label.parts[::-1] if part in {"train", "val"})
            if label.suffix == ".txt":
                rows = [line.split() for line in label.read_text().splitlines()]
                said[name] = split, sorted((names[int(row[0])], *(float(one) for one in row[1:])) for row in rows)
            else:
                values = np.asarray(Image.open(label))
                said[name] = split, {name: values == i for i, name in enumerate(names) if (values == i).any()}
        found[task] = given["kind"], names, said
    return found


def assert_same(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Compare what `labels` returns; boxes to a thousandth of a side."""
    assert {task: (kind, names, sorted(said)) for task, (kind, names, said) in found.items()} == {
        task: (kind, names, sorted(said)) for task, (kind, names, said) in wanted.items()
    }
    for task, (_, _, said) in wanted.items():
        for image, (split, content) in said.items():
            its_split, is_there = found[task][2][image]
            assert its_split == split, (task, image)
            if isinstance(content, dict):
                assert is_there.keys() == content.keys(), (task, image)
                assert all(np.array_equal(is_there[name], content[name]) for name in content), (task, image)
            else:
                assert [row[0] for row in is_there] == [row[0] for row in content]
                for row, its_row in zip(content, is_there, strict=True):
                    assert its_row[1:] == pytest.approx(row[1:], abs=1e-3)


def export(data: Path, out: Path, form: str, *words: str) -> Path:
    assert cli.main(["yolo", "data", "export", f"data={data}", f"format={form}", f"out={out}", *words]) == 0
    return out


def bring_in(source: Path, out: Path, *words: str) -> dict[str, Any]:
    assert cli.main(["yolo", "data", "import", f"source={source}", f"out={out}", *words]) == 0
    return labels(out / "data.yaml")


FORMS = {
    "coco": ["coco"],
    "coco run lengths": ["coco", "segmentation=rle"],
    "yolo": ["yolo"],
    "masks": ["masks"],
    "masks with colours": ["masks", "palette=True"],
    "cvat": ["cvat"],
    "labelme": ["labelme"],
}


class TestRoundTrip:
    @pytest.mark.parametrize("words", FORMS.values(), ids=FORMS)
    def test_all_tasks_come_back_unasked(self, data: Path, tmp_path: Path, words: list[str]) -> None:
        exact = [] if words[0] == "masks" else ["simplify=0"]
        found = bring_in(export(data, tmp_path / "x", *words, *exact), tmp_path / "back", "strict=True")
        wanted = labels(data)
        if words[0] == "masks":  # which cannot hold boxes
            del wanted["damage"]
        assert_same(found, wanted)

    @pytest.mark.parametrize("words", FORMS.values(), ids=FORMS)
    def test_one_task_comes_back_by_its_name(self, data: Path, tmp_path: Path, words: list[str]) -> None:
        source = export(data, tmp_path / "x", *words, "task=parts", "simplify=0")
        assert_same(bring_in(source, tmp_path / "back", "strict=True"), {"parts": labels(data)["parts"]})

    @pytest.mark.parametrize("form", ["coco", "yolo", "cvat", "labelme"])
    def test_tasks_named_the_other_way_round_take_their_own_labels(self, data: Path, tmp_path: Path, form: str) -> None:
        source = export(data, tmp_path / "x", form, "simplify=0")
        found = bring_in(source, tmp_path / "back", "task=rust,parts,damage", "strict=True")
        assert_same(found, labels(data))

    @pytest.mark.parametrize(
        ("form", "part"),
        [
            ("coco", "annotations/parts_train.json"),
            ("coco", "annotations"),
            ("yolo", "parts"),
            ("yolo", "parts/data.yaml"),
            ("cvat", "annotations.xml"),
            ("labelme", "train"),
            ("labelme", "train/all.json"),
        ],
    )
    def test_a_part_of_an_export_knows_its_tasks(self, data: Path, tmp_path: Path, form: str, part: str) -> None:
        source = export(data, tmp_path / "x", form, "simplify=0") / part
        kind, names, said = bring_in(source, tmp_path / "back", "task=parts")["parts"]
        wanted = labels(data)["parts"]
        assert (kind, names) == wanted[:2]
        assert np.array_equal(said["all"][1]["hood"], wanted[2]["all"][1]["hood"])

    def test_masks_take_the_classes_that_the_user_gives(self, data: Path, tmp_path: Path) -> None:
        source = export(data, tmp_path / "x", "masks", "task=parts")
        assert bring_in(source, tmp_path / "back", "names=none,bonnet,window")["parts"][1] == [
            "none",
            "bonnet",
            "window",
        ]

    def test_a_binary_mask_with_ignored_pixels_is_not_taken_for_black_and_white(self, folder, tmp_path: Path) -> None:
        folder.image("car")
        folder.mask("car", mask((255, 0, 0, 10, 10)))
        data = folder.yaml("\n  rust: {kind: semantic, masks: masks, names: [rust]}\n", "train: images/train\n")
        bring_in(export(data, tmp_path / "x", "masks"), tmp_path / "back")
        back = np.asarray(Image.open(next((tmp_path / "back" / "masks").rglob("*.png"))))
        assert np.unique(back, return_counts=True)[1].tolist() == [2300, 100]
        assert back.max() == 255


class TestCorrectedByHand:
    """Projects that someone drew in after the export."""

    @pytest.fixture
    def labelme(self, data: Path, tmp_path: Path) -> Path:
        return export(data, tmp_path / "labelme", "labelme", "task=damage,parts", "simplify=0")

    @staticmethod
    def draw(root: Path, image: str, *added: dict[str, Any], keep: bool = True) -> None:
        """Add shapes to a file of LabelMe as it saves them, without a description; or replace all."""
        file = root / f"{image}.json"
        content = json.loads(file.read_text())
        content["shapes"] = [*(content["shapes"] if keep else ()), *added]
        file.write_text(json.dumps(content))

    @staticmethod
    def shape(label: str) -> dict[str, Any]:
        points = [[0, 0], [10, 0], [10, 10], [0, 10]]
        return {"label": label, "points": points, "group_id": None, "shape_type": "polygon", "flags": {}, "mask": None}

    def test_shapes_without_a_mark_go_by_their_label(self, labelme: Path, data: Path, tmp_path: Path) -> None:
        self.draw(labelme, "train/boxes", self.shape("hood"))  # it was labelled for damage alone
        self.draw(labelme, "train/hood", self.shape("damage.glass"), self.shape("parts.glass"))
        found = bring_in(labelme, tmp_path / "back", "strict=True")
        assert found["parts"][2]["boxes"][1]["hood"].sum() == 100
        assert found["parts"][2]["hood"][1]["glass"].sum() == 100
        assert [row[0] for row in found["damage"][2]["hood"][1]] == ["glass"]
        assert sorted(found["parts"][2]) == ["all", "bare", "boxes", "hood", "scored"]
        assert sorted(found["damage"][2]) == ["all", "bare", "boxes", "hood", "sound"]

    def test_an_image_whose_shapes_were_all_removed_is_labelled_as_before(self, labelme: Path, tmp_path: Path) -> None:
        self.draw(labelme, "train/all", keep=False)
        found = bring_in(labelme, tmp_path / "back", "strict=True")
        assert found["damage"][2]["all"] == ("train", [])
        assert list(found["parts"][2]["all"][1]) == ["background"]
        assert "boxes" not in found["parts"][2]

    def test_labels_of_no_task_are_refused_and_the_remedy_works(
        self, labelme: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        self.draw(labelme, "train/all", self.shape("spoiler"), self.shape("glass"))
        self.draw(labelme, "val/scored", self.shape("spoiler"))
        found = bring_in(labelme, tmp_path / "back")
        assert "label 'spoiler' is of no task in ayolom-tasks.yaml; add it there" in caplog.text
        assert "label 'glass' is a class of several tasks; call it damage.glass or parts.glass" in caplog.text
        assert "all" not in found["damage"][2]
        back = np.asarray(Image.open(next((tmp_path / "back/masks").rglob("*all.png"))))
        assert (back == 255).sum() == 100 - 4  # a smaller window lies over a corner of it
        note = yaml.safe_load((labelme / "ayolom-tasks.yaml").read_text())
        note["tasks"]["parts"]["names"].append("spoiler")
        (labelme / "ayolom-tasks.yaml").write_text(yaml.safe_dump(note))
        self.draw(labelme, "train/all", self.shape("spoiler"), keep=False)
        found = bring_in(labelme, tmp_path / "again", "strict=True")
        assert found["parts"][2]["all"][1]["spoiler"].sum() == 100

    def test_new_images_are_labelled_for_what_is_drawn_on_them(
        self, labelme: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        for seed, name in enumerate(("new", "plain"), 90):
            pixels = np.random.default_rng(seed).integers(0, 255, (*SHAPE, 3), np.uint8)
            Image.fromarray(pixels).save(labelme / "train" / f"{name}.png")
            content = json.loads((labelme / "train/all.json").read_text())
            shapes = [self.shape("hood")] if name == "new" else []
            (labelme / f"train/{name}.json").write_text(
                json.dumps({**content, "shapes": shapes, "imagePath": f"{name}.png"})
            )
        found = bring_in(labelme, tmp_path / "back", "strict=True")
        assert ("new" in found["damage"][2], "new" in found["parts"][2]) == (False, True)
        assert "plain" not in {*found["damage"][2], *found["parts"][2]}
        assert "image without objects that ayolom-images.csv does not list (not labelled)" in caplog.text

    def test_without_the_list_of_images_objects_decide(self, labelme: Path, tmp_path: Path) -> None:
        (labelme / "ayolom-images.csv").unlink()
        found = bring_in(labelme, tmp_path / "back")
        assert sorted(found["damage"][2]) == ["all", "bare", "boxes"]
        assert sorted(found["parts"][2]) == ["all", "hood", "scored"]

    def test_annotations_that_cvat_gives_back_take_the_place_of_ours(self, data: Path, tmp_path: Path) -> None:
        """CVAT numbers images anew and marks shapes as manual; a polygon was drawn and a box removed."""
        root = export(data, tmp_path / "cvat", "cvat", "task=damage,parts", "simplify=0")
        tree = ET.parse(root / "annotations.xml")
        for number, image in enumerate(tree.getroot().iter("image"), 40):
            image.set("id", str(number))
            for child in list(image):
                child.set("source", "manual")
                if child.get("label") == "dent" and "all" in image.get("name", ""):
                    image.remove(child)
            if "boxes" in image.get("name", ""):
                ET.SubElement(image, "polygon", {"label": "hood", "points": "0,0;10,0;10,10;0,10", "occluded": "0"})
        tree.write(root / "annotations.xml")
        found, wanted = bring_in(root, tmp_path / "back", "strict=True"), labels(data)
        assert [row[0] for row in found["damage"][2]["all"][1]] == ["glass"]
        assert found["damage"][2].keys() == wanted["damage"][2].keys()
        assert found["parts"][2].keys() == {*wanted["parts"][2], "boxes"}
        assert found["parts"][2]["scored"][0] == "val"

    @pytest.mark.parametrize(
        ("file", "text", "message"),
        [
            ("ayolom-tasks.yaml", "tasks: [a]\n", r"ayolom-tasks\.yaml: has no `tasks:`"),
            ("ayolom-tasks.yaml", "tasks: {a: {kind: box, names: [b]}}\n", r"tasks: a: needs kind: detect or semantic"),
            ("ayolom-tasks.yaml", "tasks: {a: {kind: detect, names: b}}\n", r"tasks: a: needs .* names: with a list"),
            ("ayolom-tasks.yaml", "tasks: {../a: {kind: detect, names: [b]}}\n", r"tasks: \.\./a: needs"),
            ("ayolom-images.csv", "name,damage\na,yes\n", r"ayolom-images\.csv: has no column 'image'"),
            ("ayolom-images.csv", "image,damage\n\udcff,yes\n", r"ayolom-images\.csv: is no CSV in UTF-8"),
        ],
        ids=["no tasks", "kind", "names", "name of a task", "column", "bytes"],
    )
    def test_damaged_notes_are_named(
        self, labelme: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str, text: str, message: str
    ) -> None:
        (labelme / file).write_bytes(text.encode(errors="surrogateescape"))
        assert cli.main(["yolo", "data", "import", f"source={labelme}", f"out={tmp_path / 'back'}"]) == 1
        assert re.search(message, capsys.readouterr().err)
        assert not (tmp_path / "back").exists()


def test_the_note_and_the_list_say_what_was_exported(data: Path, tmp_path: Path) -> None:
    export_dataset(load_schema(data), tmp_path / "x", "cvat", options=ExportOptions(place="link"))
    images = ET.parse(tmp_path / "x" / "annotations.xml").iter("image")
    assert not any("subset" in image.attrib for image in images)  # datumaro reads no image of a task that has one
    note = yaml.safe_load((tmp_path / "x" / "ayolom-tasks.yaml").read_text())
    assert note["tasks"]["damage"] == {"kind": "detect", "names": NAMES["damage"]}
    assert note["tasks"]["rust"] == {"kind": "semantic", "names": ["rust"]}
    with (tmp_path / "x" / "ayolom-images.csv").open(newline="") as stream:
        rows = {row.pop("image"): list(row.values()) for row in csv.DictReader(stream)}
    assert rows == {
        "images/train/all.png": ["yes", "yes", "yes"],
        "images/train/bare.png": ["yes", "yes", "no"],
        "images/train/boxes.png": ["yes", "no", "no"],
        "images/train/hood.png": ["no", "yes", "no"],
        "images/train/sound.png": ["yes", "no", "no"],
        "images/val/scored.png": ["no", "yes", "no"],
    }
    for form in ("coco", "yolo", "masks"):
        export_dataset(load_schema(data), tmp_path / form, form)
        assert not (tmp_path / form / "ayolom-images.csv").exists()  # the annotations say it
