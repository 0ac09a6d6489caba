"""Boxes of one named task: picked from the batch, learned as by the base, decoded, scored as COCO does, written."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from ultralytics.cfg import get_cfg
from ultralytics.engine.results import Results
from ultralytics.nn.tasks import DetectionModel
from ultralytics.utils.loss import E2ELoss, v8DetectionLoss

from ayolom.config import make_settings
from ayolom.nn.model import MultiTaskModel
from ayolom.nn.spec import load_spec
from ayolom.tasks.labels import read_boxes

IMAGE = 64  # pixels a side


@pytest.fixture
def tasks(task_of):
    """Return vehicles (2 classes), parts (a mask), damage (3 classes): damage starts at id 2."""
    return [task_of("vehicles", "detect", 2), task_of("parts", "semantic", 4), task_of("damage", "detect", 3)]


@pytest.fixture
def batch() -> dict[str, Any]:
    """Return four images; instances of both box tasks are mixed, the third image holds none."""
    return {
        "img": torch.rand(4, 3, IMAGE, IMAGE, generator=torch.Generator().manual_seed(1)),
        "im_file": ["a.jpg", "b.jpg", "c.jpg", "d.jpg"],
        "ori_shape": [(64, 64)] * 4,
        "cls": torch.tensor([[4.0], [0.0], [2.0], [1.0], [3.0], [3.0]]),
        "bboxes": torch.tensor(
            [
                [0.3, 0.3, 0.4, 0.3],
                [0.5, 0.5, 1.0, 1.0],
                [0.6, 0.5, 0.5, 0.8],
                [0.4, 0.4, 0.4, 0.4],
                [0.25, 0.7, 0.3, 0.4],
                [0.8, 0.2, 0.3, 0.3],
            ]
        ),
        "batch_idx": torch.tensor([0.0, 0.0, 1.0, 3.0, 3.0, 3.0]),
    }


# The shared list of instances -----------------------------------------------------------------------------------------
def test_select_counts_classes_from_the_tasks_own_first(tasks, batch) -> None:
    damage = tasks[2].select(batch, torch.tensor([True] * 4), tasks)
    assert damage["cls"].tolist() == [[2.0], [0.0], [1.0], [1.0]]
    assert damage["batch_idx"].tolist() == [0.0, 1.0, 3.0, 3.0]
    assert torch.equal(damage["bboxes"], batch["bboxes"][[0, 2, 4, 5]])
    vehicles = tasks[0].select(batch, torch.tensor([True] * 4), tasks)
    assert vehicles["cls"].tolist() == [[0.0], [1.0]]
    assert vehicles["batch_idx"].tolist() == [0.0, 3.0]


def test_select_renumbers_the_images_that_it_keeps(tasks, batch) -> None:
    damage = tasks[2].select(batch, torch.tensor([False, True, True, True]), tasks)
    assert damage["im_file"] == ["b.jpg", "c.jpg", "d.jpg"]
    assert torch.equal(damage["img"], batch["img"][1:])
    assert damage["batch_idx"].tolist() == [0.0, 2.0, 2.0]
    assert damage["cls"].tolist() == [[0.0], [1.0], [1.0]]


def test_select_leaves_the_batch_as_it_was(tasks, batch) -> None:
    before = deepcopy(batch)
    tasks[2].select(batch, torch.tensor([True, False, True, False]), tasks)
    assert all(torch.equal(batch[key], before[key]) for key in ("img", "cls", "bboxes", "batch_idx"))


def test_select_of_images_without_boxes_is_empty_and_of_the_usual_shapes(tasks, batch) -> None:
    nothing = tasks[2].select(batch, torch.tensor([False, False, True, False]), tasks)
    shapes = {key: tuple(nothing[key].shape) for key in ("img", "cls", "bboxes", "batch_idx")}
    assert shapes == {"img": (1, 3, IMAGE, IMAGE), "cls": (0, 1), "bboxes": (0, 4), "batch_idx": (0,)}


# The loss -------------------------------------------------------------------------------------------------------------
FAMILIES = {
    "end-to-end": ("aYOLOM26n.yaml", "yolo26n.yaml", E2ELoss),
    "NMS": ("aYOLOMn.yaml", "yolov8n.yaml", v8DetectionLoss),
}


def _pair(ours: str, base: str, tasks: list) -> tuple[MultiTaskModel, DetectionModel]:
    """Return our network with the damage task alone, and the base's of the same weights."""
    torch.manual_seed(0)
    witness = DetectionModel(base, nc=3, verbose=False)
    spec = load_spec(ours)
    spec["tasks"] = {"damage": spec["tasks"]["damage"]}
    model = MultiTaskModel(spec, {"damage": tasks[2].spec})
    state = witness.state_dict()
    assert set(state) <= set(model.state_dict()), "the numbering of layers differs from the base's"
    model.load_state_dict(state)
    model.args = witness.args = get_cfg(overrides={"epochs": 10})
    model.data_tasks = tasks
    return model.train(), witness.train()


@pytest.mark.parametrize(("ours", "base", "criterion"), FAMILIES.values(), ids=FAMILIES)
def test_loss_items_and_gradients_are_the_bases_on_its_own_model(ours, base, criterion, tasks, batch) -> None:
    """The base sees the damage boxes alone, numbered by hand; ours picks them from the instances of two tasks."""
    model, witness = _pair(ours, base, tasks)
    rows = [0, 2, 4, 5]
    alone = {
        "img": batch["img"],
        "cls": torch.tensor([[2.0], [0.0], [1.0], [1.0]]),
        "bboxes": batch["bboxes"][rows],
        "batch_idx": batch["batch_idx"][rows],
    }
    expected, expected_items = witness.loss(alone)
    expected.sum().backward()
    total, items = model.loss(batch)
    total.backward()
    assert isinstance(model.criterion.criteria["damage"], criterion)
    assert total.item() == pytest.approx(expected.sum().item(), rel=1e-5)
    assert {key.removeprefix("damage/"): float(value) for key, value in items.items()} == pytest.approx(
        {key: float(value) for key, value in expected_items.items()}, rel=1e-5
    )
    gradients = dict(model.named_parameters())
    for name, parameter in witness.named_parameters():
        if parameter.grad is not None:
            torch.testing.assert_close(gradients[name].grad, parameter.grad, rtol=1e-3, atol=1e-5, msg=name)


@pytest.mark.parametrize(("ours", "base", "criterion"), FAMILIES.values(), ids=FAMILIES)
def test_images_that_hold_nothing_still_teach(ours, base, criterion, tasks, batch) -> None:
    """Labelled and empty means background everywhere: a finite loss that pushes scores down."""
    model, _ = _pair(ours, base, tasks)
    empty = {**batch, "cls": torch.zeros(0, 1), "bboxes": torch.zeros(0, 4), "batch_idx": torch.zeros(0)}
    total, items = model.loss(empty)
    total.backward()
    assert 0 < total < float("inf")
    assert float(items["damage/box_loss"]) == 0.0 < float(items["damage/cls_loss"])
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert all(torch.isfinite(gradient).all() for gradient in gradients)
    head = model.model[model.heads["damage"]]
    assert all(float(branch[-1].bias.grad.min()) > 0 for branch in head.cv3), "scores must fall"


def test_class_weights_weigh_the_class_loss_alone(tasks, batch) -> None:
    model, _ = _pair("aYOLOMn.yaml", "yolov8n.yaml", tasks)
    plain = model.loss(batch)[1]
    model.class_weights, model.criterion = {"damage": torch.full((3,), 2.0)}, None
    weighed = model.loss(batch)[1]
    assert float(weighed["damage/cls_loss"]) == pytest.approx(2 * float(plain["damage/cls_loss"]), rel=1e-4)
    assert float(weighed["damage/box_loss"]) == pytest.approx(float(plain["damage/box_loss"]), rel=1e-4)


# Prediction -----------------------------------------------------------------------------------------------------------
def options(**values: Any) -> SimpleNamespace:
    """Return settings of a prediction."""
    defaults = {"conf": 0.25, "iou": 0.7, "classes": None, "agnostic_nms": False, "max_det": 300, "end2end": False}
    return SimpleNamespace(**{**defaults, **values})


@pytest.fixture
def raw() -> torch.Tensor:
    """Return (1, 4 + 3, 5): centre, size and three scores of five candidates in an image of 64 pixels."""
    candidates = [
        [20, 30, 16, 12, 0.9, 0.0, 0.0],  # class 0
        [21, 30, 16, 12, 0.6, 0.0, 0.0],  # the same object again
        [20, 30, 16, 12, 0.0, 0.0, 0.5],  # another class at the same place
        [50, 40, 10, 16, 0.0, 0.7, 0.0],  # class 1
        [40, 20, 8, 8, 0.0, 0.1, 0.0],  # below the threshold
    ]
    return torch.tensor(candidates).T[None]


def test_decode_suppresses_within_a_class_and_returns_to_the_original_frame(task_of, raw) -> None:
    """The original is 128 x 96 (H x W): halved to 64 x 48, with 8 columns of padding left and right."""
    found = task_of("damage", "detect", 3).decode((raw, {}), (64, 64), [(128, 96)], options())[0]["boxes"]
    expected = [
        [(12 - 8) * 2, 24 * 2, (28 - 8) * 2, 36 * 2, 0.9, 0],
        [(45 - 8) * 2, 32 * 2, (55 - 8) * 2, 48 * 2, 0.7, 1],
        [(12 - 8) * 2, 24 * 2, (28 - 8) * 2, 36 * 2, 0.5, 2],
    ]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float32))


DECODE = {
    "all classes together": ({"agnostic_nms": True}, [0, 1]),
    "a higher threshold": ({"conf": 0.65}, [0, 1]),
    "some classes": ({"classes": [1, 2]}, [1, 2]),
    "at most one": ({"max_det": 1}, [0]),
    "doubles kept": ({"iou": 0.95}, [0, 1, 0, 2]),
}


@pytest.mark.parametrize(("given", "classes"), DECODE.values(), ids=DECODE)
def test_decode_heeds_the_settings(given, classes, task_of, raw) -> None:
    found = task_of("damage", "detect", 3).decode((raw, {}), (64, 64), [(64, 64)], options(**given))[0]["boxes"]
    assert found[:, 5].tolist() == classes


def test_decode_of_an_end_to_end_head_takes_its_boxes_as_they_are(task_of) -> None:
    output = torch.tensor([[[8.0, 8.0, 24.0, 40.0, 0.8, 1.0], [9.0, 8.0, 24.0, 40.0, 0.7, 1.0], [0, 0, 9, 9, 0.1, 0]]])
    task = task_of("damage", "detect", 3)
    found = task.decode((output, {}), (64, 64), [(128, 128)], options(end2end=True))[0]["boxes"]
    assert found.tolist() == [pytest.approx([16, 16, 48, 80, 0.8, 1]), pytest.approx([18, 16, 48, 80, 0.7, 1])]


def test_decode_cuts_boxes_at_the_edge_and_keeps_images_apart(task_of, raw) -> None:
    far = raw.clone()
    far[0, 0, :] = 0.0  # centres at the left edge
    found = task_of("damage", "detect", 3).decode(torch.cat((raw, far)), (64, 64), [(64, 64)] * 2, options())
    assert found[0]["boxes"][:, 0].tolist() == [12, 45, 12]
    assert found[1]["boxes"][:, 0].tolist() == [0, 0, 0]
    assert found[1]["boxes"][:, 2].tolist() == [8, 5, 8]


# Metrics --------------------------------------------------------------------------------------------------------------
NC = 3


def _case(rng: np.random.Generator, images: int) -> tuple[list, list]:
    """Return truth [(class, xyxy)] and detections [(xyxy, score, class)] of each image of 128 pixels.

    Of the objects some are missed, some found twice, some at the wrong place or as another class; some detections are
    of nothing. No two scores are equal, so that the order is one.
    """
    truths, detections = [], []
    for number in range(images):
        truth, found = [], []
        for _ in range(0 if number == 2 else int(rng.integers(1, 5))):
            corner, size = rng.uniform(0, 70, 2), rng.uniform(15, 50, 2)
            box, cls = np.concatenate((corner, corner + size)), int(rng.integers(NC))
            truth.append((cls, box))
            for _ in range(int(rng.choice([0, 1, 1, 1, 2]))):
                moved = box + rng.normal(0, rng.choice([0.5, 2.5, 8]), 4)
                found.append((moved, rng.uniform(0.05, 0.99), cls if rng.random() < 0.85 else int(rng.integers(NC))))
        for _ in range(int(rng.integers(0, 3))):
            corner = rng.uniform(0, 90, 2)
            found.append((np.concatenate((corner, corner + rng.uniform(8, 35, 2))), rng.uniform(0.05, 0.8), 1))
        truths.append(truth)
        detections.append(sorted(found, key=lambda row: -row[1]))
    return truths, detections


def _ltwh(box: np.ndarray) -> list[float]:
    """Return left, top, width, height of a box xyxy."""
    return [box[0], box[1], box[2] - box[0], box[3] - box[1]]


def _coco(truths: list, detections: list) -> Any:
    """Return the finished evaluation of pycocotools."""
    coco, evaluation = pytest.importorskip("pycocotools.coco"), pytest.importorskip("pycocotools.cocoeval")
    annotations = [
        {"image_id": i, "category_id": cls, "bbox": _ltwh(box), "area": np.prod(box[2:] - box[:2]), "iscrowd": 0}
        for i, truth in enumerate(truths)
        for cls, box in truth
    ]
    for number, row in enumerate(annotations, 1):
        row["id"] = number
    results = [
        {"image_id": i, "category_id": cls, "bbox": _ltwh(box), "score": score}
        for i, found in enumerate(detections)
        for box, score, cls in found
    ]
    with redirect_stdout(io.StringIO()):
        truth = coco.COCO()
        truth.dataset = {
            "images": [{"id": i} for i in range(len(truths))],
            "categories": [{"id": i} for i in range(NC)],
            "annotations": annotations,
        }
        truth.createIndex()
        judge = evaluation.COCOeval(truth, truth.loadRes(results), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return judge


def _output(detections: list) -> torch.Tensor:
    """Return detections as an end-to-end head gives them, (B, most, 6) padded with scores of 0."""
    output = torch.zeros(len(detections), max(map(len, detections)), 6)
    for i, found in enumerate(detections):
        for j, (box, score, cls) in enumerate(found):
            output[i, j] = torch.tensor([*box, score, cls])
    return output


def _labels(truths: list) -> dict[str, Any]:
    """Return the truth as a collated batch of 128-pixel images, class ids two up."""
    rows = [(i, cls, box) for i, truth in enumerate(truths) for cls, box in truth]
    boxes = torch.tensor(np.array([box for *_, box in rows]), dtype=torch.float32)
    return {
        "img": torch.zeros(len(truths), 3, 128, 128, dtype=torch.uint8),
        "im_file": [f"{i}.jpg" for i in range(len(truths))],
        "ori_shape": [(128, 128)] * len(truths),
        "ratio_pad": [((1.0, 1.0), (0.0, 0.0))] * len(truths),
        "cls": torch.tensor([[cls + 2.0] for _, cls, _ in rows]),
        "bboxes": torch.cat(((boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]), 1) / 128,
        "batch_idx": torch.tensor([float(i) for i, *_ in rows]),
        "labelled": [("damage",)] * len(truths),
    }


def _assert_near_coco(ours: Any, coco: Any) -> None:
    """Compare average precisions, which differ by how the area under the same falling curve is taken.

    COCO takes the mean at 101 recalls, the base trapezoids over the 100 intervals between them. Where the curve falls
    by d at recall r, COCO counts 1 + floor(100 r) of the 101 and the base r rounded to the middle of an interval; where
    r is one of the 101 the base reads the foot of the fall there, which is half an interval less. So COCO's area is
    larger by -0.005 d to 0.015 d, and all falls of a curve add up to 1 at most.
    """
    difference = np.asarray(coco) - np.asarray(ours)
    assert (difference >= -0.0051).all(), difference
    assert (difference <= 0.0151).all(), difference


@pytest.mark.parametrize("seed", [0, 1])
def test_average_precision_is_that_of_coco(seed, tasks, scorer, score) -> None:
    truths, detections = _case(np.random.default_rng(seed), images=9)
    judge = _coco(truths, detections)
    validator = scorer(*tasks)
    for part in (slice(0, 5), slice(5, 9)):
        score(validator, _labels(truths[part]), {"damage": (_output(detections[part]), {})})
    ours = validator.get_stats()
    assert 0.15 < judge.stats[0] < 0.85, "a case that tells something"
    _assert_near_coco(ours["metrics/damage/mAP50-95"], judge.stats[0])
    _assert_near_coco(ours["metrics/damage/mAP50"], judge.stats[1])
    _assert_near_coco(validator.metrics.tasks["damage"].maps, judge.eval["precision"][:, :, :, 0, 2].mean((0, 1)))


def test_images_that_are_not_labelled_do_not_count(tasks, scorer, score) -> None:
    truths, detections = _case(np.random.default_rng(3), images=6)
    validator = scorer(*tasks)
    batch = _labels(truths)
    batch["labelled"] = [("damage",) if i % 2 else ("parts",) for i in range(6)]
    batch["semantic_mask"] = torch.full((6, 1, 128, 128), 255, dtype=torch.uint8)
    score(validator, batch, {"damage": (_output(detections), {}), "parts": torch.zeros(6, 4, 16, 16)})
    ours = validator.get_stats()
    judge = _coco(truths[1::2], detections[1::2])
    assert validator.parts["damage"].seen == 3
    _assert_near_coco(ours["metrics/damage/mAP50-95"], judge.stats[0])


def test_metric_values_follow_their_names(task_of) -> None:
    task = task_of("damage", "detect", 3)
    values = task.metric_values(SimpleNamespace(mean_results=lambda: [0.1, 0.2, 0.3, 0.4]))
    assert dict(zip(task.metric_names, values, strict=True)) == {
        "precision": 0.1,
        "recall": 0.2,
        "mAP50": 0.3,
        "mAP50-95": 0.4,
    }


# Beyond the base's metrics -------------------------------------------------------------------------------------------
def _looked_on(validator: Any, task: Any, conditions: Any = None, **settings: Any) -> Any:
    """Let a study of a task look on at a validator, and return it."""
    validator.settings = make_settings(settings)
    validator.studies = {task.name: task.study(validator.settings)}
    validator.conditions = conditions
    return validator.studies[task.name]


def _enlarged(truths: list, detections: list, factors: list[int]) -> tuple[list, list]:
    """Return boxes in the frames of original images that are larger by a factor each."""
    return [[(cls, box * factor) for cls, box in truth] for truth, factor in zip(truths, factors, strict=True)], [
        [(box * factor, score, cls) for box, score, cls in found]
        for found, factor in zip(detections, factors, strict=True)
    ]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_slices_by_size_are_those_of_coco_at_the_originals_scale(seed, tasks, scorer, score) -> None:
    truths, detections = _case(np.random.default_rng(seed), images=12)
    validator = scorer(*tasks)
    study = _looked_on(validator, tasks[2], SimpleNamespace(of=lambda file: frozenset()), slices=True)
    batch = _labels(truths)
    factors = [1, 4, 2] * 4
    batch["ori_shape"] = [(128 * factor, 128 * factor) for factor in factors]
    batch["ratio_pad"] = [((1 / factor, 1 / factor), (0.0, 0.0)) for factor in factors]
    score(validator, batch, {"damage": (_output(detections), {})})
    validator.get_stats()
    judge = _coco(*_enlarged(truths, detections, factors))
    rows = {row["slice"]: row for row in study.slices}
    for place, name in enumerate(("small", "medium", "large"), 3):
        assert judge.stats[place] > 0.05, "a case that tells something"
        _assert_near_coco(rows[name]["mAP50-95"], judge.stats[place])
    assert sum(rows[name]["Instances"] for name in ("small", "medium", "large")) == sum(map(len, truths))
    assert rows["all"]["mAP50"] == pytest.approx(validator.metrics.results_dict["metrics/damage/mAP50"])
    assert (rows["all"]["Images"], rows["dark"]["Images"], rows["dark"]["mAP50"]) == (12, 0, None)


def test_slices_by_condition_are_the_scores_of_those_images_alone(tasks, scorer, score) -> None:
    truths, detections = _case(np.random.default_rng(5), images=10)
    dark = {f"{i}.jpg" for i in (1, 4, 5, 8)}
    held = SimpleNamespace(of=lambda file: frozenset({"dark"}) if file in dark else frozenset({"blurred"}))
    validator = scorer(*tasks)
    study = _looked_on(validator, tasks[2], held, slices=True)
    for part in (slice(0, 3), slice(3, 10)):
        batch = _labels(truths[part])
        batch["im_file"] = [f"{i}.jpg" for i in range(part.start, part.stop)]
        score(validator, batch, {"damage": (_output(detections[part]), {})})
    validator.get_stats()
    for name, images in (("dark", (1, 4, 5, 8)), ("blurred", (0, 2, 3, 6, 7, 9))):
        row = next(row for row in study.slices if row["slice"] == name)
        judge = _coco([truths[i] for i in images], [detections[i] for i in images])
        _assert_near_coco(row["mAP50-95"], judge.stats[0])
        assert (row["Images"], row["Instances"]) == (len(images), sum(len(truths[i]) for i in images))


def test_recall_at_a_precision_stands_in_results_rows_and_log(tasks, scorer, score) -> None:
    truths, detections = _case(np.random.default_rng(0), images=9)
    validator = scorer(*tasks)
    study = _looked_on(validator, tasks[2], min_precision=0.6)
    score(validator, _labels(truths), {"damage": (_output(detections), {})})
    validator.get_stats()
    judge = _coco(truths, detections)
    for index in range(NC):
        # COCO holds for each of 101 recalls the best precision at it or beyond, at an IoU of 0.5 first.
        reached = judge.params.recThrs[judge.eval["precision"][0, :, index, 0, 2] >= 0.6].max(initial=0.0)
        assert reached <= study.classes[index].recall + 1e-9 < reached + 0.01 + 1e-6
    rows = validator.metrics.summary()
    assert [row["R@P60"] for row in rows] == [pytest.approx(study.classes[i].recall, abs=1e-5) for i in range(NC)]
    assert sum(row["Instances"] for row in rows) == sum(map(len, truths))
    assert validator.metrics.results_dict["metrics/damage/recall_at_p60"] == study.everything.recall
    assert f"{study.everything.recall:.3f}  with conf=" in "\n".join(study.lines(verbose=False))
    assert "recall_at_p60" not in "".join(validator.metrics.keys), "training's columns stay as they are"


def test_what_is_not_reached_or_not_labelled_is_said_plainly(tasks, scorer, score) -> None:
    box, other = np.array([10.0, 10, 50, 50]), np.array([70.0, 70, 110, 110])
    validator = scorer(*tasks)
    study = _looked_on(validator, tasks[2])
    found = [[(other, 0.9, 0), (box, 0.8, 0)], [(box, 0.7, 1)]]
    score(validator, _labels([[(0, box)], [(1, box)]]), {"damage": (_output(found), {})})
    validator.get_stats()
    assert not study.classes[0].reached
    assert study.classes[1].reached
    text = "\n".join(study.lines(verbose=True))
    assert "c0  not reached (the highest precision is 0.500)" in text
    assert "c1  1.000  with conf=0.3505" in text  # halfway from 0.7 to conf=0.001
    rows = {row["Class"]: row for row in validator.metrics.summary()}
    assert (rows["c0"]["R@P80"], rows["c0"]["conf"]) == (0.0, None)
    assert (rows["c2"]["Images"], rows["c2"]["Instances"], rows["c2"]["R@P80"]) == (0, 0, None)


def test_temperature_of_scores_keeps_their_order_and_what_hangs_on_it(tasks, scorer, score) -> None:
    truths, detections = _case(np.random.default_rng(7), images=40)
    validator = scorer(*tasks)
    study = _looked_on(validator, tasks[2], calibrate=True)
    score(validator, _labels(truths), {"damage": (_output(detections), {})})
    plain = validator.get_stats()
    again = scorer(*tasks)
    second = _looked_on(again, tasks[2])
    scaled = _output(detections)
    scaled[..., 4] = (scaled[..., 4].logit() / study.temperature).sigmoid()
    assert study.temperature != pytest.approx(1.0, abs=0.1), "a case that tells something"
    score(again, _labels(truths), {"damage": (scaled, {})})
    stats = again.get_stats()
    for name in ("mAP50", "mAP50-95"):
        assert stats[f"metrics/damage/{name}"] == pytest.approx(plain[f"metrics/damage/{name}"], abs=1e-9)
    assert second.reliability.error() == pytest.approx(study.calibrated.error(), abs=1e-6)
    assert stats["metrics/damage/recall_at_p80"] == plain["metrics/damage/recall_at_p80"]


# Results --------------------------------------------------------------------------------------------------------------
@pytest.fixture
def result() -> Results:
    """Return two boxes in a picture of 100 x 200 pixels (H x W)."""
    boxes = torch.tensor([[20.0, 10.0, 60.0, 50.0, 0.9, 2.0], [100.0, 40.0, 180.0, 90.0, 0.6, 0.0]])
    names = {0: "dent", 1: "scratch", 2: "crack"}
    return Results(np.full((100, 200, 3), 90, np.uint8), "car.jpg", names, boxes=boxes)


def test_saved_boxes_are_labels_again(task_of, result, tmp_path: Path) -> None:
    file = task_of("damage", "detect", 3).save(result, tmp_path / "labels", "car")
    assert file == tmp_path / "labels" / "car.txt"
    label = read_boxes(file.read_text(), 3, file)
    assert label["cls"].tolist() == [2, 0]
    np.testing.assert_allclose(label["bboxes"], [[0.2, 0.3, 0.2, 0.4], [0.7, 0.65, 0.4, 0.5]], atol=1e-6)


def test_saving_twice_replaces_and_nothing_found_is_an_empty_file(task_of, result, tmp_path: Path) -> None:
    task = task_of("damage", "detect", 3)
    task.save(result, tmp_path, "car")
    task.save(result, tmp_path, "car")
    assert len((tmp_path / "car.txt").read_text().splitlines()) == 2
    nothing = Results(result.orig_img, "car.jpg", result.names, boxes=torch.zeros(0, 6))
    label = read_boxes(task.save(nothing, tmp_path, "car").read_text(), 3, "car.txt")
    assert len(label["cls"]) == 0


def test_rows_name_task_class_and_place(task_of, result) -> None:
    rows = task_of("damage", "detect", 3).rows(result)
    assert [(row["task"], row["name"], row["class"]) for row in rows] == [("damage", "crack", 2), ("damage", "dent", 0)]
    assert rows[1]["box"] == {"x1": 100.0, "y1": 40.0, "x2": 180.0, "y2": 90.0}
    assert rows[0]["confidence"] == pytest.approx(0.9)


def test_sentence_counts_by_class(task_of, result) -> None:
    task = task_of("damage", "detect", 3)
    assert task.sentence(result) == "1 c0, 1 c2, "
    assert task.sentence(Results(result.orig_img, "car.jpg", result.names, boxes=torch.zeros(0, 6))) == "no damage, "


def test_drawn_boxes_lie_on_the_edges(task_of, result) -> None:
    shown = SimpleNamespace(boxes=True, masks=True, labels=False, conf=False, line_width=2)
    task = task_of("damage", "detect", 3)
    changed = (task.draw(result.orig_img.copy(), result, shown) != result.orig_img).any(2)
    assert changed[[30, 10, 65, 90], [20, 40, 100, 140]].all(), "left and upper edge, left and lower edge"
    assert not changed[[30, 65, 5, 95], [40, 140, 40, 20]].any(), "inside and outside stay"
    hidden = SimpleNamespace(boxes=False, masks=True, labels=False, conf=False, line_width=2)
    assert np.array_equal(task.draw(result.orig_img.copy(), result, hidden), result.orig_img)
