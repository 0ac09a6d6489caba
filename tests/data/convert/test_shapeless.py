"""Points and lines in a source: they cost an image its label, unless the map drops their class."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from ayolom.cli import main

Make = Callable[[Path], Path]
POINT = {"label": "wheel", "points": [[20, 20]], "shape_type": "point"}


def labelme(root: Path) -> Path:
    """One image with a door and a wheel, the wheel as a point."""
    door = {"label": "door", "points": [[10, 20], [30, 20], [30, 40]], "shape_type": "polygon"}
    root.mkdir()
    content = {"shapes": [door, POINT], "imagePath": "a.jpg", "imageHeight": 80, "imageWidth": 100}
    (root / "a.json").write_text(json.dumps(content))
    Image.new("RGB", (100, 80)).save(root / "a.jpg")
    return root


def cvat(root: Path) -> Path:
    """The same in CVAT's XML."""
    (root / "images").mkdir(parents=True)
    shapes = '<polygon label="door" points="10,20;30,20;30,40"/><points label="wheel" points="20,20"/>'
    image = f'<image id="0" name="a.jpg" width="100" height="80">{shapes}</image>'
    (root / "annotations.xml").write_text(f"<annotations>{image}</annotations>")
    Image.new("RGB", (100, 80)).save(root / "images" / "a.jpg")
    return root


def via(root: Path) -> Path:
    """The same in VIA's JSON."""
    outline = {"name": "polygon", "all_points_x": [10, 30, 30], "all_points_y": [20, 20, 40]}
    shapes = {"door": outline, "wheel": {"name": "point", "cx": 20, "cy": 20}}
    regions = [{"shape_attributes": shape, "region_attributes": {"name": name}} for name, shape in shapes.items()]
    root.mkdir()
    (root / "via.json").write_text(json.dumps({"a": {"filename": "a.jpg", "size": 1, "regions": regions}}))
    Image.new("RGB", (100, 80)).save(root / "a.jpg")
    return root


@pytest.mark.parametrize("make", [labelme, cvat, via])
@pytest.mark.parametrize("fate", ["null", "ignore"])
@pytest.mark.parametrize("kind", ["detect", "semantic"])
def test_the_map_drops_points(tmp_path: Path, make: Make, fate: str, kind: str) -> None:
    classes, out = tmp_path / "map.yaml", tmp_path / "out"
    classes.write_text(f"door: door\nwheel: {fate}\n")
    arguments = [f"source={make(tmp_path / 'in')}", f"out={out}", "task=parts", f"kind={kind}", f"map={classes}"]
    assert main(["yolo", "data", "import", *arguments]) == 0
    (problems,) = (out / "imports").glob("*/problems.csv")
    assert "is dropped by the map" in problems.read_text() or "is ignored by the map" in problems.read_text()
    assert ",yes" not in problems.read_text()
    assert [path.name for path in out.rglob("a.*") if path.suffix in {".txt", ".png"}] != []


@pytest.mark.parametrize("make", [labelme, cvat, via])
def test_without_a_map_the_image_is_put_aside(tmp_path: Path, make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [f"source={make(tmp_path / 'in')}", f"out={tmp_path / 'out'}", "task=parts", "kind=detect"]
    assert main(["yolo", "data", "import", *arguments]) == 1
    assert "'wheel', which has no area (draw it round, or drop the class by map=)" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
