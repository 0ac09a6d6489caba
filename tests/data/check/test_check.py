"""Every kind of defect is found, and nothing in a clean data set."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from ayolom.data.check import Limits, Result, Row, Spool, check, report, status, write
from ayolom.data.check._kinds import KINDS
from ayolom.data.schema import load_schema
from ayolom.errors import AyolomError
from tests.data.check.conftest import describe, put, scene
from tests.data.pictures import scene_with_corners

EXPECTED = {
    "image-broken": {"cut.jpg"},
    "label-broken": {"class9.txt"},
    "listed-twice": {"3.jpg"},
    "copy-across": {"copy.jpg"},
    "copies-differ": {"copy.jpg"},
    "copy-within": {"twice.jpg"},
    "near-across": {"mirror.png"},
    "roboflow-across": {"car_jpg.rf.00112233445566778899aabbccddeeff.jpg"},
    "orphan": {"orphan.txt"},
    "label-shared": {"shared.jpg"},
    "image-flat": {"flat.jpg"},
    "image-dark": {"dark.jpg"},
    "image-long": {"long.jpg"},
    "unused": {"unlabelled.jpg", "class9.jpg"},
    "box-repeated": {"repeated.jpg"},
    "box-no-area": {"line.jpg"},
    "box-twin": {"twin.jpg"},
    "box-two-classes": {"both.jpg"},
    "box-tiny": {"tiny.jpg"},
    "box-huge": {"huge.jpg"},
}


def run(data: Path, **limits: float) -> tuple[Result, dict[str, list[Row]]]:
    """Check a data set and return the result and all rows by kind."""
    with Spool() as spool:
        result = check(load_schema(data), spool, limits=Limits(**limits))
        return result, {finding.kind: list(spool.rows(finding.kind)) for finding in result.findings}


def test_every_defect_is_found_where_it_is(faulty: Path) -> None:
    _, rows = run(faulty)
    found = {kind: {Path(row.file).name for row in rows.get(kind, [])} for kind in EXPECTED}
    assert found == EXPECTED


def test_classes_without_examples_are_named(faulty: Path) -> None:
    _, rows = run(faulty)
    assert [row.detail for row in rows["class-unused"]] == ["damage: 3 never (images: train 0, val 0)"]
    assert [row.detail.split(" (")[0] for row in rows["class-not-in-val"]] == ["damage: 2 crack"]


def test_labels_are_counted(faulty: Path) -> None:
    result, _ = run(faulty)
    train = result.tables["train"]["damage"]
    # 20 images, of which one cannot be read
    assert train.states == {"labelled": 17, "unlabelled": 1, "empty": 0, "broken": 1}
    assert train.instances.tolist() == [17, 1, 1, 0]
    assert train.images.tolist() == [16, 1, 1, 0]


def test_a_clean_set_has_neither_errors_nor_warnings(clean: Path) -> None:
    result, _ = run(clean)
    assert [finding.kind for finding in result.findings if finding.severity != "note"] == []
    assert status(result, strict=True) == 0


def test_pixels_are_those_of_the_mask(tmp_path: Path) -> None:
    tasks = {"parts": {"kind": "semantic", "names": ["background", "hood", "door"]}}
    for number, split in enumerate(("train", "val")):
        put(tmp_path, f"{split}/{number}.jpg", scene(number, (40, 50)), None)
        mask = np.zeros((40, 50), np.uint8)
        mask[:10, :20] = 1
        file = tmp_path / "masks" / split / f"{number}.png"
        file.parent.mkdir(parents=True)
        cv2.imwrite(str(file), mask)
    result, rows = run(describe(tmp_path, tasks=tasks))
    assert result.tables["train"]["parts"].pixels.tolist() == [1800, 200, 0]
    assert [row.detail.split(" (")[0] for row in rows["class-unused"]] == ["parts: 2 door"]


def test_a_task_without_labels_is_an_error(tmp_path: Path) -> None:
    put(tmp_path, "train/0.jpg", scene(0))
    put(tmp_path, "val/1.jpg", scene(1), None)
    result, rows = run(describe(tmp_path))
    assert [row.split for row in rows["task-unlabelled"]] == ["val"]
    assert status(result, strict=False) == 1


def test_other_crops_of_one_scene(tmp_path: Path) -> None:
    for number in range(3):
        put(tmp_path, f"train/{number}.png", scene_with_corners(number))
        put(tmp_path, f"val/{number}.png", scene_with_corners(10 + number))
    put(tmp_path, "val/cut.png", scene_with_corners(1)[40:300, 60:380])
    put(tmp_path, "train/zoomed.png", cv2.resize(scene_with_corners(2)[50:250, 50:300], (400, 320)))
    put(tmp_path, "val/same.png", scene_with_corners(0))  # a copy is told once, as a copy
    _, rows = run(describe(tmp_path))
    pairs = {kind: [(Path(row.file).name, Path(row.other).name) for row in rows[kind]] for kind in rows}
    assert pairs["crop-across"] == [("cut.png", "1.png")]
    assert pairs["crop-within"] == [("zoomed.png", "2.png")]
    result, rows = run(describe(tmp_path), crops=5)
    assert not [kind for kind in rows if "crop" in kind]
    assert "crops=9 does" in report(result)


def test_copies_whose_boxes_differ(tmp_path: Path) -> None:
    put(tmp_path, "train/0.jpg", scene(0), "0 0.3 0.5 0.2 0.2\n")
    put(tmp_path, "val/same.png", scene(0)[:, ::-1], "0 0.7 0.5 0.2 0.2\n")
    put(tmp_path, "train/1.jpg", scene(1), "0 0.3 0.5 0.2 0.2\n")
    put(tmp_path, "val/other.png", scene(1)[:, ::-1], "0 0.3 0.5 0.2 0.2\n")
    _, rows = run(describe(tmp_path))
    assert {Path(row.file).name for row in rows["near-across"]} == {"same.png", "other.png"}
    assert [(Path(row.file).name, row.detail) for row in rows["copies-differ"]] == [
        ("other.png", "damage: 1 of 1 box elsewhere or of another class")
    ]


@pytest.mark.parametrize(
    ("strict", "expected"), [(False, 0), (True, 1)], ids=["errors only count", "warnings count too"]
)
def test_status_of_a_set_with_warnings(clean: Path, strict: bool, expected: int) -> None:
    (clean.parent / "labels/train/orphan.txt").write_text("")
    result, _ = run(clean)
    assert status(result, strict) == expected


def test_limits_decide(faulty: Path) -> None:
    _, rows = run(faulty, tiny=0.5, huge=1.0, near=0, twin=1.1, stretched=20)
    assert not {"box-tiny", "box-huge", "box-twin", "image-long"} & set(rows)


def test_nothing_of_the_data_set_is_changed(faulty: Path) -> None:
    def state() -> dict[Path, tuple[int, bytes]]:
        files = [file for file in faulty.parent.rglob("*") if file.is_file()]
        return {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in files}

    before = state()
    run(faulty)
    assert state() == before


def test_written_results_are_whole_and_complete(faulty: Path, tmp_path: Path) -> None:
    schema, out = load_schema(faulty), tmp_path / "results"
    with Spool() as spool:
        result = check(schema, spool)
        write(result, spool, schema, out)
    plain = json.loads((out / "check.json").read_text(encoding="utf-8"))
    assert {one["kind"]: len(one["rows"]) for one in plain["findings"]} == {
        finding.kind: finding.count for finding in result.findings
    }
    assert plain["images"] == {"train": 20, "val": 8}
    assert sorted(file.name for file in out.iterdir()) == ["check.html", "check.json"]
    assert [file for file in tmp_path.iterdir() if file.name.endswith(".tmp")] == []


def test_a_folder_in_use_is_not_written_to(clean: Path, tmp_path: Path) -> None:
    schema, out = load_schema(clean), tmp_path / "used"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    with Spool() as spool, pytest.raises(AyolomError, match="is there already"):
        write(check(schema, spool), spool, schema, out)
    assert [file.name for file in out.iterdir()] == ["mine.txt"]


def test_names_of_files_cannot_become_markup(tmp_path: Path) -> None:
    put(tmp_path, "train/<img src=x onerror=alert(1)>.jpg", scene(0), "0 0.5 0.5 0.99 0.99\n")
    put(tmp_path, "val/1.jpg", scene(1))
    schema = load_schema(describe(tmp_path))
    with Spool() as spool:
        write(check(schema, spool), spool, schema, tmp_path / "out")
    text = (tmp_path / "out/check.html").read_text(encoding="utf-8")
    assert "<img src=x" not in text
    assert "&lt;img src=x" in text


def test_the_page_needs_no_other_file(faulty: Path, tmp_path: Path) -> None:
    schema = load_schema(faulty)
    with Spool() as spool:
        write(check(schema, spool), spool, schema, tmp_path / "out")
    text = (tmp_path / "out/check.html").read_text(encoding="utf-8")
    assert "http" not in text.replace("http-equiv", "")
    assert text.count('<img src="data:image/jpeg;base64,') == text.count("<img ")


def test_the_text_names_the_first_files(faulty: Path) -> None:
    result, _ = run(faulty)
    lines = report(result).splitlines()
    assert "cut.jpg" in lines[lines.index(next(line for line in lines if KINDS["image-broken"].title in line)) + 1]
    assert lines[-1] == ", ".join(
        f"{result.count(one)} {one}{'' if result.count(one) == 1 else 's'}" for one in ("error", "warning", "note")
    )


def test_a_copy_without_a_label_contradicts_nothing(tmp_path: Path) -> None:
    put(tmp_path, "train/0.jpg", scene(0))
    put(tmp_path, "train/1.jpg", scene(0), None)
    put(tmp_path, "val/2.jpg", scene(2))
    _, rows = run(describe(tmp_path))
    assert len(rows["copy-within"]) == 1
    assert "copies-differ" not in rows


def test_images_without_three_channels_and_turned_ones_are_read(tmp_path: Path) -> None:
    import PIL.Image

    put(tmp_path, "train/grey.png", cv2.cvtColor(scene(0), cv2.COLOR_BGR2GRAY))
    put(tmp_path, "val/1.jpg", scene(1))
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    PIL.Image.fromarray(scene(2)).save(tmp_path / "images/val/turned.jpg", exif=exif)
    result, _ = run(describe(tmp_path))
    assert sorted(result.sizes) == [(96, 128, 2), (128, 96, 1)]


def test_a_name_that_is_not_utf_8_is_a_finding(clean: Path) -> None:
    strange = os.fsencode(clean.parent / "images/train") + b"/caf\xe9.jpg"
    try:
        shutil.copy(clean.parent / "images/train/2.jpg", strange)
    except (OSError, ValueError):
        pytest.skip("this file system takes UTF-8 names only")
    _, rows = run(clean)
    assert [(Path(row.file).name, row.detail) for row in rows["image-broken"]] == [
        ("caf\\udce9.jpg", "its name is not UTF-8; rename it")
    ]
