"""The data sets made for the base: what is in them, and that the user's own files stay as they are."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from ultralytics.data.utils import check_det_dataset

from ayolom.compare._counts import count_images
from ayolom.compare._data import derive, multi_task_yaml, single_task_yaml, write_multi
from ayolom.data.schema import load_schema
from ayolom.errors import AyolomError


@pytest.fixture
def cars(workshop: Path, tmp_path: Path) -> Path:
    """A copy of the data: four pictures labelled for damage, six for parts, and one label that is broken."""
    shutil.copytree(workshop / "cars", tmp_path / "cars")
    content = yaml.safe_load((workshop / "cars.yaml").read_text())
    (tmp_path / "cars.yaml").write_text(yaml.safe_dump({**content, "path": "cars"}))
    return tmp_path / "cars.yaml"


def state(folder: Path) -> dict[str, str]:
    """Content of every file of a folder."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_images_of_each_set_of_tasks(cars: Path) -> None:
    counts = count_images(load_schema(cars))
    assert (counts.of(["damage"]), counts.of(["parts"]), counts.of(["damage", "parts"])) == (4, 6, 6)


def test_a_smaller_choice_of_images_is_part_of_a_larger_one(cars: Path, tmp_path: Path) -> None:
    few, more = (count_images(load_schema(cars), number) for number in (3, 5))
    assert len(few.chosen) == 3
    assert set(few.chosen) < set(more.chosen)
    assert few.of(["damage", "parts"]) == 3
    derive(load_schema(cars), few, tmp_path / "made")
    listed = load_schema(multi_task_yaml(tmp_path / "made"))
    assert count_images(listed).labelled == few.labelled
    assert len(list((tmp_path / "made" / "parts" / "images" / "train").iterdir())) == few.of(["parts"])


def test_a_task_that_is_left_without_images_is_named(cars: Path) -> None:
    for label in (cars.parent / "cars" / "labels" / "train").iterdir():
        label.unlink()
    with pytest.raises(AyolomError, match="no training image is labelled for damage"):
        count_images(load_schema(cars))


def test_the_base_reads_what_was_made(cars: Path, tmp_path: Path) -> None:
    schema, out = load_schema(cars), tmp_path / "made"
    before = state(cars.parent / "cars")
    derive(schema, count_images(schema), out)
    for task, number in (("damage", 4), ("parts", 6)):
        data = check_det_dataset(single_task_yaml(out, task))
        assert data["names"] == schema.tasks[task].names
        images = sorted(Path(data["train"]).iterdir())
        assert len(images) == number
        assert all(image.is_symlink() and image.resolve().is_relative_to(schema.root) for image in images)
    for label in (out / "damage" / "labels").rglob("*.txt"):
        own = schema.root / "labels" / label.parent.name / label.name
        rows = [np.loadtxt(file, ndmin=2) for file in (label, own)]
        np.testing.assert_allclose(*[one[np.lexsort(one.T)] for one in rows], atol=2e-6)
    for mask in (out / "parts" / "parts").rglob("*.png"):
        own = schema.root / "masks" / mask.parent.name / mask.name
        np.testing.assert_array_equal(*(cv2.imread(str(file), cv2.IMREAD_UNCHANGED) for file in (mask, own)))
    assert {key: value for key, value in state(cars.parent / "cars").items() if key in before} == before


def test_a_folder_cut_off_while_it_was_made_is_made_again(cars: Path, tmp_path: Path) -> None:
    schema, out = load_schema(cars), tmp_path / "made"
    derive(schema, count_images(schema), out)
    single_task_yaml(out, "parts").unlink()
    derive(schema, count_images(schema), out)
    assert single_task_yaml(out, "parts").is_file()


def test_a_folder_made_from_other_labels_is_not_used(cars: Path, tmp_path: Path) -> None:
    schema = load_schema(cars)
    derive(schema, count_images(schema), tmp_path / "made")
    next((schema.root / "labels" / "train").iterdir()).unlink()
    with pytest.raises(AyolomError, match="was made from other images, labels or settings"):
        derive(schema, count_images(schema), tmp_path / "made")


def test_flip_pairs_of_a_row_stand_in_its_own_description(cars: Path, tmp_path: Path) -> None:
    schema = load_schema(cars)
    write_multi(schema, count_images(schema), tmp_path, "plain", {"parts": False})
    assert schema.tasks["parts"].flip_pairs
    assert load_schema(multi_task_yaml(tmp_path, "plain")).tasks["parts"].flip_pairs == ()
    with pytest.raises(AyolomError, match="has no task 'part'"):
        write_multi(schema, count_images(schema), tmp_path, "plain", {"part": False})
