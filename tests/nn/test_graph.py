"""From rows to layers: numbering and weights as the base's, and every mistake named where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn
from ultralytics.nn.modules import Conv
from ultralytics.nn.tasks import DetectionModel, SemanticSegmentationModel

from ayolom.errors import AyolomError
from ayolom.nn.graph import Graph, build_graph
from ayolom.nn.spec import join_tasks, load_spec
from ayolom.tasks import make_task

if TYPE_CHECKING:
    from collections.abc import Callable


def _build(spec: dict[str, Any]) -> Graph:
    """Return the graph of a YAML whose task blocks name their classes."""
    spec = load_spec(spec)
    tasks = {name: make_task(task) for name, task in join_tasks(spec, None, "x.yaml").items()}
    return build_graph(spec, tasks, source="x.yaml")


def _neck_row(row: list[Any], number: int = 0) -> Callable[[dict[str, Any]], None]:
    """Return a change that replaces a row of the mask task's neck."""

    def change(spec: dict[str, Any]) -> None:
        spec["tasks"]["parts"]["neck"][number] = row

    return change


def _head(task: str, row: list[Any]) -> Callable[[dict[str, Any]], None]:
    """Return a change that replaces a task's head."""

    def change(spec: dict[str, Any]) -> None:
        spec["tasks"][task]["head"] = row

    return change


def _backbone(row: list[Any]) -> Callable[[dict[str, Any]], None]:
    """Return a change that adds a row to the backbone."""

    def change(spec: dict[str, Any]) -> None:
        spec["backbone"].append(row)

    return change


WRONG = {
    "unknown module": (_neck_row([-1, 1, "C2g", [8]]), r"x\.yaml: tasks\.parts\.neck row N0 .*no module 'C2g'"),
    "unknown torch module": (_neck_row([-1, 1, "nn.Upsampl", []]), r"nn\.Upsampl'\. Did you mean 'nn\.Upsample'"),
    "function of torch.nn": (_neck_row([-1, 1, "nn.init", []]), r"no module 'nn\.init'"),
    "function of the base": (_neck_row([-1, 1, "torch_safe_load", ["x.pt"]]), "no module 'torch_safe_load'"),
    "whole model": (_neck_row([-1, 1, "DetectionModel", ["x.yaml"]]), "no module 'DetectionModel'"),
    "in the backbone": (_backbone([-1, 1, "Convv", [8]]), r"backbone row B5 \[-1, 1, Convv, \[8\]\]: there is no"),
    "concat of different sizes": (
        _neck_row([[-1, "B0"], 1, "Concat", [1]]),
        r"tasks\.parts\.neck row N0 .*its maps differ in size \(16x16, 64x64 at 128 px\)",
    ),
    "gated concat of different sizes": (
        _neck_row([[-1, "B0"], 1, "AdaptiveConcat", []], 1),
        r"neck row N1 .*differ in size \(32x32, 64x64",
    ),
    "gated concat of three": (
        _neck_row([[-1, "B2", "B1"], 1, "AdaptiveConcat", []], 1),
        "AdaptiveConcat joins two maps, the neck's and the backbone's",
    ),
    "concat of one": (_neck_row([-1, 1, "Concat", [1]]), r"joins two or more maps, once \(got 1 maps, 1 times\)"),
    "concat repeated": (_neck_row([[-1, "B4"], 2, "Concat", [1]]), "got 2 maps, 2 times"),
    "concat of rows": (_neck_row([[-1, "B4"], 1, "Concat", [2]]), "Concat joins channels"),
    "unknown gate mode": (_neck_row([[-1, "B2"], 1, "AdaptiveConcat", ["open"]], 1), "mode must be one of"),
    "unknown gate argument": (
        _neck_row([[-1, "B2"], 1, "AdaptiveConcat", [{"start": 1}]], 1),
        "AdaptiveConcat has no start; it takes mode and init",
    ),
    "too many gate arguments": (_neck_row([[-1, "B2"], 1, "AdaptiveConcat", ["paper", 1, 2]], 1), "takes .mode, init"),
    "two inputs for one": (_neck_row([[-1, "B4"], 1, "Conv", [8]]), r"takes one input \(got 2\); join maps with"),
    "missing arguments": (_neck_row([-1, 1, "Conv", []]), "row N0 .*does not fit its input, 32x16x16 .channels"),
    "wrong channel count": (_neck_row([-1, 1, "nn.Conv2d", [7, 8, 1]]), "not fit its input, 32x16x16 .*7 channels"),
    "several outputs": (_neck_row([-1, 1, "nn.Flatten", []]), "Flatten does not give one map"),
    "head of another kind": (_head("parts", ["N2", "Detect", []]), r"parts\.head .*Detect: not a head of kind"),
    "unknown head": (_head("damage", ["N0", "Detekt", []]), r"damage\.head .*not a head of kind detect"),
    "head of another stride": (_head("parts", ["N2", "SegmentationHead", [8, 8]]), r"parts\.head .*stride"),
    "auxiliary input missing": (_head("parts", ["N2", "SegmentationHead", [4, 4, True]]), "needs 2 input"),
}


@pytest.mark.parametrize(("change", "message"), WRONG.values(), ids=WRONG)
def test_mistakes_are_named(spec: dict[str, Any], change: Callable[[dict[str, Any]], None], message: str) -> None:
    change(spec)
    with pytest.raises(AyolomError, match=message):
        _build(spec)


def test_unknown_kind_names_the_nearest(spec: dict[str, Any]) -> None:
    spec["tasks"]["parts"]["kind"] = "semantics"
    with pytest.raises(AyolomError, match=r"task 'parts': no such kind 'semantics'\. Did you mean 'semantic'\?"):
        _build(spec)


@pytest.mark.parametrize(
    ("file", "name"),
    [("aYOLOMn.yaml", "yolov8n.yaml"), ("aYOLOM26n.yaml", "yolo26n.yaml"), ("aYOLOM26m.yaml", "yolo26m.yaml")],
)
def test_backbone_and_first_task_are_the_bases_layer_by_layer(file: str, name: str) -> None:
    """From one seed, the first rows get the very weights that the base gives its model, under the same keys."""
    torch.manual_seed(3)
    base = DetectionModel(name, verbose=False)
    ours = load_spec(file)
    ours["tasks"]["damage"]["nc"] = 80
    torch.manual_seed(3)
    layers = _build(ours).layers
    expected, got = base.model.state_dict(), layers.state_dict()
    assert {key: value.shape for key, value in expected.items()}.items() <= {k: v.shape for k, v in got.items()}.items()
    assert all(torch.equal(value, got[key]) for key, value in expected.items())
    assert layers[len(base.model) - 1].stride.tolist() == base.stride.tolist() == [8, 16, 32]


def test_mask_neck_has_the_bases_rows_but_for_the_gated_joins(wide_spec: dict[str, Any]) -> None:
    """Only tensors that read a join differ from yolo26-sem: its output has the neck's channels, not the sum."""
    base = SemanticSegmentationModel("yolo26n-sem.yaml", nc=20, verbose=False)
    graph = _build(wide_spec)
    start = graph.heads["damage"] + 1
    ours = {key: value.shape for key, value in nn.Sequential(*graph.layers[start:]).state_dict().items()}
    theirs = {key: value.shape for key, value in nn.Sequential(*base.model[11:]).state_dict().items()}
    assert {key for key in theirs if ours.get(key) != theirs[key]} == {"2.cv1.conv.weight", "5.cv1.conv.weight"}
    assert {".".join(key.split(".")[:2]) for key in ours.keys() - theirs.keys()} == {
        "1.gate",
        "1.conv",
        "4.gate",
        "4.conv",
    }


def test_labels_of_layers(spec: dict[str, Any]) -> None:
    graph = _build(spec)
    blocks = ["backbone"] * 5 + ["damage.neck", "damage.head"] + ["parts.neck"] * 3 + ["parts.head"]
    assert [layer.block for layer in graph.layers] == blocks
    assert [layer.i for layer in graph.layers] == list(range(11))
    assert [layer.f for layer in graph.layers] == [-1, 0, 1, 2, 3, 4, [5, 4], 4, [7, 2], 8, [9]]
    assert graph.layers[0].type == "ultralytics.nn.modules.conv.Conv"
    assert graph.layers[0].np == 3 * 8 * 9 + 16
    assert graph.heads == {"damage": 6, "parts": 10}
    assert graph.save == [2, 4]
    assert graph.stride == 8


def test_users_are_the_tasks_whose_heads_depend_on_a_layer(make_spec: Callable[..., dict[str, Any]]) -> None:
    spec = make_spec(
        a={"kind": "detect", "neck": [[-1, 1, "Conv", [8]], [-1, 1, "Conv", [8]]], "head": ["N1", "Detect", []]},
        b={"kind": "detect", "neck": [["a.N0", 1, "Conv", [8]]], "head": [["N0", "B2"], "Detect", []]},
        c={"kind": "detect", "neck": [["B1", 1, "Conv", [8]], ["B0", 1, "Conv", [8]]], "head": ["N0", "Detect", []]},
    )
    users = {(layer.block, layer.i): "".join(sorted(layer.users)) for layer in _build(spec).layers}
    assert users == {
        ("backbone", 0): "abc",
        ("backbone", 1): "abc",
        ("backbone", 2): "ab",
        ("backbone", 3): "ab",
        ("backbone", 4): "ab",
        ("a.neck", 5): "ab",
        ("a.neck", 6): "a",
        ("a.head", 7): "a",
        ("b.neck", 8): "b",
        ("b.head", 9): "b",
        ("c.neck", 10): "c",
        ("c.neck", 11): "",
        ("c.head", 12): "c",
    }


def test_building_leaves_statistics_and_switches_alone(spec: dict[str, Any]) -> None:
    layers = _build(spec).layers
    norms = [layer for layer in layers.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert norms
    assert all(int(norm.num_batches_tracked) == 0 and not norm.running_mean.any() for norm in norms)
    assert all(layer.training for layer in layers.modules())


def test_depth_and_width_are_scaled_by_the_base(spec: dict[str, Any]) -> None:
    spec["backbone"][4][1] = 4
    spec["scales"], spec["scale"] = {"n": [0.5, 2.0, 48]}, "n"
    layers = _build(spec).layers
    assert len(layers[4].m) == 2
    assert layers[0].conv.out_channels == 16
    assert layers[4].cv2.conv.out_channels == 64
    spec["scales"]["n"][2] = 16
    assert _build(spec).layers[4].cv2.conv.out_channels == 32


def test_an_activation_holds_for_heads_too_and_for_this_model_only(spec: dict[str, Any]) -> None:
    before = Conv.default_act
    spec["activation"] = "nn.LeakyReLU(0.1)"
    layers = _build(spec).layers
    assert Conv.default_act is before
    kinds = {type(layer.act) for layer in layers.modules() if isinstance(layer, Conv)}
    assert kinds - {nn.Identity} == {nn.LeakyReLU}


def test_arguments_of_a_gate(spec: dict[str, Any]) -> None:
    for args, mode, gate in (
        ([], "learned", 1.0),
        (["paper"], "paper", 5.0),
        (["learned", 0.25], "learned", 0.25),
        ([{"mode": "learned", "init": -1}], "learned", -1.0),
    ):
        spec["tasks"]["parts"]["neck"][1][3] = args
        layer = _build(spec).layers[8]
        assert (layer.mode, layer.gate.item()) == (mode, gate)


def test_other_channels_than_three(spec: dict[str, Any]) -> None:
    tasks = {name: make_task(task) for name, task in join_tasks(load_spec(spec), None, "x.yaml").items()}
    assert build_graph(load_spec(spec), tasks, channels=1).layers[0].conv.in_channels == 1
