from __future__ import annotations

import numpy as np
import pytest
from fontTools.ttLib import TTFont

from ayolom.draw import draw_boxes, draw_legend, find_font, fonts
from ayolom.draw._text import Typeface, _mask
from ayolom.draw.fonts import _packaged_fonts


@pytest.fixture
def warned(monkeypatch) -> list[str]:
    """Warnings, with caches as in a fresh process before and after."""
    from ultralytics.utils import LOGGER

    lines: list[str] = []
    monkeypatch.setattr(LOGGER, "warning", lines.append)
    for cached in (fonts._search, fonts._unwritable, fonts._warn_missing):
        cached.cache_clear()
    yield lines
    for cached in (fonts._search, fonts._unwritable, fonts._warn_missing):
        cached.cache_clear()


@pytest.fixture
def only_dejavu(monkeypatch, warned) -> list[str]:
    """A machine on which nothing but Matplotlib's own font is installed."""
    monkeypatch.setattr(fonts, "_packaged_fonts", lambda: _packaged_fonts()[:1])
    monkeypatch.setattr(fonts, "_base_fonts", list)
    monkeypatch.setattr(fonts, "_system_fonts", tuple)
    _mask.cache_clear()
    return warned


@pytest.mark.parametrize("text", ["dent 0.87", "Tür", "Дверь", "πόρτα", "", " \t\n"])
def test_matplotlibs_font_serves_alphabets_of_europe(text, warned):
    file = find_font(text)
    assert file.name == "DejaVuSans.ttf"
    known = TTFont(file).getBestCmap()
    assert all(ord(character) in known for character in text if not character.isspace())
    assert not warned


def test_a_korean_font_has_every_syllable(hangul_font):
    known = TTFont(hangul_font, fontNumber=0).getBestCmap()
    assert all(code in known for code in range(ord("가"), ord("힣") + 1))


def test_korean_letters_are_really_drawn(hangul_font):
    typeface = Typeface(["앞문"], 40)
    front, door = typeface.mask("앞"), typeface.mask("문")
    missing = [_mask(text, _packaged_fonts()[0], 40) for text in ("앞", "문")]
    assert np.array_equal(*missing), "the witness: DejaVu Sans draws the same box for both"
    assert not np.array_equal(front, door)
    assert all(not np.array_equal(ink, missing[0]) for ink in (front, door))
    assert all(0.1 < (ink > 128).mean() < 0.6 for ink in (front, door))


def test_korean_names_in_labels_and_legends(grey, hangul_font):
    one, two = (
        draw_boxes(grey.copy(), np.array([[300, 200, 400, 300]]), np.array([0]), None, {0: name})
        for name in ("앞", "문")
    )
    assert not np.array_equal(one, two)
    one, two = (draw_legend(grey.copy(), [(name, (9, 90, 200))]) for name in ("앞", "문"))
    assert not np.array_equal(one, two)


def test_without_a_font_one_warning_names_the_remedy(only_dejavu, grey, monkeypatch):
    searches: list[tuple] = []
    assert find_font("앞문") is None
    assert find_font("바퀴") is None
    assert find_font("dent") is not None
    opened = fonts._missing
    monkeypatch.setattr(fonts, "_missing", lambda *a: (searches.append(a), opened(*a))[1])
    assert find_font("문앞 0.5") is None
    assert not searches, "characters known to be missing start no new search"
    assert len(only_dejavu) == 1
    assert "Hangul" in only_dejavu[0]
    assert "pip install 'ayolom[fonts]'" in only_dejavu[0]
    drawn = draw_boxes(grey.copy(), np.array([[300, 200, 400, 300]]), np.array([0]), None, {0: "앞문"})
    assert (drawn == 255).all(2).sum() > 10, "boxes stand for the letters"


def test_fonts_of_the_system_are_used_where_no_package_has_one(hangul_font, only_dejavu, monkeypatch):
    monkeypatch.setattr(fonts, "_system_fonts", lambda: (hangul_font,))
    assert find_font("앞문") == hangul_font
    assert not only_dejavu


def test_a_broken_font_file_is_passed_over(only_dejavu, monkeypatch, tmp_path):
    broken = tmp_path / "Broken.ttf"
    broken.write_bytes(b"not a font")
    monkeypatch.setattr(fonts, "_packaged_fonts", lambda: (broken, *_packaged_fonts()[:1]))
    assert find_font("dent").name == "DejaVuSans.ttf"


def test_plain_faces_come_before_bold_and_light_ones():
    names = ["NanumGothicBold.ttf", "NotoSansKR-Light.otf", "NotoSerifKR.ttf", "Batang.ttf", "NanumGothic.ttf"]
    ordered = sorted((fonts.Path(name) for name in names), key=fonts._preference)
    assert [file.name for file in ordered[:2]] == ["NanumGothic.ttf", "Batang.ttf"]


@pytest.mark.parametrize(("width", "expected"), [(1000, "front door"), (0, ""), (60, "...")])
def test_texts_are_cut_to_a_width(width, expected):
    typeface = Typeface([], 20)
    text = typeface.shorten("front door", width)
    assert text.endswith(expected)
    assert not text or typeface.width(text) <= width


def test_lines_without_tall_letters_have_one_height():
    typeface = Typeface(["a", "dog"], 20)
    assert typeface.mask("a").shape[0] == typeface.mask("dog").shape[0] == typeface.mask("").shape[0]
