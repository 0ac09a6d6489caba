"""Pages and pictures as a client sees them."""

from __future__ import annotations

import os
import re

import numpy as np
import pytest

from ayolom.data.view._app import View

pytest.importorskip("starlette", reason='the pages need pip install "ayolom[web]"')
testclient = pytest.importorskip("starlette.testclient", reason="Starlette's test client needs httpx")

EVIL = "<img src=x onerror"


def client_of(made):
    pages = View(
        title="<b>cars</b>",
        index=made.index,
        tasks=made.tasks,
        root=str(made.root),
        splits=made.splits,
        pictures=made.pictures,
        background=made.background,
        model=made.model,
    )
    return testclient.TestClient(pages.app(), base_url="http://127.0.0.1")


@pytest.fixture
def client(view):
    made = view()
    made.background.run()
    return client_of(made)


def shown(text):
    return [int(number) for number in re.findall(r'<figure data-number="(\d+)"', text)]


def test_list_of_all_images(client):
    answer = client.get("/")
    assert answer.status_code == 200
    assert shown(answer.text) == [1, 2, 3, 4, 5, 6]
    assert "6 of 6 predicted, 1 failed" in answer.text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("shown_class=parts:2", [6], id="class"),
        pytest.param("state=unreadable", [5], id="unreadable"),
        pytest.param("sort=worst&task=damage&state=labelled", [3, 1, 2], id="worst-first"),
        pytest.param("split=val&state=broken", [], id="nothing-fits"),
        pytest.param("page=-3&split=nonsense", [1, 2, 3, 4, 5, 6], id="nonsense"),
        pytest.param("page=99999999999999999999", [1, 2, 3, 4, 5, 6], id="page-beyond-the-last"),
    ],
)
def test_filters(client, query, expected):
    assert shown(client.get(f"/?{query}").text) == expected


def test_names_from_the_data_stay_text(client):
    for address in ("/", "/image/1", "/?shown_class=%22%3E%3Cscript%3E"):
        text = client.get(address).text
        assert "&lt;img src=x onerror" in text
        assert EVIL not in text
        assert "<b>cars" not in text
        assert text.count("<script") == 1


@pytest.mark.parametrize(
    "name", ["<b>&\"'.png", os.fsdecode(b"no-\xff-text.png"), "앞범퍼 #1?.png"], ids=["markup", "bytes", "korean"]
)
def test_odd_names_of_files_do_no_harm(view, cars, name):
    (cars.parent / "images" / "train" / "a.png").rename(cars.parent / "images" / "val" / name)
    client = client_of(view(model=False, splits=["val"]))
    numbers = shown(client.get("/").text)
    assert len(numbers) == 2
    for number in numbers:
        assert client.get(f"/picture/{number}/labels/small").status_code == 200
        assert "<b>&" not in client.get(f"/image/{number}").text


def test_every_answer_has_the_headers(client):
    for address in ("/", "/image/1", "/picture/1/labels/small", "/status", "/favicon.ico", "/nowhere", "/image/99"):
        headers = client.get(address).headers
        assert headers["x-content-type-options"] == "nosniff", address
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "script-src 'unsafe-inline'" not in headers["content-security-policy"]


def test_the_script_has_a_word_of_its_own_on_each_page(client):
    first, second = client.get("/"), client.get("/")
    words = [re.search(r'<script nonce="([^"]+)"', answer.text)[1] for answer in (first, second)]
    assert words[0] != words[1]
    assert f"'nonce-{words[0]}'" in first.headers["content-security-policy"]


def test_another_name_for_this_machine_is_refused(client):
    assert client.get("/", headers={"host": "evil.example"}).status_code == 400
    assert client.get("/", headers={"host": "localhost:8765"}).status_code == 200


def test_only_reading_is_possible(client):
    for address in ("/", "/image/1", "/status"):
        assert client.post(address).status_code == 405


@pytest.mark.parametrize(
    "address",
    [
        "/image/0",
        "/image/7",
        "/image/99999999999999999999",
        "/image/..%2f..%2fetc%2fpasswd",
        "/picture/99/labels/small",
        "/picture/99999999999999999999/labels/small",
        "/picture/1/labels/huge",
        "/picture/1/..%2f/small",
        "/picture/5/labels/small",
    ],
)
def test_what_is_not_there_is_said_to_be_missing(client, address):
    assert client.get(address).status_code == 404


def test_pictures_differ_by_side_and_tasks(client, decoded):
    pictures = {
        name: decoded(client.get(f"/picture/1/{name}").content)
        for name in ("plain/small", "labels/small", "predictions/small", "labels/small?tasks=some&draw=damage")
    }
    assert all(picture.shape == (40, 60, 3) for picture in pictures.values())
    plain = pictures.pop("plain/small")
    assert abs(plain.astype(int) - 128).max() <= 1
    listed = [plain, *pictures.values()]
    different = [abs(a.astype(int) - b).max() > 20 for i, a in enumerate(listed) for b in listed[:i]]
    assert all(different)
    nothing = decoded(client.get("/picture/1/labels/small?tasks=some").content)
    assert np.array_equal(nothing, plain)


def test_one_image_with_its_neighbours(client):
    text = client.get("/image/2?split=train").text
    assert 'rel="prev" href="/image/1?split=train"' in text
    assert 'rel="next" href="/image/3?split=train"' in text
    assert 'rel="up" href="/?split=train&amp;page=1"' in text
    assert "2 of 5" in text
    assert "no image that can be read" in client.get("/image/5").text
    assert "class 7" in client.get("/image/4").text


def test_status_tells_of_what_is_ready(view):
    made = view()
    client = client_of(made)
    assert 'data-pending="1"' in client.get("/").text
    assert client.get("/picture/1/predictions/small").status_code == 404
    before = client.get("/status?image=1&image=5&image=x").json()
    assert (before["done"], before["total"], before["images"]) == (0, 6, {})
    made.background.run()
    after = client.get("/status?image=1&image=5&image=x").json()
    assert (after["done"], after["failed"]) == (6, 1)
    assert after["images"]["1"]["tasks"][0] == {"score": "0.67", "predicted": "dent"}
    assert "no image" in after["images"]["5"]["failure"]
    assert client.get("/picture/1/predictions/small").status_code == 200


def test_without_a_model_nothing_is_said_of_predictions(view):
    text = client_of(view(model=False)).get("/").text
    assert "predict" not in text.split("<script")[0].lower()


def test_a_file_that_vanished_is_missing_and_the_others_go_on(view, cars):
    client = client_of(view(model=False))
    (cars.parent / "images" / "train" / "a.png").unlink()
    assert client.get("/picture/1/labels/small").status_code == 404
    assert client.get("/picture/2/labels/small").status_code == 200
    assert client.get("/").status_code == 200
