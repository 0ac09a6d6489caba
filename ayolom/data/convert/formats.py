"""The table of formats, in the order in which `format=auto` asks them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ayolom.data.convert.coco_format import CocoFormat
from ayolom.data.convert.masks_folder import MasksFormat
from ayolom.data.convert.yolo_format import YoloFormat

if TYPE_CHECKING:
    from ayolom.data.convert._format import Format

# The special before the general: what fits several is taken for the first.
FORMATS: tuple[Format, ...] = (
    CocoFormat(),
    YoloFormat(),
    MasksFormat(),
)
