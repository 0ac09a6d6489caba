"""What the HTTP API takes and gives, as typed values; OpenAPI is made of them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ayolom.inspect.objects import Level, Pixels, Place, Share, Side, Verdict

Box = tuple[float, float, float, float]
Name = Annotated[str, Field(max_length=200)]


class Given(BaseModel):
    """What a client sends; unknown fields are mistakes."""

    model_config = ConfigDict(extra="forbid")


class ProblemDetails(BaseModel):
    """What went wrong and what to do (RFC 9457)."""

    type: str = Field(examples=["urn:ayolom:problem:too_large"])
    title: str
    status: int
    code: str = Field(description="Stable key of the problem.", examples=["too_large"])
    detail: str = Field(description="For people, in the language of the request.")


class Option(BaseModel):
    """A class that a finding may have, with its name for people."""

    name: str
    label: str


class PartOption(Option):
    """A part, or one of several equal pieces of it."""

    place: Place | None = None


class LimitValues(BaseModel):
    """Limits of the service."""

    upload_mb: float
    upload_seconds: float
    files: int
    megapixels: float
    frames: int
    video_seconds: float
    work_seconds: float
    queue: int
    keep_minutes: float
    store_mb: float


class Service(BaseModel):
    """What this service is and takes."""

    software: str
    model: str
    languages: list[str]
    kinds: list[Option] = Field(description="Kinds of damage that the model knows.")
    parts: list[PartOption]
    severities: list[Option]
    limits: LimitValues
    pdf: bool = Field(description="Whether reports are written as PDF as well.")
    labels: bool = Field(description="Whether checked pictures can be saved as labels.")


class FileLeftOut(BaseModel):
    """A file that is not part of the inspection."""

    name: str
    reason: str


class FileTaken(BaseModel):
    """A file of the inspection."""

    name: str
    media: Literal["photo", "video"]


class Failure(BaseModel):
    """Why an inspection failed."""

    code: str
    detail: str


class JobStatus(BaseModel):
    """How far an inspection is."""

    id: str = Field(description="Secret: whoever knows it can see and change this inspection.")
    state: Literal["uploading", "waiting", "working", "done", "failed"]
    position: int | None = Field(description="Place in the queue, from 1; null when it does not wait.")
    done: int = Field(description="Photos and frames looked at.")
    total: int | None = Field(description="Photos and frames in all; null while not known.")
    files: list[FileTaken]
    left_out: list[FileLeftOut]
    problem: Failure | None = Field(description="Set when the state is failed.")
    created_at: datetime
    expires_at: datetime = Field(description="When it is deleted if nobody asks for it.")
    revision: int = Field(description="Counts corrections.")
    page: str = Field(description="Address of the page for people.")


class FindingShown(BaseModel):
    """A damage in one picture."""

    key: str
    picture: int = Field(description="Number of the picture, from 0.")
    box_xyxy_px: Box
    drawn_by: Literal["model", "person"]
    confidence: Share


class DamageShown(BaseModel):
    """A damage with everything that shows it."""

    id: str
    kind: str
    kind_label: str
    part: str | None
    place: Place | None
    part_label: str
    severity: Level
    severity_label: str
    extent: str
    confidence: Share
    review: Verdict | None
    findings: list[FindingShown]


class PictureShown(BaseModel):
    """A photo, or a frame of a video that shows some damage best."""

    number: int
    name: str
    frame_index: int | None
    time_s: float | None
    width_px: Pixels
    height_px: Pixels
    checked: bool = Field(description="Whether a person said that all damages in it are marked.")
    advice: list[str]


class Result(BaseModel):
    """What was found, as corrected so far."""

    revision: int
    created_at: str
    damages: list[DamageShown]
    pictures: list[PictureShown]
    left_out: list[str]
    parts_count: int
    worst: Level | None
    worst_label: str | None
    sides_missing: list[Side]
    sides_missing_labels: list[str]
    reviewed: bool


class Correction(Given):
    """What a person says of a damage; a field that is missing stays. An empty one confirms the damage as it is."""

    kind: Name | None = None
    part: Name | None = Field(default=None, description='"" takes the part away.')
    place: Place | None = None
    severity: Level | None = None


class Addition(Correction):
    """A damage that the model did not find, or another picture of one."""

    picture: int = Field(ge=0)
    box_xyxy_px: Box = Field(description="Left, top, right, bottom in pixels of the picture.")
    damage: Name | None = Field(default=None, description="Id of the damage that is seen there as well.")


class BoxGiven(Given):
    """Another box for a finding."""

    box_xyxy_px: Box


class Checked(Given):
    """Whether all damages in a picture are marked."""

    checked: bool


class Saved(BaseModel):
    """What was written as labels."""

    pictures: int
    boxes: int
    unchecked: int = Field(description="Pictures that were not written, as nobody said that they are complete.")
    data: str = Field(description="Name of the dataset YAML.")
