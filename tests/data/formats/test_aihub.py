"""AI-Hub 581: the shapes that its JSON takes, its Korean folders, and which images are labelled for what."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ayolom.data.convert._format import ReadOptions
from ayolom.data.convert._values import Report
from ayolom.data.convert.aihub import AiHubFormat
from ayolom.errors import AyolomError

POINTS = [[10, 20], [30, 20], [30, 40]]
NAME = "0000002_as-0036711"


def damage(label: Any = "Scratched", segmentation: Any = None, **more: Any) -> dict[str, Any]:
    segmentation = [[POINTS]] if segmentation is None else segmentation
    return {"id": 1, "image_id": 2, "damage": label, "level": None, "bbox": [10, 20, 20, 20], "area": 200.0,
            "segmentation": segmentation, "repair": ["Front bumper:repair,coating"]} | more  # fmt: skip


def part(label: str = "Front door(L)", **more: Any) -> dict[str, Any]:
    return {"part": label, "damage": None, "level": None, "bbox": [1, 2, 3, 4], "segmentation": [[[POINTS]]]} | more


def content(annotations: Any, name: str = NAME, **more: Any) -> dict[str, Any]:
    return {
        "info": {"name": "Damage Car"},
        "images": {"id": 2, "file_name": f"{name}.jpg", "width": 800, "height": 600},
        "categories": {"id": 1, "supercategory_name": "Sedan"},
        "annotations": annotations,
    } | more


def save(file: Path, value: Any, encoding: str = "utf-8-sig") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value, ensure_ascii=False), encoding=encoding)
    return file


def read(source: Path, name: str = "damage", images: Path | None = None):
    report, options = Report(), ReadOptions(images=images)
    layers = {layer.name: layer for layer in AiHubFormat().layers(source, options)}
    return list(AiHubFormat().read(source, layers[name], options, report)), report


@pytest.mark.parametrize(
    "segmentation",
    [
        pytest.param([10, 20, 30, 20, 30, 40], id="numbers"),
        pytest.param([[10, 20, 30, 20, 30, 40]], id="lists of numbers"),
        pytest.param(POINTS, id="pairs"),
        pytest.param([POINTS], id="three deep"),
        pytest.param([[POINTS]], id="four deep"),
        pytest.param([[[POINTS]]], id="five deep"),
    ],
)
def test_nesting(tmp_path: Path, segmentation: Any) -> None:
    (image,), report = read(save(tmp_path / f"{NAME}.json", content([damage(segmentation=segmentation)])))
    (item,) = image.objects
    assert [points.tolist() for points in item.polygons] == [POINTS]
    assert (item.label, item.box) == ("Scratched", (10, 20, 30, 40))
    assert (image.shape, image.complete) == ((600, 800), True)
    assert not report.counts


def test_several_outlines_are_one_object(tmp_path: Path) -> None:
    other = [[x + 100, y] for x, y in POINTS]
    (image,), _ = read(save(tmp_path / "a.json", content([damage(segmentation=[[POINTS], [other]])])))
    assert [points.tolist() for points in image.objects[0].polygons] == [POINTS, other]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(content(damage()), id="one annotation"),
        pytest.param(content([damage()], images=[content([])["images"]]), id="images in a list"),
        pytest.param(content([damage()], categories=[{"id": 1, "supercategory_name": "x"}]), id="categories in a list"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_forms(tmp_path: Path, value: Any, encoding: str) -> None:
    (image,), report = read(save(tmp_path / "a.json", value, encoding))
    assert [item.label for item in image.objects] == ["Scratched"]
    assert image.path == tmp_path / f"{NAME}.jpg"
    assert not report.counts


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_korean_folders(tmp_path: Path, form: str) -> None:
    def named(text: str) -> Path:
        return tmp_path / unicodedata.normalize(form, text)

    labels, images = "1.Training/2.라벨링데이터/TL_{0}/{0}", "1.Training/1.원천데이터/TS_{0}/{0}"
    save(named(labels.format("damage")) / f"{NAME}.json", content([damage()]))
    save(named(labels.format("damage_part")) / "3_sc-5.json", content([damage(), part()], "3_sc-5"))
    save(named(labels.format("damage_part")) / "4_sc-6.json", content([part("Bonnet")], "4_sc-6"))
    save(named("2.Validation/2.라벨링데이터/VL_damage") / "7_as-8.json", content([damage("Crushed")], "7_as-8"))
    for file in (
        named(images.format("damage")) / f"{NAME}.jpg",
        named(images.format("damage_part")) / "3_sc-5.jpg",
        named("2.Validation/1.원천데이터/VS_damage/deeper") / "7_as-8.jpg",
    ):
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (800, 600)).save(file)
    found = {image.path.name: image for image in read(tmp_path)[0]}
    assert {name: (image.split, len(image.objects), image.path.is_file()) for name, image in found.items()} == {
        f"{NAME}.jpg": ("train", 1, True),
        "3_sc-5.jpg": ("train", 1, True),
        "4_sc-6.jpg": ("train", 0, False),  # labelled for damage, and there is none; the photo is missing
        "7_as-8.jpg": ("val", 1, True),
    }
    parts, _ = read(tmp_path, "parts")
    assert [(image.path.name, image.objects[0].label) for image in parts] == [
        ("3_sc-5.jpg", "Front door(L)"),
        ("4_sc-6.jpg", "Bonnet"),
    ]


def test_layers(tmp_path: Path) -> None:
    file = save(tmp_path / "a.json", content([damage(), part()]))
    layers = AiHubFormat().layers(file, ReadOptions())
    assert [(layer.name, layer.kind) for layer in layers] == [("damage", "detect"), ("parts", "semantic")]
    assert layers[0].names == ("Scratched", "Separated", "Crushed", "Breakage")


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        pytest.param(damage("Dented"), "unknown damage 'Dented'", id="unknown damage"),
        pytest.param(damage(None), "annotation of neither damage nor part", id="nothing"),
        pytest.param(damage(segmentation=[[1, 2, 3]]), "malformed outline", id="odd numbers"),
        pytest.param(damage(segmentation=[["x"]]), "malformed outline", id="no numbers"),
        pytest.param(damage(segmentation=[[10**400, 1, 2, 3, 4, 5]]), "malformed outline", id="number beyond floats"),
        pytest.param(damage(segmentation=[[[[[[[[POINTS]]]]]]]]), "malformed outline", id="too deep"),
        pytest.param(damage(segmentation=[], bbox=None), "annotation without outline and box", id="no place"),
        pytest.param("nonsense", "malformed annotation", id="no dictionary"),
    ],
)
def test_bad_annotations_make_the_image_incomplete(tmp_path: Path, bad: Any, what: str) -> None:
    file = save(tmp_path / "a.json", content([damage(), bad]))
    (image,), report = read(file)
    assert not image.complete
    assert len(image.objects) == 1
    assert report.counts == {what: 1}
    assert report.examples[what] == [f"{file}: annotations[1]"]


def test_broken_file_leaves_the_others(tmp_path: Path) -> None:
    good = save(tmp_path / "a.json", content([damage()]))
    (tmp_path / "b.json").write_text(good.read_text()[:-9])
    images, report = read(tmp_path)
    assert len(images) == 1
    assert report.counts == {"broken JSON file": 1}


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AyolomError, match=r"holds no labels of AI-Hub 581"):
        AiHubFormat().layers(tmp_path, ReadOptions())


def test_estimates_beside_the_labels_are_no_labels(tmp_path: Path) -> None:
    top = tmp_path / "160.차량파손 이미지 데이터" / "01.데이터" / "1.Training"
    for number in range(9):  # more than are looked at, and before the labels in the alphabet
        save(top / f"1.원천데이터_230126_add/TS_99. 붙임_견적서/as-{number}.json", {"차량정보": {"제작사": "현대"}})
    save(top / f"2.라벨링데이터/TL_damage/damage/{NAME}.json", content([damage(part=None)]))
    assert AiHubFormat().recognises(tmp_path)
    (image,), report = read(tmp_path)
    assert image.split == "train"
    assert not report.counts
    assert not report.notes


def test_a_folder_far_above_does_not_say_what_is_labelled(tmp_path: Path) -> None:
    file = save(tmp_path / "damage_part" / "mine" / "2.라벨링데이터" / "damage" / "a.json", content([damage()]))
    assert [layer.name for layer in AiHubFormat().layers(file.parent, ReadOptions())] == ["damage"]
