"""Calibration and slices of class maps: against full enlargement, scikit-learn and regions drawn by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from ayolom.config import make_settings
from ayolom.tasks.semantic_study import STEP, sampled

metrics = pytest.importorskip("sklearn.metrics")

SIZE = 64  # pixels a side


def looked_on(scorer: Any, task: Any, conditions: Any = None, **settings: Any) -> tuple[Any, Any]:
    """Return a validator of a task and the study that looks on."""
    validator = scorer(task)
    validator.settings = make_settings(settings)
    validator.studies = {task.name: task.study(validator.settings)}
    validator.conditions = conditions
    return validator, validator.studies[task.name]


def batch_of(masks: np.ndarray, gain: float = 1.0) -> dict[str, Any]:
    """Return a collated batch of masks (B, H, W), `gain` pixels of which are one of the original image."""
    return {
        "img": torch.zeros(len(masks), 3, *masks.shape[1:], dtype=torch.uint8),
        "im_file": [f"{i}.jpg" for i in range(len(masks))],
        "ratio_pad": [((gain, gain), (0.0, 0.0))] * len(masks),
        "semantic_mask": torch.from_numpy(masks)[:, None].to(torch.uint8),
    }


def smooth_logits(images: int, nc: int, cells: int, seed: int = 0) -> torch.Tensor:
    """Return logits (images, nc, cells, cells)."""
    return torch.randn(images, nc, cells, cells, generator=torch.Generator().manual_seed(seed)) * 2


@pytest.mark.parametrize("cells", [8, 16, 64])
def test_sampled_logits_are_those_of_the_enlarged_map(cells) -> None:
    logits = smooth_logits(2, 3, cells)
    rows, columns = torch.arange(2, 48, 4), torch.arange(1, SIZE, 5)
    full = F.interpolate(logits, (48, SIZE), mode="bilinear", align_corners=False)
    expected = full[:, :, rows][..., columns].permute(0, 2, 3, 1)
    torch.testing.assert_close(sampled(logits, (48, SIZE), rows, columns), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("nc", [1, 4], ids=["binary", "classes"])
def test_calibration_error_is_that_of_the_pixels_looked_at(nc, task_of, scorer, score) -> None:
    logits = smooth_logits(3, nc, 8)
    full = F.interpolate(logits, (SIZE, SIZE), mode="bilinear", align_corners=False)
    probabilities = torch.cat((1 - full.sigmoid(), full.sigmoid()), 1) if nc == 1 else full.softmax(1)
    sure, best = (value.numpy() for value in probabilities.max(1))
    rng = np.random.default_rng(1)
    truth = np.where(rng.random(best.shape) < 0.7, best, rng.integers(0, max(nc, 2), best.shape))
    truth[0, :20] = 255
    validator, study = looked_on(scorer, task_of("parts", "semantic", nc), calibrate=True)
    for part in (slice(0, 2), slice(2, 3)):
        score(validator, batch_of(truth[part]), {"parts": logits[part]})
    validator.get_stats()
    seen = np.s_[:, STEP // 2 :: STEP, STEP // 2 :: STEP]
    known = truth[seen] != 255
    right, sure = (best == truth)[seen][known], sure[seen][known]
    edges = np.ceil(sure * 20)
    expected = sum(abs(right[edges == i].sum() - sure[edges == i].sum()) for i in range(21)) / len(sure)
    assert study.reliability.error() == pytest.approx(expected, abs=1e-5)
    assert study.reliability.count.sum() == known.sum()
    assert validator.metrics.results_dict["metrics/parts/calibration_error"] == study.reliability.error()
    assert study.temperature > 0.05


def test_a_map_without_logits_tells_no_confidence(task_of, scorer, score) -> None:
    truth = np.zeros((1, SIZE, SIZE), np.int64)
    validator, study = looked_on(scorer, task_of("parts", "semantic", 3), calibrate=True)
    score(validator, batch_of(truth), {"parts": torch.zeros(1, SIZE, SIZE, dtype=torch.uint8)})
    stats = validator.get_stats()
    assert "metrics/parts/calibration_error" not in stats
    assert study.temperature is None
    assert study.lines(verbose=True) == ["parts: this model gives no confidences of pixels"]


def test_slices_by_condition_are_scikit_learns_of_those_images(task_of, scorer, score) -> None:
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 4, (5, SIZE, SIZE))
    found = np.where(rng.random(truth.shape) < 0.6, truth, rng.integers(0, 4, truth.shape))
    truth[2, :9] = 255
    held = {"1.jpg": {"dark"}, "2.jpg": {"dark", "blurred"}}
    conditions = SimpleNamespace(of=lambda file: frozenset(held.get(file, ())))
    validator, study = looked_on(scorer, task_of("parts", "semantic", 4), conditions, slices=True)
    score(validator, batch_of(truth), {"parts": torch.from_numpy(found)})
    validator.get_stats()
    rows = {row["slice"]: row for row in study.slices}
    for name, images in (("all", range(5)), ("dark", (1, 2)), ("blurred", (2,))):
        known = truth[list(images)] != 255
        a, b = truth[list(images)][known], found[list(images)][known]
        assert rows[name]["mIoU"] == pytest.approx(metrics.jaccard_score(a, b, average="macro"))
        assert rows[name]["pixel_accuracy"] == pytest.approx(metrics.accuracy_score(a, b))
        assert (rows[name]["Images"], rows[name]["Pixels"]) == (len(images), known.sum())


def test_regions_are_sized_in_the_original_image(task_of, scorer, score) -> None:
    """At half the original's scale 16 pixels are 32 there: up to that a square is small, from 48 on it is large."""
    truth = np.zeros((1, 96, 96), np.int64)
    truth[0, :16, :16] = 1  # small, found
    truth[0, 20:36, 20:37] = 1  # medium, a column too wide, missed; touches nothing
    truth[0, 40:90, 40:90] = 2  # large, 50 a side, found by half
    truth[0, 0, 60:70] = 255
    found = np.zeros_like(truth)
    found[0, :16, :16] = 1
    found[0, 40:65, 40:90] = 2
    conditions = SimpleNamespace(of=lambda file: frozenset())
    validator, study = looked_on(scorer, task_of("parts", "semantic", 3), conditions, slices=True)
    study.task.spec.names.update({0: "background"})
    score(validator, batch_of(truth, gain=0.5), {"parts": torch.from_numpy(found)})
    validator.get_stats()
    rows = {row["slice"]: (row["Pixels"], row["pixel_accuracy"], row["mIoU"]) for row in study.slices[3:]}
    assert rows == {"small": (256, 1.0, None), "medium": (272, 0.0, None), "large": (2500, 0.5, None)}


def test_studies_of_two_processes_add_up_to_one(task_of, scorer, score) -> None:
    rng = np.random.default_rng(4)
    truth, logits = rng.integers(0, 3, (6, SIZE, SIZE)), smooth_logits(6, 3, 8, seed=4)
    task, conditions = task_of("parts", "semantic", 3), SimpleNamespace(of=lambda file: frozenset({"dark"}))
    whole, halves = None, []
    for part in (slice(0, 6), slice(0, 2), slice(2, 6)):
        validator, study = looked_on(scorer, task, conditions, slices=True)
        score(validator, batch_of(truth[part]), {"parts": logits[part]})
        if whole is None:
            validator.get_stats()
            whole = study
        else:
            halves.append(study)
    first, second = halves
    first += second
    first.finish(None)
    assert first.slices == whole.slices
    assert first.reliability.error() == pytest.approx(whole.reliability.error())


def test_classes_without_a_pixel_have_a_row(task_of, scorer, score) -> None:
    truth = np.full((1, SIZE, SIZE), 1)
    validator, _ = looked_on(scorer, task_of("parts", "semantic", 3))
    score(validator, batch_of(truth), {"parts": torch.from_numpy(truth)})
    validator.get_stats()
    told = [(row["Class"], row["Images"], row["Pixels"], row["IoU"]) for row in validator.metrics.summary()]
    assert told == [("c0", 0, 0, None), ("c1", 1, SIZE**2, 1.0), ("c2", 0, 0, None)]
