"""VIA as a stream: projects and exports, regions as list and dictionary, attributes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ayolom.data.convert import _stream
from ayolom.data.convert._format import ReadOptions
from ayolom.data.convert._values import Report
from ayolom.data.convert.via_format import ViaFormat
from ayolom.errors import AyolomError

TRIANGLE = {"name": "polygon", "all_points_x": [1, 9, 5], "all_points_y": [2, 2, 8]}
PLAIN = ReadOptions()


def region(shape: Any = None, **attributes: Any) -> dict[str, Any]:
    return {"shape_attributes": shape or TRIANGLE, "region_attributes": attributes}


def entry(*regions: Any, name: str = "a.jpg") -> dict[str, Any]:
    return {"filename": name, "size": 1, "regions": list(regions), "file_attributes": {}}


def save(file: Path, content: Any, *images: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content))
    for name in images:
        (file.parent / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (100, 80)).save(file.parent / name)
    return file


def read(source: Path, options: ReadOptions = PLAIN):
    report = Report()
    (layer,) = ViaFormat().layers(source, options)
    return layer, list(ViaFormat().read(source, layer, options, report)), report


@pytest.mark.parametrize("regions", ["list", "dictionary"])
@pytest.mark.parametrize("kind", ["export", "project"])
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_forms(tmp_path: Path, regions: str, kind: str, streamed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if streamed:
        pytest.importorskip("ijson")
        monkeypatch.setattr(_stream, "SMALL", 0)
    first = entry(region(damage="dent"), region(damage="scratch"))
    if regions == "dictionary":
        first["regions"] = {str(number): value for number, value in enumerate(first["regions"])}
    content: Any = {"a.jpg1": first, "b.jpg1": entry(name="b.jpg")}
    if kind == "project":
        options = {"dent": "", "scratch": "", "crack": ""}
        attributes = {"region": {"damage": {"type": "dropdown", "options": options}}, "file": {}}
        settings = {"core": {"default_filepath": "photos/"}}
        content = {"_via_settings": settings, "_via_img_metadata": content, "_via_attributes": attributes}
    place = "photos/" if kind == "project" else ""
    file = save(tmp_path / "via.json", content, f"{place}a.jpg", f"{place}b.jpg")
    layer, images, report = read(file)
    assert layer.kind == "semantic"
    assert layer.names == (("dent", "scratch", "crack") if kind == "project" else ())
    assert [image.file for image in images] == ["a.jpg", "b.jpg"]
    assert [image.path for image in images] == [tmp_path / f"{place}a.jpg", tmp_path / f"{place}b.jpg"]
    assert [item.label for item in images[0].objects] == ["dent", "scratch"]
    assert images[0].objects[0].polygons[0].tolist() == [[1, 2], [9, 2], [5, 8]]
    assert images[0].shape == (80, 100)
    assert images[1].objects == ()
    assert all(image.complete for image in images)
    assert not report.counts


def test_folders_of_splits(tmp_path: Path) -> None:
    for split in ("train", "val"):
        save(tmp_path / split / "via_region_data.json", {"a": entry(region(name="damage"))}, "a.jpg")
    _, images, _ = read(tmp_path)
    assert [(image.split, image.path) for image in images] == [
        ("train", tmp_path / "train" / "a.jpg"),
        ("val", tmp_path / "val" / "a.jpg"),
    ]


def test_several_attributes_need_a_word(tmp_path: Path) -> None:
    file = save(tmp_path / "v.json", {"a": entry(region(damage="dent", level="2"))}, "a.jpg")
    with pytest.raises(AyolomError, match=r"several attributes \(damage, level\).*attribute=damage"):
        read(file)
    _, images, _ = read(file, ReadOptions(attribute="level"))
    assert [item.label for item in images[0].objects] == ["2"]


def test_an_attribute_with_a_space_is_quoted_for_the_shell(tmp_path: Path) -> None:
    entries = {"a": entry(region(**{"Class Name": "dent", "level": "2"}))}
    with pytest.raises(AyolomError, match=r'class: "attribute=Class Name"$'):
        read(save(tmp_path / "v.json", entries, "a.jpg"))


def test_no_attribute_needs_the_one_name(tmp_path: Path) -> None:
    file = save(tmp_path / "v.json", {"a": entry(region())}, "a.jpg")
    with pytest.raises(AyolomError, match="names=damage"):
        read(file)
    _, images, _ = read(file, ReadOptions(names=("dent",)))
    assert [item.label for item in images[0].objects] == ["dent"]


def test_bad_regions_make_the_image_incomplete(tmp_path: Path) -> None:
    bad = [region({"name": "cloud", "cx": 1, "cy": 2}, d="x"), "nonsense", {"shape_attributes": TRIANGLE}]
    file = save(tmp_path / "v.json", {"a": entry(region(d="x"), *bad), "b": {"regions": []}, "c": entry(name="c.jpg")})
    _, images, report = read(file)
    assert [(image.file, image.complete, len(image.objects)) for image in images] == [
        ("a.jpg", False, 1),
        ("c.jpg", True, 0),
    ]
    assert report.counts == {
        "region of the kind 'cloud'": 1,
        "malformed region": 1,
        "region without a class": 1,
        "malformed image entry": 1,
    }
    assert report.examples["malformed region"] == [f'{file}: ["a"].regions[2]']
    assert images[0].objects[0].where == f'{file}: ["a"].regions[0]'


def test_a_point_is_for_the_map_to_judge(tmp_path: Path) -> None:
    point = region({"name": "point", "cx": 1, "cy": 2}, d="wheel")
    file = save(tmp_path / "v.json", {"a": entry(region(d="x"), point)}, "a.jpg")
    _, (image,), report = read(file)
    assert [(item.label, bool(item.shapeless)) for item in image.objects] == [("x", False), ("wheel", True)]
    assert image.complete
    assert not report.counts


def test_missing_image_is_still_told(tmp_path: Path) -> None:
    _, images, _ = read(save(tmp_path / "v.json", {"a": entry(region(d="x"))}))
    assert (images[0].path, images[0].shape) == (tmp_path / "a.jpg", (0, 0))


def test_damaged_file_beside_a_good_one(tmp_path: Path) -> None:
    file = save(tmp_path / "v.json", {"a": entry(region(d="x"))}, "a.jpg")
    (tmp_path / "w.json").write_text(file.read_text()[:-5])
    _, images, report = read(tmp_path)
    assert len(images) == 1
    assert list(report.counts) == ["broken JSON file: the rest is not read"]


def test_another_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AyolomError, match="holds no VIA 1 or 2 file"):
        read(save(tmp_path / "x.json", {"shapes": []}))
