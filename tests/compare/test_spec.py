"""The comparison file: what it means, and what is said of mistakes in it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ayolom.compare import load_comparison
from ayolom.errors import AyolomError

ROW = {"name": "shared", "model": "aYOLOM26n.yaml", "kind": "multi"}
BOXES = {"name": "boxes", "model": "yolo26n.yaml", "kind": "base detect"}
FCOS = {"name": "fcos", "model": "fcos_resnet50_fpn", "kind": "torchvision"}


def write(folder: Path, **content: object) -> Path:
    file = folder / "compare.yaml"
    file.write_text(yaml.safe_dump({"data": "cardamage.yaml", "runs": [ROW], **content}))
    return file


def test_what_is_not_said_has_defaults(tmp_path: Path) -> None:
    comparison = load_comparison(write(tmp_path))
    assert (comparison.epochs, comparison.imgsz, comparison.batch, comparison.images) == (100, 640, 16, None)
    assert comparison.seeds == (0, 1, 2)
    assert comparison.equal == ("exposure", "steps")
    assert comparison.entries["shared"].model == "aYOLOM26n.yaml"


def test_files_beside_it_are_found_first(tmp_path: Path) -> None:
    (tmp_path / "aYOLOM26n.yaml").touch()
    (tmp_path / "cardamage.yaml").touch()
    comparison = load_comparison(write(tmp_path))
    assert comparison.entries["shared"].model == str(tmp_path.resolve() / "aYOLOM26n.yaml")
    assert comparison.data == str(tmp_path.resolve() / "cardamage.yaml")


def test_weights_beside_it_are_found_first(tmp_path: Path) -> None:
    (tmp_path / "drawn.pt").touch()
    rows = [{**ROW, "settings": {"pretrained": "drawn.pt"}}, {**BOXES, "settings": {"pretrained": "yolo26n.pt"}}]
    entries = load_comparison(write(tmp_path, runs=rows)).entries
    assert [entry.settings["pretrained"] for entry in entries.values()] == [
        str(tmp_path.resolve() / "drawn.pt"),
        "yolo26n.pt",
    ]


def test_one_seed_and_one_budget_need_no_list(tmp_path: Path) -> None:
    comparison = load_comparison(write(tmp_path, seeds=4, budget={"equal": "steps"}))
    assert (comparison.seeds, comparison.equal) == ((4,), ("steps",))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param({"data": None}, "data: must name", id="no data"),
        pytest.param({"run": []}, "'run' is not a key here. Did you mean 'runs'", id="unknown key"),
        pytest.param({"runs": []}, "runs: must be a list", id="no rows"),
        pytest.param({"runs": [ROW, {**ROW, "name": "Shared"}]}, "'Shared' is there twice", id="name twice"),
        pytest.param({"runs": [{**ROW, "name": "../up"}]}, "name: must be of letters", id="name is a path"),
        pytest.param({"runs": [{**ROW, "name": "a/b"}]}, "name: must be of letters", id="name has a folder"),
        pytest.param({"runs": [{**ROW, "kind": "base detekt"}]}, "Did you mean 'base detect'", id="kind"),
        pytest.param({"runs": [{**ROW, "model": "best.pt"}]}, "must be a model YAML", id="checkpoint"),
        pytest.param({"runs": [{**ROW, "settings": {"lr": 1}}]}, "lr: no such setting", id="setting"),
        pytest.param({"runs": [{**ROW, "settings": {"seed": 1}}]}, "it is said as `seeds:`", id="seed as a setting"),
        pytest.param({"settings": {"epochs": 3}}, "it is said in `budget:`", id="epochs as a setting"),
        pytest.param({"runs": [{**ROW, "ablation of": "shred"}]}, "no other row 'shred'", id="ablation of nothing"),
        pytest.param({"runs": [{**ROW, "ablation of": "shared"}]}, "no other row 'shared'", id="ablation of itself"),
        pytest.param({"runs": [{**BOXES, "flip_pairs": {"parts": False}}]}, "of kind multi", id="base's flip pairs"),
        pytest.param(
            {
                "runs": [
                    {**ROW, "model": "fcos_resnet50_fpn", "kind": "torchvision", "settings": {"pretrained": "a.pt"}}
                ]
            },
            "networks of torchvision are trained from scratch",
            id="weights for torchvision",
        ),
        pytest.param({"baseline": {"damage": "boxs"}, "runs": [BOXES]}, "Did you mean 'boxes'", id="baseline"),
        pytest.param({"seeds": [1, 1]}, "different whole numbers", id="seed twice"),
        pytest.param({"seeds": []}, "different whole numbers", id="no seed"),
        pytest.param({"budget": {"epochs": 0}}, "epochs: must be a whole number from 1", id="no epochs"),
        pytest.param({"budget": {"images": -1}}, "images: must be a whole number from 1", id="negative images"),
        pytest.param({"budget": {"equal": "time"}}, "equal: must be exposure or steps", id="budget"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, content: dict, message: str) -> None:
    with pytest.raises(AyolomError, match=message):
        load_comparison(write(tmp_path, **content))
