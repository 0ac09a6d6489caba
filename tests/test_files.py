"""Files that are written whole or not at all, and their digest against Python's own and the system's."""

from __future__ import annotations

import hashlib
import shutil
import subprocess

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


def test_a_stream_that_is_broken_off_leaves_the_old_file(tmp_path) -> None:
    file = tmp_path / "rows.jsonl"
    files.write_atomic(file, "old")

    def break_off() -> None:
        with files.atomic_stream(file) as stream:
            stream.write(b"half of the n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert file.read_text() == "old"
    assert [f.name for f in tmp_path.iterdir()] == ["rows.jsonl"]


def test_text_is_written_as_utf_8_and_its_folder_made(tmp_path) -> None:
    files.write_atomic(tmp_path / "a" / "b.txt", "좌측문")
    assert (tmp_path / "a" / "b.txt").read_bytes().decode("utf-8") == "좌측문"


SIZES = {
    "empty": 0,
    "short": 3,
    "one block": files.BLOCK,
    "one byte more": files.BLOCK + 1,
    "blocks": 3 * files.BLOCK - 7,
}


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES.keys())
def test_digest_of_a_file_is_that_of_its_bytes(size: int, tmp_path) -> None:
    data = (bytes(range(251)) * (size // 251 + 1))[:size]
    (tmp_path / "a.bin").write_bytes(data)
    assert files.file_sha256(tmp_path / "a.bin") == hashlib.sha256(data).hexdigest()


def test_digest_of_a_known_text(tmp_path) -> None:
    """The example of FIPS 180-2, appendix B.1."""
    (tmp_path / "a.txt").write_bytes(b"abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert files.file_sha256(tmp_path / "a.txt") == expected


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="the system has no sha256sum")
def test_digest_is_what_sha256sum_prints(tmp_path) -> None:
    file = tmp_path / "best.pt"
    file.write_bytes(b"\r\n\0" * 500_000)
    printed = subprocess.run(["sha256sum", str(file)], capture_output=True, text=True, check=True).stdout
    assert files.file_sha256(file) == printed.split()[0]


def test_digest_of_no_file_says_which(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match="gone"):
        files.file_sha256(tmp_path / "gone")
