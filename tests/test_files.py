"""Files that are written whole or not at all."""

from __future__ import annotations

import pytest

from ayolom import files


def test_failed_write_leaves_the_old_file(tmp_path, monkeypatch) -> None:
    file = tmp_path / "last.pt"
    files.write_atomic(file, b"old")

    def fail(_: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(files.os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        files.write_atomic(file, b"new")
    assert file.read_bytes() == b"old"
    assert [f.name for f in tmp_path.iterdir()] == ["last.pt"]


def test_text_is_written_as_utf_8_and_its_folder_made(tmp_path) -> None:
    files.write_atomic(tmp_path / "a" / "b.txt", "좌측문")
    assert (tmp_path / "a" / "b.txt").read_bytes().decode("utf-8") == "좌측문"
