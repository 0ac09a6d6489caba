"""The rules of an inspection: thresholds and tables from a YAML file, checked when they are read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ayolom.config import cfg_dir
from ayolom.errors import AyolomError, check_keys
from ayolom.files import file_sha256
from ayolom.inspect.objects import Level, Origin, Share
from ayolom.yaml_io import load_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

SHIPPED = "inspection.yaml"


class _Section(BaseModel):
    """A block of the file; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Pairing(_Section):
    """When a damage belongs to a part."""

    paired_share: Share
    least_on_parts_share: Share
    possible_share: Share
    duplicate_iou: Share


class Places(_Section):
    """Words in part names that say where a part sits."""

    left: list[str]
    right: list[str]
    front: list[str]
    back: list[str]
    repeated: list[str]
    reach_share: float = Field(gt=0)
    least_vote_share: Share


class Sides(_Section):
    """Parts by which a side of the vehicle is known to be in view."""

    front: list[str]
    back: list[str]
    left: list[str]
    right: list[str]
    least_share: Share


class SeverityRow(_Section):
    """One row of the severity table."""

    level: Level
    kind: str = "*"
    part: str = "*"
    extent_from: Share | None = None
    extent_below: float | None = Field(default=None, gt=0, le=1.0001)


class Merging(_Section):
    """When damages of several pictures are one."""

    spot_weight: Share
    most_distance: float = Field(ge=0)


class Tracking(_Section):
    """How damages are followed through a video."""

    tracker: str
    widen_share: float = Field(ge=0)
    widen_least_px: float = Field(ge=0)
    least_frames: int = Field(ge=1)
    checks_per_second: float = Field(gt=0)


class Photos(_Section):
    """What a photo must reach to be judged."""

    long_side_px: int = Field(ge=64)
    least_sharpness: float
    least_brightness: float
    most_brightness: float
    most_glare_share: Share
    glare_level: int = Field(ge=0, le=255)
    least_vehicle_share: Share
    most_border_share: Share


class Rules(_Section):
    """All rules of an inspection.

    Attributes:
        origin: The file that they came from.
    """

    pairing: Pairing
    least_part_share: Share
    background: list[str]
    places: Places
    sides: Sides
    severity: list[SeverityRow]
    merging: Merging
    tracking: Tracking
    photos: Photos
    origin: Origin = Origin(name=SHIPPED)


def load_rules(source: str | Path | Mapping[str, Any] | None = None) -> Rules:
    """Return the shipped rules with those of a file or mapping laid over them.

    Args:
        source: Path of a YAML file, a mapping of the same content, or None for the shipped rules alone.

    Raises:
        AyolomError: The file is not there, or a key or value of it cannot be right.
    """
    shipped = cfg_dir() / SHIPPED
    content = load_yaml(shipped)
    origin = Origin(name=SHIPPED, sha256=file_sha256(shipped))
    if source is not None:
        given, label, origin = _given(source)
        content = _laid_over(content, given, label)
    else:
        label = str(shipped)
    try:
        return Rules(**content, origin=origin)
    except ValidationError as error:
        raise AyolomError(f"{label}: {first_mistake(error)}") from None


def first_mistake(error: ValidationError) -> str:
    """Return the first of pydantic's complaints in one line: where, what, and what was found."""
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg'][0].lower()}{first['msg'][1:]} (got {first['input']!r})"


def _given(source: str | Path | Mapping[str, Any]) -> tuple[Mapping[str, Any], str, Origin]:
    """Return what the user gave, a name for messages, and where it came from."""
    if not isinstance(source, (str, Path)):
        return source, "rules", Origin(name="rules given in Python")
    file = Path(source).expanduser()
    if not file.is_file() and file.name == str(source) == SHIPPED:
        file = cfg_dir() / SHIPPED
    if not file.is_file():
        raise AyolomError(f"rules={source}: no such file; copy {cfg_dir() / SHIPPED} and change it")
    return load_yaml(file), str(file), Origin(name=file.name, sha256=file_sha256(file))


def _laid_over(content: dict[str, Any], given: Mapping[str, Any], label: str) -> dict[str, Any]:
    """Return the content with the given blocks laid over it; a block keeps the keys that are not given."""
    merged = dict(content)
    check_keys(given, content, label)
    for name, value in given.items():
        merged[name] = (
            {**content[name], **value} if isinstance(value, dict) and isinstance(content[name], dict) else value
        )
    return merged
