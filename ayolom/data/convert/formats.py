"""The table of formats, in the order in which `format=auto` asks them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ayolom.data.convert.aihub import AiHubFormat
from ayolom.data.convert.ayolom_layout import AyolomLayoutFormat
from ayolom.data.convert.bdd100k import BddFormat
from ayolom.data.convert.coco_format import CocoFormat
from ayolom.data.convert.cvat import CvatFormat
from ayolom.data.convert.known_sets import CarDdFormat, CarPartsSegFormat, DsmlrFormat, RoboflowFormat
from ayolom.data.convert.labelme import LabelMeFormat
from ayolom.data.convert.masks_folder import MasksFormat
from ayolom.data.convert.via_format import ViaFormat
from ayolom.data.convert.voc import VocFormat
from ayolom.data.convert.yolo_format import YoloFormat

if TYPE_CHECKING:
    from ayolom.data.convert._format import Format

# The special before the general: what fits several is taken for the first.
FORMATS: tuple[Format, ...] = (
    AiHubFormat(),
    BddFormat(),
    AyolomLayoutFormat(),
    ViaFormat(),
    LabelMeFormat(),
    CvatFormat(),
    CarDdFormat(),
    DsmlrFormat(),
    CarPartsSegFormat(),
    RoboflowFormat(),
    VocFormat(),
    CocoFormat(),
    YoloFormat(),
    MasksFormat(),
)
