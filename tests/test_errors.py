"""Messages for the user: the nearest name, and keys that are none."""

from __future__ import annotations

import pytest

from ayolom.errors import AyolomError, check_keys, nearest


@pytest.mark.parametrize(
    ("name", "expected"), [("damge", " Did you mean 'damage'?"), ("damage", " Did you mean 'damage'?"), ("xyz", "")]
)
def test_nearest_name(name: str, expected: str) -> None:
    assert nearest(name, ["parts", "damage"]) == expected


@pytest.mark.parametrize(
    ("key", "message"),
    [
        pytest.param(
            "pth", r"^a\.yaml: 'pth' is not a key here\. Did you mean 'path'\? Keys are path, train$", id="near"
        ),
        pytest.param("nc", r"^a\.yaml: 'nc' is not a key here; classes are counted$", id="known to be none"),
        pytest.param(5, r"^a\.yaml: '5' is not a key here\. Keys are path, train$", id="number"),
    ],
)
def test_first_unknown_key_is_named(key: object, message: str) -> None:
    with pytest.raises(AyolomError, match=message):
        check_keys(["path", key, "other"], ("path", "train"), "a.yaml", {"nc": "classes are counted"})


def test_known_keys_pass() -> None:
    check_keys({"train": 1, "path": 2}, ("path", "train"), "a.yaml")
    check_keys([], (), "a.yaml")
