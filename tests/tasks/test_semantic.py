"""Masks of one named task: metrics against scikit-learn, maps against full-size logits, losses at every n-th pixel."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from ultralytics.engine.results import Results
from ultralytics.utils.loss import SemanticSegmentationLoss

from ayolom.config import make_settings
from ayolom.losses import focal_loss, lovasz_loss, ohem_loss, tversky_loss
from ayolom.modules import SegmentationHead
from ayolom.tasks.labels import read_mask
from ayolom.tasks.mask_loss import FocalTverskyLoss, StridedLoss

metrics = pytest.importorskip("sklearn.metrics")

SIZE = 32  # pixels a side of masks to score
CELL = 4  # pixels of the image per cell of logits


# Metrics --------------------------------------------------------------------------------------------------------------
def random_maps(seed: int, labelled: list[int], predicted: list[int], agreement: float = 0.6) -> tuple[Any, Any]:
    """Return truth and prediction (3, H, W) of the given classes; a tenth of the truth is 255, an edge of one image."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(labelled, (3, SIZE, SIZE))
    guess = rng.choice(predicted, truth.shape)
    found = np.where((rng.random(truth.shape) < agreement) & np.isin(truth, predicted), truth, guess)
    truth[rng.random(truth.shape) < 0.1] = 255
    truth[1, :, -6:] = 255
    return truth, found


def logits_of(found: np.ndarray, nc: int) -> torch.Tensor:
    """Return logits (B, nc, H, W), at full size, of which the best class is the given one."""
    found = torch.from_numpy(found).long()
    return (found * 6.0 - 3)[:, None] if nc == 1 else F.one_hot(found, nc).permute(0, 3, 1, 2) * 5.0


def batch_of(*planes: np.ndarray) -> dict[str, Any]:
    """Return a collated batch with a plane for each mask task."""
    masks = torch.from_numpy(np.stack(planes, 1)).to(torch.uint8)
    return {"img": torch.zeros(len(masks), 3, *masks.shape[-2:], dtype=torch.uint8), "semantic_mask": masks}


CASES = {
    "all classes everywhere": (range(6), range(6)),
    "classes without a pixel": ([0, 2, 3], [0, 2, 3]),
    "classes only predicted": ([0, 1, 2], [0, 1, 2, 3, 5]),
    "classes never found": (range(6), [0, 4]),
    "one class": ([2], [2]),
}


@pytest.mark.parametrize(("labelled", "predicted"), CASES.values(), ids=CASES)
def test_metrics_of_several_classes_are_those_of_scikit_learn(labelled, predicted, task_of, scorer, score) -> None:
    truth, found = random_maps(5, list(labelled), list(predicted))
    parts = task_of("parts", "semantic", 6)
    validator = scorer(parts)
    for i in range(3):  # image by image: sums over the set, not means over images
        score(validator, batch_of(truth[i : i + 1]), {"parts": logits_of(found[i : i + 1], 6)})
    ours = validator.get_stats()
    y, p = truth[truth != 255], found[truth != 255]
    iou = metrics.jaccard_score(y, p, labels=np.union1d(y, p), average=None, zero_division=0)
    present = np.isin(np.union1d(y, p), y)
    assert ours["metrics/parts/mIoU"] == pytest.approx(iou.mean())
    assert ours["metrics/parts/mIoU_present"] == pytest.approx(iou[present].mean())
    assert ours["metrics/parts/pixel_accuracy"] == pytest.approx(metrics.accuracy_score(y, p))
    assert validator.metrics.task_fitness["parts"] == pytest.approx(iou[present].mean(), rel=1e-5)
    counts = metrics.confusion_matrix(y, p, labels=range(6))
    assert np.array_equal(validator.metrics.tasks["parts"].matrix.numpy(), counts)


BINARY = {
    "both values": ([0, 1], [0, 1]),
    "no object labelled": ([0], [0, 1]),
    "no object anywhere": ([0], [0]),
    "object everywhere": ([1], [1]),
    "object never found": ([0, 1], [0]),
}


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true", "ignore:A single label was found")
@pytest.mark.parametrize(("labelled", "predicted"), BINARY.values(), ids=BINARY)
def test_metrics_of_one_class_are_those_of_scikit_learn(labelled, predicted, task_of, scorer, score) -> None:
    truth, found = random_maps(6, labelled, predicted, agreement=0.7)
    validator = scorer(task_of("lane", "semantic", 1))
    score(validator, batch_of(truth), {"lane": logits_of(found, 1)})
    ours = validator.get_stats()
    y, p = truth[truth != 255], found[truth != 255]
    iou = metrics.jaccard_score(y, p, labels=np.union1d(y, p), average=None, zero_division=0)
    assert ours["metrics/lane/mIoU"] == pytest.approx(iou.mean())
    assert ours["metrics/lane/IoU"] == pytest.approx(metrics.jaccard_score(y, p, zero_division=0))
    assert ours["metrics/lane/balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(y, p))
    assert ours["metrics/lane/pixel_accuracy"] == pytest.approx(metrics.accuracy_score(y, p))


def test_logits_are_enlarged_before_the_best_class_is_taken(task_of, scorer, score) -> None:
    logits = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(2))
    truth = np.random.default_rng(2).integers(0, 3, (2, SIZE, SIZE))
    validator = scorer(task_of("parts", "semantic", 3))
    score(validator, batch_of(truth), {"parts": logits})
    found = F.interpolate(logits, (SIZE, SIZE), mode="bilinear", align_corners=False).argmax(1).numpy()
    expected = metrics.accuracy_score(truth.ravel(), found.ravel())
    assert validator.get_stats()["metrics/parts/pixel_accuracy"] == pytest.approx(expected)


def test_images_that_are_not_labelled_do_not_count(task_of, scorer, score) -> None:
    truth, found = random_maps(7, [0, 1, 2], [0, 1, 2])
    validator = scorer(task_of("parts", "semantic", 3))
    batch = {**batch_of(truth), "labelled": [("parts",), (), ("parts",)]}
    score(validator, batch, {"parts": logits_of(found, 3)})
    y, p = truth[[0, 2]], found[[0, 2]]
    expected = metrics.accuracy_score(y[y != 255], p[y != 255])
    assert validator.get_stats()["metrics/parts/pixel_accuracy"] == pytest.approx(expected)
    assert validator.parts["parts"].seen == 2


def test_a_set_that_is_all_unknown_scores_nothing_and_breaks_nothing(task_of, scorer, score) -> None:
    validator = scorer(task_of("parts", "semantic", 3), task_of("lane", "semantic", 1))
    nothing = np.full((2, SIZE, SIZE), 255)
    score(validator, batch_of(nothing, nothing), {"parts": torch.zeros(2, 3, 8, 8), "lane": torch.zeros(2, 1, 8, 8)})
    assert set(validator.get_stats().values()) == {0.0}
    task = task_of("lane", "semantic", 1)
    assert task.metric_values(SimpleNamespace(matrix=None)) == (0.0,) * len(task.metric_names)


# Labels ---------------------------------------------------------------------------------------------------------------
def test_select_takes_the_tasks_own_plane_of_the_images_to_keep(task_of) -> None:
    tasks = [task_of("parts", "semantic", 4), task_of("damage", "detect", 3), task_of("lane", "semantic", 1)]
    planes = np.random.default_rng(8).integers(0, 2, (2, 3, 6, 8))
    batch = {**batch_of(*planes), "im_file": ["a", "b", "c"]}
    lane = tasks[2].select(batch, torch.tensor([True, False, True]), tasks)
    assert np.array_equal(lane["semantic_mask"].numpy(), planes[1][[0, 2]])
    assert lane["semantic_mask"].dtype == torch.int32, "255 and class sums must fit"
    assert lane["im_file"] == ["a", "c"]
    assert len(lane["img"]) == 2
    assert np.array_equal(tasks[0].select(batch, torch.ones(3, dtype=torch.bool), tasks)["semantic_mask"], planes[0])


def write_mask(file: Path, mask: np.ndarray) -> Path:
    """Write a grey PNG and return it."""
    cv2.imwrite(str(file), mask.astype(np.uint8))
    return file


def test_classes_that_are_left_out_and_ignored_values_become_255(task_of, tmp_path: Path) -> None:
    file = write_mask(tmp_path / "a.png", np.array([[0, 1, 2], [3, 9, 255]]))
    task = task_of("parts", "semantic", 4, ignore=9, classes=(0, 2))
    plane = task.plane(task.read(file, (2, 3)), file, (2, 3))
    assert plane.tolist() == [[0, 255, 2], [255, 255, 255]]


def test_a_mask_of_background_alone_is_empty(task_of, tmp_path: Path) -> None:
    task = task_of("parts", "semantic", 4)
    empty = task.read(write_mask(tmp_path / "a.png", np.array([[0, 0], [255, 0]])), (2, 2))
    full = task.read(write_mask(tmp_path / "b.png", np.array([[0, 0], [0, 3]])), (2, 2))
    assert task.is_empty(empty)
    assert not task.is_empty(full)


def test_a_mask_asked_for_at_another_size_keeps_its_ids(task_of, tmp_path: Path) -> None:
    small = np.array([[0, 3], [2, 255]])
    file = write_mask(tmp_path / "a.png", small)
    task = task_of("parts", "semantic", 4)
    plane = task.plane(task.read(file, (2, 2)), file, (6, 8))
    assert np.array_equal(plane, np.kron(small, np.ones((3, 4))))


@pytest.mark.parametrize("factor", [3, 4, 7])
def test_a_mask_made_smaller_stays_where_its_image_is(factor, task_of, tmp_path: Path) -> None:
    """Pixels are named by their column; the image is averaged about the middle of each block."""
    columns = np.tile(np.arange(8 * factor), (8 * factor, 1))
    task = task_of("parts", "semantic", 60)
    file = write_mask(tmp_path / "a.png", columns)
    plane = task.plane(task.read(file, columns.shape), file, (8, 8)).astype(float)
    assert np.abs(plane - (np.arange(8) * factor + (factor - 1) / 2)).max() <= 0.5


# Losses ---------------------------------------------------------------------------------------------------------------
def enlarged(maps: torch.Tensor, cell: int = CELL) -> torch.Tensor:
    """Return maps (..., h, w) with every cell repeated over its pixels."""
    return maps.repeat_interleave(cell, -1).repeat_interleave(cell, -2)


def criterion_of(nc: int, weights: torch.Tensor | None = None) -> SemanticSegmentationLoss:
    """Return the base's cross-entropy + Dice."""
    head = SegmentationHead(nc, [8], 8, 8)
    view = SimpleNamespace(model=[head], args=SimpleNamespace(data=None), parameters=head.parameters)
    return SemanticSegmentationLoss(SimpleNamespace(**vars(view), class_weights=weights))


@pytest.fixture
def cells() -> tuple[torch.Tensor, torch.Tensor]:
    """Return logits (2, 5, 24, 24) and class ids of their cells, some unknown."""
    generator = torch.Generator().manual_seed(4)
    ids = torch.randint(0, 5, (2, 24, 24), generator=generator)
    ids[torch.rand(ids.shape, generator=generator) < 0.1] = 255
    return torch.randn(2, 5, 24, 24, generator=generator), ids


@pytest.mark.parametrize("weights", [None, torch.tensor([0.5, 1.0, 1.5, 2.0, 0.1])], ids=["plain", "class weights"])
def test_where_cells_are_uniform_a_pixel_of_each_says_all(cells, weights) -> None:
    """Cross-entropy is a mean, so it is the same; Dice adds 1 pixel above and below the line, of fewer pixels here."""
    logits, ids = cells
    full_total, full = criterion_of(5, weights)(enlarged(logits), {"semantic_mask": enlarged(ids)})
    total, items = StridedLoss(criterion_of(5, weights), CELL)(logits, {"semantic_mask": enlarged(ids)})
    assert float(items["ce_loss"]) == pytest.approx(float(full["ce_loss"]), rel=1e-5)
    assert float(items["dice_loss"]) == pytest.approx(float(full["dice_loss"]), abs=0.01)
    assert float(total) == pytest.approx(float(full_total), abs=0.03)


def test_the_sample_has_the_mean_of_all_pixels(cells) -> None:
    """Every pixel of a cell in the sampled place once: the mean over these masks is the loss of the whole mask."""
    logits, _ = cells
    generator = torch.Generator().manual_seed(5)
    mask = torch.randint(0, 5, (2, 24 * CELL, 24 * CELL), generator=generator)
    expected = F.cross_entropy(enlarged(logits), mask)
    by_cell = mask.view(2, 24, CELL, 24, CELL)
    loss = StridedLoss(criterion_of(5), CELL)
    sampled = [
        loss(logits, {"semantic_mask": by_cell.roll((down, right), (2, 4)).reshape(mask.shape)})[1]["ce_loss"]
        for down in range(CELL)
        for right in range(CELL)
    ]
    assert torch.stack(sampled).mean() == pytest.approx(float(expected), rel=1e-5)
    assert torch.stack(sampled).std() > 0, "the samples differ"


@pytest.mark.parametrize("axis", [1, 2], ids=["rows", "columns"])
@pytest.mark.parametrize("step", [1, 2, 3, 4, 8])
def test_the_sampled_pixels_are_about_the_middle_of_their_cells(step, axis) -> None:
    """Truth is taken where the cell's logit stands, or borders would be learned away from where they are."""
    mask = torch.arange(48).view(-1, 1) if axis == 1 else torch.arange(48)
    seen: dict[str, torch.Tensor] = {}

    def look(preds: torch.Tensor, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        seen.update(batch)
        return preds.sum(), {}

    cells = 48 // step
    StridedLoss(look, step)(torch.zeros(1, 2, cells, cells), {"semantic_mask": mask.expand(1, 48, 48)})
    centres = torch.arange(cells).double() * step + (step - 1) / 2
    away = seen["semantic_mask"][0].double() - (centres[:, None] if axis == 1 else centres)
    assert away.abs().max() == (0 if step % 2 else 0.5)
    assert away.mean(2 - axis).abs().max() == 0, "as often on one side as on the other, along any border"


STRIDES = {"coarser head": (8, 4), "as coarse": (4, 4), "finer head": (2, 2), "finest head": (1, 1)}


@pytest.mark.parametrize(("head", "expected"), STRIDES.values(), ids=STRIDES)
def test_heads_are_compared_at_the_stride_or_at_their_own_if_finer(head, expected) -> None:
    seen = {}

    def look(preds: torch.Tensor, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        seen.update(logits=preds.shape, mask=batch["semantic_mask"].shape)
        return preds.sum(), {}

    StridedLoss(look, 4)(torch.zeros(2, 5, 64 // head, 96 // head), {"semantic_mask": torch.zeros(2, 64, 96)})
    assert seen == {"logits": (2, 5, 64 // expected, 96 // expected), "mask": (2, 64 // expected, 96 // expected)}


@pytest.mark.parametrize("stride", [1, 4])
def test_auxiliary_logits_are_passed_on(cells, stride) -> None:
    logits, ids = cells
    coarse = logits[:, :, ::2, ::2]
    batch = {"semantic_mask": enlarged(ids)}
    alone = StridedLoss(criterion_of(5), stride)(logits, batch)[1]
    both = StridedLoss(criterion_of(5), stride)((logits, coarse), batch)[1]
    assert float(alone["aux_loss"]) == 0.0 < float(both["aux_loss"])
    assert float(both["ce_loss"]) == float(alone["ce_loss"])


KINDS = ["ce_dice", "ce", "focal_tversky"]
MIXED = [*({"mask_loss": kind} for kind in KINDS), {"mask_loss": "ce", "ohem": 0.5, "lovasz": 1.0}, {"lovasz": 2.0}]


@pytest.mark.parametrize("nc", [5, 1])
@pytest.mark.parametrize("given", MIXED, ids=str)
def test_masks_of_which_nothing_is_known_add_nothing(given, nc, task_of) -> None:
    head = SegmentationHead(nc, [8], 8, 8)
    task = task_of("parts", "semantic", nc)
    args = SimpleNamespace(data=None)
    criterion = task.criterion(head, args, make_settings(given), None)
    logits = torch.randn(2, nc, 8, 8, generator=torch.Generator().manual_seed(0)).requires_grad_()
    total, items = criterion(logits, {"semantic_mask": torch.full((2, 64, 64), 255, dtype=torch.int32)})
    total.backward()
    assert all(torch.isfinite(value) for value in items.values())
    assert torch.equal(logits.grad, torch.zeros_like(logits))
    assert tuple(items) == task.loss_names(criterion)


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_without_the_one_object_teaches_background(kind, task_of) -> None:
    task = task_of("lane", "semantic", 1)
    criterion = task.criterion(
        SegmentationHead(1, [8], 8, 8), SimpleNamespace(data=None), make_settings({"mask_loss": kind}), None
    )
    logits = torch.zeros(2, 1, 8, 8, requires_grad=True)
    criterion(logits, {"semantic_mask": torch.zeros(2, 64, 64, dtype=torch.int32)})[0].backward()
    assert torch.isfinite(logits.grad).all()
    assert (logits.grad > 0).all(), "scores must fall everywhere"


def test_focal_and_tversky_are_the_papers_weights_times_the_pure_losses(cells) -> None:
    logits, ids = cells
    auxiliary = logits.flip(1)
    weights = torch.tensor([0.5, 1.0, 1.5, 2.0, 0.1])
    total, items = FocalTverskyLoss(make_settings(), weights)((logits, auxiliary), {"semantic_mask": ids})
    focal = 24.0 * focal_loss(logits, ids, gamma=2.0, class_weights=weights)
    tversky = 8.0 * tversky_loss(logits, ids, alpha=0.7, beta=0.3, class_weights=weights)
    extra = 24.0 * focal_loss(auxiliary, ids, gamma=2.0, class_weights=weights)
    extra = 0.4 * (extra + 8.0 * tversky_loss(auxiliary, ids, alpha=0.7, beta=0.3, class_weights=weights))
    assert {key: float(value) for key, value in items.items()} == pytest.approx(
        {"focal_loss": float(focal), "tversky_loss": float(tversky), "aux_loss": float(extra)}
    )
    assert float(total) == pytest.approx(2 * float(focal + tversky + extra)), "times the number of images"


def test_focal_and_tversky_heed_their_settings(cells) -> None:
    logits, ids = cells
    given = {"focal": 2.0, "focal_gamma": 0.0, "tversky": 3.0, "tversky_alpha": 0.4, "auxiliary": 0.0}
    settings = make_settings(given)
    total, items = FocalTverskyLoss(settings, None)((logits, logits), {"semantic_mask": ids})
    assert float(items["focal_loss"]) == pytest.approx(2 * float(F.cross_entropy(logits, ids, ignore_index=255)))
    assert float(items["tversky_loss"]) == pytest.approx(3 * float(tversky_loss(logits, ids, alpha=0.4, beta=0.6)))
    assert float(items["aux_loss"]) == 0.0
    assert not any(value.requires_grad for value in items.values())
    assert not total.requires_grad


@pytest.mark.parametrize(
    ("given", "names"),
    [
        pytest.param({"ohem": 0.3}, ("ce_loss", "dice_loss", "aux_loss"), id="hard pixels and Dice"),
        pytest.param({"mask_loss": "ce"}, ("ce_loss", "aux_loss"), id="cross-entropy alone"),
        pytest.param({"mask_loss": "ce", "lovasz": 3.0}, ("ce_loss", "aux_loss", "lovasz_loss"), id="with Lovasz"),
        pytest.param({"lovasz": 3.0}, ("ce_loss", "dice_loss", "aux_loss", "lovasz_loss"), id="all three"),
    ],
)
def test_hard_pixels_and_lovasz_are_the_pure_losses_beside_the_bases(given, names, cells, task_of) -> None:
    logits, ids = cells
    head, task, weights = SegmentationHead(5, [8], 8, 8), task_of("parts", "semantic", 5), torch.linspace(0.5, 1.5, 5)
    pure = {"lovasz": 0.0, "loss_stride": 1}
    args, settings = SimpleNamespace(data=None), make_settings({**pure, **given})
    criterion = task.criterion(head, args, settings, weights)
    usual = task.criterion(head, args, make_settings(pure), weights)
    batch = {"semantic_mask": ids}
    (total, items), (_, base) = criterion((logits, logits.flip(1)), batch), usual((logits, logits.flip(1)), batch)
    assert task.loss_names(criterion) == tuple(items) == names
    hard = [ohem_loss(z, ids, settings.ohem, class_weights=weights) for z in (logits, logits.flip(1))]
    expected = {
        "ce_loss": hard[0],
        "dice_loss": base["dice_loss"],
        "aux_loss": 0.4 * hard[1],
        "lovasz_loss": 3 * lovasz_loss(logits, ids, class_weights=weights),
    }
    for name, value in items.items():
        torch.testing.assert_close(value, expected[name].to(value.dtype))
    torch.testing.assert_close(total, len(logits) * torch.stack([*items.values()]).sum())


def test_settings_choose_loss_and_stride(task_of) -> None:
    head, task = SegmentationHead(5, [8], 8, 8), task_of("parts", "semantic", 5)
    args = SimpleNamespace(data=None)
    usual = task.criterion(head, args, make_settings({"loss_stride": 2}), None)
    published = task.criterion(head, args, make_settings({"mask_loss": "focal_tversky", "lovasz": 0}), None)
    assert task.loss_names(usual) == ("ce_loss", "dice_loss", "aux_loss", "lovasz_loss")
    assert usual.stride == 2
    assert task.loss_names(published) == ("focal_loss", "tversky_loss", "aux_loss")
    assert published.stride == 4


# Prediction -----------------------------------------------------------------------------------------------------------
def options(classes: list[int] | None = None) -> SimpleNamespace:
    """Return settings of a prediction."""
    return SimpleNamespace(classes=classes)


def smooth_logits(nc: int, height: int, width: int) -> torch.Tensor:
    """Return logits (1, nc, height, width) that change slowly, as those of a network do."""
    coarse = torch.randn(1, nc, 5, 6, generator=torch.Generator().manual_seed(9))
    return F.interpolate(coarse, (height, width), mode="bicubic", align_corners=False)


@pytest.mark.parametrize("nc", [4, 1])
def test_decode_at_the_networks_size_is_the_best_class_of_enlarged_logits(nc, task_of) -> None:
    logits = smooth_logits(nc, 16, 24)
    found = task_of("parts", "semantic", nc).decode(logits, (128, 192), [(128, 192)], options())[0]["semantic_mask"]
    full = F.interpolate(logits, (128, 192), mode="bilinear", align_corners=False)[0]
    assert found.dtype == torch.uint8
    assert torch.equal(found.long(), full.argmax(0) if nc > 1 else (full[0] > 0).long())


@pytest.mark.parametrize("original", [(300, 600), (600, 300), (97, 131)], ids=["wide", "tall", "smaller, odd"])
def test_decode_in_the_original_frame_agrees_with_logits_enlarged_to_it(original, task_of) -> None:
    """The direct way: place every original pixel in the padded input and read the logits there.

    They differ where the border between two classes is nearer than a pixel of the smaller of the two pictures.
    """
    side = 128
    logits = smooth_logits(4, side // 8, side // 8)
    height, width = original
    found = task_of("parts", "semantic", 4).decode((logits, logits), (side, side), [original], options())
    found = found[0]["semantic_mask"].long()
    assert found.shape == original
    gain = min(side / height, side / width)
    left, top = (side - round(width * gain)) // 2, (side - round(height * gain)) // 2
    y = (torch.arange(height) + 0.5) * gain + top
    x = (torch.arange(width) + 0.5) * gain + left
    grid = torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], -1)[None] / side * 2 - 1
    direct = F.grid_sample(logits, grid, mode="bilinear", padding_mode="border", align_corners=False)[0].argmax(0)
    wrong = found != direct
    assert wrong.float().mean() < 0.03
    reach = 2 * int(np.ceil(max(1, 1 / gain))) + 1
    edges = F.max_pool2d(direct[None].float(), reach, 1, reach // 2) != -F.max_pool2d(
        -direct[None].float(), reach, 1, reach // 2
    )
    assert not (wrong & ~edges[0]).any(), "away from borders the two agree"


def test_decode_hides_classes_that_were_not_asked_for_and_reads_baked_maps(task_of) -> None:
    baked = torch.tensor([[[0, 1], [2, 3]]])  # (B, H, W) class ids, as an exported model may give
    task = task_of("parts", "semantic", 4)
    found = task.decode(baked, (4, 4), [(4, 4)], options([1, 2]))[0]["semantic_mask"]
    assert found.tolist() == [[255, 255, 1, 1]] * 2 + [[2, 2, 255, 255]] * 2


# Results --------------------------------------------------------------------------------------------------------------
@pytest.fixture
def result() -> Results:
    """Return a map of three classes on a grey picture, some pixels unknown."""
    mask = np.zeros((40, 60), np.uint8)
    mask[5:20, 10:30], mask[22:38, 30:55], mask[:4] = 1, 2, 255
    names = {0: "background", 1: "hood", 2: "roof", 3: "trunk"}
    return Results(np.full((40, 60, 3), 90, np.uint8), "car.jpg", names, semantic_mask=torch.from_numpy(mask))


@pytest.fixture
def parts(task_of):
    """Return a task with a background class."""
    task = task_of("parts", "semantic", 4)
    task.spec.names.update({0: "background", 1: "hood", 2: "roof", 3: "trunk"})
    return task


def test_saved_map_is_a_label_again(parts, result, tmp_path: Path) -> None:
    file = parts.save(result, tmp_path / "masks", "car")
    assert file == tmp_path / "masks" / "car.png"
    assert np.array_equal(read_mask(file, (40, 60), 4), result.semantic_mask.data)


def test_what_is_present_is_named_without_background(parts, result) -> None:
    assert parts.present(result) == {1: "hood", 2: "roof"}
    assert parts.sentence(result) == "2 parts, "
    assert [name for name, _ in parts.legend(result)] == ["hood", "roof"]
    assert {row["task"] for row in parts.rows(result)} == {"parts"}


def test_drawn_regions_tint_their_own_pixels_alone(parts, result) -> None:
    shown = SimpleNamespace(boxes=True, masks=True, labels=True, conf=True, line_width=None)
    changed = (parts.draw(result.orig_img.copy(), result, shown) != result.orig_img).any(2)
    inside = np.zeros((40, 60), bool)
    inside[7:18, 12:28] = inside[24:36, 32:53] = True
    assert changed[inside].all()
    assert not changed[:3].any(), "unknown pixels stay"
    assert not changed[30:, :20].any(), "background stays"
    shown.masks = False
    assert np.array_equal(parts.draw(result.orig_img.copy(), result, shown), result.orig_img)


def test_the_one_class_of_a_binary_task_is_value_1(task_of) -> None:
    lane = task_of("lane", "semantic", 1)
    mask = torch.tensor([[0, 1], [1, 255]], dtype=torch.uint8)
    result = Results(np.zeros((2, 2, 3), np.uint8), "road.jpg", {0: "c0"}, semantic_mask=mask)
    assert lane.present(result) == {1: "c0"}
