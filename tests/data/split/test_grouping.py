"""Groups by name, folder and table."""

from __future__ import annotations

import numpy as np
import pytest

from ayolom.data.split import join, parse_grouping
from ayolom.errors import AyolomError


def keys(text, root, *files):
    return [[key(str(root / file)) for file in files] for _, key in parse_grouping(text, root).keys]


@pytest.mark.parametrize(
    ("members", "wanted"),
    [
        ([], [0, 1, 2, 3, 4]),
        ([[0, 3]], [0, 1, 2, 0, 3]),
        ([[3, 4], [1, 3]], [0, 1, 2, 1, 1]),
        ([[0, 1], [2, 3], [4, 1, 2]], [0, 0, 0, 0, 0]),
    ],
    ids=["none", "one pair", "a chain", "all, by one that joins"],
)
def test_sets_that_overlap_are_one_group(members, wanted):
    np.testing.assert_array_equal(join(members, 5), wanted)


@pytest.mark.parametrize(
    ("pattern", "files", "wanted"),
    [
        (r"(.*)_jpg\.rf\.", ("train/a_jpg.rf.1f.jpg", "val/a_jpg.rf.2e.jpg", "val/b.jpg"), ["a", "a", None]),
        (r"_(?:as|sc)-(\d+)", ("0001_as-0000123.jpg", "0002_sc-0000123.jpg"), ["0000123", "0000123"]),
        (r"^(.{1,2})", ("abc.jpg",), ["ab"]),
        (r"images/([^/]+)/", ("images/one/a.jpg", "images/two/a.jpg"), ["one", "two"]),
    ],
    ids=["Roboflow's copies, in any folder", "AI-Hub's case", "a comma in the pattern", "a folder of the path"],
)
def test_a_pattern_gives_the_key(tmp_path, pattern, files, wanted):
    (found,) = keys(f"regex:{pattern}", tmp_path, *files)
    assert [key and key[1] for key in found] == wanted


def test_several_ways_are_told_apart(tmp_path):
    grouping = parse_grouping(r"regex:^(.{1,3}),folder,hash", tmp_path)
    assert [words for words, _ in grouping.keys] == [r"regex:^(.{1,3})", "folder"]
    assert grouping.looks


def test_a_table_is_looked_up_by_path_then_by_name(tmp_path):
    table = tmp_path / "source" / "manifest.csv"
    (tmp_path / "source" / "pictures").mkdir(parents=True)
    (tmp_path / "source" / "pictures" / "a.jpg").write_bytes(b"a")
    table.write_text("image,group,more\npictures/a.jpg,g1,x\nelsewhere/b.jpg,g2,x\none/c.jpg,g3,\ntwo/c.jpg,g4,\n")
    (tmp_path / "link.jpg").symlink_to(tmp_path / "source" / "pictures" / "a.jpg")
    (found,) = keys(f"csv:{table}", tmp_path, "link.jpg", "images/b.jpg", "images/c.jpg", "one/c.jpg", "images/d.jpg")
    assert [key and key[1] for key in found] == ["g1", "g2", None, "g3", None]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("regex:abc", "needs a group in brackets"),
        ("regex:(", "is no regular expression"),
        ("regexp:(a)", "must be regex:<pattern>.*Did you mean 'regex:'"),
        ("csv:missing.csv", "cannot be read"),
    ],
    ids=["no group", "not a pattern", "unknown word", "no table"],
)
def test_a_grouping_that_makes_no_sense_is_refused(tmp_path, text, message):
    with pytest.raises(AyolomError, match=message):
        parse_grouping(text, tmp_path)


def test_a_table_without_the_columns_is_refused(tmp_path):
    (tmp_path / "table.csv").write_text("file,case\na.jpg,1\n")
    with pytest.raises(AyolomError, match=r"needs the columns image and group \(it has file, case\)"):
        parse_grouping(f"csv:{tmp_path / 'table.csv'}", tmp_path)
