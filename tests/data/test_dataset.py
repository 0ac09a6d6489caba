"""The data of a split: pure mosaics, one decode, caches, the batch, and the errors of a split of no use."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from ultralytics.data.dataset import YOLOConcatDataset

from ayolom.data import dataset as dataset_module
from ayolom.data.class_counts import class_counts
from ayolom.data.dataset import SEGMENT_POINTS
from ayolom.errors import AyolomError

BOX = "0 0.5 0.5 0.4 0.4\n"
AUGMENTED = {"mosaic": 1.0, "mixup": 0.5, "cutmix": 0.5, "scale": 0.3, "translate": 0.1, "fliplr": 0.5}
RED, GREEN, BLUE = (0, 0, 220), (0, 220, 0), (220, 0, 0)  # BGR


def filled(colour, shape=(40, 60)):
    return np.full((*shape, 3), colour, np.uint8)


@pytest.fixture
def three_kinds(folder):
    """Red images have boxes, green ones masks, blue ones both; six of each."""
    for i in range(6):
        folder.image(f"red{i}", filled(RED))
        folder.boxes(f"red{i}", BOX)
        folder.image(f"green{i}", filled(GREEN))
        folder.mask(f"green{i}", np.full((40, 60), 1))
        folder.image(f"blue{i}", filled(BLUE))
        folder.boxes(f"blue{i}", "1 0.5 0.5 0.4 0.4\n")
        folder.mask(f"blue{i}", np.full((40, 60), 2))
    return folder


def colours(image):
    """Names of the strong colours in a tensor (3, H, W) RGB."""
    strong = image.flatten(1) > 90
    alone = strong.sum(0) == 1
    return {name for name, row in zip(("red", "green", "blue"), strong, strict=True) if (row & alone).any()}


@pytest.mark.parametrize("cache", [None, "ram"])
def test_mosaics_join_only_images_with_the_same_tasks(three_kinds, build, cache):
    data = build(cache=cache, **AUGMENTED)
    assert isinstance(data, YOLOConcatDataset)
    assert len(data) == 18
    random.seed(0)
    seen = Counter()
    for _ in range(3):
        for i in range(len(data)):
            out = data[i]
            kind = Path(out["im_file"]).stem.rstrip("0123456789")
            expected = {"red": ("damage",), "green": ("parts",), "blue": ("damage", "parts")}[kind]
            assert out["labelled"] == expected
            assert colours(out["img"]) <= {kind}
            assert set(out["cls"].flatten().tolist()) <= {"red": {0.0}, "green": set(), "blue": {1.0}}[kind]
            # the doors change sides in mirrored samples
            assert (
                set(out["semantic_mask"].unique().tolist())
                <= {"red": {255}, "green": {1, 2, 255}, "blue": {1, 2, 255}}[kind]
            )
            seen[kind] += len(out["cls"]) > 1
    assert seen["red"] > 3  # there were mosaics


def test_one_decode_of_an_image_and_of_each_mask_for_any_number_of_tasks(folder, build, monkeypatch):
    for i in range(4):
        folder.image(f"a{i}")
        folder.boxes(f"a{i}", BOX)
        folder.boxes(f"a{i}", BOX, folder="labels2")
        folder.mask(f"a{i}", np.ones((40, 60)))
        folder.mask(f"a{i}", np.ones((40, 60)), folder="masks2")
    file = folder.yaml("""
  damage: {kind: detect, names: [dent]}
  dirt: {kind: detect, labels: labels2, names: [mud]}
  parts: {kind: semantic, names: [background, door]}
  lanes: {kind: semantic, masks: masks2, names: [background, lane]}
""")
    reads = Counter()
    read_image = dataset_module.read_image

    def counted(path, *args):
        reads[Path(path).name] += 1
        return read_image(path, *args)

    data = build(file=file, cache="ram")
    plane = type(data.tasks[2]).plane
    monkeypatch.setattr(dataset_module, "read_image", counted)
    monkeypatch.setattr(
        type(data.tasks[2]), "plane", lambda self, label, f, s: reads.update([str(f)]) or plane(self, label, f, s)
    )
    for i in range(4):
        data[i]
    assert reads == {}  # all from memory
    data = build(file=file, cache=None, mosaic=1.0)
    reads.clear()
    for i in range(4):
        data[i]
    assert max(reads.values()) == 1  # the partners of a mosaic come from the buffer
    assert len(reads) == 4 * 3
    out = data[0]
    assert out["labelled"] == ("damage", "dirt", "parts", "lanes")
    assert out["semantic_mask"].shape == (2, 64, 64)
    assert set(out["cls"].flatten().tolist()) <= {0.0, 1.0}


def test_the_batch(three_kinds, build):
    data = build("train", augment=True, mosaic=0.0)
    order = [
        data.im_files.index(str(three_kinds.root / "images" / "train" / f"{n}0.png")) for n in ("red", "green", "blue")
    ]
    batch = data.collate_fn([data[i] for i in order])
    assert (batch["img"].dtype, batch["img"].shape) == (torch.uint8, (3, 3, 64, 64))
    assert batch["cls"].shape == (2, 1)
    assert batch["cls"].flatten().tolist() == [0.0, 1.0]
    assert batch["batch_idx"].tolist() == [0.0, 2.0]
    assert batch["bboxes"].shape == (2, 4)
    assert (batch["semantic_mask"].dtype, batch["semantic_mask"].shape) == (torch.uint8, (3, 1, 64, 64))
    assert batch["labelled"] == (("damage",), ("parts",), ("damage", "parts"))
    assert [len(batch[key]) for key in ("im_file", "ori_shape", "resized_shape", "ratio_pad")] == [3] * 4


def test_class_ids_of_several_box_tasks_share_one_range(folder, build):
    folder.image("a")
    folder.boxes("a", "1 0.5 0.5 0.4 0.4\n")
    folder.boxes("a", "2 0.2 0.2 0.1 0.1\n", folder="labels2")
    file = folder.yaml("""
  damage: {kind: detect, names: [dent, scratch]}
  dirt: {kind: detect, labels: labels2, names: [mud, snow, salt]}
""")
    out = build(file=file)[0]
    assert out["cls"].flatten().tolist() == [1.0, 4.0]
    assert "semantic_mask" not in out


def test_validation_pads_with_ignored_pixels_and_keeps_boxes_in_place(folder, build):
    image = filled((0, 0, 0))
    image[10:30, 15:45] = 255
    mask = np.zeros((40, 60))
    mask[10:30, 15:45] = 1
    folder.image("a", image, split="val")
    folder.boxes("a", "0 0.5 0.5 0.5 0.5\n", split="val")
    folder.mask("a", mask, split="val")
    folder.image("t")
    folder.boxes("t", BOX)
    (out,) = build("val", augment=False, rect=False, imgsz=120)
    assert out["img"].shape == (3, 120, 120)
    assert (out["semantic_mask"][0, :20] == 255).all()
    assert (out["semantic_mask"][0, 100:] == 255).all()
    white = out["img"][0] > 200
    assert (white == (out["semantic_mask"][0] == 1)).float().mean() > 0.98  # but for soft edges
    torch.testing.assert_close(out["bboxes"], torch.tensor([[0.5, 0.5, 0.5, 40 / 120]]))
    assert out["ratio_pad"] == ((2.0, 2.0), (0, 20))
    assert out["ori_shape"] == (40, 60)


def test_rectangular_validation_keeps_images_and_labels_together(folder, build):
    for i, shape in enumerate([(40, 80), (80, 40), (60, 60), (40, 80)]):
        folder.image(f"v{i}", filled((40 + 50 * i,) * 3, shape), split="val")
        folder.mask(f"v{i}", np.full(shape, i % 3), split="val")
        folder.boxes(f"v{i}", f"{i % 2} 0.5 0.5 0.5 0.5\n" * 1, split="val")
    folder.image("t")
    folder.boxes("t", BOX)
    data = build("val", augment=False, rect=True, batch=1, imgsz=64)
    assert data.rect
    assert sorted(map(tuple, data.batch_shapes.tolist())) == [(64, 96), (64, 96), (96, 64), (96, 96)]
    for out in data:
        i = int(Path(out["im_file"]).stem[1:])
        height, width = out["img"].shape[1:]
        assert abs(int(out["img"][0, height // 2, width // 2]) - (40 + 50 * i)) < 3
        assert out["semantic_mask"][0, height // 2, width // 2] == i % 3
        assert out["cls"].item() == i % 2


# Filters --------------------------------------------------------------------------------------------------------------
def test_classes_keeps_boxes_and_pixels_of_some_classes(folder, build):
    folder.image("a")
    folder.boxes("a", "0 0.3 0.3 0.2 0.2\n1 0.7 0.7 0.2 0.2\n")
    mask = np.zeros((40, 60))
    mask[:, 20:40], mask[:, 40:] = 1, 2
    folder.mask("a", mask)
    file = folder.yaml("""
  damage: {kind: detect, names: [dent, scratch], classes: [scratch]}
  parts: {kind: semantic, names: [background, door, hood], classes: [background, hood]}
""")
    out = build(file=file, imgsz=60)[0]
    assert out["cls"].flatten().tolist() == [1.0]  # ids stay
    inner = out["semantic_mask"][0, 30]
    assert (inner[2:18] == 0).all()
    assert (inner[22:38] == 255).all()
    assert (inner[42:58] == 2).all()


@pytest.mark.parametrize(
    ("fraction", "taken"),
    [(1.0, range(6)), (0.5, (0, 2, 4)), (2, (0, 3)), (9, range(6)), (0.01, (0,)), ([0.5, 1.0], (0, 2, 4))],
)
def test_fraction_takes_files_from_the_whole_list(folder, build, fraction, taken):
    for i in range(6):
        folder.image(f"a{i}")
        folder.boxes(f"a{i}", BOX)
        folder.mask(f"a{i}", np.ones((40, 60)))
    data = build(fraction=fraction)
    assert [Path(file).stem for file in data.im_files] == [f"a{i}" for i in taken]


def test_single_cls(folder, build):
    folder.image("a")
    folder.boxes("a", "0 0.3 0.3 0.2 0.2\n1 0.7 0.7 0.2 0.2\n")
    spec = "\n  damage: {kind: detect, names: [dent, scratch], single_cls: true}\n"
    assert build(file=folder.yaml(spec))[0]["cls"].flatten().tolist() == [0.0, 0.0]


def test_outlines_are_used_when_all_boxes_of_a_group_have_them(folder, build):
    outline = "0 0.2 0.2 0.8 0.2 0.8 0.8 0.2 0.8\n"
    for name in ("a", "b"):
        folder.image(name)
        folder.boxes(name, outline)
    spec = "\n  damage: {kind: detect, names: [dent]}\n"
    assert [label["segments"].shape for label in build(file=folder.yaml(spec)).labels] == [(1, SEGMENT_POINTS, 2)] * 2
    folder.boxes("b", outline + BOX)
    assert [len(label["segments"]) for label in build(file=folder.yaml(spec)).labels] == [0, 0]


def test_copy_paste_pastes_outlined_objects(folder, build):
    for name, colour in (("a", RED), ("b", GREEN), ("c", GREEN)):
        image = filled((0, 0, 0))
        image[5:15, 5:15] = colour
        folder.image(name, image)
        folder.boxes(name, "0 0.0833 0.125 0.25 0.125 0.25 0.375 0.0833 0.375\n")
    spec = "\n  damage: {kind: detect, names: [dent]}\n"
    data = build(file=folder.yaml(spec), copy_paste=1.0, copy_paste_mode="flip")
    assert len(data[0]["cls"]) == 2
    assert colours(data[0]["img"]) == {"red"}


# Caches and damage after the scan -------------------------------------------------------------------------------------
def test_a_file_that_breaks_after_the_scan_is_named(folder, build):
    files = {}
    for name in ("a", "b"):
        files[name] = folder.image(name)
        folder.boxes(name, BOX)
        folder.mask(name, np.ones((40, 60)))
    data = build(cache=None)
    files["a"].write_bytes(b"")
    with pytest.raises(AyolomError, match=r"a\.png: .*damaged"):
        data[0]
    (folder.root / "masks" / "train" / "b.png").write_bytes(b"")
    with pytest.raises(AyolomError, match=r"b\.png: is an empty file"):
        data[1]


def test_arrays_beside_the_images_are_not_taken_for_images(folder, build):
    file = folder.image("a", filled(RED))
    folder.boxes("a", BOX)
    folder.mask("a", np.ones((40, 60)))
    np.save(file.with_suffix(".npy"), filled(GREEN))
    before = file.with_suffix(".npy").read_bytes()
    for cache in (None, "ram", "disk"):
        assert colours(build(cache=cache)[0]["img"]) == {"red"}
    assert file.with_suffix(".npy").read_bytes() == before


def test_images_are_not_cached_on_a_disk_that_is_not_writable(folder, build):
    folder.image("a", filled(RED))
    folder.boxes("a", BOX)
    folder.mask("a", np.ones((40, 60)))
    (folder.root / ".ayolom").write_text("a file where the folder would be")
    assert colours(build(cache="disk")[0]["img"]) == {"red"}


@pytest.mark.parametrize("cache", ["ram", "disk"])
def test_cached_samples_equal_those_read_from_files(three_kinds, build, cache):
    plain, cached = build(cache=None), build(cache=cache)
    for one, other in zip(plain, cached, strict=True):
        assert one["im_file"] == other["im_file"]
        for key in ("img", "semantic_mask", "cls", "bboxes"):
            torch.testing.assert_close(one[key], other[key], rtol=0, atol=0)


def test_samples_do_not_change_the_cache(folder, build):
    for i in range(4):
        folder.image(f"a{i}", filled(RED))
        folder.boxes(f"a{i}", "0 0.2 0.2 0.8 0.2 0.8 0.8 0.2 0.8\n")
        folder.mask(f"a{i}", np.full((40, 60), 1))
    data = build(cache="ram", **{**AUGMENTED, "mosaic": 0.5, "hsv_v": 0.4, "copy_paste": 0.5})
    (part,) = data.datasets
    keys = ("cls", "bboxes", "segments")
    before = part.ims.buffer.clone(), part.masks.buffer.clone()
    labels = [{key: label[key].copy() for key in keys} for label in part.labels]
    for i in range(12):
        data[i % 4]
    assert torch.equal(part.ims.buffer, before[0])
    assert torch.equal(part.masks.buffer, before[1])
    for label, old in zip(part.labels, labels, strict=True):
        for key in keys:
            np.testing.assert_array_equal(label[key], old[key])


def test_close_mosaic_ends_mosaics(three_kinds, build, hyp):
    data = build(**{**AUGMENTED, "fliplr": 0.0, "translate": 0.0, "scale": 0.0})
    data.close_mosaic(hyp(**AUGMENTED))
    red = [i for i, file in enumerate(data.im_files) if "red" in file]
    assert all(len(data[i]["cls"]) == 1 for i in red)


# A split of no use ----------------------------------------------------------------------------------------------------
def test_training_needs_labels_of_every_task(folder, build):
    folder.image("a")
    folder.boxes("a", BOX)
    with pytest.raises(
        AyolomError, match=r"train: no usable label of parts among 1 images.*parts: .*masks/train/a\.png"
    ):
        build()
    assert len(build(augment=False)) == 1  # for validation the other task is scored


def test_nothing_to_validate_on(folder, build):
    folder.image("a")
    with pytest.raises(AyolomError, match="train: no usable label of damage, parts"):
        build(augment=False)


def test_the_whole_report_is_saved(folder, build, tmp_path):
    for i in range(13):
        folder.image(f"a{i:02}")
        folder.boxes(f"a{i:02}", "bad" if i else BOX)
        folder.mask(f"a{i:02}", np.ones((40, 60)))
    build(save_report=tmp_path / "run" / "labels.txt")
    text = (tmp_path / "run" / "labels.txt").read_text()
    assert all(f"a{i:02}.txt, line 1" in text for i in range(1, 13))


# Class counts ---------------------------------------------------------------------------------------------------------
def test_class_counts(folder, build):
    for i, name in enumerate("ab"):
        folder.image(name, shape=(32, 64))
        folder.boxes(name, "0 0.3 0.3 0.2 0.2\n1 0.7 0.7 0.2 0.2\n" if i else BOX)
        mask = np.zeros((32, 64))
        mask[:, 16:32], mask[0, :] = 1, 255
        folder.mask(name, mask)
    data = build(imgsz=64)
    counts = class_counts(data, data.tasks)
    assert counts["damage"].tolist() == [2, 1]
    assert counts["parts"].tolist() == [2 * 31 * 48, 2 * 31 * 16, 0]


def test_class_counts_of_a_binary_mask(folder, build):
    folder.image("a", shape=(32, 64))
    mask = np.zeros((32, 64))
    mask[:, :10] = 1
    folder.mask("a", mask)
    data = build(file=folder.yaml("\n  lane: {kind: semantic, names: [lane]}\n"), imgsz=64)
    assert class_counts(data, data.tasks)["lane"].tolist() == [320]


def test_polygon_masks(folder, build):
    folder.image("a", shape=(40, 60))
    folder.boxes("a", "1 0 0 0.5 0 0.5 1 0 1\n", folder="outlines")
    spec = "\n  parts: {kind: semantic, polygons: outlines, names: [background, door]}\n"
    mask = build(file=folder.yaml(spec), imgsz=60)[0]["semantic_mask"][0]
    assert (mask[12:48, 1:28] == 1).all()
    assert (mask[12:48, 32:58] == 0).all()
    assert (mask[:8] == 255).all()


def test_grey_images(folder, build):
    folder.image("a", cv2.cvtColor(filled(RED), cv2.COLOR_BGR2GRAY)[..., None])
    folder.boxes("a", BOX)
    file = folder.yaml("\n  damage: {kind: detect, names: [dent]}\n", head="train: images/train\nchannels: 1\n")
    assert build(file=file)[0]["img"].shape == (1, 64, 64)
