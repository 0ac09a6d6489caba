"""Labels made by a trained model: written beside those made by hand, told apart by a record, and undone by it."""

from __future__ import annotations

from ayolom.labelling._draft import Draft, draft_boxes, draft_map, encode
from ayolom.labelling._match import Match, match_tasks
from ayolom.labelling._outcome import Outcome
from ayolom.labelling._record import read_head, read_rows, records
from ayolom.labelling.history import Run, runs, undo
from ayolom.labelling.run import LabelOptions, label

__all__ = (
    "Draft",
    "LabelOptions",
    "Match",
    "Outcome",
    "Run",
    "draft_boxes",
    "draft_map",
    "encode",
    "label",
    "match_tasks",
    "read_head",
    "read_rows",
    "records",
    "runs",
    "undo",
)
