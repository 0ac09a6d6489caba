"""Names of rows become places in one list."""

from __future__ import annotations

from typing import Any

import pytest

from ayolom.errors import AyolomError
from ayolom.nn.references import IMAGE, Layout

CONV = [1, "Conv", [8]]


def _spec(backbone: int = 3, **tasks: dict[str, Any]) -> dict[str, Any]:
    """Return a YAML with a backbone of so many rows."""
    return {"backbone": [[-1, *CONV] for _ in range(backbone)], "tasks": tasks}


def _task(*neck: Any, head: Any = -1) -> dict[str, Any]:
    """Return a task with a row for each reference."""
    return {"kind": "detect", "neck": [[reference, *CONV] for reference in neck], "head": [head, "Detect", []]}


def _inputs(spec: dict[str, Any]) -> dict[str, list[tuple[int, ...]]]:
    """Return the inputs of all rows by block."""
    found: dict[str, list[tuple[int, ...]]] = {}
    for row in Layout(spec, "x.yaml").rows():
        found.setdefault(row.block, []).append(row.inputs)
    return found


def test_previous_row_is_the_image_then_the_row_before_then_the_backbones_last() -> None:
    assert _inputs(_spec(a=_task(-1, -1), b=_task(-1))) == {
        "backbone": [(IMAGE,), (0,), (1,)],
        "a.neck": [(2,), (3,)],
        "a.head": [(4,)],
        "b.neck": [(2,)],
        "b.head": [(6,)],
    }


def test_named_rows() -> None:
    spec = _spec(a=_task("B0", ["N0", "B1"]), b=_task("B2", head=["N0", "a.N1"]))
    assert _inputs(spec)["a.neck"] == [(0,), (3, 1)]
    assert _inputs(spec)["b.head"] == [(6, 4)]


def test_a_head_without_a_neck_reads_the_backbone() -> None:
    assert _inputs(_spec(a={"kind": "detect", "head": [-1, "Detect", []]}))["a.head"] == [(2,)]


def test_a_backbone_row_may_name_an_earlier_one() -> None:
    spec = _spec(a=_task())
    spec["backbone"][2] = [["B0", -1], 1, "Concat", [1]]
    assert _inputs(spec)["backbone"][2] == (0, 1)


def test_tasks_keep_their_order_but_for_references_to_later_ones() -> None:
    spec = _spec(a=_task("c.N0"), b=_task(-1), c=_task(-1), d=_task("a.N0"))
    layout = Layout(spec, "x.yaml")
    assert layout.order == ["b", "c", "a", "d"]
    assert layout.start["backbone"] == 0
    assert [layout.start[f"{name}.neck"] for name in layout.order] == [3, 5, 7, 9]


def test_a_task_may_refer_to_its_own_rows_by_name() -> None:
    assert _inputs(_spec(a=_task(-1, "a.N0")))["a.neck"] == [(2,), (3,)]


WRONG = {
    "plain index": (_task(6), r"x\.yaml: tasks\.a\.neck row N0 \[6, 1, Conv, \[8\]\]: 6 names no row; write -1"),
    "negative index": (_task(-2), "-2 names no row; write -1"),
    "minus one as text": (_task("-1"), "'-1' names no row"),
    "fraction": (_task(-1.5), r"-1\.5 names no row"),
    "unknown letter": (_task("P3"), "'P3' names no row"),
    "small letter": (_task("b1"), "'b1' names no row"),
    "backbone too short": (_task("B3"), "there is no B3; backbone has 3 rows, numbered from 0"),
    "neck too short": (_task(-1, head="N1"), r"tasks\.a\.head .*there is no N1; a\.neck has 1 rows"),
    "own row": (_task(-1, "N1"), "row N1 .*N1 does not come before this row"),
    "later row": (_task("N1", -1), "N1 does not come before this row"),
    "backbone of a task": (_task("a.B1"), r"a\.B1: all tasks share one backbone; write B1"),
    "no such task": (_task("damge.N0"), r"damge\.N0: there is no task 'damge'\. Did you mean 'damage'\?"),
    "nothing": (_task([]), "must have the form"),
}


@pytest.mark.parametrize(("task", "message"), WRONG.values(), ids=WRONG)
def test_wrong_references(task: dict[str, Any], message: str) -> None:
    with pytest.raises(AyolomError, match=message):
        Layout(_spec(a=task, damage=_task(-1)), "x.yaml").rows()


def test_the_backbone_cannot_read_a_neck() -> None:
    spec = _spec(a=_task(-1))
    spec["backbone"][1] = ["N0", *CONV]
    with pytest.raises(AyolomError, match=r"x\.yaml: backbone row B1 .*N0 is a row of a neck"):
        Layout(spec, "x.yaml").rows()


def test_tasks_in_a_circle() -> None:
    with pytest.raises(AyolomError, match=r"x\.yaml: tasks a, b: their necks refer to each other in a circle"):
        Layout(_spec(a=_task("b.N0"), b=_task("a.N0"), c=_task(-1)), "x.yaml")


ROWS = {
    "too short": [-1, 1, "Conv"],
    "too long": [-1, 1, "Conv", [8], 3],
    "no list": "Conv",
    "arguments without brackets": [-1, 1, "Conv", 8],
    "repeats that are no number": [-1, "Conv", 1, [8]],
    "no repeats": [-1, 0, "Conv", [8]],
    "module without a name": [-1, 1, 5, [8]],
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_rows_of_another_form(row: Any) -> None:
    spec = _spec(a=_task(-1))
    spec["tasks"]["a"]["neck"].append(row)
    with pytest.raises(AyolomError, match=r"a\.neck row N1 .*must have the form \[from, repeats, module, args\]"):
        Layout(spec, "x.yaml").rows()


def test_a_head_of_another_form() -> None:
    spec = _spec(a=_task(-1))
    spec["tasks"]["a"]["head"] = ["Detect"]
    with pytest.raises(AyolomError, match=r"tasks\.a\.head \[Detect\]: must have the form \[from, module, args\]"):
        Layout(spec, "x.yaml").rows()
