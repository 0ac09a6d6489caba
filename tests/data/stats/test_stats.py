"""Counts against counting by hand, weights against the formulas, other libraries and the trainer."""

from __future__ import annotations

import math

import numpy as np
import pytest
import yaml
from sklearn.utils.class_weight import compute_class_weight

from ayolom import cli
from ayolom.data import stats
from ayolom.data.schema import load_schema


@pytest.fixture
def schema(folder):
    """Return three images in two folders: boxes on two of them, masks on one."""
    folder.image("a")
    folder.boxes("a", "0 0.5 0.5 0.5 0.5\n0 0.2 0.2 0.1 0.1\n1 0.2 0.2 0.2 0.2\n")
    mask = np.zeros((40, 60), int)
    mask[:10, :10] = mask[20:30, :10] = 1
    mask[0, 50] = 255
    folder.mask("a", mask)
    folder.image("b", split="more")
    folder.boxes("b", "0 0.5 0.5 0.5 0.5\n", split="more")
    folder.image("c", split="more")
    folder.boxes("c", "", split="more")
    folder.image("d", split="val")
    return load_schema(folder.yaml(head="train: [images/train, images/more]\nval: images/val\n"))


def test_counts(schema):
    found = stats.count(schema)
    damage, parts = found.tasks["damage"], found.tasks["parts"]
    assert (found.images, damage.labelled, damage.empty, parts.labelled) == (3, 3, 1, 1)
    assert damage.images.tolist() == [2, 1]
    assert damage.instances.tolist() == [3, 1]
    assert damage.pixels.tolist() == pytest.approx([2 * 0.25 * 2400 + 24, 96], rel=1e-5)
    assert damage.where.tolist() == [4, 3]
    assert parts.images.tolist() == [1, 1, 0]
    assert parts.instances.tolist() == [0, 2, 0]  # regions, of the background none
    assert parts.pixels.tolist() == [2400 - 200 - 1, 200, 0]
    assert {name: one.images for name, one in found.folders.items()} == {"images/train": 1, "images/more": 2}
    assert found.folders["images/more"].tasks["damage"].instances.tolist() == [1, 0]
    assert stats.folder_weights(found) == {"images/train": 1.5, "images/more": 0.75}


def test_counts_are_those_that_training_weighs_by(schema, build):
    from ayolom.data.class_counts import class_counts
    from ayolom.tasks import make_task

    dataset = build(file=schema.file, augment=False, imgsz=60)
    trained = class_counts(dataset, [make_task(spec) for spec in schema.tasks.values()])
    for task, counts in stats.count(schema).tasks.items():
        np.testing.assert_allclose(counts.occurrences, trained[task])


def test_inverse_frequency_is_that_of_scikit_learn_and_of_the_trainer():
    from ayolom.data.class_weights import inverse_frequency

    counts = np.array([5, 20, 75])
    balanced = compute_class_weight("balanced", classes=np.arange(3), y=np.repeat(np.arange(3), counts))
    np.testing.assert_allclose(stats.inverse_frequency(counts), balanced / balanced.mean())
    np.testing.assert_allclose(stats.inverse_frequency(counts), inverse_frequency(counts.astype(float), 1.0))


@pytest.mark.parametrize("beta", [0.9, 0.999, 1 - 1e-12], ids=["0.9", "0.999", "almost 1"])
def test_effective_number_is_the_sum_of_a_geometric_series(beta):
    """The effective number of n samples is 1 + beta + ... + beta^(n - 1)."""
    counts = np.array([1, 10, 300])
    series = [1 / math.fsum(beta**k for k in range(n)) for n in counts]
    np.testing.assert_allclose(stats.effective_number(counts, beta), series / np.mean(series), rtol=1e-3)


def test_effective_number_lies_between_equal_weights_and_the_inverse_frequency():
    counts = np.array([10.0, 1000.0])
    assert stats.effective_number(counts, 0).tolist() == [1, 1]
    np.testing.assert_allclose(stats.effective_number(counts, 1 - 1e-9), stats.inverse_frequency(counts), rtol=1e-4)


def test_enet_by_hand():
    """Shares 0.98 and 0.02: 1 / ln 2 and 1 / ln 1.04."""
    wanted = np.array([1 / math.log(2), 1 / math.log(1.04)])
    np.testing.assert_allclose(stats.enet(np.array([98, 2])), wanted / wanted.mean())


def test_median_frequency_by_hand():
    """Class 0 fills half of the images that show it, class 1 a tenth, class 2 a fifth; the median is a fifth."""
    found = stats.median_frequency(np.array([50, 10, 40]), np.array([100, 100, 200]))
    wanted = np.array([0.2 / 0.5, 0.2 / 0.1, 1])
    np.testing.assert_allclose(found, wanted / wanted.mean())


@pytest.mark.parametrize("method", stats.METHODS)
def test_weights_have_mean_one_and_absent_classes_one(method, schema):
    for counts in stats.count(schema).tasks.values():
        weights = stats.suggested(counts)[method]
        assert weights.mean() == pytest.approx(1)
        assert np.isfinite(weights).all()
    assert weights[2] == 1  # right_door occurs nowhere


def test_a_binary_mask_and_polygons_are_counted(folder):
    folder.image("a")
    folder.mask("a", np.eye(40, 60), folder="rust")
    folder.boxes("a", "1 0.1 0.1 0.5 0.1 0.5 0.5 0.1 0.5\n1 0.6 0.6 0.8 0.6 0.8 0.8\n", folder="outlines")
    tasks = """
  rust: {kind: semantic, masks: rust, names: [rust]}
  parts: {kind: semantic, polygons: outlines, names: [background, door]}
"""
    found = stats.count(load_schema(folder.yaml(tasks)))
    assert found.tasks["rust"].pixels.tolist() == [40]
    assert found.tasks["parts"].instances.tolist() == [0, 2]
    assert found.tasks["parts"].pixels.sum() == 2400


def test_the_command_writes_weights_by_task_and_class(schema, tmp_path, capsys):
    out = tmp_path / "weights.yaml"
    line = ["yolo", "data", "stats", f"data={schema.file}", f"out={out}", "method=inverse_frequency"]
    assert cli.main([*line, "dry_run=True"]) == 0
    assert not out.exists()
    assert cli.main(line) == 0
    content = yaml.safe_load(out.read_text())
    assert content["class_weights"]["damage"] == {"dent": 0.5, "scratch": 1.5}
    assert content["class_weights"] == {
        task: found["inverse_frequency"] for task, found in content["suggested"].items()
    }
    assert content["folder_weights"] == {"images/train": 1.5, "images/more": 0.75}
    assert content["counts"]["damage"]["instances"] == {"dent": 3, "scratch": 1}
    assert cli.main(line) == 1
    assert "is there already" in capsys.readouterr().err
    assert cli.main([*line, "overwrite=True"]) == 0


@pytest.mark.parametrize(
    ("word", "message"),
    [("beta=1", "must be below 1"), ("method=focal", "must be one of"), ("split=tset", "has no split 'tset'")],
    ids=["beta", "method", "split"],
)
def test_the_command_says_what_is_wrong(schema, capsys, word, message):
    assert cli.main(["yolo", "data", "stats", f"data={schema.file}", word]) == 1
    assert message in capsys.readouterr().err
