"""YAML files are read as plain data, and what is wrong is named with its line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ayolom.errors import AyolomError
from ayolom.yaml_io import load_yaml

if TYPE_CHECKING:
    from pathlib import Path

BROKEN = {
    "key twice": ("a: 1\nb: 2\na: 3\n", r"x\.yaml: line 3: 'a' is there already \(line 1\)"),
    "task twice": ("tasks:\n  damage: {}\n  damage: {}\n", r"x\.yaml: line 3: 'damage' is there already \(line 2\)"),
    "class twice": ("names: {0: dent, 0: crack}\n", r"x\.yaml: line 1: '0' is there already"),
    "open bracket": ("a: [1, 2\nb: 3\n", r"x\.yaml: line 2: not valid YAML"),
    "tab": ("a:\n\tb: 1\n", r"x\.yaml: line 2: not valid YAML"),
    "list as key": ("? [1, 2]\n: 3\n", r"x\.yaml: line 1: .* cannot be a key"),
    "no mapping": ("- 1\n- 2\n", r"x\.yaml: holds no `key: value` rows \(got list\)"),
    "empty": ("", r"x\.yaml: holds no `key: value` rows \(got NoneType\)"),
    "python object": ("a: !!python/object/apply:os.getcwd []\n", r"x\.yaml: line 1: not valid YAML"),
}


@pytest.mark.parametrize(("text", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_files(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(AyolomError, match=message):
        load_yaml(file)


def test_bytes_that_are_not_text(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes(b"a: \xff\xfe\n")
    with pytest.raises(AyolomError, match="not UTF-8 at byte 3"):
        load_yaml(file)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(AyolomError, match=r"x\.yaml: cannot be read \(No such file"):
        load_yaml(tmp_path / "x.yaml")


def test_plain_data_and_anchors(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("base: &b {x: 1, y: [2, null]}\nname: 문짝\nmore: {<<: *b, x: 3}\n", encoding="utf-8")
    data = load_yaml(file)
    assert data == {"base": {"x": 1, "y": [2, None]}, "name": "문짝", "more": {"x": 3, "y": [2, None]}}
