"""Classes chosen on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from ayolom.data.filters import filtered
from ayolom.data.schema import DataSchema
from ayolom.errors import AyolomError
from ayolom.tasks import TaskSpec


@pytest.fixture
def schema() -> DataSchema:
    damage = TaskSpec("damage", "detect", {0: "dent", 1: "scratch", 2: "crack"}, labels="labels")
    parts = TaskSpec("parts", "semantic", {0: "background", 1: "hood"}, masks="masks")
    return DataSchema(file=None, root=Path("."), splits={}, tasks={"damage": damage, "parts": parts})


def test_nothing_chosen_changes_nothing(schema: DataSchema) -> None:
    assert filtered(schema) is schema


def test_a_list_is_for_the_first_task(schema: DataSchema) -> None:
    tasks = filtered(schema, [2, "dent"]).tasks
    assert tasks["damage"].classes == (0, 2)
    assert tasks["parts"].classes is None


def test_a_mapping_is_by_task(schema: DataSchema) -> None:
    tasks = filtered(schema, {"parts": "hood"}).tasks
    assert tasks["parts"].classes == (1,)
    assert tasks["damage"].classes is None


def test_single_class_takes_boxes_as_one(schema: DataSchema) -> None:
    tasks = filtered(schema, single_cls=True).tasks
    assert tasks["damage"].names == {0: "damage"}
    assert tasks["damage"].single_cls
    assert tasks["parts"] == schema.tasks["parts"]


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ({"damages": [0]}, "the data has no task 'damages'. Did you mean 'damage'"),
        (["dents"], "no such class 'dents'. Did you mean 'dent'"),
        ([3], "no such class '3'"),
    ],
    ids=["task", "name", "id"],
)
def test_unknown_choice_is_named(schema: DataSchema, classes: object, message: str) -> None:
    with pytest.raises(AyolomError, match=message):
        filtered(schema, classes)
