"""Checkpoints: data only, written whole, refused with a reason."""

from __future__ import annotations

import pickle

import pytest
import torch

from ayolom.engine import checkpoint
from ayolom.errors import AyolomError


class Payload:
    """Runs a command when it is unpickled."""

    def __init__(self, marker: str) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple:
        import os

        return os.system, (f"touch {self.marker}",)


def test_round_trip(tmp_path) -> None:
    file = tmp_path / "run" / "last.pt"
    checkpoint.write_checkpoint(file, {"ema": {"w": torch.arange(3.0)}, "epoch": 4})
    content = checkpoint.read_checkpoint(file)
    assert checkpoint.is_checkpoint(file)
    assert content["epoch"] == 4
    assert torch.equal(content["ema"]["w"], torch.arange(3.0))
    assert [f.name for f in file.parent.iterdir()] == ["last.pt"]


@pytest.mark.parametrize("kind", ["zip", "legacy"])
def test_code_in_a_checkpoint_is_refused_and_never_run(kind: str, tmp_path) -> None:
    marker, file = tmp_path / "ran", tmp_path / "evil.pt"
    content = {"model": Payload(str(marker)), "format": "ayolom", "mark": checkpoint.MARK.decode(), "format_version": 1}
    torch.save(content, file, _use_new_zipfile_serialization=kind == "zip")
    with pytest.raises(AyolomError, match=r"evil\.pt"):
        checkpoint.read_checkpoint(file)
    assert not marker.exists()
    pickle.loads(pickle.dumps(content))  # the payload itself works: the guard is what held it back
    assert marker.exists()


def test_foreign_checkpoint_names_the_way_out(tmp_path) -> None:
    file = tmp_path / "theirs.pt"
    torch.save({"model": torch.nn.Linear(1, 1)}, file)
    assert not checkpoint.is_checkpoint(file)
    with pytest.raises(AyolomError, match="pass trust=True only for a file you made yourself"):
        checkpoint.read_checkpoint(file)


@pytest.mark.parametrize("keep", [0, 10, 400], ids=["empty", "ten bytes", "cut in half"])
def test_truncated_checkpoint(keep: int, tmp_path) -> None:
    file = tmp_path / "last.pt"
    checkpoint.write_checkpoint(file, {"ema": {"w": torch.zeros(100)}})
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(AyolomError, match=r"last\.pt: is empty, cut short or damaged"):
        checkpoint.read_checkpoint(file)


def test_missing_checkpoint(tmp_path) -> None:
    with pytest.raises(AyolomError, match=r"no\.pt: no such checkpoint"):
        checkpoint.read_checkpoint(tmp_path / "no.pt")


def test_newer_format_asks_for_an_update(tmp_path) -> None:
    file = tmp_path / "new.pt"
    torch.save({"format": "ayolom", "format_version": 99}, file)
    with pytest.raises(AyolomError, match="update ayolom"):
        checkpoint.read_checkpoint(file)


def test_strip_keeps_what_prediction_needs(tmp_path) -> None:
    file = tmp_path / "best.pt"
    state = {"w": torch.rand(8), "n": torch.tensor(3)}
    checkpoint.write_checkpoint(
        file, {"ema": state, "model": state, "optimizer": {"state": {}}, "epoch": 7, "yaml": {}}
    )
    content = checkpoint.strip_checkpoint(file)
    assert set(content) >= {"ema", "yaml", "epoch"}
    assert not {"model", "optimizer"} & set(content)
    assert content["ema"]["w"].dtype == torch.float16
    assert content["ema"]["n"].dtype == torch.int64
    assert checkpoint.read_checkpoint(file)["epoch"] == -1
