"""report.html: what the template shows, made of an inspection and the pictures beside it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, get_args

import cv2
import numpy as np

from ayolom.inspect.findings import worst
from ayolom.inspect.objects import Verdict
from ayolom.inspect.report._diagram import SIZE, draw_diagram
from ayolom.inspect.report._font import embedded_font
from ayolom.pages import picture, render

if TYPE_CHECKING:
    from pathlib import Path

    from ayolom.inspect.language import Language
    from ayolom.inspect.objects import Damage, Inspection, View
    from ayolom.inspect.rules import Rules

TEMPLATE = "inspection.html.j2"
THUMB, WHOLE = 560, 960  # pixels of the long side inside the page


def as_page(inspection: Inspection, folder: Path, language: Language, rules: Rules) -> str:
    """Return the page.

    Args:
        inspection: What it tells.
        folder: Where the pictures lie that the inspection names.
        language: Of its texts.
        rules: Tell which words of part names mean left and right.
    """
    shapes, rest = draw_diagram(inspection.parts, language, rules)
    values = {
        "language": language.code,
        "t": language,
        "one": inspection,
        "worst": worst([damage.severity for damage in inspection.damages]) if inspection.damages else None,
        "shapes": shapes,
        "diagram_size": SIZE,
        "not_shown": [language.part(part.part, part.place) for part in rest],
        "cards": [_card(damage, inspection, folder) for damage in inspection.damages],
        "pictures": [_shown(view, folder) for view in inspection.views],
        "warned": sum(bool(view.check.problems) for view in inspection.views),
        "totals": totals(inspection),
        "review_counts": review_counts(inspection),
        "review_partly": any(damage.review is None for damage in inspection.damages),
        "gone": {} if inspection.comparison is None else {one.id: one for one in inspection.comparison.gone},
        "by_id": {damage.id: damage for damage in inspection.damages},
    }
    # The first pass tells which letters the page has.
    text = re.sub(r"data:[^\"]*|<[^>]*>", "", render(TEMPLATE, **values, font=None))
    return render(TEMPLATE, **values, font=embedded_font(text))


def totals(inspection: Inspection) -> tuple[float | None, float | None]:
    """Return the hours and the cost of all operations, None where none is given."""
    operations = [one for damage in inspection.damages for one in damage.operations]
    hours = [one.hours for one in operations if one.hours is not None]
    costs = [one.cost for one in operations if one.cost is not None]
    return (sum(hours) if hours else None), (sum(costs) if costs else None)


def review_counts(inspection: Inspection) -> dict[str, int]:
    """Return how many damages a person confirmed, corrected, added and removed."""
    verdicts = [damage.review for damage in inspection.damages]
    removed = 0 if inspection.review is None else len(inspection.review.removed)
    return {**{verdict: verdicts.count(verdict) for verdict in get_args(Verdict)}, "removed": removed}


def status_of(inspection: Inspection, damage: Damage) -> str | None:
    """Return what became of a damage since the earlier inspection."""
    changes = () if inspection.comparison is None else inspection.comparison.changes
    return next((change.status for change in changes if change.damage == damage.id), None)


def _card(damage: Damage, inspection: Inspection, folder: Path) -> dict[str, Any]:
    """Return what the card of a damage shows."""
    return {
        "damage": damage,
        "best": next(one for one in damage.evidence if one.id == damage.best),
        "crop": _data(folder, damage.crop_file, THUMB),
        "whole": _data(folder, damage.overlay_file, WHOLE),
        "status": status_of(inspection, damage),
        "pictures": list(dict.fromkeys(one.picture for one in damage.evidence)),
    }


def _shown(view: View, folder: Path) -> dict[str, Any]:
    """Return what is shown of a view; a video is named, not embedded."""
    return {"view": view, "image": _data(folder, view.picture_file, THUMB) if view.media == "photo" else None}


def _data(folder: Path, name: str | None, side: int) -> str | None:
    """Return a picture as a data URI of at most `side` pixels."""
    if name is None or not (folder / name).is_file():
        return None
    image = cv2.imdecode(np.fromfile(folder / name, np.uint8), cv2.IMREAD_COLOR)
    share = min(1.0, side / max(image.shape[:2]))
    return picture(image if share == 1 else cv2.resize(image, None, fx=share, fy=share, interpolation=cv2.INTER_AREA))
