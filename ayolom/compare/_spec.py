"""The file that says what is compared, as one checked value."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ayolom.compare._run import EXPOSURE, OUR_TRAINER, STEPS, TORCHVISION
from ayolom.compare.peers import kind_of
from ayolom.errors import AyolomError, check_keys, nearest
from ayolom.yaml_io import load_yaml

if TYPE_CHECKING:
    from pathlib import Path

TOP_KEYS = ("data", "seeds", "budget", "settings", "runs", "baseline")
BUDGET_KEYS = ("epochs", "imgsz", "batch", "shared_batch", "images", "equal")
RUN_KEYS = ("name", "model", "kind", "settings", "data", "flip_pairs", "ablation of")
KINDS = {"multi": "multi", "base detect": "detect", "base semantic": "semantic", "torchvision": TORCHVISION}
BUDGETS = (EXPOSURE, STEPS)
# What the comparison itself decides, and where to say it.
DECIDED = {
    "data": "at the top, or in a run of kind multi or torchvision",
    "model": "in the run",
    "seed": "as `seeds:`",
    **dict.fromkeys(("epochs", "imgsz", "batch"), "in `budget:`"),
    "fraction": "as `images:` in `budget:`",
    **dict.fromkeys(("project", "name", "save_dir", "exist_ok", "resume", "task", "mode"), "nowhere; it follows"),
    **dict.fromkeys(("patience", "time"), "nowhere; every run goes to its last epoch"),
}
NAME = re.compile(r"^[^\W_][\w.+-]*$")


@dataclass(frozen=True)
class Entry:
    """One row of the comparison: a model with its settings, trained once for each seed and budget.

    Attributes:
        name: Name of the row.
        model: Model YAML, or the name of a network of torchvision.
        kind: "multi", "detect", "semantic" or "torchvision".
        settings: Arguments of `train` that it alone has.
        data: Dataset YAML of its own, or None.
        flip_pairs: By task, what stands for the data's `flip_pairs`.
        ablation_of: Row that it differs from in one thing, or None.
    """

    name: str
    model: str
    kind: str
    settings: dict[str, Any] = field(default_factory=dict)
    data: str | None = None
    flip_pairs: dict[str, Any] = field(default_factory=dict)
    ablation_of: str | None = None


@dataclass(frozen=True)
class Comparison:
    """What a comparison file says.

    Attributes:
        file: The file.
        data: Dataset YAML of all tasks.
        entries: Rows by name, in order.
        epochs: Epochs of models that learn all tasks.
        imgsz: Side of the images in pixels.
        batch: Images in a batch of models that learn some of the tasks.
        shared_batch: Images in a batch of models that learn all; None takes as many.
        images: Most training images; None takes all.
        equal: Budgets: "exposure", "steps" or both.
        seeds: Each row is trained with each of them.
        settings: Arguments of `train` for all.
        baseline: By task, the row of the model that learns it alone; where not given the first such row.
    """

    file: Path
    data: str
    entries: dict[str, Entry]
    epochs: int = 100
    imgsz: int = 640
    batch: int = 16
    shared_batch: int | None = None
    images: int | None = None
    equal: tuple[str, ...] = BUDGETS
    seeds: tuple[int, ...] = (0, 1, 2)
    settings: dict[str, Any] = field(default_factory=dict)
    baseline: dict[str, str] = field(default_factory=dict)


def load_comparison(file: Path) -> Comparison:
    """Read and check a comparison file.

    Raises:
        AyolomError: Anything in it that cannot be right: the message names the file, the key and the remedy.
    """
    content, where = load_yaml(file), str(file)
    check_keys(content, TOP_KEYS, where)
    if not isinstance(content.get("data"), str):
        raise AyolomError(f"{where}: data: must name the YAML of a data set with tasks (got {content.get('data')})")
    entries = _entries(content.get("runs"), where)
    return Comparison(
        file=file,
        data=_beside(file, content["data"]),
        entries={name: _placed(entry, file) for name, entry in entries.items()},
        seeds=_seeds(content.get("seeds", [0, 1, 2]), where),
        settings=_settings(content.get("settings"), f"{where}: settings"),
        baseline=_baseline(content.get("baseline"), entries, where),
        **_budget(content.get("budget"), f"{where}: budget"),
    )


def _mapping(given: Any, where: str) -> dict[str, Any]:
    """Return a block of keys; nothing is an empty one."""
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise AyolomError(f"{where}: must be a block of keys and values (got {given})")
    return {str(key): value for key, value in given.items()}


def _settings(given: Any, where: str) -> dict[str, Any]:
    """Return arguments of `train`, without those that the comparison decides."""
    settings = _mapping(given, where)
    for name in settings:
        if name in DECIDED:
            raise AyolomError(f"{where}: {name} does not belong here; it is said {DECIDED[name]}")
    _check_names(settings, where)
    return settings


def _check_names(settings: dict[str, Any], where: str) -> None:
    """Raise on a setting that neither the base nor this package has."""
    from ultralytics.utils import DEFAULT_CFG_DICT

    from ayolom.config import setting_names

    known = {*DEFAULT_CFG_DICT, *setting_names()}
    for name in settings:
        if name not in known:
            raise AyolomError(
                f"{where}: {name}: no such setting.{nearest(name, known)} `yolo cfg` and `ayolom cfg` list all"
            )


def _budget(given: Any, where: str) -> dict[str, Any]:
    """Return the fields of the budget that are given."""
    budget = _mapping(given, where)
    check_keys(budget, BUDGET_KEYS, where)
    for name in ("epochs", "imgsz", "batch", "shared_batch", "images"):
        value = budget.get(name, 1)
        if (isinstance(value, bool) or not isinstance(value, int) or value < 1) and not (
            name == "images" and not value
        ):
            raise AyolomError(f"{where}: {name}: must be a whole number from 1 (got {value})")
    equal = budget.get("equal", list(BUDGETS))
    equal = equal if isinstance(equal, list) else [equal]
    if not equal or not set(equal) <= set(BUDGETS):
        raise AyolomError(f"{where}: equal: must be {' or '.join(BUDGETS)}, or a list of both (got {equal})")
    return {**budget, "equal": tuple(dict.fromkeys(equal))}


def _seeds(given: Any, where: str) -> tuple[int, ...]:
    """Return the seeds."""
    listed = given if isinstance(given, list) else [given]
    whole = all(isinstance(seed, int) and not isinstance(seed, bool) and seed >= 0 for seed in listed)
    if not listed or not whole or len(set(listed)) < len(listed):
        raise AyolomError(f"{where}: seeds: must be different whole numbers from 0, such as [0, 1, 2] (got {given})")
    return tuple(listed)


def _entries(given: Any, where: str) -> dict[str, Entry]:
    """Return the rows by name."""
    if not isinstance(given, list) or not given:
        raise AyolomError(
            f"{where}: runs: must be a list, such as - {{name: shared, model: aYOLOM26n.yaml, kind: multi}}"
        )
    entries: dict[str, Entry] = {}
    for number, one in enumerate(given, 1):
        entry = _entry(_mapping(one, f"{where}: runs: row {number}"), f"{where}: runs: row {number}")
        if entry.name.lower() in {name.lower() for name in entries}:
            raise AyolomError(f"{where}: runs: the name '{entry.name}' is there twice; rename one")
        entries[entry.name] = entry
    for entry in entries.values():
        if entry.ablation_of is not None and (entry.ablation_of not in entries or entry.ablation_of == entry.name):
            raise AyolomError(
                f"{where}: runs: {entry.name}: ablation of: no other row '{entry.ablation_of}'."
                + nearest(entry.ablation_of, set(entries) - {entry.name})
            )
    return entries


def _entry(row: dict[str, Any], where: str) -> Entry:
    """Return one row."""
    check_keys(row, RUN_KEYS, where)
    name, kind = row.get("name"), row.get("kind")
    if not isinstance(name, str) or not NAME.match(name):
        raise AyolomError(f"{where}: name: must be of letters, digits, '_', '.', '+' and '-' (got {name})")
    where = f"{where} ({name})"
    if kind not in KINDS:
        raise AyolomError(f"{where}: kind: must be one of {', '.join(KINDS)} (got {kind}).{nearest(str(kind), KINDS)}")
    model = _model(row.get("model"), KINDS[kind], where)
    flip_pairs = _mapping(row.get("flip_pairs"), f"{where}: flip_pairs")
    if KINDS[kind] not in OUR_TRAINER and (flip_pairs or row.get("data")):
        raise AyolomError(
            f"{where}: data and flip_pairs are for rows of kind multi or torchvision; the base's models know neither"
        )
    settings = _settings(row.get("settings"), f"{where}: settings")
    if KINDS[kind] == TORCHVISION and settings.get("pretrained"):
        raise AyolomError(f"{where}: settings: pretrained: networks of torchvision are trained from scratch")
    ablation = row.get("ablation of")
    return Entry(
        name, model, KINDS[kind], settings, row.get("data"), flip_pairs, None if ablation is None else str(ablation)
    )


def _model(given: Any, kind: str, where: str) -> str:
    """Return the name of a row's model."""
    if kind == TORCHVISION:
        try:
            kind_of(str(given))
        except AyolomError as error:
            raise AyolomError(f"{where}: model: {error}") from None
    elif not isinstance(given, str) or not given.endswith((".yaml", ".yml")):
        raise AyolomError(
            f"{where}: model: must be a model YAML; weights to start from go into settings: pretrained (got {given})"
        )
    return str(given)


def _baseline(given: Any, entries: dict[str, Entry], where: str) -> dict[str, str]:
    """Return the rows named as baselines by task."""
    baseline = _mapping(given, f"{where}: baseline")
    for task, name in baseline.items():
        if name not in entries:
            raise AyolomError(f"{where}: baseline: {task}: no row '{name}'.{nearest(str(name), entries)}")
    return baseline


def _placed(entry: Entry, file: Path) -> Entry:
    """Return the row with its files found beside the comparison file where they lie there."""
    from dataclasses import replace

    data = None if entry.data is None else _beside(file, str(entry.data))
    model = entry.model if entry.kind == TORCHVISION else _beside(file, entry.model)
    settings = dict(entry.settings)
    if isinstance(settings.get("pretrained"), str):
        settings["pretrained"] = _beside(file, settings["pretrained"])
    return replace(entry, model=model, data=data, settings=settings)


def _beside(file: Path, name: str) -> str:
    """Return the path of a file that lies beside another, else the name as it is."""
    near = file.parent / name
    return str(near.resolve()) if near.is_file() else name
