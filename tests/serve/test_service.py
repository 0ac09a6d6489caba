"""From upload to a corrected report, as a program does it."""

from __future__ import annotations

import csv
import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from ayolom.inspect import Inspection

NASTY = "<img src=x onerror=alert(1)>.jpg"
BOX, DENT = {"box_xyxy_px": [1, 1, 9, 9]}, {"kind": "dent"}


def test_photos_and_a_video_become_a_report(client, photo, video):
    pytest.importorskip("lap")
    asked = client()
    address = asked.done(("left.jpg", photo(1)), ("walk.mp4", video), ("left.jpg", photo(2)))
    result = asked.result(address)
    names = [one["name"] for one in result["pictures"]]
    assert names[:2] == ["left.jpg", "left.jpg (2)"]
    assert set(names[2:]) == {"walk.mp4"}
    (damage,) = result["damages"]
    assert (damage["kind"], damage["part"], damage["review"]) == ("dent", "hood", None)
    assert len(damage["findings"]) == 3
    for name, begin in (("report.html", b"<!DOCTYPE"), ("report.json", b"{"), ("findings.csv", b"\xef\xbb\xbf")):
        answer = asked.http.get(f"{address}/files/{name}")
        assert answer.content.startswith(begin)
        assert "inline" in answer.headers["content-disposition"]
    inspection = Inspection.model_validate_json(asked.http.get(f"{address}/files/report.json").content)
    assert inspection.model.name == "rule.pt"
    with zipfile.ZipFile(io.BytesIO(asked.http.get(f"{address}/files/report.zip").content)) as archive:
        assert {"report.html", "report.json", "findings.csv", "crops/D1.jpg"} <= set(archive.namelist())
    assert asked.http.get(f"{address}/files/report.txt").status_code == 404
    assert asked.http.get(f"{address}/files/..%2f..%2fserver.lock").status_code == 404


def test_the_pdf_is_made_when_it_is_asked_for(client, photo):
    pytest.importorskip("fpdf")
    pytest.importorskip("pylopdf_fonts_ko")
    asked = client()
    address = asked.done(("a.jpg", photo()))
    folder = asked.service.jobs.folder
    assert not list(folder.rglob("*.pdf"))
    answer = asked.http.get(f"{address}/files/report.pdf?lang=ko&download=true")
    assert answer.content.startswith(b"%PDF-")
    assert answer.headers["content-disposition"] == 'attachment; filename="report.pdf"'
    assert len(list(folder.rglob("*.pdf"))) == 1


def test_one_bad_file_beside_good_ones_is_named(client, photo):
    asked = client()
    cut = photo(2)[:900]
    answer = asked.send(
        ("good.jpg", photo(1)), ("cut.jpg", cut), ("notes.txt", b"hello"), ("bad.png", b"\x89PNG\r\n\x1a\n")
    )
    status = asked.wait(f"{asked.api}/jobs/{answer.json()['id']}")
    assert status["state"] == "done"
    assert [one["name"] for one in status["left_out"]] == ["notes.txt", "bad.png", "cut.jpg"]
    result = asked.result(f"{asked.api}/jobs/{status['id']}")
    assert [one["name"] for one in result["pictures"]] == ["good.jpg"]
    assert any("cut.jpg: The file is damaged" in line for line in result["left_out"])
    page = asked.http.get(f"{asked.api}/jobs/{status['id']}/files/report.html").text
    assert "cut.jpg: The file is damaged" in page
    assert str(asked.service.jobs.folder) not in page


def test_bad_files_alone_fail_and_the_next_goes_on(client, photo):
    asked = client()
    answer = asked.send(("cut.jpg", photo()[:900]))
    status = asked.wait(f"{asked.api}/jobs/{answer.json()['id']}")
    assert (status["state"], status["problem"]["code"]) == ("failed", "nothing_readable")
    assert asked.http.get(f"{asked.api}/jobs/{status['id']}/result").status_code == 409
    asked.done(("a.jpg", photo()))


def test_a_network_that_fails_does_not_end_the_service(client, photo, monkeypatch):
    asked = client()
    network = asked.service.engine._network
    monkeypatch.setattr(type(network), "pictures", lambda *_: 1 / 0)
    answer = asked.send(("a.jpg", photo()))
    assert asked.wait(f"{asked.api}/jobs/{answer.json()['id']}")["problem"]["code"] == "internal"
    monkeypatch.undo()
    asked.done(("a.jpg", photo()))


def test_exif_and_gps_are_nowhere(client, photo):
    exif = Image.Exif()
    exif[0x010E] = "SECRET PLACE"
    exif[0x0112] = 6
    exif.get_ifd(0x8825).update({1: "N", 2: (51.0, 28.0, 38.0)})
    sent = photo(size=(60, 90), exif=exif)
    assert b"SECRET PLACE" in sent
    asked = client()
    address = asked.done(("a.jpg", sent))
    shown = asked.result(address)["pictures"][0]
    assert (shown["width_px"], shown["height_px"]) == (60, 90)  # orientation 6: it stands upright now
    files = [path for path in asked.service.jobs.folder.rglob("*") if path.is_file() and path.name != "server.lock"]
    assert files
    assert not [path for path in files if b"SECRET PLACE" in path.read_bytes()]
    picture = asked.http.get(f"{address}/pictures/0")
    assert picture.headers["content-type"] == "image/jpeg"
    assert not Image.open(io.BytesIO(picture.content)).getexif()


def test_names_stay_text_and_never_become_paths(client, photo):
    asked = client()
    address = asked.done((f"../../{NASTY}", photo(1)), ("=cmd().jpg", photo(2)))
    assert [one["name"] for one in asked.result(address)["pictures"]] == [NASTY.rpartition("/")[2], "=cmd().jpg"]
    page = asked.http.get(f"{address}/files/report.html").text
    assert NASTY not in page
    assert "&lt;img src=x" in page
    rows = list(
        csv.DictReader(io.StringIO(asked.http.get(f"{address}/files/findings.csv").content.decode("utf-8-sig")))
    )
    assert "'=cmd().jpg" in {row["picture"] for row in rows}
    names = {path.name for path in asked.service.jobs.folder.rglob("*")}
    assert not [name for name in names if set(name) & set("<>= ()")]


def test_corrections_change_the_result_and_the_report(client, photo):
    asked = client()
    address = asked.done(("a.jpg", photo(1)), ("b.jpg", photo(2)))
    before = asked.http.get(f"{address}/files/report.html").text
    assert "A person reviewed" not in before

    given = {"kind": "scratch", "part": "front_left_door"}
    (one,) = asked.http.patch(f"{address}/damages/D1", json=given).json()["damages"]
    assert (one["kind"], one["part"], one["review"], one["extent"]) == (
        "scratch",
        "front_left_door",
        "corrected",
        "\u2013",
    )
    (one,) = asked.http.patch(f"{address}/damages/D1", json={"severity": "severe"}).json()["damages"]
    assert (one["kind"], one["severity"]) == ("scratch", "severe")

    box = {"picture": 1, "box_xyxy_px": [90, 20, 130, 60]}
    answer = asked.http.post(f"{address}/damages", json={**box, "kind": "dent"})
    assert answer.status_code == 201
    added = answer.json()["damages"][1]
    assert (added["id"], added["part"], added["review"]) == ("D2", "front_left_door", "added")
    assert added["findings"][0]["drawn_by"] == "person"

    key = added["findings"][0]["key"]
    moved = {"box_xyxy_px": [90, 20, 140, 70]}
    answer = asked.http.patch(f"{address}/damages/D2/findings/{key}", json=moved)
    assert answer.json()["damages"][1]["findings"][0]["box_xyxy_px"] == [90, 20, 140, 70]

    again = {"picture": 0, "box_xyxy_px": [100, 20, 140, 60], "damage": "D2"}
    both = asked.http.post(f"{address}/damages", json=again).json()["damages"][1]["findings"]
    assert [found["picture"] for found in both] == [1, 0]
    dropped = asked.http.delete(f"{address}/damages/D2/findings/{both[0]['key']}").json()["damages"][1]
    assert [found["picture"] for found in dropped["findings"]] == [0]

    result = asked.http.delete(f"{address}/damages/D1").json()
    assert [one["id"] for one in result["damages"]] == ["D2"]
    assert result["reviewed"]
    assert result["revision"] == 7

    page = asked.http.get(f"{address}/files/report.html").text
    assert "A person reviewed these findings." in page
    assert "0 confirmed, 0 corrected, 1 added, 1 removed" in page
    assert "added by a person" in page
    assert "Removed by a person" in page
    korean = asked.http.get(f"{address}/files/report.html?lang=ko").text
    assert "사람이 이 결과를 검토했습니다" in korean
    stored = Inspection.model_validate_json(asked.http.get(f"{address}/files/report.json").content)
    assert [one.id for one in stored.review.removed] == ["D1"]
    assert [part.severity for part in stored.parts if part.part == "hood"] == [None]
    job = next(iter(asked.service.jobs))
    assert {path.name for path in job.folder.glob("report-*")} == {"report-7-en", "report-7-ko"}


def test_a_damage_is_confirmed_as_it_is(client, photo):
    asked = client()
    address = asked.done(("a.jpg", photo()))
    before = asked.result(address)["damages"][0]
    after = asked.http.patch(f"{address}/damages/D1", json={}).json()["damages"][0]
    assert after == {**before, "review": "confirmed"}


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "code"),
    [
        pytest.param("PATCH", "/damages/D9", {}, 404, "no_damage", id="no-damage"),
        pytest.param("PATCH", "/damages/D1", {"kind": "rust"}, 422, "no_kind", id="kind"),
        pytest.param("PATCH", "/damages/D1", {"part": "wing"}, 422, "no_part", id="part"),
        pytest.param("PATCH", "/damages/D1", {"severity": "bad"}, 422, "invalid", id="severity"),
        pytest.param("PATCH", "/damages/D1", {"colour": "red"}, 422, "invalid", id="field"),
        pytest.param("POST", "/damages", {"picture": 0, **BOX}, 422, "kind_missing", id="no-kind"),
        pytest.param("POST", "/damages", {"picture": 0, "box_xyxy_px": [9, 9, 1, 1], **DENT}, 422, "wrong", id="box"),
        pytest.param("POST", "/damages", {"picture": 7, **BOX, **DENT}, 404, "no_picture", id="picture"),
        pytest.param("PATCH", "/damages/D1/findings/x", BOX, 404, "no_damage", id="finding"),
        pytest.param("PUT", "/pictures/3/checked", {"checked": True}, 404, "no_picture", id="checked"),
        pytest.param("POST", "/labels", None, 409, "no_corrections", id="labels"),
        pytest.param("GET", "/pictures/9", None, 404, "no_picture", id="no-picture"),
    ],
)  # fmt: skip
def test_mistakes_are_named_and_change_nothing(client, photo, method, path, content, status, code):
    asked = client()
    address = asked.done(("a.jpg", photo(size=(40, 60))))
    answer = asked.http.request(method, f"{address}{path}", json=content)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert asked.result(address)["revision"] == 0


def test_numbers_that_are_none_are_refused(client, photo):
    asked = client()
    address = asked.done(("a.jpg", photo(size=(40, 60))))
    body = '{"picture": 0, "box_xyxy_px": [NaN, 0, Infinity, 9], "kind": "dent"}'
    answer = asked.http.post(f"{address}/damages", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422


def test_the_interface_is_described(client):
    asked = client(start=False)
    api = asked.http.get("/openapi.json").json()
    assert api["openapi"].startswith("3.")
    assert set(api["paths"]) >= {"/api/v1/jobs", "/api/v1/jobs/{job_id}", "/api/v1/jobs/{job_id}/damages/{damage_id}"}
    upload = api["paths"]["/api/v1/jobs"]["post"]
    assert "multipart/form-data" in upload["requestBody"]["content"]
    assert {"202", "413", "503"} <= set(upload["responses"])
    assert all(one.get("summary") for operations in api["paths"].values() for one in operations.values())
    assert not json.dumps(api).count('HTTPValidationError"}') or "ProblemDetails" in api["components"]["schemas"]
    assert asked.http.get("/docs").status_code == 404
    page = asked.http.get("/api?lang=ko").text
    assert "/api/v1/jobs/{job_id}/labels" in page


def test_the_service_tells_what_it_takes(client):
    asked = client(start=False, limits={"files": 3})
    told = asked.http.get(f"{asked.api}/service?lang=ko").json()
    assert told["limits"]["files"] == 3
    assert [one["label"] for one in told["kinds"]] == ["찌그러짐", "긁힘"]
    places = [one["place"] for one in told["parts"] if one["name"] == "wheel"]
    assert places == [None, "front left", "front right", "back left", "back right"]
    assert not told["labels"]


def test_the_same_photo_gives_the_same_answer(client, photo):
    asked = client()
    one, other = (asked.result(asked.done(("a.jpg", photo(4)))) for _ in range(2))
    assert one["damages"] == other["damages"]
    assert np.allclose(one["damages"][0]["findings"][0]["box_xyxy_px"], [16, 24, 48, 60])


def test_a_damage_far_from_parts_can_lose_and_get_its_part(client, photo):
    asked = client()
    address = asked.done(("a.jpg", photo()))
    without = asked.http.patch(f"{address}/damages/D1", json={"part": ""}).json()["damages"][0]
    assert (without["part"], without["extent"]) == (None, "\u2013")
    back = asked.http.patch(f"{address}/damages/D1", json={"part": "hood"}).json()["damages"][0]
    assert (back["part"], back["extent"]) == ("hood", "12 %")
    placed = asked.http.patch(f"{address}/damages/D1", json={"part": "wheel", "place": "back left"}).json()["damages"][
        0
    ]
    assert placed["part_label"] == "rear left wheel"
