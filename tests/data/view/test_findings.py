"""What labels and predictions say, packed and counted; a model's class ids told in those of the data."""

from __future__ import annotations

import numpy as np
import pytest

from ayolom.data.view._findings import KEPT_SIDE, Findings, from_label, label_counts, shown_names
from ayolom.data.view._matching import match_tasks
from ayolom.errors import AyolomError
from ayolom.tasks import TaskSpec, make_task

NAMES = {0: "background", 1: "hood", 2: "door"}


def test_boxes_are_packed_exactly():
    boxes = np.random.default_rng(0).random((7, 6)).astype(np.float32)
    assert np.array_equal(Findings.unpack(Findings(boxes=boxes).pack()).boxes, boxes)
    assert Findings.unpack(Findings(boxes=boxes[:0]).pack()).boxes.shape == (0, 6)
    assert Findings.unpack(Findings().pack()) == Findings()


def test_small_maps_are_packed_exactly_and_large_ones_shrunk():
    small = np.random.default_rng(0).integers(0, 255, (30, 40)).astype(np.uint8)
    assert np.array_equal(Findings.unpack(Findings(class_map=small).pack()).class_map, small)
    large = np.zeros((2 * KEPT_SIDE, KEPT_SIDE), np.uint8)
    assert Findings.unpack(Findings(class_map=large).pack()).class_map.shape == (KEPT_SIDE, KEPT_SIDE // 2)


def test_boxes_of_a_label_become_corners_with_full_confidence(tmp_path):
    task = make_task(TaskSpec("damage", "detect", {0: "dent"}))
    file = tmp_path / "a.txt"
    file.write_text("0 0.5 0.5 0.2 0.4\n")
    found = from_label(task, task.read(file, (10, 10)), file, (10, 10))
    assert found.boxes == pytest.approx(np.array([[0.4, 0.3, 0.6, 0.7, 1, 0]]), abs=1e-6)


@pytest.mark.parametrize(
    ("spec", "label", "expected"),
    [
        pytest.param(
            TaskSpec("d", "detect", {0: "dent", 1: "scratch"}),
            {"cls": np.array([1, 1, 0]), "bboxes": np.zeros((3, 4))},
            {0: 1, 1: 2},
            id="boxes",
        ),
        pytest.param(TaskSpec("p", "semantic", NAMES), {"present": np.array([0, 2, 255])}, {2: 1}, id="mask"),
        pytest.param(
            TaskSpec("p", "semantic", NAMES, polygons="l"), {"cls": np.array([2, 2, 1])}, {1: 1, 2: 1}, id="polygons"
        ),
        pytest.param(TaskSpec("r", "semantic", {0: "rust"}), {"present": np.array([0, 1])}, {1: 1}, id="binary-mask"),
        pytest.param(
            TaskSpec("r", "semantic", {0: "rust"}, polygons="l"), {"cls": np.array([0])}, {1: 1}, id="binary-polygons"
        ),
    ],
)
def test_classes_of_a_label_are_counted_without_the_background(spec, label, expected):
    task = make_task(spec)
    assert label_counts(task, label) == expected
    assert set(expected) <= set(shown_names(task))


def test_boxes_of_a_model_get_the_ids_of_the_data(specs):
    tasks, renamed = specs
    data = [make_task(spec) for spec in tasks.values()]
    evil = tasks["damage"].names[1]
    matched = match_tasks(data, {"damage": renamed("damage", [evil, "crack", "dent"])})
    found = Findings(boxes=np.array([[0, 0, 1, 1, 0.5, i] for i in range(3)], np.float32))
    assert matched[0].moved(found).boxes[:, 5].tolist() == [1, 2, 0]
    assert matched[0].drawn.spec.names == {0: "dent", 1: evil, 2: "crack"}
    assert matched[1].table is None
    assert matched[1].moved(Findings(class_map=np.zeros((2, 2), np.uint8))) == Findings()


def test_maps_of_a_model_get_the_ids_of_the_data(specs):
    tasks, renamed = specs
    model = {"parts": renamed("parts", ["right_door", "background", "roof"])}
    matched = match_tasks([make_task(tasks["parts"])], model)[0]
    found = Findings(class_map=np.array([[0, 1, 2, 255]], np.uint8))
    assert matched.moved(found).class_map.tolist() == [[2, 0, 3, 255]]


def test_the_one_class_of_a_binary_mask_needs_no_name(specs):
    rust = TaskSpec("rust", "semantic", {0: "rust"})
    matched = match_tasks([make_task(rust)], {"rust": TaskSpec("rust", "semantic", {0: "corrosion"})})[0]
    assert matched.moved(Findings(class_map=np.array([[0, 1, 255]], np.uint8))).class_map.tolist() == [[0, 1, 255]]
    with pytest.raises(AyolomError, match="cannot be compared"):
        match_tasks([make_task(rust)], {"rust": TaskSpec("rust", "semantic", NAMES)})


def test_a_model_of_other_tasks_is_refused(specs):
    tasks, _ = specs
    with pytest.raises(AyolomError, match="none is in both"):
        match_tasks([make_task(spec) for spec in tasks.values()], {"lanes": tasks["parts"]})
