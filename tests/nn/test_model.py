"""The network from outside: outputs by task, inference form, copies, rebuilding."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn
from ultralytics.nn.modules import Detect

from ayolom.modules import AdaptiveConcat
from ayolom.nn.folding import FoldedJoin
from ayolom.nn.gates import PassThrough
from ayolom.nn.model import MultiTaskModel
from ayolom.tasks import TaskSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

IMAGES = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def _tensors(output: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors of nested output."""
    if isinstance(output, torch.Tensor):
        yield output
    elif isinstance(output, (dict, list, tuple)):
        for value in output.values() if isinstance(output, dict) else output:
            yield from _tensors(value)


def _settled(model: MultiTaskModel) -> MultiTaskModel:
    """Give normalisation statistics, gates and biases values of a trained network, then set inference mode."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.5)
    return model.eval()


def _largest_difference(a: Any, b: Any) -> float:
    """Return the largest difference between two nested outputs of one form."""
    pairs = list(zip(_tensors(a), _tensors(b), strict=True))
    assert pairs
    return max(float((x - y).detach().abs().max()) for x, y in pairs)


def test_outputs_are_the_heads_by_name(spec: dict[str, Any]) -> None:
    model = MultiTaskModel(spec)
    raw = model(IMAGES)
    assert list(raw) == ["damage", "parts"]
    assert raw["damage"]["boxes"].shape == (2, 64, 128)
    assert raw["damage"]["scores"].shape == (2, 3, 128)
    assert raw["parts"].shape == (2, 4, 32, 32)
    found = model.eval()(IMAGES)
    assert found["damage"][0].shape == (2, 4 + 3, 128)
    assert found["parts"].shape == (2, 4, 32, 32)


def test_attributes_that_the_base_reads(spec: dict[str, Any]) -> None:
    names = TaskSpec("damage", "detect", {0: "dent", 1: "crack"})
    model = MultiTaskModel(spec, {"parts": TaskSpec("parts", "semantic", {0: "a", 1: "b"}), "damage": names})
    assert model.names == {0: "dent", 1: "crack"}
    assert (model.task, model.stride.tolist(), model.end2end) == ("multitask", [32.0], False)
    assert model.model[model.heads["damage"]].stride.tolist() == [8, 8]
    assert model.yaml["channels"] == 3


def test_without_boxes_names_are_the_first_tasks(
    make_spec: Callable[..., dict[str, Any]], spec: dict[str, Any]
) -> None:
    model = MultiTaskModel(make_spec(parts={**spec["tasks"]["parts"], "names": ["road", "sky"]}))
    assert model.names == {0: "road", 1: "sky"}
    assert model.end2end is False
    assert list(model.eval()(IMAGES)) == ["parts"]


def test_a_coarser_map_sets_the_stride(spec: dict[str, Any]) -> None:
    spec["backbone"] += [[-1, 1, "Conv", [8, 3, 2]] for _ in range(3)]
    spec["tasks"] = {"damage": {"kind": "detect", "nc": 1, "head": [-1, "Detect", []]}}
    assert MultiTaskModel(spec).stride.tolist() == [64.0]


def test_four_tasks_and_two_of_a_kind(make_spec: Callable[..., dict[str, Any]], spec: dict[str, Any]) -> None:
    damage, parts = spec["tasks"]["damage"], spec["tasks"]["parts"]
    model = MultiTaskModel(
        make_spec(
            damage=damage,
            parts=parts,
            signs={**damage, "nc": 7},
            shared={**damage, "head": ["damage.N0", "Detect", []]},
        )
    )
    raw = model(IMAGES)
    assert {name: output["scores"].shape[1] for name, output in raw.items() if name != "parts"} == {
        "damage": 3,
        "signs": 7,
        "shared": 3,
    }
    assert len(model._detect_heads()) == 3


def test_a_shared_neck_is_run_once(make_spec: Callable[..., dict[str, Any]], spec: dict[str, Any]) -> None:
    other = {"kind": "semantic", "nc": 2, "head": ["parts.N2", "SegmentationHead", [4, 4]]}
    model = MultiTaskModel(make_spec(parts=spec["tasks"]["parts"], glass=other))
    calls: list[int] = []
    for layer in model.model:
        layer.register_forward_hook(lambda layer, *_: calls.append(layer.i))
    assert list(model(IMAGES)) == ["parts", "glass"]
    assert calls == list(range(len(model.model)))


@pytest.mark.parametrize("wanted", ["damage", "parts"])
def test_only_the_active_tasks_layers_run(spec: dict[str, Any], wanted: str) -> None:
    model = MultiTaskModel(spec).eval()
    whole = model(IMAGES)
    blocks: set[str] = set()
    for layer in model.model:
        layer.register_forward_hook(lambda layer, *_: blocks.add(layer.block))
    model.active = frozenset({wanted})
    output = model(IMAGES)
    assert blocks == {"backbone", f"{wanted}.neck", f"{wanted}.head"}
    assert list(output) == [wanted]
    assert _largest_difference(output[wanted], whole[wanted]) == 0


def test_maps_are_kept_only_as_long_as_a_row_may_read_them(
    make_spec: Callable[..., dict[str, Any]], spec: dict[str, Any]
) -> None:
    """While the last head runs, of eleven maps only those that several rows read and its own input are alive."""
    import gc
    import weakref

    model = MultiTaskModel(make_spec(a=spec["tasks"]["parts"], b=spec["tasks"]["parts"])).eval()
    alive: dict[int, weakref.ref[torch.Tensor]] = {}
    seen: list[int] = []

    def note(layer: Any, _: Any, output: Any) -> None:
        alive[layer.i] = weakref.ref(output)

    def look(*_: Any) -> None:
        gc.collect()
        seen.extend(i for i, reference in alive.items() if reference() is not None and i != model.heads["a"])

    for layer in model.model:
        layer.register_forward_hook(note)
    model.model[-1].register_forward_pre_hook(look)
    with torch.no_grad():
        model(IMAGES)
    assert model.save == [2, 4]
    assert sorted(seen) == [2, 4, 11]


def test_embeddings_are_the_averaged_maps_of_rows(spec: dict[str, Any]) -> None:
    model = MultiTaskModel(spec).eval()
    maps = {}
    for layer in model.model:
        layer.register_forward_hook(lambda layer, _, output: maps.__setitem__(layer.i, output))
    vectors = model.predict(IMAGES, embed=[2, 4])
    assert sorted(maps) == [0, 1, 2, 3, 4]
    expected = torch.cat([maps[2].mean((2, 3)), maps[4].mean((2, 3))], 1)
    assert len(vectors) == 2
    torch.testing.assert_close(torch.stack(vectors), expected)


def test_augmented_prediction_falls_back_as_in_the_base(spec: dict[str, Any]) -> None:
    model = MultiTaskModel(spec).eval()
    assert _largest_difference(model.predict(IMAGES, augment=True), model(IMAGES)) == 0


def test_size_is_told_as_by_the_base(spec: dict[str, Any]) -> None:
    model = MultiTaskModel(spec)
    _, parameters, gradients, operations = model.info()
    assert parameters == sum(p.numel() for p in model.parameters())
    assert gradients == parameters - 16  # the fixed convolution of the distribution focal loss
    assert operations > 0
    model.predict(IMAGES, profile=True)


# Inference form -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("end2end", [False, True])
@pytest.mark.parametrize("gate", [1.0, -1.0], ids=["open", "closed"])
def test_fused_output_equals_unfused(spec: dict[str, Any], gate: float, end2end: bool) -> None:
    spec["end2end"], spec["reg_max"] = end2end, 1 if end2end else 16
    spec["tasks"]["parts"]["head"] = [["N2", "B4"], "SegmentationHead", [4, 2, True]]
    model = MultiTaskModel(spec)
    with torch.no_grad():
        model.gates()[0].gate.fill_(gate)
    model = _settled(model)
    with torch.no_grad():
        before = model(IMAGES)
        fused = deepcopy(model).fuse(verbose=False)
        after = fused(IMAGES)
    assert fused.is_fused()
    assert not model.is_fused()
    assert _largest_difference(before["damage"][0], after["damage"][0]) < 1e-4 * 64
    assert _largest_difference(before["parts"], after["parts"]) < 1e-4
    assert not any(isinstance(module, nn.BatchNorm2d) for module in fused.model[8].modules())
    assert fused.model[10].aux_head is None
    assert (fused.gates(), fused.gate_table()) == ([], [])
    assert isinstance(fused.model[8], PassThrough if gate < 0 else FoldedJoin)
    assert [(layer.i, layer.f, layer.block, layer.users) for layer in fused.model] == [
        (layer.i, layer.f, layer.block, layer.users) for layer in model.model
    ]
    assert sum(layer.np for layer in fused.model[8:9]) == sum(p.numel() for p in fused.model[8].parameters())


def test_fusing_twice_changes_nothing_more(spec: dict[str, Any]) -> None:
    model = _settled(MultiTaskModel(spec)).fuse(verbose=False)
    keys = list(model.state_dict())
    assert list(model.fuse(verbose=False).state_dict()) == keys


def test_a_gate_left_alone_counts_as_work_for_fuse(spec: dict[str, Any]) -> None:
    model = _settled(MultiTaskModel(spec)).fuse(verbose=False)
    gate = AdaptiveConcat((32, 16))
    gate.i, gate.f, gate.block, gate.users, gate.np = 8, [7, 2], "parts.neck", frozenset({"parts"}), 1
    model.model[8] = gate
    assert not model.is_fused()
    assert model.fuse(verbose=False).is_fused()


def test_gate_table(spec: dict[str, Any]) -> None:
    model = MultiTaskModel(spec)
    with torch.no_grad():
        model.gates()[0].gate.fill_(-2.0)
    expected = 1 / (1 + torch.tensor(2.0).exp())
    (row,) = model.gate_table()
    assert (row["block"], row["row"], row["open"]) == ("parts.neck", 1, False)
    assert row["openness"] == pytest.approx(float(expected))


# Copies and rebuilding ------------------------------------------------------------------------------------------------
def test_the_yaml_alone_rebuilds_the_model(spec: dict[str, Any]) -> None:
    pairs = TaskSpec("parts", "semantic", {0: "background", 1: "left", 2: "right"}, flip_pairs=((1, 2),))
    boxes = TaskSpec("damage", "detect", {0: "dent", 1: "scratch"})
    model = _settled(MultiTaskModel(spec, {"damage": boxes, "parts": pairs}))
    again = MultiTaskModel(model.yaml).eval()
    again.load_state_dict(model.state_dict(), strict=True)
    assert again.yaml == model.yaml
    assert again.tasks["parts"].spec == pairs
    assert again.names == model.names
    assert _largest_difference(again(IMAGES), model(IMAGES)) == 0


def test_the_yaml_is_plain_data(spec: dict[str, Any]) -> None:
    import yaml

    model = MultiTaskModel(spec)
    assert MultiTaskModel(yaml.safe_load(yaml.safe_dump(model.yaml))).yaml == model.yaml


def test_a_grey_image_rebuilds_too(spec: dict[str, Any]) -> None:
    model = MultiTaskModel(MultiTaskModel(spec, ch=1).yaml).eval()
    assert model(IMAGES[:, :1])["parts"].shape == (2, 4, 32, 32)


def test_a_copy_is_independent(spec: dict[str, Any], make_batch: Callable[..., dict[str, Any]]) -> None:
    model = MultiTaskModel(spec)
    model.loss(make_batch(("damage", "parts"), ("damage",)))
    copy = deepcopy(model).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
    assert not any(torch.equal(a, b) for a, b in zip(model.parameters(), copy.parameters(), strict=True))
    assert copy.loss(make_batch(("damage", "parts"), ("damage",)))[0].isfinite()
    assert copy.criterion.model is copy


def test_moving_the_model_moves_strides_and_anchors(spec: dict[str, Any]) -> None:
    model = MultiTaskModel(spec).eval()
    model(IMAGES)
    model.double()
    head = model.model[model.heads["damage"]]
    assert {head.stride.dtype, head.anchors.dtype, head.strides.dtype} == {torch.float64}
    assert model.model[model.heads["parts"]].stride.dtype == torch.float64
    assert model(IMAGES.double())["parts"].dtype == torch.float64


# Heads ----------------------------------------------------------------------------------------------------------------
def test_end2end_is_set_on_all_detection_heads(make_spec: Callable[..., dict[str, Any]], spec: dict[str, Any]) -> None:
    damage = spec["tasks"]["damage"]
    model = MultiTaskModel({**make_spec(a=damage, b=damage), "end2end": True, "reg_max": 1}).eval()
    assert model.end2end is False
    model.end2end = True
    assert model.end2end is True
    assert model(IMAGES)["b"][0].shape == (2, 128, 6)
    model.model[model.heads["b"]].end2end = False
    assert model.end2end is False


def test_attributes_of_heads(make_spec: Callable[..., dict[str, Any]], spec: dict[str, Any]) -> None:
    model = MultiTaskModel(make_spec(**{**spec["tasks"], "b": spec["tasks"]["damage"]}))
    model.set_head_attr(max_det=7, agnostic_nms=True, nonsense=1)
    heads = [model.model[model.heads[name]] for name in ("damage", "b")]
    assert [(head.max_det, head.agnostic_nms) for head in heads] == [(7, True)] * 2
    assert Detect.max_det == 300
    assert not hasattr(heads[0], "nonsense")


# Precision ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("training", [True, False])
def test_bfloat16_inside_float32_outside(spec: dict[str, Any], training: bool) -> None:
    model = _settled(MultiTaskModel(spec)).train(training)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    exact = model(IMAGES)
    inside: set[torch.dtype] = set()
    model.model[5].register_forward_hook(lambda *args: inside.add(args[2].dtype))
    model.compute_dtype = torch.bfloat16
    output = model(IMAGES)
    assert inside == {torch.bfloat16}
    assert {tensor.dtype for tensor in _tensors(output)} == {torch.float32}
    assert _largest_difference(output["parts"], exact["parts"]) < 0.1 * float(exact["parts"].detach().abs().max())


def test_boxes_are_decoded_in_float32(spec: dict[str, Any]) -> None:
    """In bfloat16 corners beyond 256 px would lie on multiples of 2 px; here only features are rounded."""
    model = _settled(MultiTaskModel(spec))
    model.compute_dtype = torch.bfloat16
    boxes = model(torch.rand(1, 3, 512, 512))["damage"][0][0, :4]
    far = boxes[boxes > 256]
    assert len(far)
    assert float((far % 1 != 0).float().mean()) > 0.9
