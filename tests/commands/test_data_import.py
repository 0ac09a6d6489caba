"""`yolo data import` from the command line: what it prints, what it writes, how it fails."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from ayolom.cli import main


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two images with an outline each, as COCO."""
    folder = tmp_path / "photos"
    folder.mkdir()
    square = [10, 20, 30, 20, 30, 40, 10, 40]
    for number, name in enumerate(("a.png", "b.png")):
        cv2.imwrite(str(folder / name), np.full((80, 100, 3), 50 * number, np.uint8))
    content = {
        "images": [
            {"id": i, "file_name": name, "height": 80, "width": 100} for i, name in enumerate(("a.png", "b.png"))
        ],
        "categories": [{"id": 1, "name": "gocuk"}, {"id": 2, "name": "odd"}],
        "annotations": [
            {"id": 0, "image_id": 0, "category_id": 1, "segmentation": [square]},
            {"id": 1, "image_id": 1, "category_id": 2, "segmentation": [square]},
        ],
    }
    (folder / "annotations.json").write_text(json.dumps(content))
    return folder


def run(*words: str) -> int:
    return main(["yolo", "data", "import", *words])


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", "".join(capsys.readouterr()))


def test_import_prints_what_came_of_it_and_the_next_command(
    source: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "map.yaml").write_text("gocuk: dent\n")
    out = tmp_path / "mine"
    assert run(f"source={source}", f"out={out}", "task=damage", f"map={tmp_path / 'map.yaml'}") == 0
    text = caplog.text
    assert "Added 1 new image (1 train) and 0 labels of known ones as 'photos' (coco)" in text
    assert "damage: 0 dent 1" in text
    assert f"1 x class 'odd' is not in the map, such as {source / 'annotations.json'}: annotations[1]" in text
    assert f"Next: yolo data check data={out / 'data.yaml'}" in text
    assert yaml.safe_load((out / "data.yaml").read_text())["tasks"]["damage"]["names"] == {0: "dent"}
    assert (out / "labels/photos/train/a.txt").read_text() == "0 0.200000 0.375000 0.200000 0.250000\n"


def test_dry_run_and_strict_write_nothing(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "map.yaml").write_text("gocuk: dent\n")
    words = (f"source={source}", f"out={tmp_path / 'mine'}", "task=damage", f"map={tmp_path / 'map.yaml'}")
    assert run(*words, "dry_run=True") == 0
    assert "Would add 1 new image (1 train)" in caplog.text
    assert run(*words, "strict=True") == 1
    assert "error: strict=True and not all of" in printed(capsys)
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "source= is missing"),
        (("source=x", "out=y", "place=steal"), "place=steal: must be one of copy, link, move"),
        (("source=nowhere", "out=y"), "source=nowhere: no such file or folder"),
        (("source=x", "out=y", "sauce=1"), "no option 'sauce'. Did you mean 'source'?"),
    ],
    ids=["nothing", "place", "source", "option"],
)
def test_mistakes_are_named(words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*words) == 1
    assert message in printed(capsys)


def test_folder_without_labels_names_the_formats(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert run(f"source={tmp_path / 'empty'}", f"out={tmp_path / 'mine'}") == 1
    text = printed(capsys)
    assert "is of no format that is known here" in text
    assert "coco: COCO JSON" in text


def test_help_has_options_and_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    text = printed(capsys)
    assert "yolo data import: join a labelled source" in text
    assert "place" in text
    assert "source=photos/_annotations.coco.json" in text
