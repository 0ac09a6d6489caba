"""A small drawn data set and a network trained on it for two epochs, shared by the tests of the engine."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

SMALL = {
    "imgsz": 96,
    "batch": 4,
    "plots": False,
    "workers": 0,
    "threads": 1,
    "seed": 1,
    "exist_ok": True,
    "verbose": False,
}


@pytest.fixture
def small() -> dict[str, object]:
    """Settings of a training that takes seconds."""
    return dict(SMALL)


@pytest.fixture(scope="session")
def small_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset YAML over twelve drawn training pictures, four for validation and a short video."""
    from ayolom.config import find_data_yaml
    from ayolom.data.synthetic import generate

    root = tmp_path_factory.mktemp("small") / "cars"
    generate(root, seed=3, train=12, val=4, size=(96, 128), video=True)
    content = yaml.safe_load(find_data_yaml("cardamage.yaml").read_text(encoding="utf-8"))
    content.pop("generate")
    content["path"] = str(root)
    file = root.parent / "cars.yaml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    return file


@pytest.fixture(scope="session")
def trained(small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A run of two epochs: `model`, `folder`, and `unstripped`, the last checkpoint as it was while training."""
    import shutil

    from ayolom import YOLO

    project = tmp_path_factory.mktemp("runs")
    unstripped = project / "unstripped.pt"
    model = YOLO("aYOLOM26n.yaml")
    model.add_callback("on_model_save", lambda trainer: shutil.copy(trainer.last, unstripped))
    model.train(data=str(small_data), epochs=2, project=str(project), name="first", **{**SMALL, "plots": True})
    return SimpleNamespace(model=model, folder=project / "first", unstripped=unstripped, project=project)
