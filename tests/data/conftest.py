"""Small data sets made on the spot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

if TYPE_CHECKING:
    from pathlib import Path

TASKS = """
  damage: {kind: detect, labels: labels, names: [dent, scratch]}
  parts: {kind: semantic, masks: masks, names: [background, left_door, right_door]}
"""


class DataFolder:
    """A data set under construction."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def image(self, name, image=None, split="train", suffix=".png", shape=(40, 60)):
        """Write an image, a grey one when none is given."""
        image = np.full((*shape, 3), 128, np.uint8) if image is None else image
        return self._write("images", split, name + suffix, cv2.imencode(suffix, image)[1].tobytes())

    def boxes(self, name, text, split="train", folder="labels"):
        return self._write(folder, split, f"{name}.txt", text.encode())

    def mask(self, name, mask, split="train", folder="masks"):
        return self._write(folder, split, f"{name}.png", cv2.imencode(".png", np.asarray(mask, np.uint8))[1].tobytes())

    def yaml(self, tasks=TASKS, head="train: images/train\nval: images/val\n"):
        (self.root / "images" / "val").mkdir(parents=True, exist_ok=True)
        file = self.root / "data.yaml"
        file.write_text(f"path: .\n{head}tasks:{tasks}", encoding="utf-8")
        return file

    def _write(self, kind, split, name, data):
        file = self.root / kind / split / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        return file


@pytest.fixture
def folder(tmp_path) -> DataFolder:
    return DataFolder(tmp_path / "set")


@pytest.fixture
def hyp():
    """Return the base's settings with all augmentation off, changed by keyword."""

    def make(**changed):
        from ultralytics.cfg import get_cfg

        off = dict.fromkeys(
            ("mosaic", "mixup", "cutmix", "copy_paste", "fliplr", "flipud", "hsv_h", "hsv_s", "hsv_v"), 0.0
        )
        off |= dict.fromkeys(("degrees", "translate", "scale", "shear", "perspective"), 0.0)
        augmentations = changed.pop("augmentations", [])
        args = get_cfg(overrides={**off, "imgsz": 64, "batch": 4, "deterministic": False, **changed})
        args.augmentations = augmentations
        return args

    return make


@pytest.fixture
def build(folder, hyp):
    """Return the dataset of a split of `folder`."""

    # Arguments of build_dataset; all others are settings of the base.
    own = {"rect", "save_report", "folder_weights", "class_sampling"}

    def make(split="train", augment=True, file=None, batch=4, **changed):
        from ayolom.data.build import build_dataset
        from ayolom.data.schema import load_schema
        from ayolom.tasks import make_task

        schema = load_schema(file or folder.yaml())
        tasks = [make_task(spec) for spec in schema.tasks.values()]
        given = {name: changed.pop(name) for name in own if name in changed}
        args = hyp(**changed)
        return build_dataset(schema, tasks, split, args=args, batch=batch, stride=32, augment=augment, **given)

    return make
