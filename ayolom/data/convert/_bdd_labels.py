"""One label of BDD100K: which layer it belongs to, its class, and its shape."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ayolom.data.convert._poly2d import outlines_of
from ayolom.data.convert._shapes import box_of, stroke
from ayolom.data.convert._values import LabelledObject

if TYPE_CHECKING:
    from ayolom.data.convert._problems import Problems

BOXES, DRIVABLE, LANE = "vehicles", "drivable", "lane"
LAYERS = (BOXES, DRIVABLE, LANE)
AREAS = ("direct", "alternative")
AREA_NAMES = {"area/drivable": "direct", "area/alternative": "alternative", **{name: name for name in AREAS}}
LANES = (
    "crosswalk", "double other", "double white", "double yellow", "road curb", "single other", "single white",
    "single yellow",
)  # fmt: skip
LANE_WIDTH = 8.0  # pixels by which lines of the JSON are drawn, as in the data made from it for YOLOP
NO_LAYER = ""


def layer_of(label: Any) -> str:
    """Return the layer that a label belongs to, `NO_LAYER` for none."""
    if not isinstance(label, dict):
        return NO_LAYER
    category = str(label.get("category"))
    if isinstance(label.get("box2d"), dict):
        return BOXES
    if category in LANES or category == "lane" or category.startswith("lane/"):
        return LANE
    return DRIVABLE if category in AREA_NAMES or category == "drivable area" else NO_LAYER


def labelled_object(label: Any, where: str, layer: str, problems: Problems) -> LabelledObject | None:
    """Return one label as an object of a layer, None when it belongs to another or cannot be used."""
    kind = layer_of(label)
    if not kind and not (isinstance(label, dict) and label.get("poly2d")):
        problems.add("label without box or outline", where)
    elif not kind:
        problems.note("outline that is neither drivable area nor lane (not read)", where)
    if kind != layer:
        return None
    name = _class(label, layer)
    if not name:
        problems.add("label without a class", where)
        return None
    item = _box(label["box2d"], name) if layer == BOXES else _area(label.get("poly2d"), name, layer)
    if item is None:
        problems.add("malformed box" if layer == BOXES else "malformed outline", where)
        return None
    return replace(item, where=where)


def _class(label: dict[str, Any], layer: str) -> str:
    """Return a label's class: its category, or the attribute that says more."""
    category, given = str(label.get("category") or ""), label.get("attributes")
    attributes = given if isinstance(given, dict) else {}
    if layer == DRIVABLE:
        return AREA_NAMES.get(category) or AREA_NAMES.get(str(attributes.get("areaType")), "")
    if layer == LANE:
        kind = attributes.get("laneTypes") or attributes.get("laneType")
        return str(kind or "") if category == "lane" else category.removeprefix("lane/")
    return category


def _box(box: dict[str, Any], name: str) -> LabelledObject | None:
    """Return an object with a box, None when that is malformed."""
    edges = box_of(box[key] for key in ("x1", "y1", "x2", "y2"))
    return None if edges is None else LabelledObject(name, (), edges)


def _area(poly2d: Any, name: str, layer: str) -> LabelledObject | None:
    """Return an object with outlines, those of a lane as wide as it is drawn; None when one is malformed."""
    paths = outlines_of(poly2d, closed=layer == DRIVABLE)
    if paths is None:
        return None
    if layer == LANE:
        return LabelledObject(name, tuple(piece for path in paths for piece in stroke(path, LANE_WIDTH)))
    return LabelledObject(name, tuple(paths)) if all(len(path) > 2 for path in paths) else None
