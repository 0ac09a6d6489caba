"""Tasks and classes of a model meet those of a data set by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ayolom.data.schema import DataSchema
from ayolom.errors import AyolomError
from ayolom.labelling import draft_boxes, draft_map, encode, match_tasks
from ayolom.tasks import TaskSpec, make_task
from ayolom.tasks.labels import read_boxes


def schema(*specs: TaskSpec) -> DataSchema:
    return DataSchema(Path("data.yaml"), Path("."), {}, {spec.name: spec for spec in specs})


def spec(names: list[str], kind: str = "semantic", name: str = "parts", **more) -> TaskSpec:
    folder = {"labels": "labels"} if kind == "detect" else {"masks": "masks"}
    return TaskSpec(name, kind, dict(enumerate(names)), **{**folder, **more})


def match(model: TaskSpec, data: TaskSpec, **more):
    return match_tasks({model.name: make_task(model)}, schema(data), **more)[0]


CASES = {
    "other order": (["a", "b", "c"], ["c", "a", "b"], {0: 1, 1: 2, 2: 0}),
    "more in the model": (["a", "x", "b"], ["a", "b"], {0: 0, 2: 1}),
    "binary to binary": (["rust"], ["rust"], {0: 0, 1: 1}),
    "two classes to binary": (["rust", "background"], ["rust"], {0: 1, 1: 0}),
    "binary to two classes": (["rust"], ["background", "rust"], {0: 0, 1: 1}),
}


@pytest.mark.parametrize(("model", "data", "values"), CASES.values(), ids=CASES)
def test_values_of_masks(model, data, values) -> None:
    assert match(spec(model), spec(data)).values == values


ERRORS = {
    "class unknown to the model": (spec(["a"]), spec(["a", "b"]), {}, "does not know b"),
    "class kept by the data that the model leaves out": (
        spec(["a", "b"], classes=(0,)),
        spec(["a", "b"]),
        {},
        "does not know b",
    ),
    "another kind": (spec(["a"], "detect"), spec(["a"]), {}, "of kind semantic"),
    "no common task": (spec(["a"], name="glass"), spec(["a"]), {}, "shares no task"),
    "task that the data lack": (spec(["a"]), spec(["a"]), {"names": ["part"]}, "no such task.*Did you mean 'parts'"),
    "polygons": (spec(["a"]), spec(["a"], masks=None, polygons="p"), {}, "project=labelme"),
    "classes as one": (spec(["parts"], "detect"), spec(["parts"], "detect", single_cls=True), {}, "single_cls"),
    "no value for uncertain pixels": (spec(["a"]), spec(["a"], ignore=-1), {}, "ignore: 254"),
}


@pytest.mark.parametrize(("model", "data", "more", "message"), ERRORS.values(), ids=ERRORS)
def test_mismatch_is_told(model, data, more, message) -> None:
    with pytest.raises(AyolomError, match=message):
        match(model, data, **more)


def test_polygons_are_fine_for_a_project() -> None:
    data = spec(["background", "a"], masks=None, polygons="p")
    assert match(spec(["a", "background"]), data, to_files=False).values == {0: 1, 1: 0}


def test_a_class_that_the_data_leave_out_need_not_be_known() -> None:
    assert match(spec(["a"], "detect"), spec(["a", "b"], "detect", classes=(0,))).known == ("a",)


# Labels ---------------------------------------------------------------------------------------------------------------
def test_boxes_below_the_threshold_and_foreign_ones_are_left_out() -> None:
    found = match(spec(["dent", "crack", "scratch"], "detect"), spec(["scratch", "dent"], "detect"))
    xywh = np.array([[0.5, 0.5, 0.2, 0.4], [0.25, 0.125, 0.1, 0.1], [0.4, 0.4, 0.2, 0.2], [0.3, 0.3, 0.1, 0.1]])
    label = draft_boxes(found, np.array([0, 2, 1, 0]), np.array([0.9, 0.6, 0.8, 0.59], np.float32), xywh, 0.6)
    assert encode(found, label).decode() == (
        "1 0.500000 0.500000 0.200000 0.400000\n0 0.250000 0.125000 0.100000 0.100000\n"
    )
    assert label.confidence == pytest.approx(0.75)
    assert label.foreign == {"crack": 1}
    np.testing.assert_array_equal(read_boxes(encode(found, label).decode(), 2, "a.txt")["cls"], label.classes)


def test_uncertain_and_foreign_pixels_teach_nothing() -> None:
    found = match(spec(["background", "roof", "hood"]), spec(["background", "hood"]))
    classes = np.array([[0, 1, 2], [0, 1, 2]], np.uint8)
    sure = np.array([[0.9, 0.9, 0.9], [0.5, 0.5, 0.5]], np.float32)
    label = draft_map(found, classes, sure, 0.6)
    assert label.class_map.tolist() == [[0, 255, 1], [255, 255, 255]]
    assert label.foreign == {"roof": 1}
    assert label.share == pytest.approx(2 / 6)
    assert label.confidence == pytest.approx(0.9)
    assert not label.empty


def test_ignored_pixels_have_the_value_of_the_data_set() -> None:
    import cv2

    found = match(spec(["rust"]), spec(["rust"], ignore=7))
    label = draft_map(found, np.array([[0, 1]], np.uint8), np.array([[0.9, 0.1]], np.float32), 0.6)
    written = cv2.imdecode(np.frombuffer(encode(found, label), np.uint8), cv2.IMREAD_UNCHANGED)
    assert written.tolist() == [[0, 7]]
    assert label.empty, "background only"


def test_nothing_sure_says_nothing() -> None:
    found = match(spec(["background", "hood"]), spec(["background", "hood"]))
    label = draft_map(found, np.ones((2, 2), np.uint8), np.full((2, 2), 0.3, np.float32), 0.6)
    assert label.share == 0
    assert label.confidence == 0
