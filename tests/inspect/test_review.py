"""A person's corrections: what is set stands, the rest follows the rules, and the report is drawn again."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ayolom.errors import AyolomError
from ayolom.inspect import (
    Change,
    Options,
    RepairTable,
    Reviewer,
    inspect_pictures,
    kept_picture,
    load_inspection,
    load_language,
    rebuild_report,
)
from ayolom.inspect.album import Album


@pytest.fixture
def reviewer(rules, names):
    table = RepairTable(rows=[{"operation": "polish", "kind": "scratch"}])
    return Reviewer(rules, names, table)


@pytest.fixture
def inspection(make_picture, names):
    pictures = [make_picture([(10, 10, 30, 30), (60, 10, 80, 30)], ["dent", "dent"])]
    return inspect_pictures(pictures, names)


def test_nothing_said_confirms(reviewer, inspection) -> None:
    after = reviewer.change(inspection, "D1", Change())
    assert [one.review for one in after.damages] == ["confirmed", None]
    assert after.damages[0].model_copy(update={"review": None}) == inspection.damages[0]
    assert after.review is not None
    assert inspection.review is None


def test_another_kind_is_rated_and_repaired_by_the_rules(reviewer, inspection) -> None:
    before = inspection.damages[0]
    after = reviewer.change(inspection, "D1", Change(kind="scratch")).damages[0]
    assert (before.severity, before.operations) == ("moderate", ())
    assert (after.kind, after.severity, after.review) == ("scratch", "moderate", "corrected")
    assert [one.operation for one in after.operations] == ["polish"]
    assert {one.kind for one in after.evidence} == {"scratch"}
    assert reviewer.change(inspection, "D1", Change(kind="glass_shatter")).damages[0].severity == "severe"
    assert reviewer.change(inspection, "D1", Change(kind="scratch", severity="minor")).damages[0].severity == "minor"


def test_the_parts_follow(reviewer, inspection) -> None:
    by_part = {one.part: one.damages for one in inspection.parts}
    assert set(by_part["hood"]) | set(by_part["front_left_door"]) == {"D1", "D2"}
    on_hood = by_part["hood"][0]
    after = reviewer.change(inspection, on_hood, Change(part="front_left_door"))
    assert {one.part: one.damages for one in after.parts}["hood"] == ()
    assert after.damage(on_hood).extent_share is None  # no picture shows it there
    assert reviewer.change(after, on_hood, Change(part="hood")).damage(on_hood).extent_share is not None


def test_ids_stay_and_are_not_used_again(reviewer, inspection, make_picture) -> None:
    without = reviewer.remove(inspection, "D2")
    added = reviewer.add(without, make_picture([]), (40.0, 40.0, 60.0, 60.0), Change(kind="dent"))
    assert [one.id for one in added.damages] == ["D1", "D3"]
    assert [one.id for one in added.review.removed] == ["D2"]
    new = added.damages[1]
    assert (new.review, new.state, new.evidence[0].drawn_by) == ("added", "PAIRED", "person")
    assert reviewer.change(added, "D3", Change(severity="severe")).damage("D3").review == "added"


@pytest.mark.parametrize(
    "box",
    [
        pytest.param((30, 30, 10, 10), id="turned-round"),
        pytest.param((200, 10, 300, 40), id="outside"),
        pytest.param((10, 10, 11, 40), id="thin"),
        pytest.param((float("nan"), 0, 9, 9), id="no-number"),
    ],
)
def test_a_box_must_have_an_area_in_the_picture(reviewer, inspection, make_picture, box) -> None:
    with pytest.raises(AyolomError, match=r"box: must be .* inside the picture of 100x100"):
        reviewer.add(inspection, make_picture([]), box, Change(kind="dent"))


def test_what_is_not_there_cannot_be_corrected(reviewer, inspection) -> None:
    with pytest.raises(KeyError):
        reviewer.change(inspection, "D9", Change())
    with pytest.raises(KeyError):
        reviewer.drop(inspection, "D1", "other.jpg#1")


def test_the_report_is_drawn_again_from_what_was_kept(reviewer, rules, names, make_picture, tmp_path) -> None:
    image = np.full((100, 100, 3), 120, np.uint8)
    image[60:70, 60:70] = 0
    options = Options(out=tmp_path / "first", keep=tmp_path / "kept")
    first = inspect_pictures([make_picture([(10, 10, 30, 30)], image=image)], names, options)
    album = Album(tmp_path, names, rules, load_language("en"), video=False, keep=tmp_path / "kept")
    picture = kept_picture(first.views[0], album)
    assert picture.class_map is not None
    assert np.abs(picture.image.astype(int) - image).mean() < 2
    corrected = reviewer.add(first, picture, (60.0, 60.0, 70.0, 70.0), Change(kind="scratch"))
    drawn = rebuild_report(corrected, tmp_path / "kept", tmp_path / "second", names, rules, load_language("ko"))
    assert load_inspection(tmp_path / "second") == drawn
    crop = cv2.imread(str(tmp_path / "second" / drawn.damage("D2").crop_file))
    assert crop.min() < 40  # the black square
    assert "사람이 추가함" in (tmp_path / "second" / "report.html").read_text(encoding="utf-8")
    assert not (tmp_path / "first" / ".kept").exists()
    assert (tmp_path / "kept").is_dir()
    with pytest.raises(AyolomError, match="is there already"):
        rebuild_report(corrected, tmp_path / "kept", tmp_path / "second", names, rules, load_language("ko"))
