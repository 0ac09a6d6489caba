"""The vehicle unfolded, as shapes of an SVG: which parts have a place on it, and how bad each is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ayolom.inspect._names import end_of, has_word, joined, side_of
from ayolom.inspect.findings import worst

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ayolom.inspect.language import Language
    from ayolom.inspect.objects import Level, PartSummary, Place
    from ayolom.inspect.rules import Rules

SIZE = (440, 590)

# Outline and the point of its number, by slot. The front is at the top; x mirrors about 220 from left to right.
_MIDDLE = {
    "front bumper": ("M150 42 Q220 10 290 42 V62 Q220 34 150 62 Z", (220, 40)),
    "hood": ("M188 66 Q220 58 252 66 L290 94 V186 Q220 170 150 186 V94 Z", (220, 122)),
    "front glass": ("M154 194 Q220 178 286 194 L272 246 Q220 238 168 246 Z", (220, 216)),
    "roof": ("M168 252 Q220 244 272 252 V380 Q220 388 168 380 Z", (220, 316)),
    "back glass": ("M168 386 Q220 394 272 386 L284 428 Q220 440 156 428 Z", (220, 412)),
    "trunk": ("M152 434 Q220 446 288 434 V498 L252 522 Q220 530 188 522 L152 498 Z", (220, 484)),
    "back bumper": ("M150 528 Q220 558 290 528 V550 Q220 582 150 550 Z", (220, 558)),
}
_LEFT = {
    "front {} light": ("M150 66 H183 L150 90 Z", (159, 75)),
    "back {} light": ("M152 503 L184 524 H152 Z", (160, 518)),
    "{} fender": ("M144 96 V196 H88 V112 Q88 84 112 84 H134 Q144 84 144 96 Z", (116, 142)),
    "front {} door": ("M144 200 V290 H88 V200 Z", (116, 246)),
    "back {} door": ("M144 294 V380 H88 V294 Z", (116, 338)),
    "{} quarter": ("M144 384 V490 Q144 506 130 506 H112 Q88 506 88 484 V384 Z", (116, 444)),
    "front {} wheel": ("M54 112 Q54 102 64 102 H72 Q82 102 82 112 V164 Q82 174 72 174 H64 Q54 174 54 164 Z", (68, 139)),
    "back {} wheel": ("M54 414 Q54 404 64 404 H72 Q82 404 82 414 V466 Q82 476 72 476 H64 Q54 476 54 466 Z", (68, 441)),
    "{} mirror": ("M82 202 V226 H66 Q58 226 58 214 Q58 202 66 202 Z", (70, 215)),
}
# What a part is, by the words of its name; which of end and side its place on the drawing needs.
_NOUNS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("bumper", ("bumper", "*범퍼"), "{end} bumper"),
    ("mirror", ("mirror", "*미러"), "{side} mirror"),
    ("door", ("door", "*도어", "문"), "{end} {side} door"),
    (
        "light",
        ("light", "lamp", "headlight", "headlamp", "taillight", "taillamp", "*등", "*라이트"),
        "{end} {side} light",
    ),
    ("wheel", ("wheel", "tire", "tyre", "rim", "바퀴", "타이어", "휠"), "{end} {side} wheel"),
    ("fender", ("fender", "wing", "*펜더", "*휀더"), "{side} fender"),
    ("quarter", ("quarter", "*쿼터*"), "{side} quarter"),
    ("glass", ("glass", "windshield", "windscreen", "window", "*유리"), "{end} glass"),
    ("hood", ("hood", "bonnet", "보닛", "본넷"), "hood"),
    ("roof", ("roof", "지붕", "루프"), "roof"),
    ("trunk", ("trunk", "boot", "tailgate", "트렁크"), "trunk"),
)


@dataclass(frozen=True)
class Shape:
    """A part of the drawing.

    Attributes:
        path: SVG path data.
        mirrored: Whether it is drawn on the right.
        at: Where its number stands.
        level: Severity; "intact" in view without damage, "unseen" not in view.
        count: How many damages.
        label: For screen readers and as a tooltip.
        link: Id of the first damage on it, or None.
    """

    path: str
    mirrored: bool
    at: tuple[int, int]
    level: str
    count: int
    label: str
    link: str | None


def draw_diagram(
    parts: Sequence[PartSummary], language: Language, rules: Rules
) -> tuple[list[Shape], list[PartSummary]]:
    """Return the shapes of the drawing, and the parts that have no place on it."""
    by_slot: dict[str, list[PartSummary]] = {}
    rest = []
    for part in parts:
        slot = slot_of(part.part, part.place, rules)
        if slot is None:
            rest.append(part)
        else:
            by_slot.setdefault(slot, []).append(part)
    return [_shape(slot, by_slot.get(slot, []), language) for slot in _slots()], rest


def slot_of(part: str, place: Place | None, rules: Rules) -> str | None:
    """Return the place of a part on the drawing, None where it has none or its side is not known."""
    noun = next((slot for _, patterns, slot in _NOUNS if has_word(part, patterns)), None)
    if noun is None:
        return None
    words = (place or "").split()
    end = end_of(part, rules.places) or next((word for word in words if word in {"front", "back"}), None)
    side = side_of(part, rules.places) or next((word for word in words if word in {"left", "right"}), None)
    slot = noun.format(end=end, side=side)
    return slot if slot in _slots() else None


def _slots() -> dict[str, tuple[str, bool, tuple[int, int]]]:
    """Return path, whether it is mirrored, and the number's place, by slot."""
    slots = {slot: (path, False, at) for slot, (path, at) in _MIDDLE.items()}
    for slot, (path, (x, y)) in _LEFT.items():
        slots[slot.format("left")] = (path, False, (x, y))
        slots[slot.format("right")] = (path, True, (SIZE[0] - x, y))
    return slots


def _shape(slot: str, parts: Sequence[PartSummary], language: Language) -> Shape:
    """Return one part of the drawing."""
    path, mirrored, at = _slots()[slot]
    damages = tuple(dict.fromkeys(damage for part in parts for damage in part.damages))
    levels: list[Level] = [part.severity for part in parts if part.severity is not None]
    level = worst(levels) if levels else "intact" if parts else "unseen"
    name = language.part(parts[0].part, parts[0].place) if parts else _plain(slot, language)
    said = language(f"levels.{level}") if levels else language("intact" if parts else "not_seen")
    label = f"{name}: {said}" + (f" ({', '.join(damages)})" if damages else "")
    return Shape(path, mirrored, at, level, len(damages), label, damages[0] if damages else None)


def _plain(slot: str, language: Language) -> str:
    """Return the name of a part that no picture shows."""
    name = slot.replace("quarter", "quarter panel").replace(" ", "_")
    if name.endswith("_wheel"):
        end, side, _ = slot.split()
        return language.part("wheel", joined(end, side))
    return language.name(name)
