"""Model YAMLs: found, checked key by key, joined with the data's tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ayolom.errors import AyolomError
from ayolom.nn.spec import is_multitask, join_tasks, load_spec
from ayolom.tasks import TaskSpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DENTS = TaskSpec("damage", "detect", {0: "dent", 1: "crack"})
SIDES = TaskSpec("parts", "semantic", {0: "background", 1: "left", 2: "right"}, flip_pairs=((1, 2),))


def _without(spec: dict[str, Any], *keys: str) -> dict[str, Any]:
    """Return the YAML less what the keys lead to."""
    block = spec
    for key in keys[:-1]:
        block = block[key]
    del block[keys[-1]]
    return spec


def _with(spec: dict[str, Any], *path: Any) -> dict[str, Any]:
    """Return the YAML with the last of `path` at the keys before it."""
    *keys, last, value = path
    block = spec
    for key in keys:
        block = block[key]
    block[last] = value
    return spec


WRONG = {
    "no backbone": (lambda s: _without(s, "backbone"), "backbone is missing"),
    "empty backbone": (lambda s: _with(s, "backbone", []), "backbone is missing"),
    "no tasks": (lambda s: _without(s, "tasks"), "tasks is missing"),
    "tasks as a list": (lambda s: _with(s, "tasks", []), "tasks is missing"),
    "unknown key": (lambda s: _with(s, "bakbone", []), r"'bakbone' is not a key here\. Did you mean 'backbone'\?"),
    "head at the top": (lambda s: _with(s, "head", []), "'head' is not a key here"),
    "unknown key of a task": (
        lambda s: _with(s, "tasks", "parts", "necks", []),
        r"tasks\.parts: 'necks' is not a key here\. Did you mean 'neck'\?",
    ),
    "no head": (lambda s: _without(s, "tasks", "parts", "head"), r"tasks\.parts has no head; write, for example"),
    "no kind": (lambda s: _without(s, "tasks", "parts", "kind"), r"tasks\.parts has no kind; write `kind: detect`"),
    "empty task": (lambda s: _with(s, "tasks", "parts", None), r"tasks\.parts must be a block"),
    "neck as a mapping": (lambda s: _with(s, "tasks", "parts", "neck", {"a": 1}), r"tasks\.parts\.neck must be a list"),
    "task called backbone": (lambda s: _with(s, "tasks", "backbone", {}), "'backbone' cannot name a task"),
    "task with a dot": (lambda s: _with(s, "tasks", "a.b", {}), r"'a\.b' cannot name a task"),
    "task as a number": (lambda s: _with(s, "tasks", 3, {}), "'3' cannot name a task"),
    "unknown scale": (lambda s: _with(s, "scale", "q"), "there is no scale 'q'; scales are: none"),
    "scale of two numbers": (lambda s: _with(s, "scales", {"n": [1, 1]}), r"scales\.n must be \[depth, width"),
    "activation that is code": (
        lambda s: _with(s, "activation", "__import__('os').system('true')"),
        "activation .* is not a layer of torch.nn",
    ),
}


@pytest.mark.parametrize(("change", "message"), WRONG.values(), ids=WRONG)
def test_wrong_files(spec: dict[str, Any], change: Callable[[dict[str, Any]], Any], message: str) -> None:
    with pytest.raises(AyolomError, match=message):
        load_spec({**change(spec), "yaml_file": "x.yaml"})


def test_two_tasks_of_one_name_are_found_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "twice.yaml"
    file.write_text("backbone: []\ntasks:\n  parts: {kind: semantic}\n  parts: {kind: detect}\n", encoding="utf-8")
    with pytest.raises(AyolomError, match=r"twice\.yaml: line 4: 'parts' is there already \(line 3\)"):
        load_spec(file)


def test_unknown_file_names_the_nearest() -> None:
    with pytest.raises(AyolomError, match=r"model=aYOLOM27n\.yaml: no such file\. Did you mean 'aYOLOM26\.yaml'\?"):
        load_spec("aYOLOM27n.yaml")


@pytest.mark.parametrize(
    ("name", "scale"), [("aYOLOM26.yaml", "n"), ("aYOLOM26s.yaml", "s"), ("aYOLOMx-bdd.yaml", "x")]
)
def test_the_size_letter_of_a_name_is_its_scale(name: str, scale: str) -> None:
    spec = load_spec(name)
    assert (spec["scale"], spec["yaml_file"]) == (scale, name)
    assert is_multitask(spec)


def test_the_bases_files_are_not_ours() -> None:
    assert not is_multitask({"backbone": [], "head": [], "nc": 3})


def test_a_given_dict_is_left_as_it_is(spec: dict[str, Any]) -> None:
    loaded = load_spec(spec)
    join_tasks(loaded, None, "x.yaml")
    assert "names" not in spec["tasks"]["damage"]


def test_names_and_pairs_of_the_data_are_written_into_the_yaml(spec: dict[str, Any]) -> None:
    joined = join_tasks(spec, {"parts": SIDES, "damage": DENTS}, "x.yaml")
    assert list(joined) == ["damage", "parts"]
    assert joined["parts"] == SIDES
    assert spec["tasks"]["parts"]["names"] == {0: "background", 1: "left", 2: "right"}
    assert spec["tasks"]["parts"]["flip_pairs"] == [[1, 2]]
    again = join_tasks(spec, None, "x.yaml")
    assert again["parts"] == SIDES


def test_stand_in_names_without_data(spec: dict[str, Any]) -> None:
    del spec["tasks"]["parts"]["nc"]
    joined = join_tasks(spec, None, "x.yaml")
    assert joined["damage"].names == {0: "0", 1: "1", 2: "2"}
    assert joined["parts"].names == {0: "0"}


def test_names_may_be_a_list(spec: dict[str, Any]) -> None:
    spec["tasks"]["damage"]["names"] = ["dent", "crack"]
    assert join_tasks(spec, None, "x.yaml")["damage"].names == {0: "dent", 1: "crack"}


def test_tasks_of_the_data_alone_are_left_out(spec: dict[str, Any]) -> None:
    del spec["tasks"]["parts"]
    assert list(join_tasks(spec, {"parts": SIDES, "damage": DENTS}, "x.yaml")) == ["damage"]


def test_a_task_whose_classes_nobody_knows(spec: dict[str, Any]) -> None:
    with pytest.raises(AyolomError, match=r"x\.yaml: the data has no task 'parts'\. Describe its labels"):
        join_tasks(spec, {"damage": DENTS}, "x.yaml")


def test_a_task_that_keeps_the_classes_of_its_checkpoint(spec: dict[str, Any]) -> None:
    join_tasks(spec, {"parts": SIDES, "damage": DENTS}, "x.yaml")
    assert join_tasks(spec, {"damage": DENTS}, "x.yaml")["parts"] == SIDES


def test_no_task_in_common(spec: dict[str, Any]) -> None:
    with pytest.raises(AyolomError, match=r"its tasks \(damage, parts\) are none of the data's \(signs\)"):
        join_tasks(spec, {"signs": TaskSpec("signs", "detect", {0: "stop"})}, "x.yaml")


def test_another_kind(spec: dict[str, Any]) -> None:
    wrong = TaskSpec("parts", "detect", {0: "door"})
    with pytest.raises(AyolomError, match="task 'parts' is of kind semantic, in the data of kind detect"):
        join_tasks(spec, {"parts": wrong, "damage": DENTS}, "x.yaml")
