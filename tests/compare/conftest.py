"""A comparison small enough to be trained in a test: drawn cars, and networks of a few layers."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

BACKBONE = [[-1, 1, "Conv", [8, 3, 2]], [-1, 1, "Conv", [16, 3, 2]], [-1, 1, "Conv", [16, 3, 2]]]
MODELS = {
    "shared.yaml": {
        "backbone": BACKBONE,
        "tasks": {
            "damage": {"kind": "detect", "head": [["B2"], "Detect", []]},
            "parts": {"kind": "semantic", "head": [["B2"], "SegmentationHead", [8, 4]]},
        },
    },
    "boxes.yaml": {"nc": 6, "backbone": BACKBONE, "head": [[[-1], 1, "Detect", ["nc"]]]},
    "map.yaml": {"nc": 20, "backbone": BACKBONE, "head": [[[1, 2], 1, "SemanticSegment", ["nc"]]]},
}
COMPARISON = {
    "data": "cars.yaml",
    "seeds": [0, 1],
    "budget": {"epochs": 1, "imgsz": 64, "batch": 2},
    "settings": {"verbose": False, "threads": 1},
    "runs": [
        {"name": "shared", "model": "shared.yaml", "kind": "multi"},
        {"name": "plain-flips", "model": "shared.yaml", "kind": "multi", "flip_pairs": {"parts": False}}
        | {"ablation of": "shared"},
        {"name": "boxes", "model": "boxes.yaml", "kind": "base detect"},
        {"name": "map", "model": "map.yaml", "kind": "base semantic"},
    ],
}


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `cars.yaml` (six pictures to train; four labelled for damage, all for parts) and models."""
    from ayolom.config import find_data_yaml
    from ayolom.data.synthetic import generate

    folder = tmp_path_factory.mktemp("comparison")
    generate(folder / "cars", seed=3, train=6, val=2, size=(96, 128), video=False)
    for label in sorted((folder / "cars" / "labels" / "train").glob("*.txt"))[:2]:
        label.unlink()
    content = yaml.safe_load(find_data_yaml("cardamage.yaml").read_text(encoding="utf-8"))
    content = {key: value for key, value in content.items() if key not in ("generate", "video")}
    (folder / "cars.yaml").write_text(yaml.safe_dump({**content, "path": str(folder / "cars")}), encoding="utf-8")
    for name, model in MODELS.items():
        (folder / name).write_text(yaml.safe_dump(model), encoding="utf-8")
    return folder


@pytest.fixture
def write_comparison(workshop: Path) -> object:
    """A writer of comparison files beside the data; keys given replace those of `COMPARISON`."""

    def write(name: str = "compare.yaml", **changes: object) -> Path:
        file = workshop / name
        file.write_text(yaml.safe_dump({**COMPARISON, **changes}, sort_keys=False), encoding="utf-8")
        return file

    return write
