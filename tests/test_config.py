"""Settings and names of YAML files."""

from __future__ import annotations

import os

import pytest

from ayolom import config
from ayolom.errors import AyolomError


@pytest.mark.parametrize(
    ("name", "file", "scale"),
    [
        ("aYOLOM.yaml", "aYOLOM.yaml", ""),
        ("aYOLOMs.yaml", "aYOLOM.yaml", "s"),
        ("aYOLOM26n.yaml", "aYOLOM26.yaml", "n"),
        ("aYOLOMn-bdd.yaml", "aYOLOM-bdd.yaml", "n"),
    ],
)
def test_model_yaml_is_found_from_any_folder(name: str, file: str, scale: str, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    found, size = config.find_model_yaml(name)
    assert (found.name, size) == (file, scale)


def test_own_model_yaml_comes_before_a_shipped_one(tmp_path, monkeypatch) -> None:
    (tmp_path / "aYOLOM.yaml").write_text("backbone: []\n")
    monkeypatch.chdir(tmp_path)
    assert os.path.samefile(config.find_model_yaml("aYOLOM.yaml")[0], tmp_path / "aYOLOM.yaml")


def test_base_models_are_not_ours() -> None:
    assert config.find_model_yaml("yolo26n.yaml") is None
    assert config.find_model_yaml("yolo26n.pt") is None


def test_missing_data_yaml_names_the_nearest() -> None:
    with pytest.raises(AyolomError, match=r"data=cardamag.yaml: no such file. Did you mean 'cardamage.yaml'"):
        config.find_data_yaml("cardamag.yaml")


def test_arguments_are_parted_into_the_base_s_and_ours() -> None:
    base, ours = config.split_settings(
        {"epochs": 3, "balance": "uncertainty", "conf": "{damage: 0.3}", "iou": 0.5, "task_weights": {"parts": 2}}
    )
    assert base == {"epochs": 3, "iou": 0.5}
    assert ours.balance == "uncertainty"
    assert ours.per_task == {"conf": {"damage": 0.3}}
    assert ours.task_weights == {"parts": 2}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"gate_cots": 1.0}, "gate_cots: no such setting. Did you mean 'gate_cost'"),
        ({"epoch": 1}, "epoch: no such setting. Did you mean 'epochs'"),
        (
            {"balance": "uncertain"},
            "balance=uncertain: must be one of fixed, uncertainty, dwa, famo, .*. Did you mean 'uncertainty'",
        ),
        ({"gate_cost": "high"}, "gate_cost=high: must be a number"),
        ({"min_precision": 80}, "min_precision=80: must be over 0 and at most 1, such as 0.8"),
        ({"ohem": 0.0}, "ohem=0.0: must be the share of pixels to keep, over 0 and at most 1"),
        ({"ohem": 0.5, "mask_loss": "focal_tversky"}, "ohem: focal_tversky has no cross-entropy"),
        ({"lovasz": -1}, "lovasz=-1.0: must be a weight, 0 or more"),
        ({"task_sampling": "equally"}, "must be one of proportional, equal, temperature. Did you mean 'equal'"),
        ({"show_speed": 1}, "show_speed=1: must be True or False"),
        ({"task_weights": 2}, "task_weights=2: must be a mapping"),
        ({"conf": "{damage: 0.3"}, None),
    ],
    ids=lambda value: str(value)[:40],
)
def test_wrong_settings_are_refused_by_name(given: dict, message: str | None) -> None:
    if message is None:  # not a closed mapping: left to the base, which refuses it by its own rules
        assert config.split_settings(given)[0] == given
        return
    with pytest.raises(AyolomError, match=message):
        config.split_settings(given)


def test_settings_survive_as_plain_data() -> None:
    settings = config.make_settings({"gate_lr": 3, "per_task": {"conf": {"damage": 0.1}}})
    assert config.make_settings(settings.to_dict()) == settings
    assert settings.gate_lr == 3.0


def test_for_task_changes_only_what_the_task_is_named_for() -> None:
    from types import SimpleNamespace

    settings = config.make_settings({"per_task": {"conf": {"damage": 0.1}}})
    args = SimpleNamespace(conf=0.25, iou=0.7)
    assert config.for_task(args, settings, "damage").conf == 0.1
    assert config.for_task(args, settings, "parts").conf == 0.25
    assert args.conf == 0.25
