"""Augmentations: left and right exchanged on pixels, masks moved as one, mirroring refused where it would lie."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ultralytics.data.augment import Albumentations, Compose, CopyPaste, Mosaic, RandomFlip
from ultralytics.utils.instance import Instances

from ayolom.data.masks import pack, unpack
from ayolom.data.transforms import (
    MultiTaskFormat,
    PlanesMosaic,
    SwappingFlip,
    UnpackedMasks,
    box_table,
    check_built,
    check_mirroring,
    multitask_transforms,
    plane_tables,
    replace_transforms,
)
from ayolom.errors import AyolomError
from ayolom.tasks import TaskSpec, make_task

SIDES = {0: "background", 1: "left_door", 2: "right_door"}
TASKS = [
    make_task(TaskSpec("plain", "detect", {0: "a", 1: "b"})),
    make_task(TaskSpec("sides", "detect", {0: "left_lamp", 1: "right_lamp"}, ((0, 1),))),
    make_task(TaskSpec("plates", "semantic", {0: "background", 1: "plate"})),
    make_task(TaskSpec("parts", "semantic", SIDES, ((1, 2),))),
]


def sample(boxes=((0.2, 0.5, 0.2, 0.4),), cls=(2,), planes=None, present=(0, 1), size=(8, 10)):
    """A sample before augmentation; `cls` are shared ids: 0 1 of plain, 2 3 of sides."""
    image = np.arange(size[0] * size[1] * 3, dtype=np.uint8).reshape(*size, 3)
    made = {
        "img": image,
        "cls": np.float32(cls).reshape(-1, 1),
        "instances": Instances(np.float32(boxes).reshape(-1, 4)),
        "planes": present,
        "im_file": "a.jpg",
        "ori_shape": size,
        "resized_shape": size,
        "labelled": ("x",),
        "ratio_pad": (1.0, 1.0),
    }
    if planes is not None:
        made["semantic_mask"] = pack(planes)
    return made


def flip(direction, p=1.0):
    return multitask_transforms(Compose([RandomFlip(p, direction)]), TASKS)


def half_masks(size=(8, 10)):
    """A plate in the left quarter; the left door on the left half, the right door on the right."""
    plates, parts = np.zeros(size, np.uint8), np.full(size, 2, np.uint8)
    plates[:, : size[1] // 4] = 1
    parts[:, : size[1] // 2] = 1
    return plates, parts


def test_a_mirrored_image_exchanges_left_and_right_on_pixels():
    plates, parts = half_masks()
    parts[0, 0] = 255
    out = flip("horizontal")(sample(planes=[plates, parts]))
    new_plates, new_parts = unpack(out["semantic_mask"], 2)
    np.testing.assert_array_equal(out["img"], sample()["img"][:, ::-1])
    np.testing.assert_array_equal(new_plates, plates[:, ::-1])  # a task without pairs is only mirrored
    assert new_parts[0, -1] == 255
    assert (new_parts[1:, :5] == 1).all()  # what was the right door now looks like a left door, on the left
    assert (new_parts[1:, 5:] == 2).all()


def test_a_mirrored_image_exchanges_classes_of_boxes():
    boxes = ((0.2, 0.5, 0.2, 0.4), (0.7, 0.5, 0.2, 0.4), (0.5, 0.5, 0.1, 0.1))
    out = flip("horizontal")(sample(boxes, cls=(2, 3, 1)))
    assert out["cls"].tolist() == [[3], [2], [1]]
    np.testing.assert_allclose(out["instances"].bboxes[:, 0], [0.8, 0.3, 0.5], atol=1e-6)


@pytest.mark.parametrize(("direction", "p"), [("vertical", 1.0), ("horizontal", 0.0)])
def test_other_flips_keep_the_classes(direction, p):
    plates, parts = half_masks()
    out = flip(direction, p)(sample(cls=(2,), planes=[plates, parts]))
    assert out["cls"].tolist() == [[2]]
    np.testing.assert_array_equal(unpack(out["semantic_mask"], 2)[1], parts)


def test_a_flip_without_boxes_and_without_masks():
    out = flip("horizontal")(sample((), (), present=()))
    assert out["cls"].shape == (0, 1)
    assert "semantic_mask" not in out


def test_an_image_with_one_of_two_masks_uses_the_table_of_that_mask():
    _, parts = half_masks()
    out = flip("horizontal")(sample(planes=[parts], present=(1,)))
    assert (out["semantic_mask"][:, :5] == 1).all()
    plates, _ = half_masks()
    out = flip("horizontal")(sample(planes=[plates], present=(0,)))
    np.testing.assert_array_equal(out["semantic_mask"], plates[:, ::-1])


def test_a_flip_leaves_the_cached_mask_alone():
    packed = pack(half_masks())
    before = packed.copy()
    flip("horizontal")({**sample(present=(0, 1)), "semantic_mask": packed})
    np.testing.assert_array_equal(packed, before)


def test_tables():
    assert box_table(TASKS).tolist() == [0, 1, 3, 2]
    assert box_table(TASKS[:1]) is None
    first, second = plane_tables(TASKS)
    assert first is None
    assert second[[0, 1, 2, 3, 255]].tolist() == [0, 2, 1, 3, 255]


# Mosaic ---------------------------------------------------------------------------------------------------------------
class Four:
    """Stands in for a dataset of four images with several masks."""

    cache = "ram"

    def __init__(self, count):
        rng = np.random.default_rng(count)
        self.planes = [rng.integers(0, 256, (count, 32, 24)).astype(np.uint8) for _ in range(4)]

    def __len__(self):
        return 4

    def get_image_and_label(self, i):
        return sample(planes=self.planes[i], present=tuple(range(len(self.planes[i]))), size=(32, 24))

    def single(self, k):
        """The same images with mask k only, as the base knows them."""
        other = Four(len(self.planes[0]))
        other.planes = [planes[k : k + 1] for planes in self.planes]
        return other


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_a_mosaic_of_packed_masks_is_the_bases_mosaic_of_each(count):
    import random

    data = Four(count)
    random.seed(5)
    mosaic = PlanesMosaic(Mosaic(data, imgsz=32, p=1.0))(data.get_image_and_label(0))
    planes = unpack(mosaic["semantic_mask"], count)
    for k in range(count):
        random.seed(5)
        expected = Mosaic(data.single(k), imgsz=32, p=1.0)(data.single(k).get_image_and_label(0))
        np.testing.assert_array_equal(planes[k], expected["semantic_mask"])
    assert planes.shape == (count, 64, 64)


# Format ---------------------------------------------------------------------------------------------------------------
def test_the_batch_form():
    plates, parts = half_masks()
    out = MultiTaskFormat(2)(sample(planes=[plates, parts]))
    assert (out["img"].dtype, out["img"].shape) == (torch.uint8, (3, 8, 10))
    np.testing.assert_array_equal(out["img"].numpy(), sample()["img"][..., ::-1].transpose(2, 0, 1))
    assert out["semantic_mask"].dtype == torch.uint8
    np.testing.assert_array_equal(out["semantic_mask"].numpy(), np.stack([plates, parts]))
    assert out["cls"].tolist() == [[2.0]]
    torch.testing.assert_close(out["bboxes"], torch.tensor([[0.2, 0.5, 0.2, 0.4]]))
    assert out["batch_idx"].tolist() == [0.0]
    assert not {"planes", "rect_shape", "instances"} & set(out)


def test_masks_that_an_image_lacks_are_ignored():
    _, parts = half_masks()
    out = MultiTaskFormat(2)(sample(planes=[parts], present=(1,)))
    assert (out["semantic_mask"][0] == 255).all()
    np.testing.assert_array_equal(out["semantic_mask"][1].numpy(), parts)
    assert (MultiTaskFormat(2)(sample(present=()))["semantic_mask"] == 255).all()
    assert "semantic_mask" not in MultiTaskFormat(0)(sample(present=()))


def test_a_sample_without_boxes_keeps_its_shapes():
    out = MultiTaskFormat(0)(sample((), (), present=()))
    assert (out["cls"].shape, out["bboxes"].shape, out["batch_idx"].shape) == ((0, 1), (0, 4), (0,))


# The tree of transforms -----------------------------------------------------------------------------------------------
def test_parts_are_replaced_wherever_they_stand_and_the_original_stays():
    data = Four(1)
    inner = Compose([Mosaic(data, imgsz=32), RandomFlip()])
    paste = CopyPaste(data, pre_transform=inner, p=0.5, mode="mixup")
    tree = Compose([inner, paste, RandomFlip(direction="vertical")])
    new = multitask_transforms(tree, TASKS)
    assert [type(t) for t in new.transforms[0].transforms] == [PlanesMosaic, SwappingFlip]
    assert [type(t) for t in new.transforms[1].pre_transform.transforms] == [PlanesMosaic, SwappingFlip]
    assert isinstance(new.transforms[2], SwappingFlip)
    assert new.transforms[2].direction == "vertical"
    assert [type(t) for t in inner.transforms] == [Mosaic, RandomFlip]
    assert paste.pre_transform is inner
    assert replace_transforms(tree, lambda part: part).transforms[2] is tree.transforms[2]


# Mirroring without exchange -------------------------------------------------------------------------------------------
class HorizontalFlip:
    pass


class Sequential:
    transforms = (HorizontalFlip(),)


@pytest.mark.parametrize(
    "augmentations",
    [
        pytest.param([HorizontalFlip()], id="object"),
        pytest.param([Sequential()], id="nested object"),
        pytest.param([{"transform": {"__class_fullname__": "HorizontalFlip"}}], id="data"),
        pytest.param([{"transform": {"__class_fullname__": "a.b.D4"}}], id="data with its module"),
        pytest.param(
            [{"transform": {"__class_fullname__": "OneOf", "transforms": [{"__class_fullname__": "Transpose"}]}}],
            id="nested data",
        ),
    ],
)
def test_mirroring_albumentations_are_refused_where_left_and_right_differ(hyp, augmentations):
    with pytest.raises(AyolomError, match=r"augmentations: (HorizontalFlip|D4|Transpose) mirrors images"):
        check_mirroring(hyp(augmentations=augmentations), TASKS)
    check_mirroring(hyp(augmentations=augmentations), [TASKS[0], TASKS[2]])


def test_copy_paste_does_not_mirror_where_left_and_right_differ(hyp):
    args = hyp(copy_paste=0.5, copy_paste_mode="flip")
    check_mirroring(args, [TASKS[0]])
    assert args.copy_paste_mode == "flip"
    check_mirroring(args, TASKS)
    assert args.copy_paste_mode == "mixup"


# Albumentations -------------------------------------------------------------------------------------------------------
@pytest.fixture
def albumentations():
    return pytest.importorskip("albumentations", reason="albumentations is not installed")


def test_augmentations_that_cannot_be_built_are_not_passed_over(albumentations, hyp):
    wanted = [{"transform": {"__class_fullname__": "NoSuchTransform"}}]
    transform = Compose([Albumentations(transforms=wanted)])  # the base only writes a line to the log
    with pytest.raises(AyolomError, match="augmentations: could not be built"):
        check_built(transform, hyp(augmentations=wanted))
    check_built(transform, hyp(augmentations=None))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_spatial_albumentations_move_boxes_and_all_masks_together(albumentations, count):
    size = (60, 80)
    planes = np.zeros((count, *size), np.uint8)
    planes[:, 20:40, 30:60] = np.arange(1, count + 1)[:, None, None]
    made = sample([(45 / 80, 0.5, 30 / 80, 20 / 60)], (1,), planes, tuple(range(count)), size)
    made["img"][:] = 0
    made["img"][20:40, 30:60] = 200
    shift = albumentations.Affine(translate_px={"x": 10, "y": -5}, scale=1.0, p=1.0)
    (transform,) = multitask_transforms(Compose([Albumentations(transforms=[shift])]), TASKS).transforms
    assert isinstance(transform, UnpackedMasks)
    out = transform(made)
    expected = np.zeros((count, *size), np.uint8)
    expected[:, 15:35, 40:70] = np.arange(1, count + 1)[:, None, None]
    expected[:, :, :10] = 255  # what the shift uncovers is not background
    expected[:, -5:, :] = 255
    moved = unpack(out["semantic_mask"], count)
    np.testing.assert_array_equal(moved, expected)
    np.testing.assert_array_equal(out["img"][..., 0] > 100, moved[0] == 1)
    np.testing.assert_allclose(out["instances"].bboxes, [[55 / 80, 25 / 60, 30 / 80, 20 / 60]], atol=1e-5)


def test_a_fill_value_that_the_user_set_is_kept(albumentations):
    shift = albumentations.Affine(translate_px={"x": 10, "y": 0}, scale=1.0, p=1.0, fill_mask=255)
    transform = UnpackedMasks(Albumentations(transforms=[shift]))
    out = transform(sample((), (), np.ones((1, 60, 80), np.uint8), (0,), (60, 80)))
    assert (out["semantic_mask"][:, :10] == 255).all()
    assert (out["semantic_mask"][:, 10:] == 1).all()


def test_albumentations_of_pixels_only_are_left_as_they_are(albumentations):
    inner = Albumentations(transforms=[albumentations.Blur(p=1.0)])
    assert multitask_transforms(Compose([inner]), TASKS).transforms[0] is inner
