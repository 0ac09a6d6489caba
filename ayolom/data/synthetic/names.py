"""Classes of the drawn set. Left and right are the car's own sides."""

from __future__ import annotations

DAMAGE_NAMES: dict[int, str] = dict(
    enumerate(("dent", "scratch", "crack", "glass_shatter", "lamp_broken", "tire_flat"))
)

# Side windows are door glass and carry the class of their door; the grille, the intake and a number plate carry the
# class of the panel they sit in; door frames are door, the strip above them and the windscreen pillars are roof.
PART_NAMES: dict[int, str] = dict(
    enumerate(
        (
            "background",
            "front_bumper",
            "back_bumper",
            "hood",
            "trunk",
            "roof",
            "front_glass",
            "back_glass",
            "front_left_door",
            "front_right_door",
            "back_left_door",
            "back_right_door",
            "front_left_light",
            "front_right_light",
            "back_left_light",
            "back_right_light",
            "left_mirror",
            "right_mirror",
            "left_fender",
            "right_fender",
            "left_quarter_panel",
            "right_quarter_panel",
            "wheel",
        )
    )
)

DAMAGE = {name: number for number, name in DAMAGE_NAMES.items()}
PART = {name: number for number, name in PART_NAMES.items()}
