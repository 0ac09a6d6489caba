"""The search for settings with Ray Tune as its engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from ayolom import YOLO, AyolomError
from ayolom.engine import ray_search
from ayolom.engine.ray_search import RayTuner, tell_fitness

needs_ray = pytest.mark.skipif(
    any(find_spec(name) is None for name in ("ray", "optuna")), reason='needs pip install "ayolom[ray]"'
)


def args(tmp_path: Path) -> dict[str, Any]:
    space = {"lr0": (0.001, 0.01), "close_mosaic": (0, 3)}
    return {"data": "d.yaml", "task": "multitask", "project": str(tmp_path), "name": "t", "space": space, "epochs": 3}


def make_train() -> Callable[[dict, Path, dict], dict[str, float]]:
    """A training whose worth is known: it reports each epoch as the base does, and fails where the rate is high.

    Made within a function, so that Ray hands it over by value and its processes need not find this file.
    """

    def worth(lr0: float) -> float:
        return 1 - abs(lr0 - 0.005) * 100

    def train(settings: dict, folder: Path, callbacks: dict) -> dict[str, float]:
        from ultralytics.utils.callbacks.raytune import on_fit_epoch_end

        if settings["lr0"] > 0.009:
            raise RuntimeError("out of memory")
        (folder / "weights").mkdir(parents=True)
        for epoch in range(3):
            fitness = worth(settings["lr0"]) * (epoch + 1) / 3
            trainer = SimpleNamespace(metrics={"metrics/damage/mAP50": 0.5}, fitness=fitness, epoch=epoch)
            callbacks["on_fit_epoch_end"](trainer)
            on_fit_epoch_end(trainer)
        return {"metrics/damage/mAP50": 0.5, "fitness": worth(settings["lr0"])}

    return train


@needs_ray
@pytest.mark.slow
def test_ray_finds_the_best_and_goes_on(tmp_path: Path) -> None:
    best = RayTuner(args(tmp_path), make_train(), grace_period=3)(6)
    records = [json.loads(line) for line in (tmp_path / "t" / "tune_results.ndjson").read_text().splitlines()]
    assert len(records) == 6
    for record in records:
        lr0 = record["hyperparameters"]["lr0"]
        assert 0.001 <= lr0 <= 0.01
        assert record["hyperparameters"]["close_mosaic"] in {0, 1, 2, 3}
        assert record["fitness"] == pytest.approx(0.0 if lr0 > 0.009 else 1 - abs(lr0 - 0.005) * 100, abs=1e-4)
    assert best["fitness"] == max(record["fitness"] for record in records)
    kept = yaml.safe_load((tmp_path / "t" / "best_hyperparameters.yaml").read_text())
    assert kept == best["hyperparameters"]
    assert [str(folder) for folder in (tmp_path / "t").glob("training-*")] == list(best["save_dirs"].values())
    again = RayTuner({**args(tmp_path), "resume": True}, make_train())(6)
    assert again["hyperparameters"] == best["hyperparameters"]


def test_the_fitness_stands_among_the_metrics() -> None:
    trainer = SimpleNamespace(metrics={"metrics/parts/mIoU": 0.3}, fitness=0.25)
    tell_fitness(trainer)
    assert trainer.metrics == {"metrics/parts/mIoU": 0.3, "fitness": 0.25}


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_search, "find_spec", lambda name: None if name == "optuna" else object())
    with pytest.raises(AyolomError, match=r'optuna: pip install "ayolom\[ray\]"'):
        RayTuner(args(tmp_path), make_train())


def test_settings_of_ray_without_ray_are_refused() -> None:
    with pytest.raises(AyolomError, match="use_ray=True"):
        YOLO("aYOLOM26n.yaml").tune(data="cardamage.yaml", grace_period=3)


def test_a_search_without_ray_is_not_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_search, "find_spec", lambda _: object())
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "tune_results.ndjson").write_text("{}\n", encoding="utf-8")
    with pytest.raises(AyolomError, match="holds a search without Ray Tune"):
        RayTuner({**args(tmp_path), "resume": True}, make_train())(2)
    assert (tmp_path / "t" / "tune_results.ndjson").read_text(encoding="utf-8") == "{}\n"
