"""Reports: files, schema, escaping, nothing half written; and the command from start to end."""

from __future__ import annotations

import csv
import json
import re

import cv2
import numpy as np
import pytest

from ayolom.cli import main
from ayolom.config import cfg_dir
from ayolom.errors import AyolomError
from ayolom.inspect import (
    Inspection,
    Options,
    inspect_pictures,
    json_schema,
    load_inspection,
    load_language,
    load_rules,
)
from ayolom.inspect.report._csv import HEAD, _safe
from ayolom.inspect.report._diagram import draw_diagram, slot_of

NASTY = "<script>alert(1)</script>"


@pytest.fixture
def written(tmp_path, make_picture, names):
    """Write a report and return its folder and the inspection."""

    def write(lang="en", kinds=("dent", NASTY), **options):
        pictures = [make_picture([(10, 10, 30, 30), (60, 10, 80, 30)], list(kinds), name=f"{NASTY}.jpg")]
        out = tmp_path / f"report-{lang}"
        return out, inspect_pictures(pictures, names, Options(out=out, lang=lang, **options), source="=cmd()")

    return write


def test_the_published_schema_is_current() -> None:
    published = json.loads((cfg_dir() / "schemas" / "inspection-1.schema.json").read_text())
    assert published == json_schema(), (
        "write json.dumps(json_schema(), indent=2) to that file; a changed meaning needs a new version"
    )


def test_report_json_reads_back_and_fits_the_schema(written) -> None:
    out, inspection = written()
    assert load_inspection(out) == inspection
    content = json.loads((out / "report.json").read_text())
    assert content["schema_version"] == "1.0"
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(content, json_schema())


def test_the_page_is_escaped_and_stands_alone(written) -> None:
    out, inspection = written()
    page = (out / "report.html").read_text(encoding="utf-8")
    assert NASTY not in page
    assert "&lt;script&gt;" in page
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    assert all(f'id="{damage.id}"' in page for damage in inspection.damages)
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert page.count("<img") == len(re.findall(r"<img [^>]*alt=\"[^\"]", page))
    assert {path.name for path in out.iterdir()} == {"report.html", "report.json", "findings.csv", "crops", "pictures"}
    assert all(re.fullmatch(r"[\w.-]+", path.name) for path in out.rglob("*"))


def test_the_korean_page_brings_its_letters(written) -> None:
    pytest.importorskip("pylopdf_fonts_ko")
    out, _ = written(lang="ko", kinds=("dent", "scratch"))
    page = (out / "report.html").read_text(encoding="utf-8")
    assert '<html lang="ko">' in page
    assert "차량 검사 보고서" in page
    assert "찌그러짐" in page
    assert "data:font/woff" in page


def test_the_table_has_a_row_for_each_finding(written) -> None:
    out, inspection = written()
    with (out / "findings.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == HEAD
    assert [row["damage"] for row in rows] == [damage.id for damage in inspection.damages for _ in damage.evidence]
    assert _safe("=1+1") == "'=1+1"


def test_nothing_is_overwritten_and_nothing_half_written(written, monkeypatch, tmp_path) -> None:
    out, _ = written()
    with pytest.raises(AyolomError, match=r"out=.*is there already"):
        written()
    monkeypatch.setattr("ayolom.inspect.run.write_report", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        written(lang="ko")
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_repairs_and_comparison_are_shown(written, tmp_path) -> None:
    before, _ = written(kinds=("dent", "crack"))
    table = tmp_path / "prices.yaml"
    table.write_text("currency: EUR\nrows: [{kind: dent, operation: pull, hours: 1.5, cost: 100}]\n")
    out, inspection = written(lang="ko", kinds=("dent", "crack"), repair=table, compare=before / "report.json")
    assert [one.operation for damage in inspection.damages for one in damage.operations] == ["pull"]
    assert {one.status for one in inspection.comparison.changes} == {"unchanged"}
    assert inspection.comparison.earlier.name == before.name
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "pull" in page
    assert "100.00 EUR" in page
    assert "변화 없음" in page


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_pdf_holds_the_same(written, lang) -> None:
    pytest.importorskip("fpdf")
    pytest.importorskip("pylopdf_fonts_ko")
    out, _ = written(lang=lang, pdf=True)
    data = (out / "report.pdf").read_bytes()
    assert data.startswith(b"%PDF-")
    assert data.count(b"/Subtype /Image") == 2
    assert b"/Title" in data


def test_without_its_package_a_pdf_says_what_to_install(written, monkeypatch) -> None:
    from ayolom.inspect.report import _pdf

    monkeypatch.setattr(_pdf, "find_spec", lambda name: None)
    with pytest.raises(AyolomError, match=r'pip install "ayolom\[pdf\]"'):
        written(pdf=True)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("[", "is no JSON", id="broken"),
        pytest.param('{"schema_version": "9"}', "is of version 9, not 1.0", id="version"),
        pytest.param('{"schema_version": "1.0"}', "is no inspection: created_at: field required", id="fields"),
    ],
)
def test_an_earlier_report_that_is_none_is_named(tmp_path, content, message) -> None:
    file = tmp_path / "report.json"
    file.write_text(content)
    with pytest.raises(AyolomError, match=message):
        load_inspection(file)


@pytest.mark.parametrize(
    ("part", "place", "slot"),
    [
        pytest.param("front_left_door", None, "front left door", id="drawn-set"),
        pytest.param("wheel", "back right", "back right wheel", id="placed"),
        pytest.param("wheel", None, None, id="place-not-known"),
        pytest.param("windshield", None, "front glass", id="other-word"),
        pytest.param("rear_bumper", None, "back bumper", id="rear"),
        pytest.param("앞범퍼", None, "front bumper", id="korean"),
        pytest.param("antenna", None, None, id="not-on-it"),
    ],
)
def test_places_on_the_drawing(rules, part, place, slot) -> None:
    assert slot_of(part, place, rules) == slot


def test_all_parts_of_the_drawn_set_have_a_place_on_the_drawing(rules) -> None:
    from ayolom.data.synthetic import PART_NAMES
    from ayolom.inspect.objects import PartSummary

    parts = [
        PartSummary(part=name, pictures_count=1, severity=None, damages=())
        for name in PART_NAMES.values()
        if name not in {"background", "wheel"}
    ]
    shapes, rest = draw_diagram(parts, load_language("en"), rules)
    assert rest == []
    assert sum(shape.level == "intact" for shape in shapes) == len(parts)


def test_pictures_without_any_are_refused(names) -> None:
    with pytest.raises(AyolomError, match="holds no picture"):
        inspect_pictures([], names)


def test_rules_may_be_given_ready(make_picture, names) -> None:
    rules = load_rules({"severity": []})
    assert (
        inspect_pictures([make_picture([(0, 0, 20, 20)])], names, Options(rules=rules)).damages[0].severity == "unrated"
    )


# The command ----------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A model that has learned nothing."""
    from ayolom import YOLO

    file = tmp_path_factory.mktemp("weights") / "best.pt"
    YOLO("aYOLOM26n.yaml").save(file)
    return file


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "car"
    folder.mkdir()
    rng = np.random.default_rng(1)
    for name in ("left", "right"):
        cv2.imencode(".jpg", rng.integers(0, 255, (96, 128, 3), np.uint8))[1].tofile(folder / f"{name}.jpg")
    (folder / "broken.jpg").write_bytes(b"no picture")
    return folder


def run(*words: str) -> int:
    return main(["yolo", "inspect", *words])


def test_the_command_writes_a_report(photos, checkpoint, tmp_path, capsys, caplog) -> None:
    out = tmp_path / "report"
    assert run(f"source={photos}", f"model={checkpoint}", f"out={out}", "imgsz=64", "conf={damage: 0.0001}") == 0
    inspection = load_inspection(out)
    assert [view.name for view in inspection.views] == ["left.jpg", "right.jpg"]
    assert any("broken.jpg" in line for line in inspection.skipped)
    assert inspection.model.damage_task == "damage"
    assert inspection.damages
    assert (out / inspection.damages[0].crop_file).is_file()
    assert "report.html" in caplog.text
    caplog.clear()
    again = ["imgsz=64", "conf={damage: 0.99}", f"compare={out}", f"out={tmp_path / 'later'}"]
    assert run(f"source={photos}", f"model={checkpoint}", *again) == 0
    assert f"gone: {', '.join(f'({damage.id})' for damage in inspection.damages)}" in caplog.text
    assert run(f"source={photos}", f"model={checkpoint}", f"out={out}", "imgsz=64") == 1
    assert "is there already" in capsys.readouterr().err


def test_the_python_door_gives_the_same(photos, checkpoint) -> None:
    from ayolom import YOLO, inspect_vehicle

    one = inspect_vehicle(str(photos), checkpoint, imgsz=64, conf={"damage": 0.001}, max_det=20)
    other = inspect_vehicle(str(photos), YOLO(checkpoint), imgsz=64, conf={"damage": 0.001}, max_det=20)
    assert isinstance(one, Inspection)
    assert one.damages == other.damages
    assert one.views == other.views


def test_large_photos_are_searched_in_tiles_on_request(photos, checkpoint, tmp_path) -> None:
    words = [f"source={photos}", f"model={checkpoint}", "imgsz=64", "conf={damage: 0.0001}"]
    assert run(*words, f"out={tmp_path / 'whole'}") == 0
    assert run(*words, f"out={tmp_path / 'tiles'}", "tile=64", "tile_overlap=0.1", "tile_whole=False") == 0
    whole, tiles = (load_inspection(tmp_path / name) for name in ("whole", "tiles"))
    asked = {name: value for name, value in tiles.model.settings.items() if name not in whole.model.settings}
    assert asked == {"tile": "64", "tile_overlap": "0.1", "tile_whole": "False"}
    assert tiles.damages != whole.damages


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(["model=nowhere.pt"], "model=nowhere.pt: no such checkpoint", id="model"),
        pytest.param(["source=0"], "has no end", id="camera"),
        pytest.param(["lang=xx"], "lang=xx: no such language", id="language"),
        pytest.param(["compare=nowhere.json"], "compare=nowhere.json: cannot be read", id="compare"),
        pytest.param(["sorce=x"], "sorce", id="option"),
        pytest.param(["tile=8"], "tile=8: must be a whole number from 32", id="tile"),
    ],
)
def test_mistakes_are_named_and_nothing_is_written(photos, checkpoint, tmp_path, capsys, words, message) -> None:
    given = {"source": str(photos), "model": str(checkpoint), "out": str(tmp_path / "report")}
    given.update(word.split("=", 1) for word in words)
    assert run(*(f"{name}={value}" for name, value in given.items())) == 1
    assert message in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"car"}


def test_a_video_gets_its_marked_copy(checkpoint, tmp_path) -> None:
    pytest.importorskip("lap")
    file = tmp_path / "walk.mp4"
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"mp4v"), 10, (128, 96))
    for shade in range(6):
        writer.write(np.full((96, 128, 3), 40 * shade, np.uint8))
    writer.release()
    out = tmp_path / "report"
    assert run(f"source={file}", f"model={checkpoint}", f"out={out}", "imgsz=64") == 0
    (view,) = load_inspection(out).views
    assert (view.media, view.frames_count, view.duration_s) == ("video", 6, 0.5)
    video = cv2.VideoCapture(str(out / view.picture_file))
    assert int(video.get(cv2.CAP_PROP_FRAME_COUNT)) == 6


def test_help_tells_how(capsys) -> None:
    assert run("--help") == 0
    assert "yolo inspect source=car/ model=best.pt" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["glass_shatter", "glass shatter", "Glass-Shatter"])
def test_class_names_are_translated_however_a_set_spells_them(name) -> None:
    assert load_language("ko").name(name) == "유리 파손"
    assert load_language("en").name("soft_top") == "soft top"
