"""What `yolo val` tells and writes beyond the base's metrics, and checkpoints whose confidences are calibrated."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from ayolom import YOLO, AyolomError
from ayolom.cli import main
from ayolom.config import cfg_dir
from ayolom.engine.artefact import read_description
from ayolom.engine.calibration import write_calibrated
from ayolom.engine.checkpoint import build_model, read_checkpoint, write_checkpoint
from ayolom.engine.conditions import Conditions
from ayolom.yaml_io import load_yaml

TEMPERATURES = {"damage": 0.5, "parts": 2.0}


@pytest.fixture(scope="module")
def best(trained: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trained checkpoint, made too sure of background: two epochs teach nothing that could be calibrated."""
    content = read_checkpoint(trained.folder / "weights" / "best.pt")
    biases = [key for key in content["ema"] if "classifier" in key and key.endswith(".bias")]
    content["ema"][biases[-1]][0] += 4
    file = tmp_path_factory.mktemp("best") / "best.pt"
    write_checkpoint(file, content)
    return file


@pytest.fixture(scope="module")
def scored(best: Path, small_data: Path) -> SimpleNamespace:
    """The folder of a scoring from the command line with everything asked for, and the checkpoint's bytes before."""
    before = best.read_bytes()
    given = {"data": small_data, "imgsz": 96, "batch": 4, "threads": 1, "slices": True, "calibrate": True}
    given |= {"project": best.parent, "name": "val", "min_precision": 0.7}
    assert main(["yolo", "val", f"model={best}", *(f"{name}={value}" for name, value in given.items())]) == 0
    return SimpleNamespace(folder=best.parent / "val", before=before)


def test_each_class_has_its_support_in_a_table_beside_the_metrics(scored, trained) -> None:
    with (scored.folder / "per_class.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    for name, support in (("damage", "Instances"), ("parts", "Pixels")):
        own = [row for row in rows if row["Task"] == name]
        assert [row["Class"] for row in own] == list(trained.model.model.tasks[name].spec.names.values())
        assert sum(int(row[support]) for row in own) > 0
        assert all(row["Images"].isdigit() for row in own)
    assert {"R@P70", "conf", "mAP50", "IoU"} <= set(rows[0])


def test_everything_is_in_the_json(scored) -> None:
    content = json.loads((scored.folder / "metrics.json").read_text(encoding="utf-8"))
    assert {"metrics/damage/recall_at_p70", "metrics/parts/calibration_error"} <= set(content["metrics"])
    damage, parts = content["tasks"]["damage"], content["tasks"]["parts"]
    assert set(damage["recall_at_p70"]["all"]) == {"recall", "precision", "threshold", "reached"}
    assert set(damage["recall_at_p70"]["classes"]) == {r["Class"] for r in damage["classes"] if r["Instances"]}
    assert [row["slice"] for row in damage["slices"]] == ["all", "dark", "blurred", "small", "medium", "large"]
    assert sum(row["Instances"] for row in damage["slices"][3:]) == damage["slices"][0]["Instances"]
    assert parts["slices"][0]["Images"] == 4
    assert parts["temperature"] > 0
    assert sum(row["count"] for row in parts["reliability"]) == 4 * 14 * 10  # every seventh pixel each way
    (row,) = [row for row in parts["classes"] if row["Class"] == "hood"]
    assert row["Pixels"] > 0


def test_diagrams_lie_beside_the_other_plots(scored) -> None:
    for name in ("damage", "parts"):
        assert (scored.folder / name / "reliability.png").read_bytes().startswith(b"\x89PNG")
        assert (scored.folder / name / "confusion_matrix.png").is_file() or name == "parts"


def test_calibrating_leaves_the_checkpoint_and_keeps_its_promise(scored, best, small_data, small) -> None:
    assert best.read_bytes() == scored.before
    file = scored.folder / "best_calibrated.pt"
    promised = json.loads((scored.folder / "metrics.json").read_text(encoding="utf-8"))
    common = {"data": str(small_data), "project": str(best.parent), "name": "again", **small}
    metrics = YOLO(file).val(**common).results_dict
    for name in ("damage/mAP50", "damage/mAP50-95", "parts/mIoU", "parts/pixel_accuracy"):
        assert metrics[f"metrics/{name}"] == pytest.approx(promised["metrics"][f"metrics/{name}"], abs=2e-4), name
    error = promised["tasks"]["parts"]["calibrated"]["calibration_error"]
    assert metrics["metrics/parts/calibration_error"] == pytest.approx(error, abs=1e-3)
    assert error < promised["metrics"]["metrics/parts/calibration_error"]
    assert read_checkpoint(file)["temperatures"]["parts"] == promised["tasks"]["parts"]["temperature"]


@pytest.fixture(scope="module")
def pair(best: Path, small_data: Path) -> SimpleNamespace:
    """A checkpoint, one calibrated by known temperatures, and what both find in a picture."""
    file = write_calibrated(best, best.parent / "known", TEMPERATURES, end2end=False)
    image = next((Path(load_yaml(small_data)["path"]) / "images" / "val").iterdir())
    common = {"imgsz": 96, "verbose": False, "save": False, "threads": 1}
    plain = YOLO(best)(image, conf={"damage": 1e-9}, save_conf=True, **common)[0]
    scaled = YOLO(file)(image, conf={"damage": 0.0}, save_conf=True, **common)[0]
    return SimpleNamespace(file=file, image=image, common=common, plain=plain, scaled=scaled)


def test_confidences_of_boxes_are_the_sigmoid_of_divided_logits(pair) -> None:
    plain, scaled = pair.plain.tasks["damage"].boxes, pair.scaled.tasks["damage"].boxes
    expected = (plain.conf.double().logit() / TEMPERATURES["damage"]).sigmoid().float()
    torch.testing.assert_close(scaled.conf[:20], expected[:20], rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("end2end", [False, True], ids=["branch that is suppressed", "branch without suppression"])
def test_the_branch_that_was_scored_gives_divided_logits_and_the_same_boxes(end2end, best, tmp_path: Path) -> None:
    images = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(4))
    file = write_calibrated(best, tmp_path, TEMPERATURES, end2end)
    with torch.inference_mode():
        plain, scaled = (build_model(read_checkpoint(one))(images) for one in (best, file))
    torch.testing.assert_close(scaled["parts"] * 2.0, plain["parts"], rtol=1e-4, atol=1e-4)
    branches = {"one2many": 1.0 if end2end else 0.5, "one2one": 0.5 if end2end else 1.0}
    for name, temperature in branches.items():
        old, new = plain["damage"][1][name], scaled["damage"][1][name]
        torch.testing.assert_close(new["scores"] * temperature, old["scores"], rtol=1e-4, atol=1e-4)
        assert torch.equal(new["boxes"], old["boxes"])


def test_class_maps_stay_and_their_confidences_are_softer(pair) -> None:
    plain, scaled = pair.plain.tasks["parts"], pair.scaled.tasks["parts"]
    assert torch.equal(plain.semantic_mask.data, scaled.semantic_mask.data)
    assert (scaled.confidence.data <= plain.confidence.data + 1e-6).all()
    assert float(scaled.confidence.data.mean()) < float(plain.confidence.data.mean())


def test_exported_files_have_the_temperature_in_the_graph_and_name_it(pair) -> None:
    exported = YOLO(pair.file).export(format="torchscript", imgsz=96)
    told = {task["name"]: task.get("temperature") for task in read_description(exported)["tasks"]}
    assert told == TEMPERATURES
    found = YOLO(exported)(pair.image, conf={"damage": 0.0}, **{**pair.common, "imgsz": 96})[0].tasks["damage"].boxes
    torch.testing.assert_close(found.conf[:20], pair.scaled.tasks["damage"].boxes.conf[:20], rtol=1e-2, atol=1e-6)
    with pytest.raises(AyolomError, match="is an exported file, which can predict and val"):
        YOLO(exported).val(data="cardamage.yaml", calibrate=True)


def test_temperatures_of_two_rounds_multiply_and_saving_keeps_them(pair, tmp_path: Path) -> None:
    file = write_calibrated(pair.file, tmp_path, {"parts": 3.0}, end2end=False)
    model = YOLO(file)
    assert model.model.temperatures == {"damage": 0.5, "parts": 6.0}
    model.save(tmp_path / "saved.pt")
    assert YOLO(tmp_path / "saved.pt").model.temperatures == {"damage": 0.5, "parts": 6.0}
    with pytest.raises(AyolomError, match="no temperature fits any task"):
        write_calibrated(pair.file, tmp_path, {}, end2end=False)


def test_a_model_that_was_never_trained_cannot_be_calibrated(small_data: Path) -> None:
    with pytest.raises(AyolomError, match="calibrate=True needs a trained checkpoint"):
        YOLO("aYOLOM26n.yaml").val(data=str(small_data), calibrate=True)


def test_training_writes_the_tables_of_its_best_checkpoint_and_no_more_columns(trained: SimpleNamespace) -> None:
    assert (trained.folder / "per_class.csv").is_file()
    assert (trained.folder / "parts" / "reliability.png").is_file()
    assert "recall_at" not in (trained.folder / "results.csv").read_text(encoding="utf-8")


def test_dark_and_blurred_are_what_the_photo_check_calls_so(tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    import numpy as np

    from ayolom.inspect import check_photo, load_rules

    grain = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    pictures = {
        "good": grain,
        "dark": grain // 8,
        "blurred": cv2.GaussianBlur(grain, (0, 0), 9),
        "dark and blurred": np.full_like(grain, 5),
    }
    conditions, rules = Conditions(), load_rules()
    for name, picture in pictures.items():
        file = tmp_path / f"{name}.png"
        cv2.imwrite(str(file), picture)
        codes = {problem.code for problem in check_photo(picture, None, rules.photos).problems}
        assert conditions.of(file) == codes & {"dark", "blurred"} == set(name.split(" and ")) - {"good"}
    assert conditions.limits == load_yaml(cfg_dir() / "inspection.yaml")["photos"]
