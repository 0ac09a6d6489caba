"""Importers: foreign formats into the layout of our data sets.

`import_dataset` is what `yolo data import` does: any format of `formats.FORMATS` joined to a growing data set. Below it
are the pieces that a script may want one by one:

A reader (`read_*`) finds the files, a parser (`parse_*`) turns their content into values, `box_rows` and `class_map`
turn a value into labels, and `DatasetWriter` stores them. Nothing that a source holds is dropped without a count in
the `Report`.
"""

from __future__ import annotations

from ayolom.data.convert._labels import box_rows, class_map
from ayolom.data.convert._summary import ImportSummary, TaskSummary
from ayolom.data.convert._transaction import recover
from ayolom.data.convert._values import Annotations, LabelledImage, LabelledObject, Report, used_classes
from ayolom.data.convert._write import DatasetWriter, split_by_group
from ayolom.data.convert.coco import parse_coco, read_coco
from ayolom.data.convert.import_dataset import import_dataset
from ayolom.data.convert.via import parse_via, read_via
from ayolom.data.convert.yolo import parse_yolo, read_yolo

__all__ = (
    "Annotations",
    "DatasetWriter",
    "ImportSummary",
    "LabelledImage",
    "LabelledObject",
    "Report",
    "TaskSummary",
    "box_rows",
    "class_map",
    "import_dataset",
    "parse_coco",
    "parse_via",
    "parse_yolo",
    "read_coco",
    "read_via",
    "read_yolo",
    "recover",
    "split_by_group",
    "used_classes",
)
