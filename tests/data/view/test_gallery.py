"""The gallery in one file."""

from __future__ import annotations

import base64
import json
from html.parser import HTMLParser

import pytest

from ayolom.data.view import gallery_file, write_gallery
from ayolom.errors import AyolomError


class Page(HTMLParser):
    """Figures, pictures, scripts and every address of a page."""

    def __init__(self, text):
        super().__init__()
        self.figures, self.pictures, self.addresses, self.scripts = [], [], [], 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.addresses += [values[name] for name in ("src", "href", "action") if values.get(name)]
        self.scripts += tag == "script"
        if tag == "figure":
            self.figures.append(json.loads(values["data-filters"]))
        if tag == "img":
            self.pictures.append(values)


@pytest.fixture
def page(view, tmp_path):
    write_gallery(view(), tmp_path / "out.html")
    return (tmp_path / "out.html").read_text(encoding="utf-8")


def test_all_is_inside_the_file(page, decoded):
    found = Page(page)
    assert len(found.figures) == 6
    assert len(found.pictures) == 10  # labels and predictions of the five images that can be read
    assert all(address.startswith("data:image/jpeg;base64,") for address in found.addresses)
    assert found.scripts == 1
    assert decoded(base64.b64decode(found.pictures[0]["src"].partition(",")[2])).shape == (40, 60, 3)


def test_names_from_the_data_stay_text(page):
    assert "&lt;img src=x onerror" in page
    assert "<img src=x" not in page


def test_filters_know_what_the_index_knows(page):
    first, *_, unreadable, last = Page(page).figures
    assert first["tasks"]["damage"] == {
        "state": "labelled",
        "classes": ["damage:0", "damage:1"],
        "score": pytest.approx(2 / 3),
    }
    assert unreadable["unreadable"]
    assert last["split"] == "val"
    assert last["tasks"]["parts"]["classes"] == ["parts:2", "parts:1"]


def test_everything_is_read_without_javascript(page):
    """The form is hidden until the script shows it; the figures are not."""
    assert '<form id="filters" hidden>' in page
    assert "<figure hidden" not in page


def test_without_a_model_one_picture_each(view, tmp_path):
    write_gallery(view(model=False), tmp_path / "out.html")
    assert len(Page((tmp_path / "out.html").read_text(encoding="utf-8")).pictures) == 5


def test_a_folder_gets_an_index(tmp_path):
    assert gallery_file(tmp_path / "new") == tmp_path / "new" / "index.html"
    (tmp_path / "a.html").write_text("mine")
    with pytest.raises(AyolomError, match="is there already"):
        gallery_file(tmp_path / "a.html")


def test_nothing_is_left_of_a_gallery_that_is_interrupted(view, tmp_path):
    def predict(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_gallery(view(predict), tmp_path / "page" / "out.html")
    assert not (tmp_path / "page").exists()


def test_too_many_images_are_refused(view, tmp_path, monkeypatch):
    monkeypatch.setattr("ayolom.data.view._gallery.MOST", 3)
    with pytest.raises(AyolomError, match="smaller limit="):
        write_gallery(view(), tmp_path / "out.html")
