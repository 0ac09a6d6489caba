"""A data set divided into train, val and test: stratified over the classes of all tasks, no group in two splits."""

from __future__ import annotations

from ayolom.data.split._grouping import join, parse_grouping
from ayolom.data.split._report import absent, kept_together, table
from ayolom.data.split._stratify import stratify
from ayolom.data.split._write import check_free, targets, write
from ayolom.data.split.run import Split, check_ratios, split_dataset

__all__ = (
    "Split",
    "absent",
    "check_free",
    "check_ratios",
    "join",
    "kept_together",
    "parse_grouping",
    "split_dataset",
    "stratify",
    "table",
    "targets",
    "write",
)
