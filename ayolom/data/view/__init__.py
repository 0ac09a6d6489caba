"""Labels beside predictions: pages served on this machine, a gallery in one file, and an export to FiftyOne."""

from __future__ import annotations

from ayolom.data.view._fiftyone import check_fiftyone, check_target, write_fiftyone
from ayolom.data.view._findings import Findings
from ayolom.data.view._gallery import MOST, USUAL, gallery_file, write_gallery
from ayolom.data.view._opened import Model, Opened, opened
from ayolom.data.view._scores import box_f1, map_iou, score
from ayolom.data.view._serve import check_server, serve

__all__ = (
    "MOST",
    "USUAL",
    "Findings",
    "Model",
    "Opened",
    "box_f1",
    "check_fiftyone",
    "check_server",
    "check_target",
    "gallery_file",
    "map_iou",
    "opened",
    "score",
    "serve",
    "write_fiftyone",
    "write_gallery",
)
