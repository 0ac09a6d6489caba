"""Weights of other networks: which are taken, where to, and how many."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from ultralytics.nn.tasks import DetectionModel, SemanticSegmentationModel

from ayolom.errors import AyolomError
from ayolom.nn.model import MultiTaskModel
from ayolom.nn.spec import load_spec

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn


def _light(**classes: int) -> MultiTaskModel:
    """Return aYOLOM26n with other numbers of classes."""
    spec = load_spec("aYOLOM26n.yaml")
    for name, number in classes.items():
        spec["tasks"][name]["nc"] = number
    return MultiTaskModel(spec)


def _same(model: MultiTaskModel, source: nn.Module, first: int, at: int, rows: int) -> int:
    """Return how many tensors of so many rows equal the source's."""
    ours, theirs = model.model.state_dict(), source.model.state_dict()
    count = 0
    for key, value in theirs.items():
        row, _, rest = key.partition(".")
        if first <= int(row) < first + rows:
            mine = ours.get(f"{int(row) - first + at}.{rest}")
            count += mine is not None and mine.shape == value.shape and torch.equal(mine, value)
    return count


@pytest.fixture(scope="module")
def detector() -> nn.Module:
    """The base's YOLO26 for 80 classes, weights as drawn."""
    torch.manual_seed(11)
    return _noisy(DetectionModel("yolo26n.yaml", verbose=False))


@pytest.fixture(scope="module")
def segmenter() -> nn.Module:
    """The base's YOLO26 for masks of 20 classes."""
    torch.manual_seed(12)
    return _noisy(SemanticSegmentationModel("yolo26n-sem.yaml", nc=20, verbose=False))


def _noisy(model: nn.Module) -> nn.Module:
    """Make every tensor differ from a fresh network's, statistics too."""
    with torch.no_grad():
        for tensor in model.state_dict().values():
            tensor.add_(1)
    return model


def test_a_detector_of_as_many_classes_fills_backbone_and_detection_task(detector: nn.Module) -> None:
    model = _light(damage=80)
    counts = model.load(detector)
    total = len(detector.model.state_dict())
    backbone = len(detector.model[:11].state_dict())
    assert counts == {"backbone": backbone, "damage": total - backbone, "parts": 0}
    assert _same(model, detector, first=0, at=0, rows=24) == total


def test_other_classes_leave_the_class_branch(detector: nn.Module) -> None:
    model = _light(damage=6)
    counts = model.load(detector)
    own = model.state_dict()
    branch = [key for key in detector.state_dict() if ".cv3." in key or ".one2one_cv3." in key]
    fitting = [key for key in branch if own[key].shape == detector.state_dict()[key].shape]
    total = len(detector.model.state_dict())
    assert sum(counts.values()) == total - len(branch) + len(fitting)
    assert len(fitting) < len(branch)


@pytest.fixture
def wide(wide_spec: dict[str, Any]) -> MultiTaskModel:
    """A network whose mask task has the neck of yolo26-sem."""
    return MultiTaskModel(wide_spec)


def test_a_segmenter_fills_the_mask_task_that_comes_later(wide: MultiTaskModel, segmenter: nn.Module) -> None:
    """All of it but the two tensors that read a join, whose inputs are fewer here."""
    counts = wide.load(segmenter)
    total = len(segmenter.model.state_dict())
    backbone = len(segmenter.model[:11].state_dict())
    assert counts == {"backbone": backbone, "damage": 0, "parts": total - backbone - 2}
    start = wide.heads["damage"] + 1
    assert _same(wide, segmenter, first=11, at=start, rows=7) == counts["parts"]


def test_rows_that_one_neck_has_more_do_not_shift_the_others(segmenter: nn.Module) -> None:
    """The shipped neck has two convolutions more and is narrower at stride 8: its first C3k2 is filled all the same."""
    model = _light(parts=20)
    counts = model.load(segmenter)
    row = next(i for i, layer in enumerate(model.model) if layer.block.startswith("parts") and "C3k2" in layer.type)
    theirs, ours = segmenter.model[13].state_dict(), model.model[row].state_dict()
    filled = [key for key, value in theirs.items() if value.shape == ours[key].shape]
    assert all(torch.equal(theirs[key], ours[key]) for key in filled)
    assert counts["parts"] >= len(filled) == len(theirs) - 1  # all but the weights that read the join


def test_a_yolov8_fills_its_family() -> None:
    source = _noisy(DetectionModel("yolov8n.yaml", nc=6, verbose=False))
    counts = MultiTaskModel("aYOLOMn.yaml").load(source)
    assert sum(counts.values()) == len(source.state_dict())
    assert counts["parts"] == 0


def test_two_detection_tasks_are_both_filled(
    make_spec: Callable[..., dict[str, Any]], spec: dict[str, Any], detector: nn.Module
) -> None:
    light = load_spec("aYOLOM26n.yaml")
    damage = {**light["tasks"]["damage"], "nc": 80}
    model = MultiTaskModel({**light, "tasks": {"parts": light["tasks"]["parts"], "a": damage, "b": damage}})
    counts = model.load(detector)
    assert counts["a"] == counts["b"] > 400
    assert counts["parts"] == 0


@pytest.mark.parametrize("form", ["ema", "model", "state dict"])
def test_forms_of_a_source(detector: nn.Module, form: str) -> None:
    source: Any = {
        "ema": {"ema": detector, "model": None},
        "model": {"ema": None, "model": detector},
        "state dict": detector.state_dict(),
    }[form]
    assert _light().load(source) == _light().load(detector)


def test_a_plain_state_dict_goes_where_most_of_it_fits(wide: MultiTaskModel, segmenter: nn.Module) -> None:
    assert wide.load(segmenter.state_dict()) == wide.load(segmenter)


def test_half_precision_sources_arrive_in_float32(detector: nn.Module) -> None:
    model = _light()
    model.load({key: value.half() for key, value in detector.state_dict().items()})
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_tasks_are_matched_by_name_before_kind(make_spec: Callable[..., dict[str, Any]], spec: dict[str, Any]) -> None:
    damage, parts = spec["tasks"]["damage"], spec["tasks"]["parts"]
    source = _noisy(MultiTaskModel(make_spec(signs=damage, parts=parts, damage=damage)))
    model = MultiTaskModel(make_spec(damage=damage, parts=parts))
    counts = model.load(source)
    assert sum(counts.values()) == len(model.state_dict())
    ours, theirs = model.heads["damage"], source.heads["damage"]
    assert torch.equal(model.model[ours].cv2[0][0].conv.weight, source.model[theirs].cv2[0][0].conv.weight)
    other = MultiTaskModel(make_spec(cracks=damage))
    assert other.load(source)["cracks"] > 0
    first = source.model[source.heads["signs"]].cv2[0][0].conv.weight
    assert torch.equal(other.model[other.heads["cracks"]].cv2[0][0].conv.weight, first)


def test_gates_decide_anew_after_a_transfer(spec: dict[str, Any]) -> None:
    source, model = MultiTaskModel(spec), MultiTaskModel(spec).eval()
    with torch.no_grad():
        source.gates()[0].gate.fill_(-3.0)
    model.load(source)
    assert [row["open"] for row in model.gate_table()] == [False]
    image = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(model(image)["parts"], source.eval()(image)["parts"])


def test_the_count_is_logged(spec: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    monkeypatch.setattr("ayolom.nn.transfer.LOGGER", SimpleNamespace(info=lines.append, warning=lines.append))
    model = MultiTaskModel(spec)
    counts = model.load(MultiTaskModel(spec))
    total = len(model.model.state_dict())
    parts = ", ".join(f"{name} {count}" for name, count in counts.items())
    assert lines == [f"Transferred {total}/{total} tensors ({parts})"]
    model.load(MultiTaskModel(spec).eval().fuse(verbose=False))
    assert "fused for inference" in lines[-1]


@pytest.mark.parametrize("weights", ["yolo26n.pt", None, 3, [1, 2]], ids=str)
def test_things_that_are_no_weights(spec: dict[str, Any], weights: Any) -> None:
    with pytest.raises(AyolomError, match="neither a network nor a state dict"):
        MultiTaskModel(spec).load(weights)
