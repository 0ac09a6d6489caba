"""From boxes and part regions to an inspection: findings, one list over many views, comparison, report.

`inspect_vehicle` does it all; every stage works alone on boxes and maps of any origin.
"""

from __future__ import annotations

from ayolom.inspect.appearance import describe
from ayolom.inspect.compare import compare, load_inspection
from ayolom.inspect.detected import Damages, Picture, from_results
from ayolom.inspect.findings import find_damages, pair
from ayolom.inspect.gather import Gatherer
from ayolom.inspect.language import Language, load_language
from ayolom.inspect.merging import Group, Sighting, merge
from ayolom.inspect.objects import LEVELS, Damage, Finding, Inspection, PhotoCheck, json_schema
from ayolom.inspect.parts import PartMap
from ayolom.inspect.photo import check_photo
from ayolom.inspect.rebuild import kept_picture, rebuild_report
from ayolom.inspect.repair import RepairTable, load_repairs
from ayolom.inspect.report import write_report
from ayolom.inspect.review import Change, Reviewer
from ayolom.inspect.rules import Rules, load_rules
from ayolom.inspect.run import Options, inspect_pictures, inspect_vehicle
from ayolom.inspect.severity import rate
from ayolom.inspect.tracking import Tracker

__all__ = [
    "LEVELS",
    "Change",
    "Damage",
    "Damages",
    "Finding",
    "Gatherer",
    "Group",
    "Inspection",
    "Language",
    "Options",
    "PartMap",
    "PhotoCheck",
    "Picture",
    "RepairTable",
    "Reviewer",
    "Rules",
    "Sighting",
    "Tracker",
    "check_photo",
    "compare",
    "describe",
    "find_damages",
    "from_results",
    "inspect_pictures",
    "inspect_vehicle",
    "json_schema",
    "kept_picture",
    "load_inspection",
    "load_language",
    "load_repairs",
    "load_rules",
    "merge",
    "pair",
    "rate",
    "rebuild_report",
    "write_report",
]
