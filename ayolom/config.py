"""Where the shipped YAML files live, and our own settings with their defaults."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ayolom.errors import AyolomError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable

PACKAGE = Path(__file__).resolve().parent
SCALES = "nsmlx"
MIN_TILE = 32  # pixels; the coarsest level of a network sees one cell of it
MAX_OVERLAP = 0.9  # share of a tile; with more, a picture has hundreds of them
CHOICES = {
    "balance": ("fixed", "uncertainty", "dwa", "famo", "upgrad", "pcgrad"),
    "task_sampling": ("proportional", "equal", "temperature"),
    "mask_loss": ("ce_dice", "ce", "focal_tversky"),
    "precision": ("auto", "bf16", "fp32"),
}


@cache
def cfg_dir() -> Path:
    """Return the folder of shipped YAML files: inside the package of a wheel, beside it in a checkout.

    Raises:
        AyolomError: The installation lacks its YAML files.
    """
    for folder in (PACKAGE / "cfg", PACKAGE.parent / "cfg"):
        if (folder / "default.yaml").is_file():
            return folder
    raise AyolomError(f"{PACKAGE}: the folder cfg/ of this installation is missing; install ayolom again")


def datasets_dir() -> Path:
    """Return the folder in which data sets without a place of their own lie.

    `datasets/` of the working directory when it is there, else the base's `datasets_dir` setting.
    """
    local = Path.cwd() / "datasets"
    if local.is_dir():
        return local
    from ultralytics.utils import SETTINGS

    return Path(SETTINGS["datasets_dir"])


def split_scale(stem: str) -> list[tuple[str, str]]:
    """Return (stem without a size letter, letter) for each place where a size letter may stand in a model's name.

    >>> split_scale("aYOLOM26n")
    [('aYOLOM26', 'n')]
    >>> split_scale("aYOLOMs-bdd")
    [('aYOLOM-bdd', 's')]
    """
    ends = re.finditer(rf"(?<=[A-Za-z0-9])([{SCALES}])(?=$|-)", stem)
    return [(stem[: match.start()] + stem[match.end() :], match.group(1)) for match in ends]


def find_yaml(name: str | Path, folder: str) -> Path | None:
    """Return the file that `name` stands for: a path as given, else a shipped file of `cfg/<folder>`."""
    path = Path(name)
    if path.suffix not in {".yaml", ".yml"}:
        return None
    shipped = cfg_dir() / folder / path.name
    return path if path.is_file() else shipped if shipped.is_file() and path.parent == Path(".") else None


def find_model_yaml(name: str | Path) -> tuple[Path, str] | None:
    """Find a model YAML by path or by name.

    Args:
        name: A path, or the name of a shipped file with or without a size letter, such as "aYOLOM26s.yaml".

    Returns:
        The file and the size letter ("" when the name has none), or None when there is no such file.
    """
    if found := find_yaml(name, "models"):
        return found, ""
    path = Path(name)
    for stem, scale in split_scale(path.stem):
        if found := find_yaml(path.with_name(stem + path.suffix), "models"):
            return found, scale
    return None


def find_data_yaml(name: str | Path) -> Path:
    """Find a dataset YAML by path or by the name of a shipped file.

    Raises:
        AyolomError: There is no such file.
    """
    if found := find_yaml(name, "datasets"):
        return found
    shipped = sorted(file.name for file in (cfg_dir() / "datasets").glob("*.yaml"))
    raise AyolomError(
        f"data={name}: no such file.{nearest(Path(name).name, shipped)} Give the path of a dataset YAML, "
        f"or one of the shipped: {', '.join(shipped)}"
    )


@dataclass(frozen=True)
class Settings:
    """Our own settings; `cfg/default.yaml` holds the defaults and says what each is for."""

    balance: str
    task_weights: dict[str, float]
    class_weights: dict[str, Any]
    folder_weights: dict[str, float]
    class_sampling: dict[str, float]
    task_sampling: str
    task_temperature: float
    fitness_weights: dict[str, float]
    mask_loss: str
    focal: float
    focal_gamma: float
    tversky: float
    tversky_alpha: float
    ohem: float
    lovasz: float
    loss_stride: int
    auxiliary: float
    lr_scale: dict[str, float]
    stages: dict[int, Any]
    gate_cost: float
    gate_lr: float
    precision: str
    threads: int
    min_precision: float
    slices: bool
    calibrate: bool
    only_tasks: list[str] | None
    show_speed: bool
    show_legend: bool
    tile: int
    tile_overlap: float
    tile_whole: bool
    trust: bool
    per_task: dict[str, dict[str, Any]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data from which `Settings(**plain)` rebuilds the value."""
        return asdict(self)


FILE_SETTINGS = ("class_weights", "folder_weights")  # a mapping, or a YAML file that has it under this key
SAID_ELSEWHERE = {"slice": "tile", "slice_overlap": "tile_overlap"}  # sahi's words; `slices` is another thing
HINTS = {"slices": "; to search large pictures tile by tile say tile=640"}
OVER_ZERO = ("folder_weights", "lr_scale", "class_sampling")  # mappings to numbers over 0
SHARES = ("class_sampling",)  # of those, mappings to shares of the whole
PER_TASK_KEYS = ("conf", "iou", "classes", "max_det", "agnostic_nms", "cls_pw")


@cache
def _defaults() -> dict[str, Any]:
    """Return the settings of `cfg/default.yaml`, read once."""
    defaults = yaml.safe_load((cfg_dir() / "default.yaml").read_text(encoding="utf-8"))
    names = {f.name for f in fields(Settings)} - {"per_task"}
    if set(defaults) != names:
        raise AyolomError(f"cfg/default.yaml: settings differ from the package's: {sorted(set(defaults) ^ names)}")
    return defaults


def setting_names() -> tuple[str, ...]:
    """Return the names of our own settings."""
    return tuple(_defaults())


def nearest_setting(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the known setting that a wrong one stands for, "" when there is none near."""
    return nearest(SAID_ELSEWHERE.get(name, name), known)


def make_settings(given: dict[str, Any] | None = None) -> Settings:
    """Return the defaults with the given settings laid over them, checked.

    Args:
        given: Settings by name; `per_task` may hold the base's settings that differ by task.

    Raises:
        AyolomError: An unknown name, or a value of the wrong type or outside its choices.
    """
    given = dict(given or {})
    per_task = given.pop("per_task", {})
    for name, value in given.items():
        if name not in _defaults():
            raise AyolomError(f"{name}: no such setting.{nearest_setting(name, _defaults())}")
        given[name] = _checked(name, value)
    settings = Settings(**{**_defaults(), **given}, per_task=per_task)
    _check_mask_losses(settings)
    return settings


def split_settings(arguments: dict[str, Any]) -> tuple[dict[str, Any], Settings]:
    """Part arguments into the base's and ours.

    A base setting given as a mapping from task to value, such as `conf={"damage": 0.3}`, is ours too.

    Args:
        arguments: Keyword arguments of a command.

    Returns:
        The base's arguments, and our settings.

    Raises:
        AyolomError: A setting that neither knows, or a wrong value.
    """
    from ultralytics.utils import DEFAULT_CFG_DICT

    arguments = {name: _parse_mapping(value) for name, value in arguments.items()}
    ours = {name: value for name, value in arguments.items() if name in _defaults() or name == "per_task"}
    per_task = dict(ours.pop("per_task", {}))
    base = {}
    for name, value in arguments.items():
        if name in _defaults() or name == "per_task":
            continue
        if isinstance(value, dict) and name in PER_TASK_KEYS:
            per_task[name] = value
        elif name in DEFAULT_CFG_DICT or name in BASE_EXTRAS:
            base[name] = value
        else:
            known = [*_defaults(), *DEFAULT_CFG_DICT]
            raise AyolomError(f"{name}: no such setting.{nearest_setting(name, known)}")
    return base, make_settings({**ours, "per_task": per_task})


BASE_EXTRAS = frozenset({"augmentations", "save_dir", "session", "half", "int8", "end2end"})


def _parse_mapping(value: Any) -> Any:
    """Read "{damage: 0.3}" from the command line as a mapping; leave everything else as it is."""
    if isinstance(value, str) and value.startswith("{") and value.endswith("}"):
        try:
            return yaml.safe_load(value)
        except yaml.YAMLError:
            raise AyolomError(f"{value}: not a mapping; write it as {{task: value, task: value}}") from None
    return value


def _checked(name: str, value: Any) -> Any:
    """Return the value in the type of the setting's default, or raise."""
    default = _defaults()[name]
    if name in FILE_SETTINGS and isinstance(value, (str, Path)):
        value = _from_file(name, Path(value))
    if name in CHOICES and value not in CHOICES[name]:
        raise AyolomError(f"{name}={value}: must be one of {', '.join(CHOICES[name])}.{nearest(value, CHOICES[name])}")
    if name == "only_tasks":
        return value if value is None else [value] if isinstance(value, str) else list(value)
    if isinstance(default, dict):
        _check_mapping(name, value)
    if isinstance(default, bool) and not isinstance(value, bool):
        raise AyolomError(f"{name}={value}: must be True or False{HINTS.get(name, '')}")
    return _number(name, value, type(default)) if type(default) in (int, float) else value


def _number(name: str, value: Any, kind: type[int] | type[float]) -> int | float:
    """Return the number of a setting in the type of its default, or raise."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise AyolomError(f"{name}={value}: must be a number")
    if name == "min_precision" and not 0 < value <= 1:
        raise AyolomError(f"{name}={value}: must be over 0 and at most 1, such as 0.8")
    if name == "tile" and not (value == 0 or MIN_TILE <= value < float("inf")):
        raise AyolomError(f"tile={value}: must be the side of a tile in pixels, {MIN_TILE} or more, or 0 for no tiles")
    if name == "tile_overlap" and not 0 <= value <= MAX_OVERLAP:
        raise AyolomError(f"tile_overlap={value}: must be the share that two tiles have in common, 0 to {MAX_OVERLAP}")
    return kind(value)


def _check_mask_losses(settings: Settings) -> None:
    """Raise where a number of a mask loss is out of its range, or has nothing to act on."""
    if not 0 < settings.ohem <= 1:
        raise AyolomError(f"ohem={settings.ohem}: must be the share of pixels to keep, over 0 and at most 1")
    if not 0 <= settings.lovasz < float("inf"):
        raise AyolomError(f"lovasz={settings.lovasz}: must be a weight, 0 or more")
    if settings.ohem < 1 and settings.mask_loss == "focal_tversky":
        raise AyolomError("ohem: focal_tversky has no cross-entropy to choose pixels for; use mask_loss=ce_dice or ce")


def _check_mapping(name: str, value: Any) -> None:
    """Raise where a setting is no mapping, or where a value that must be a number over 0 is none."""
    if not isinstance(value, dict):
        raise AyolomError(f"{name}={value}: must be a mapping from task to value, such as {{damage: 1.0}}")
    for key, number in value.items() if name in OVER_ZERO else ():
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not 0 < number < float("inf"):
            raise AyolomError(f"{name}: {key}: must be a number over 0 (got {number})")
        if name in SHARES and number > 1:
            raise AyolomError(f"{name}: {key}: must be a share of the images, over 0 and at most 1 (got {number})")


def _from_file(name: str, file: Path) -> Any:
    """Return a setting that a YAML file holds under its name, such as the file that `yolo data stats` writes."""
    from ayolom.yaml_io import load_yaml

    content = load_yaml(file)
    if name not in content:
        raise AyolomError(f"{name}={file}: has no key '{name}'; yolo data stats data=... out={file} writes one")
    return content[name]


def for_task(args: Any, settings: Settings, task: str) -> Any:
    """Return the base's arguments as they hold for one task.

    Args:
        args: Namespace of the base's settings.
        settings: Ours, whose `per_task` holds what differs by task.
        task: Name of the task.

    Returns:
        A shallow copy of `args` with the task's own values in place; a task that the mapping does not name keeps
        the common default (None for `conf` becomes the mode's default further on).
    """
    from copy import copy

    own = copy(args)
    for name, by_task in settings.per_task.items():
        if task in by_task:
            setattr(own, name, by_task[task])
    return own
