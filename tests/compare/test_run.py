"""How a run of a comparison is written down."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ayolom import AyolomError
from ayolom.compare._run import Run, claim_folder, read_run

RUN = Run("a-s0", "multi", "m.yaml", "d.yaml", {"damage": "detect"}, 10, "both", {"lr0": 0.01, "freeze": [1, 2]})


def test_a_run_keeps_its_folder(tmp_path: Path) -> None:
    for _ in range(2):
        claim_folder(RUN, tmp_path)
    assert read_run(tmp_path) == RUN


@pytest.mark.parametrize(
    ("other", "named"),
    [(replace(RUN, epochs=11), "epochs"), (replace(RUN, settings={"lr0": 0.02}), "settings")],
    ids=["epochs", "settings"],
)
def test_other_settings_are_refused(other: Run, named: str, tmp_path: Path) -> None:
    claim_folder(RUN, tmp_path)
    with pytest.raises(AyolomError, match=rf"other settings \({named};"):
        claim_folder(other, tmp_path)
    assert read_run(tmp_path) == RUN


def test_a_row_may_become_an_ablation_later(tmp_path: Path) -> None:
    claim_folder(RUN, tmp_path)
    later = replace(RUN, ablation_of="shared")
    claim_folder(later, tmp_path)
    assert read_run(tmp_path) == later
