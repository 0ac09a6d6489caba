"""What an inspection says, as typed values: the same in Python, in report.json and in its JSON Schema.

Units stand in the names: `_px` pixels of the original picture, `_share` a share in [0, 1], `_s` seconds.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = "1.0"  # of `Inspection.schema_version`
SCHEMA_NAME = "inspection-1.schema.json"

State = Literal["PAIRED", "AMBIGUOUS", "UNPAIRED"]
Level = Literal["minor", "moderate", "severe", "unrated"]
Side = Literal["front", "back", "left", "right"]
Place = Literal["front left", "front right", "back left", "back right", "front", "back", "left", "right"]
Verdict = Literal["confirmed", "corrected", "added"]
Share = Annotated[float, Field(ge=0, le=1)]
Pixels = Annotated[int, Field(ge=0)]

LEVELS: tuple[Level, ...] = ("unrated", "minor", "moderate", "severe")  # in rising order


class Value(BaseModel):
    """A value that is never changed and has no unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Candidate(Value):
    """A part on which a damage lies, wholly or in part."""

    part: str = Field(description="Class name of the part.")
    place: Place | None = Field(
        default=None, description="Which of several equal pieces, such as the front left wheel."
    )
    share: Share = Field(description="Share of the damaged area on parts that lies on this part.")
    area_px: Pixels = Field(description="Damaged area on this part.")
    part_area_px: Pixels = Field(description="Visible area of the part in this picture.")
    extent_share: Share = Field(description="Damaged share of the part's visible area.")
    severity: Level = "unrated"
    is_possible: bool = Field(
        default=True, description="Whether the damage may be on it: the first, or `pairing.possible_share` lies there."
    )


class Finding(Value):
    """One damage in one picture or frame."""

    id: str = Field(description="Picture and number, such as 'left.jpg#2'.")
    picture: str = Field(description="Name of the picture or video.")
    frame_index: int | None = Field(default=None, ge=0, description="Frame of the video, from 0.")
    time_s: float | None = Field(default=None, ge=0, description="Time of that frame.")
    kind: str = Field(description="Class name of the damage.")
    confidence: Share
    box_xyxy_px: tuple[float, float, float, float] = Field(description="Left, top, right, bottom.")
    region: Literal["box", "mask"] = Field(description="What was laid over the parts.")
    area_px: Pixels = Field(description="Area of the region inside the picture.")
    on_parts_share: Share = Field(description="Share of that area which lies on parts.")
    state: State
    part: str | None = Field(description="The part of a PAIRED damage.")
    place: Place | None = None
    extent_share: Share | None = Field(description="Damaged share of the part's visible area; PAIRED only.")
    candidates: tuple[Candidate, ...] = Field(description="Every part touched, the largest share first.")
    severity: Level = Field(description="That on its part, or the highest of the possible candidates when AMBIGUOUS.")
    spot_on_part: tuple[float, float] | None = Field(
        default=None,
        description="Middle of the damage in its first candidate's bounds, (0, 0) top left to (1, 1).",
    )
    appearance: tuple[float, ...] = Field(
        default=(), description="Colour histogram of the crop, to know the damage again."
    )
    drawn_by: Literal["model", "person"] = Field(default="model", description="Whose box it is.")


class Operation(Value):
    """A repair from the user's table."""

    operation: str
    hours: float | None = Field(default=None, ge=0)
    cost: float | None = Field(default=None, ge=0, description="In the table's currency.")
    table_row: int = Field(ge=1, description="Row of the table that applied, from 1.")


class Damage(Value):
    """One damage of the vehicle with everything that shows it."""

    id: str = Field(description="Number in this inspection, such as 'D3'.")
    kind: str
    state: State
    part: str | None
    place: Place | None = None
    extent_share: Share | None
    severity: Level
    confidence: Share = Field(description="The highest of the evidence.")
    best: str = Field(description="Id of the finding that shows it best.")
    evidence: tuple[Finding, ...] = Field(description="Findings in pictures; of each stretch of video its best frame.")
    frames_count: int | None = Field(default=None, ge=1, description="Frames of video that show it.")
    first_s: float | None = Field(default=None, ge=0)
    last_s: float | None = Field(default=None, ge=0)
    crop_file: str | None = Field(default=None, description="Picture of the damage, relative to the report.")
    overlay_file: str | None = Field(default=None, description="The whole picture with the damage marked.")
    operations: tuple[Operation, ...] = ()
    review: Verdict | None = Field(default=None, description="What a person said of it; None when nobody looked.")


class Problem(Value):
    """Something wrong with a picture and what to do about it."""

    code: str = Field(description="Such as 'blurred', 'dark', 'bright', 'glare', 'no_vehicle', 'small', 'cut_off'.")
    measured: float
    limit: float


class PhotoCheck(Value):
    """Whether a picture is fit to be judged."""

    sharpness: float = Field(description="Variance of the Laplacian.")
    brightness: float = Field(ge=0, le=255, description="Mean grey value of the vehicle.")
    glare_share: Share
    vehicle_share: Share = Field(description="Share of the picture that the vehicle takes.")
    border_share: Share = Field(description="Share of the picture's border that the vehicle touches.")
    sides: tuple[Side, ...] = Field(description="Sides of the vehicle in view.")
    problems: tuple[Problem, ...]


class PartSeen(Value):
    """A part in one picture; of a video, in the frame that shows most of it."""

    part: str
    place: Place | None = None
    area_px: Pixels


class View(Value):
    """One picture or video."""

    name: str
    media: Literal["photo", "video"]
    width_px: Pixels
    height_px: Pixels
    frames_count: int = Field(default=1, ge=1)
    duration_s: float | None = Field(default=None, ge=0)
    parts: tuple[PartSeen, ...]
    check: PhotoCheck = Field(description="Of a video, the median of the frames that were checked.")
    picture_file: str | None = Field(default=None, description="Annotated picture or video, relative to the report.")


class PartSummary(Value):
    """A part of the vehicle over all pictures."""

    part: str
    place: Place | None = None
    pictures_count: int = Field(ge=1)
    severity: Level | None = Field(description="The highest of its damages; None when nothing was found on it.")
    damages: tuple[str, ...] = Field(description="Ids of damages on it, ambiguous ones included.")


class Origin(Value):
    """A file that the result rests on."""

    name: str
    sha256: str | None = None


class Model(Origin):
    """The network and how it was asked."""

    damage_task: str | None = None
    parts_task: str | None = None
    damage_names: tuple[str, ...] = ()
    part_names: tuple[str, ...] = ()
    settings: dict[str, str] = Field(default_factory=dict)


class Change(Value):
    """One damage before and after."""

    status: Literal["new", "unchanged", "gone"]
    damage: str | None = Field(default=None, description="Id in this inspection.")
    earlier: str | None = Field(default=None, description="Id in the earlier one.")
    part_in_view: bool = Field(description="Whether the other inspection shows the part; if not, the status is open.")


class Comparison(Value):
    """This inspection against an earlier one of the same vehicle."""

    earlier: Origin
    earlier_created_at: str
    changes: tuple[Change, ...]
    gone: tuple[Damage, ...] = Field(description="Damages of the earlier inspection that are not found now.")


class Review(Value):
    """What a person changed after the model."""

    reviewed_at: str = Field(description="ISO 8601 with time zone, of the last change.")
    removed: tuple[Damage, ...] = Field(default=(), description="Damages that the person took out, as they were.")


class Inspection(Value):
    """A whole inspection of one vehicle."""

    schema_version: Literal["1.0"] = "1.0"
    created_at: str = Field(description="ISO 8601 with time zone.")
    software: str
    source: str
    model: Model
    rules: Origin
    repair_table: Origin | None = None
    currency: str | None = None
    damages: tuple[Damage, ...]
    parts: tuple[PartSummary, ...]
    views: tuple[View, ...]
    sides_seen: tuple[Side, ...]
    sides_missing: tuple[Side, ...] = Field(description="Sides that the class names can tell and no picture shows.")
    skipped: tuple[str, ...] = Field(default=(), description="Files that could not be read, and why.")
    comparison: Comparison | None = None
    review: Review | None = Field(default=None, description="None as long as no person changed or confirmed anything.")

    def damage(self, damage_id: str) -> Damage:
        """Return a damage by its id; KeyError when there is none."""
        return next((one for one in self.damages if one.id == damage_id), None) or _missing(damage_id)


def _missing(damage_id: str) -> Damage:
    """Raise for an id that is not there."""
    raise KeyError(damage_id)


def json_schema() -> dict[str, object]:
    """Return the JSON Schema of `Inspection` (draft 2020-12); `cfg/schemas/` holds the published copy."""
    schema = Inspection.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_NAME, **schema}
