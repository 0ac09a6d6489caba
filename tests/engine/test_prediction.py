"""Prediction on every kind of source, and what a user does with the results."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from ayolom import AyolomError

LOW = {"imgsz": 96, "conf": 0.0001, "max_det": 5, "verbose": False}


@pytest.fixture(scope="module")
def pictures(small_data: Path) -> list[Path]:
    return sorted((small_data.parent / "cars" / "images" / "val").iterdir())


@pytest.fixture(scope="module")
def result(trained: SimpleNamespace, pictures: list[Path]):
    return trained.model(pictures[0], **LOW)[0]


def test_result_carries_every_task_in_the_frame_of_the_image(result) -> None:
    height, width = cv2.imread(result.path).shape[:2]
    assert list(result.tasks) == ["damage", "parts"]
    damage, parts = result.tasks["damage"], result.tasks["parts"]
    assert damage.boxes.xyxy.shape == (5, 4)
    assert float(damage.boxes.xyxy.min()) >= 0
    assert float(damage.boxes.xyxy[:, 2].max()) <= width
    assert parts.semantic_mask.data.shape == (height, width)
    assert parts.semantic_mask.data.dtype == torch.uint8
    assert damage.names[0] == "dent"
    assert parts.names[0] == "background"


def test_result_reads_like_the_base_s(result) -> None:
    assert len(result) == 5
    assert result.names == result.tasks["damage"].names
    assert result.boxes is result.tasks["damage"].boxes
    assert result.semantic_mask is result.tasks["parts"].semantic_mask
    assert len(result[:2]) == 2
    assert result[:2].semantic_mask.data.shape == result.semantic_mask.data.shape
    assert isinstance(result.numpy().boxes.xyxy, np.ndarray)
    assert set(result.speed) == {"preprocess", "inference", "postprocess"}


def test_supervision_reads_the_result(result) -> None:
    supervision = pytest.importorskip("supervision")
    detections = supervision.Detections.from_ultralytics(result)
    np.testing.assert_allclose(detections.xyxy, result.boxes.xyxy.numpy())
    assert list(detections.data["class_name"]) == [result.names[int(c)] for c in result.boxes.cls]


def test_tables_hold_all_tasks(result) -> None:
    rows = result.summary()
    assert {row["task"] for row in rows} == {"damage", "parts"}
    assert json.loads(result.to_json())
    assert len(result.to_df()) == len(rows)
    assert result.to_csv().count("\n") == len(rows) + 1
    shares = [row["pixel_ratio"] for row in rows if row["task"] == "parts"]
    assert sum(shares) == pytest.approx(1, abs=1e-3)


def test_files_are_in_the_form_of_a_dataset(result, tmp_path: Path) -> None:
    result.save_txt(tmp_path / "labels" / "a.txt", save_conf=True)
    lines = (tmp_path / "labels" / "a.txt").read_text().splitlines()
    assert len(lines) == 5
    assert all(len(line.split()) == 6 for line in lines)
    mask = cv2.imread(str(tmp_path / "labels-parts" / "a.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(mask, result.semantic_mask.data.numpy())


@pytest.mark.parametrize("size", [(480, 640), (2250, 4000)], ids=["640 px", "4000 px"])
def test_plot_leaves_the_original_alone(size: tuple[int, int], trained: SimpleNamespace, pictures: list[Path]) -> None:
    image = cv2.resize(cv2.imread(str(pictures[0])), size[::-1])
    found = trained.model(image, **LOW)[0]
    found.show_speed = True
    drawn = found.plot()
    assert drawn.shape == image.shape
    assert (drawn != image).any()
    np.testing.assert_array_equal(found.orig_img, image)


def test_sources(trained: SimpleNamespace, pictures: list[Path]) -> None:
    array = cv2.imread(str(pictures[0]))
    tensor = torch.rand(2, 3, 96, 128)
    for source, count in (
        (pictures[0], 1),
        (pictures[0].parent, 4),
        (str(pictures[0].parent / "*.jpg"), 4),
        (array, 1),
        ([array, array[:64]], 2),
        (tensor, 2),
    ):
        assert len(trained.model(source, **LOW)) == count


def test_rectangular_size(trained: SimpleNamespace, pictures: list[Path]) -> None:
    found = trained.model(pictures[0], **{**LOW, "imgsz": (64, 96)})
    assert found[0].semantic_mask.data.shape == found[0].orig_shape


def test_batches_and_streams_give_the_same(trained: SimpleNamespace, pictures: list[Path]) -> None:
    single = trained.model(pictures, **LOW)
    batched = list(trained.model(pictures, stream=True, **{**LOW, "batch": 3}))
    for a, b in zip(single, batched, strict=True):
        assert a.path == b.path
        np.testing.assert_allclose(a.boxes.xyxy.numpy(), b.boxes.xyxy.numpy(), atol=0.1)


def test_video_keeps_frames_rate_and_size(trained: SimpleNamespace, small_data: Path, tmp_path: Path) -> None:
    source = small_data.parent / "cars" / "walkaround.mp4"
    given = cv2.VideoCapture(str(source))
    frames = list(
        trained.model(source, stream=True, save=True, project=str(tmp_path), name="out", show_speed=True, **LOW)
    )
    written = cv2.VideoCapture(str(next((tmp_path / "out").glob("walkaround.*"))))
    for key in (cv2.CAP_PROP_FRAME_COUNT, cv2.CAP_PROP_FPS, cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT):
        assert written.get(key) == pytest.approx(given.get(key), rel=0.01)
    assert len(frames) == given.get(cv2.CAP_PROP_FRAME_COUNT)


def test_tracking_gives_ids(trained: SimpleNamespace, small_data: Path) -> None:
    pytest.importorskip("lap", reason="the base's trackers need the package lap")
    found = list(trained.model.track(small_data.parent / "cars" / "walkaround.mp4", stream=True, **LOW))
    assert all(set(frame.tasks) == {"damage", "parts"} for frame in found)


def test_thresholds_and_classes_by_task(trained: SimpleNamespace, pictures: list[Path]) -> None:
    high = trained.model(pictures[0], **{**LOW, "conf": {"damage": 0.99}})[0]
    assert len(high.boxes) == 0
    assert high.semantic_mask is not None
    only = trained.model(pictures[0], **{**LOW, "classes": {"damage": [2], "parts": [0]}})[0]
    assert set(only.boxes.cls.tolist()) <= {2.0}
    assert set(only.semantic_mask.data.unique().tolist()) <= {0, 255}
    plain = trained.model(pictures[0], **{**LOW, "classes": [1]})[0]
    assert set(plain.boxes.cls.tolist()) <= {1.0}


def test_only_some_tasks(trained: SimpleNamespace, pictures: list[Path]) -> None:
    parts = trained.model(pictures[0], only_tasks=["parts"], **LOW)[0]
    assert list(parts.tasks) == ["parts"]
    assert parts.boxes is None
    assert list(trained.model(pictures[0], **LOW)[0].tasks) == ["damage", "parts"]
    with pytest.raises(AyolomError, match=r"only_tasks=part: the model has no such task. Did you mean 'parts'"):
        trained.model(pictures[0], only_tasks=["part"], **LOW)
