"""Train, score, stop, go on: on a set drawn on the spot."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from ayolom import YOLO, AyolomError
from ayolom.engine.checkpoint import read_checkpoint


def rows(folder: Path) -> list[dict[str, str]]:
    """Return results.csv, a dict for each epoch."""
    with (folder / "results.csv").open() as stream:
        return list(csv.DictReader(stream))


def test_a_run_leaves_what_users_look_for(trained: SimpleNamespace) -> None:
    names = {str(file.relative_to(trained.folder)) for file in trained.folder.rglob("*") if file.is_file()}
    assert names >= {
        "args.yaml",
        "settings.yaml",
        "results.csv",
        "results.png",
        "gates.csv",
        "labels.jpg",
        "labels_train.txt",
        "train_batch0.jpg",
        "weights/last.pt",
        "weights/best.pt",
        "weights/best_parts.pt",
        "damage/confusion_matrix.png",
        "parts/iou_bar_chart.png",
        "parts/val_batch0_pred.jpg",
    }


def test_every_loss_and_metric_is_logged_under_its_task(trained: SimpleNamespace) -> None:
    table = rows(trained.folder)
    assert [row["epoch"] for row in table] == ["1", "2"]
    assert set(table[0]) >= {
        "train/damage/box_loss",
        "train/parts/ce_loss",
        "val/damage/cls_loss",
        "val/parts/dice_loss",
        "metrics/damage/mAP50",
        "metrics/damage/recall",
        "metrics/parts/mIoU",
        "metrics/parts/mIoU_present",
        "metrics/parts/pixel_accuracy",
    }
    assert all(math.isfinite(float(value)) for row in table for value in row.values())


def test_validation_in_training_equals_validation_alone(
    trained: SimpleNamespace, small_data: Path, small: dict
) -> None:
    metrics = YOLO(trained.unstripped).val(
        data=str(small_data), project=str(trained.project), name="val", **{**small, "batch": 8}
    )
    last = rows(trained.folder)[-1]
    assert set(metrics.keys) <= set(last)
    for name, value in metrics.results_dict.items():
        if name in metrics.keys:
            assert float(last[name]) == pytest.approx(value, abs=1e-4), name


def test_fitness_is_the_weighted_mean_of_the_tasks(trained: SimpleNamespace, small_data: Path, small: dict) -> None:
    metrics = trained.model.val(
        data=str(small_data),
        fitness_weights={"damage": 3.0, "parts": 1.0},
        project=str(trained.project),
        name="weighted",
        **small,
    )
    damage, parts = metrics.task_fitness["damage"], metrics.task_fitness["parts"]
    assert metrics.fitness == pytest.approx((3 * damage + parts) / 4)


def test_checkpoint_is_plain_data_and_rebuilds_the_model(trained: SimpleNamespace) -> None:
    content = read_checkpoint(trained.folder / "weights" / "best.pt")
    assert "optimizer" not in content
    assert content["epoch"] == -1
    model = YOLO(trained.folder / "weights" / "best.pt").model
    assert list(model.tasks) == ["damage", "parts"]
    assert model.tasks["parts"].spec.names[3] == "hood"
    assert (8, 9) in model.tasks["parts"].spec.flip_pairs


def test_run_goes_on_after_a_stop(small_data: Path, tmp_path: Path, small: dict) -> None:
    model = YOLO("aYOLOM26n.yaml")

    def stop(trainer: object) -> None:
        if trainer.epoch == 1:
            raise KeyboardInterrupt

    model.add_callback("on_fit_epoch_end", stop)
    with pytest.raises(KeyboardInterrupt):
        model.train(data=str(small_data), epochs=3, project=str(tmp_path), name="run", balance="uncertainty", **small)
    last = tmp_path / "run" / "weights" / "last.pt"
    before = read_checkpoint(last)
    assert before["epoch"] == 1
    assert before["optimizer"]["state"]

    seen = {}

    def look(trainer: object) -> None:
        seen["epoch"] = trainer.start_epoch
        seen["updates"] = trainer.ema.updates
        seen["balance"] = trainer.settings.balance
        state = trainer.model.state_dict()
        seen["same weights"] = all(torch.equal(state[k], v) for k, v in before["model"].items())
        seen["same moments"] = all(
            torch.equal(trainer.optimizer.state_dict()["state"][i]["exp_avg"], s["exp_avg"])
            for i, s in before["optimizer"]["state"].items()
        )
        seen["detection schedule"] = trainer.model.criterion.criteria["damage"].criterion_updates()

    resumed = YOLO(last)
    resumed.add_callback("on_pretrain_routine_end", look_without_schedule(look))
    resumed.train(resume=True)
    assert seen == {
        "epoch": 2,
        "updates": before["updates"],
        "balance": "uncertainty",
        "same weights": True,
        "same moments": True,
        "detection schedule": 2,
    }
    assert [row["epoch"] for row in rows(tmp_path / "run")] == ["1", "2", "3"]
    with pytest.raises(AyolomError, match="training is finished; nothing to resume"):
        YOLO(last).train(resume=True)


def look_without_schedule(look):
    """Give the base's dual criterion a question that the test can ask of it."""

    def wrapped(trainer: object) -> None:
        criterion = trainer.model.criterion.criteria["damage"]
        criterion.criterion_updates = lambda: criterion.updates
        look(trainer)

    return wrapped


@pytest.mark.parametrize(
    ("freeze", "frozen", "free"),
    [
        ("backbone", "model.0.", "model.13."),
        ("damage", "model.13.", "model.0."),
        ("parts.head", "model.32.", "model.27."),
    ],
)
def test_freezing_by_name(freeze: str, frozen: str, free: str, small_data: Path, tmp_path: Path, small: dict) -> None:
    model = YOLO("aYOLOM26n.yaml")
    first = {}
    model.add_callback(
        "on_train_start",
        lambda trainer: first.update({k: v.detach().clone() for k, v in trainer.model.named_parameters()}),
    )
    model.add_callback("on_train_epoch_end", lambda trainer: first.update(after=dict(trainer.model.named_parameters())))
    model.train(data=str(small_data), epochs=1, project=str(tmp_path), name="run", freeze=freeze, val=False, **small)
    after = first.pop("after")
    assert all(torch.equal(v, after[k]) for k, v in first.items() if k.startswith(frozen))
    assert any(not torch.equal(v, after[k]) for k, v in first.items() if k.startswith(free))


def test_freezing_names_the_nearest_block(small_data: Path, tmp_path: Path, small: dict) -> None:
    with pytest.raises(AyolomError, match=r"freeze=backbones: no such block. Did you mean 'backbone'"):
        YOLO("aYOLOM26n.yaml").train(
            data=str(small_data), epochs=1, freeze="backbones", project=str(tmp_path), name="run", **small
        )


def test_unknown_setting_is_refused_by_name(small_data: Path) -> None:
    with pytest.raises(AyolomError, match=r"balanse: no such setting. Did you mean 'balance'"):
        YOLO("aYOLOM26n.yaml").train(data=str(small_data), balanse="fixed")


def test_missing_data_is_named() -> None:
    with pytest.raises(AyolomError, match="data= is missing"):
        YOLO("aYOLOM26n.yaml").train(epochs=1)
