"""`ayolom.checks` on command files made on the spot; tests/test_install.py does the same with real installations."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from ayolom import checks
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """#!/usr/bin/python3
import sys
from {module} import {function}
if __name__ == "__main__":
    sys.exit({function}())
"""
OURS = SCRIPT.format(module="ayolom.cli", function="main")
BASE = SCRIPT.format(module="ultralytics.cfg", function="entrypoint")


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of commands with ours in it, which stands for that of the environment."""
    monkeypatch.setattr(checks, "_command_file", lambda name: tmp_path / name)
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "ayolom").write_text(OURS)
    (tmp_path / "ayolom").chmod(0o755)
    return tmp_path


@pytest.mark.parametrize(
    ("content", "owner"),
    [
        pytest.param(OURS.encode(), "ayolom", id="ours"),
        pytest.param(BASE.encode(), "ultralytics", id="base"),
        pytest.param(
            b"#!/bin/sh\n'''exec' \"/a long path/ultralytics/bin/python\" \"$0\" \"$@\"\n' '''\n" + OURS.encode(),
            "ayolom",
            id="ours-below-a-path-that-names-the-base",
        ),
        pytest.param(b"MZ\x90\x00\xff\xfe" + BASE.encode() + b"PK\x05\x06", "ultralytics", id="windows-launcher"),
        pytest.param(b"#!/bin/sh\necho yolo\n", "other", id="somebody-elses"),
        pytest.param(b"", "other", id="empty-file"),
        pytest.param(None, "missing", id="no-file"),
    ],
)
def test_owner_is_read_from_the_file(commands: Path, content: bytes | None, owner: str) -> None:
    if content is not None:
        (commands / "yolo").write_bytes(content)
    assert checks.which_yolo() == checks.Command(commands / "yolo", owner)


@pytest.mark.parametrize("before", [BASE, "#!/bin/sh\n", None], ids=["base", "other", "missing"])
def test_mend_puts_ours_in_place(commands: Path, before: str | None) -> None:
    if before is not None:
        (commands / "yolo").write_text(before)
    assert checks.mend_yolo().owner == "ayolom"
    assert (commands / "yolo").read_text() == OURS
    assert os.access(commands / "yolo", os.X_OK)
    assert sorted(file.name for file in commands.iterdir()) == ["ayolom", "yolo"]


def test_mend_without_our_command_says_what_to_install(commands: Path) -> None:
    (commands / "ayolom").unlink()
    (commands / "yolo").write_text(BASE)
    with pytest.raises(AyolomError, match="pip install ayolom"):
        checks.mend_yolo()
    assert (commands / "yolo").read_text() == BASE


def test_failed_write_leaves_the_old_command(commands: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (commands / "yolo").write_text(BASE)

    def refuse(*_: object) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(AyolomError, match="cannot be written"):
        checks.mend_yolo()
    assert (commands / "yolo").read_text() == BASE
    assert sorted(file.name for file in commands.iterdir()) == ["ayolom", "yolo"]


@pytest.mark.parametrize(
    ("content", "said", "status"),
    [(OURS, "is ayolom's", 0), (BASE, "`ayolom checks mend=True`", 1), (None, "is missing", 1)],
    ids=["ours", "base", "missing"],
)
def test_checks_only_report_unless_asked(commands: Path, content: str | None, said: str, status: int) -> None:
    if content is not None:
        (commands / "yolo").write_text(content)
    assert any(said in line for line in checks.report_lines())
    assert checks.run_checks() == status
    assert (commands / "yolo").exists() == (content is not None)
    assert checks.run_checks(mend=True) == 0


def test_another_yolo_first_on_the_path_is_named(
    commands: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    (commands / "yolo").write_text(OURS)
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "yolo"
    elsewhere.write_text(BASE)
    elsewhere.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(elsewhere.parent), str(commands)]))
    assert any(f"finds {elsewhere} first" in line for line in checks.report_lines())


@pytest.mark.parametrize(
    ("versions", "said"),
    [
        ({"ultralytics": "8.5.0"}, "ultralytics 8.4.190"),
        ({"ultralytics": "8.4.190", "albumentationsx": "2.5.1"}, "pip uninstall -y albumentationsx"),
        ({"ultralytics": "8.4.190", "opencv-python": "5.0", "opencv-python-headless": "4.9"}, "differ in version"),
    ],
    ids=["another-base", "albumentationsx", "two-opencv"],
)
def test_known_traps_are_named(
    commands: Path, monkeypatch: pytest.MonkeyPatch, versions: dict[str, str], said: str
) -> None:
    monkeypatch.setattr(checks, "_version", lambda name: versions.get(name, "not installed"))
    monkeypatch.setattr(checks, "_pinned_base", lambda: "8.4.190")
    advice = [line for line in checks.report_lines() if line.startswith("Advice")]
    assert len(advice) == 1
    assert said in advice[0]
