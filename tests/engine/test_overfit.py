"""Eight pictures learned by heart: what the labels say comes out again, through training, scoring and prediction."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
import yaml
from ultralytics.utils.metrics import box_iou

from ayolom import YOLO
from ayolom.config import find_data_yaml
from ayolom.data.synthetic import generate
from ayolom.tasks.labels import read_boxes

pytestmark = pytest.mark.slow

SIDE = 160  # pixels
PICTURES = 8
NO_AUGMENTATION = {
    **dict.fromkeys(("mosaic", "fliplr", "hsv_h", "hsv_s", "hsv_v", "scale", "translate", "erasing"), 0.0),
    "close_mosaic": 0,
    "augmentations": [],
}
SETTINGS = {
    "epochs": 200,  # each is one step
    "imgsz": SIDE,
    "batch": PICTURES,
    "nbs": PICTURES,  # no gradients gathered over several batches
    "optimizer": "AdamW",
    "lr0": 0.004,
    "lrf": 0.01,
    "warmup_epochs": 0.0,
    "weight_decay": 0.0,
    "loss_stride": 2,  # a mirror is a dozen pixels wide here
    "task_weights": {"parts": 4.0},  # twenty classes against a few boxes
    "val": False,
    "save": False,
    "plots": False,
    "workers": 0,
    "threads": 1,
    "cache": "ram",
    "seed": 1,
    "verbose": False,
}


def smallest_side(file: Path) -> float:
    """Return the smallest side in pixels of the boxes of a label file, 0 without any."""
    boxes = read_boxes(file.read_text(), 6, file)["bboxes"]
    return float(boxes[:, 2:].min() * SIDE) if len(boxes) else 0.0


def follow_quickly(trainer: object) -> None:
    """Let the stored statistics of normalisation follow by a tenth a step.

    The base lets them follow by 3 %, and they start at a variance of 1. After 150 steps 1 % of that 1 is left, which is
    more than the variance of the first layer's output; the network would be scored by statistics it never had.
    """
    for module in trainer.model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 0.1


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Eight drawn pictures whose damage is large enough to be seen at this size, and a network trained on them."""
    folder = tmp_path_factory.mktemp("overfit")
    root = folder / "cars"
    generate(root, seed=0, train=32, val=1, size=(SIDE, SIDE), video=False)
    labels = sorted((root / "labels" / "train").glob("*.txt"), key=smallest_side)
    for file in labels[:-PICTURES]:
        (root / "images" / "train" / f"{file.stem}.jpg").unlink()
    content = yaml.safe_load(find_data_yaml("cardamage.yaml").read_text(encoding="utf-8"))
    content.pop("generate")
    content |= {"path": str(root), "train": "images/train", "val": "images/train"}
    data = folder / "cars.yaml"
    data.write_text(yaml.safe_dump(content), encoding="utf-8")
    model = YOLO("aYOLOM26n.yaml")
    model.add_callback("on_train_start", follow_quickly)
    model.train(data=str(data), project=str(folder), name="run", **SETTINGS, **NO_AUGMENTATION)
    # On squares as in training: batches of the images' own shape have a grey border, which this network never saw.
    metrics = model.val(
        data=str(data), imgsz=SIDE, batch=PICTURES, rect=False, plots=False, workers=0, project=str(folder), name="val"
    )
    images = sorted((root / "images" / "train").iterdir())
    assert len(images) == PICTURES
    return SimpleNamespace(model=model, metrics=metrics.results_dict, images=images, root=root)


def test_both_tasks_score_above_nine_tenths(learned: SimpleNamespace) -> None:
    assert learned.metrics["metrics/damage/mAP50"] > 0.9
    assert learned.metrics["metrics/parts/mIoU_present"] > 0.9


def test_boxes_are_predicted_where_they_are_labelled(learned: SimpleNamespace) -> None:
    found = total = 0
    for image in learned.images:
        label = learned.root / "labels" / "train" / f"{image.stem}.txt"
        truth = read_boxes(label.read_text(), 6, label)
        centre, half = truth["bboxes"][:, :2] * SIDE, truth["bboxes"][:, 2:] * SIDE / 2
        boxes = learned.model.predict(image, imgsz=SIDE, conf=0.25, verbose=False)[0].tasks["damage"].boxes
        overlap = box_iou(torch.from_numpy(np.hstack((centre - half, centre + half))), boxes.xyxy.cpu())
        same = torch.from_numpy(truth["cls"])[:, None] == boxes.cls.cpu()
        found += int(((overlap > 0.5) & same).any(1).sum())
        total += len(truth["cls"])
    assert total >= PICTURES
    assert found / total > 0.9


def test_parts_are_predicted_at_the_size_of_the_picture(learned: SimpleNamespace) -> None:
    for image in learned.images:
        mask = cv2.imread(str(learned.root / "masks" / "train" / f"{image.stem}.png"), cv2.IMREAD_UNCHANGED)
        larger = cv2.resize(cv2.imread(str(image)), None, fx=3, fy=3, interpolation=cv2.INTER_LINEAR)
        result = learned.model.predict(larger, imgsz=SIDE, verbose=False)[0].tasks["parts"]
        expected = np.kron(mask, np.ones((3, 3), np.uint8))
        known = expected != 255
        assert (result.semantic_mask.data.numpy() == expected)[known].mean() > 0.93, image.name
