"""The classes of Cityscapes: https://github.com/mcordts/cityscapesScripts, helpers/labels.py."""

from __future__ import annotations

# Name, value in *_labelIds.png, colour (red, green, blue) in *_color.png; the order is that of *_labelTrainIds.png.
CLASSES: tuple[tuple[str, int, tuple[int, int, int]], ...] = (
    ("road", 7, (128, 64, 128)),
    ("sidewalk", 8, (244, 35, 232)),
    ("building", 11, (70, 70, 70)),
    ("wall", 12, (102, 102, 156)),
    ("fence", 13, (190, 153, 153)),
    ("pole", 17, (153, 153, 153)),
    ("traffic light", 19, (250, 170, 30)),
    ("traffic sign", 20, (220, 220, 0)),
    ("vegetation", 21, (107, 142, 35)),
    ("terrain", 22, (152, 251, 152)),
    ("sky", 23, (70, 130, 180)),
    ("person", 24, (220, 20, 60)),
    ("rider", 25, (255, 0, 0)),
    ("car", 26, (0, 0, 142)),
    ("truck", 27, (0, 0, 70)),
    ("bus", 28, (0, 60, 100)),
    ("train", 31, (0, 80, 100)),
    ("motorcycle", 32, (0, 0, 230)),
    ("bicycle", 33, (119, 11, 32)),
)
NAMES = tuple(name for name, _, _ in CLASSES)
LABEL_IDS = {value: position for position, (_, value, _) in enumerate(CLASSES)}
# Classes that its evaluation leaves out; they teach nothing here.
VOID_IDS = frozenset(range(34)) - frozenset(LABEL_IDS)
VOID_COLORS = frozenset(
    {(0, 0, 0), (111, 74, 0), (81, 0, 81), (250, 170, 160), (230, 150, 140), (180, 165, 180), (150, 100, 100)}
    | {(150, 120, 90), (0, 0, 90), (0, 0, 110)}
)
COLORS = {colour: position for position, (_, _, colour) in enumerate(CLASSES)}
