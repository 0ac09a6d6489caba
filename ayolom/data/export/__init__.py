"""Data sets in the formats of others: COCO, YOLO, mask folders, and LabelMe and CVAT projects for correction by hand.

An exporter takes the same value that the readers of `ayolom.data.convert` hand over, `LabelledImage`, by task.
`box_objects` and `region_objects` make its objects from boxes and from a class map, such as a prediction's.
"""

from __future__ import annotations

from ayolom.data.export._exporter import Exporter, ExportOptions
from ayolom.data.export._folder import new_folder
from ayolom.data.export._names import named_images
from ayolom.data.export._objects import box_objects, labelled_image, object_names, objects_of, region_objects
from ayolom.data.export._outline import region_polygon
from ayolom.data.export.coco import CocoExporter
from ayolom.data.export.cvat import CvatExporter
from ayolom.data.export.labelme import LabelmeExporter
from ayolom.data.export.masks import MaskExporter
from ayolom.data.export.run import EXPORTERS, Exported, chosen_tasks, export_dataset
from ayolom.data.export.yolo import YoloExporter

__all__ = (
    "EXPORTERS",
    "CocoExporter",
    "CvatExporter",
    "ExportOptions",
    "Exported",
    "Exporter",
    "LabelmeExporter",
    "MaskExporter",
    "YoloExporter",
    "box_objects",
    "chosen_tasks",
    "export_dataset",
    "labelled_image",
    "named_images",
    "new_folder",
    "object_names",
    "objects_of",
    "region_objects",
    "region_polygon",
)
