"""Rules, severity, repairs and languages: what files may say and what is refused."""

from __future__ import annotations

import pytest
import yaml

from ayolom.config import cfg_dir
from ayolom.errors import AyolomError
from ayolom.inspect import load_language, load_repairs, load_rules, rate
from ayolom.inspect._names import end_of, is_repeated, shows, side_of, words
from ayolom.inspect.parts import SIDES


@pytest.mark.parametrize(
    ("kind", "extent", "level"),
    [
        pytest.param("scratch", 0.049, "minor", id="small"),
        pytest.param("Scratch", 0.05, "moderate", id="lower-limit-belongs-to-the-row"),
        pytest.param("scratch", 1.0, "severe", id="all-of-it"),
        pytest.param("scratch", None, "unrated", id="no-extent"),
        pytest.param("glass_shatter", None, "severe", id="row-without-extent"),
        pytest.param("rust", 0.1, "moderate", id="any-other-kind"),
    ],
)
def test_the_first_fitting_row_counts(rules, kind, extent, level) -> None:
    assert rate(kind, "hood", extent, rules) == level


def test_own_rules_lie_over_the_shipped_ones(tmp_path, rules) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("severity: [{part: '*door*', level: severe}]\nmerging: {most_distance: 0.1}\n")
    mine = load_rules(file)
    assert (rate("dent", "hood", 0.5, mine), rate("dent", "left_door", 0.0, mine)) == ("unrated", "severe")
    assert (mine.merging.most_distance, mine.merging.spot_weight) == (0.1, rules.merging.spot_weight)
    assert mine.origin.name == "mine.yaml"
    assert len(mine.origin.sha256) == 64


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param({"severty": []}, "'severty' is not a key here. Did you mean 'severity'", id="key"),
        pytest.param({"pairing": {"paired_share": 3}}, r"pairing.paired_share: .*got 3", id="range"),
        pytest.param({"severity": [{"level": "awful"}]}, r"severity.0.level", id="level"),
        pytest.param({"merging": {"x": 1}}, r"merging.x", id="inner-key"),
    ],
)
def test_wrong_rules_are_named(content, message) -> None:
    with pytest.raises(AyolomError, match=message):
        load_rules(content)


def test_a_missing_rules_file_is_named(tmp_path) -> None:
    with pytest.raises(AyolomError, match=r"rules=.*nowhere.yaml: no such file; copy"):
        load_rules(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize(
    ("name", "side", "end"),
    [
        pytest.param("front_left_door", "left", "front", id="snake"),
        pytest.param("BackRightLight", "right", "back", id="camel"),
        pytest.param("bright_lamp", None, None, id="a-word-inside-a-word"),
        pytest.param("hood", None, "front", id="hood"),
        pytest.param("left_quarter_panel", "left", "back", id="quarter"),
        pytest.param("좌측_문", "left", None, id="korean"),
        pytest.param("Front fender(L)", "left", "front", id="letter-in-brackets"),
        pytest.param("Rear door(R)", "right", "back", id="other-letter-in-brackets"),
    ],
)
def test_words_of_part_names(rules, name, side, end) -> None:
    assert (side_of(name, rules.places), end_of(name, rules.places)) == (side, end)


def test_repeated_parts_are_those_without_a_side(rules) -> None:
    assert words("FrontLeft_door2") == ("front", "left", "door")
    assert is_repeated("wheel", rules.places)
    assert not is_repeated("front_left_door", rules.places)


@pytest.mark.parametrize(
    ("name", "side"),
    [
        pytest.param("Rear door(L)", "left", id="door"),
        pytest.param("Front fender(R)", "right", id="fender"),
        pytest.param("Trunk lid", "back", id="trunk"),
        pytest.param("Rear windshield", "back", id="glass"),
    ],
)
def test_parts_as_aihub_names_them_show_their_side(rules, name, side) -> None:
    assert [one for one in SIDES if shows(name, one, rules)] == [side]
    assert not is_repeated(name, rules.places)


def test_repairs_are_refused_where_a_row_is_wrong(tmp_path) -> None:
    file = tmp_path / "repairs.yaml"
    file.write_text(yaml.safe_dump({"rows": [{"kind": "dent", "hours": 2}]}))
    with pytest.raises(AyolomError, match=r"rows.0.operation: field required"):
        load_repairs(file)
    with pytest.raises(AyolomError, match="no such file"):
        load_repairs(tmp_path / "none.yaml")


def test_every_language_has_every_text() -> None:
    english = yaml.safe_load((cfg_dir() / "languages" / "en.yaml").read_text(encoding="utf-8"))
    for file in (cfg_dir() / "languages").glob("*.yaml"):
        texts = yaml.safe_load(file.read_text(encoding="utf-8"))
        assert set(texts) == set(english), file.name
        for key, text in english.items():
            if isinstance(text, dict) and key != "names":
                assert set(texts[key]) == set(text), (file.name, key)
            elif isinstance(text, str):
                fields = {part.split("}")[0] for part in text.split("{")[1:]}
                assert {part.split("}")[0] for part in texts[key].split("{")[1:]} == fields, (file.name, key)


def test_languages(tmp_path) -> None:
    assert load_language("ko").name("front_left_door") == "앞 왼쪽 문"
    assert load_language("en").part("wheel", "back left") == "rear left wheel"
    file = tmp_path / "fr.yaml"
    file.write_text("code: fr\ntitle: Inspection du véhicule\n", encoding="utf-8")
    french = load_language(file)
    assert (french.code, french("title"), french("levels.minor")) == ("fr", "Inspection du véhicule", "minor")
    with pytest.raises(AyolomError, match=r"lang=kr: no such language. There is en, ko"):
        load_language("kr")
    file.write_text("titel: x\n", encoding="utf-8")
    with pytest.raises(AyolomError, match=r"'titel' is not a text of reports. Did you mean 'title'"):
        load_language(file)
