"""Model YAMLs: found, read, checked, and joined with what the data says of each task."""

from __future__ import annotations

import re
from copy import deepcopy
from pathlib import Path
from typing import Any

from ultralytics.nn.tasks import _SafeLoad
from ultralytics.utils import LOGGER

from ayolom.config import cfg_dir, find_model_yaml
from ayolom.errors import AyolomError, check_keys, nearest
from ayolom.tasks.base import TaskSpec
from ayolom.yaml_io import load_yaml

KEYS = ("backbone", "tasks", "scales", "scale", "activation", "reg_max", "end2end", "yaml_file", "channels")
TASK_KEYS = ("kind", "neck", "head", "nc", "names", "flip_pairs")


def load_spec(cfg: str | Path | dict[str, Any]) -> dict[str, Any]:
    """Return a model YAML as a checked dict of its own, with `scale` and `yaml_file` filled in.

    Args:
        cfg: A path, the name of a shipped file with or without a size letter ("aYOLOM26s.yaml"), or the dict itself.

    Raises:
        AyolomError: No such file, or its content does not describe a model.
    """
    if isinstance(cfg, dict):
        spec = deepcopy(cfg)
    else:
        found = find_model_yaml(cfg)
        if found is None:
            shipped = sorted(file.name for file in (cfg_dir() / "models").glob("*.yaml"))
            raise AyolomError(
                f"model={cfg}: no such file.{nearest(Path(cfg).name, shipped)} Give the path of a model YAML, "
                f"or one of the shipped: {', '.join(shipped)}"
            )
        file, scale = found
        spec = {**load_yaml(file), "yaml_file": str(Path(cfg).name)}
        spec["scale"] = scale or spec.get("scale") or ""
    check_spec(spec, source_of(spec))
    if spec.get("scales") and not spec.get("scale"):
        spec["scale"] = next(iter(spec["scales"]))
    return spec


def source_of(spec: dict[str, Any]) -> str:
    """Return what to call the model YAML in messages."""
    return spec.get("yaml_file") or "model"


def is_multitask(spec: dict[str, Any]) -> bool:
    """Return whether a model YAML is one of ours (`backbone` + `tasks`), not one of the base's."""
    return "tasks" in spec and "head" not in spec


def check_spec(spec: dict[str, Any], source: str) -> None:
    """Check everything but the rows.

    Raises:
        AyolomError: A key is unknown, missing or of the wrong form.
    """
    check_keys(spec, KEYS, source)
    if not isinstance(spec.get("backbone"), list) or not spec["backbone"]:
        raise AyolomError(f"{source}: backbone is missing; give a list of rows [from, repeats, module, args]")
    if not isinstance(spec.get("tasks"), dict) or not spec["tasks"]:
        raise AyolomError(f"{source}: tasks is missing; give at least one named block with kind, neck and head")
    for name, block in spec["tasks"].items():
        _check_task(name, block, source)
    _check_scales(spec.get("scales") or {}, spec.get("scale"), source)
    if spec.get("activation"):
        _check_activation(spec["activation"], source)


def _check_task(name: Any, block: Any, source: str) -> None:
    """Check one named block."""
    if not isinstance(name, str) or not re.fullmatch(r"[^\W\d][\w-]*", name) or name == "backbone":
        raise AyolomError(
            f"{source}: '{name}' cannot name a task; take letters, digits, _ and -, starting with a letter, "
            "and not 'backbone'"
        )
    if not isinstance(block, dict):
        raise AyolomError(f"{source}: tasks.{name} must be a block with kind, neck and head (got {block!r})")
    check_keys(block, TASK_KEYS, f"{source}: tasks.{name}")
    for key in ("kind", "head"):
        if not block.get(key):
            raise AyolomError(f"{source}: tasks.{name} has no {key}; {_EXAMPLE[key]}")
    if not isinstance(block.get("neck") or [], list):
        raise AyolomError(f"{source}: tasks.{name}.neck must be a list of rows [from, repeats, module, args]")


_EXAMPLE = {
    "kind": "write `kind: detect` for boxes or `kind: semantic` for a class per pixel",
    "head": "write, for example, `head: [[N5, N8, N11], Detect, []]`",
}


def _check_scales(scales: dict[str, Any], chosen: str | None, source: str) -> None:
    """Check the numbers of each size, and that the chosen one is among them."""
    if chosen and chosen not in scales:
        raise AyolomError(f"{source}: there is no scale '{chosen}'; scales are: {', '.join(scales) or 'none'}")
    for key, numbers in scales.items():
        if not isinstance(numbers, list) or len(numbers) != 3:
            raise AyolomError(f"{source}: scales.{key} must be [depth, width, max_channels] (got {numbers})")


def _check_activation(activation: Any, source: str) -> None:
    """Let only `nn.Name(numbers)` through: the base would run any other text as code."""
    try:
        _SafeLoad.activation(str(activation))
    except TypeError:
        raise AyolomError(
            f"{source}: activation '{activation}' is not a layer of torch.nn; write, for example, nn.SiLU()"
        ) from None


def join_tasks(spec: dict[str, Any], tasks: dict[str, TaskSpec] | None, source: str) -> dict[str, TaskSpec]:
    """Return the description of each of the model's tasks, and write class names and flip pairs into `spec`.

    With them in it, the YAML alone rebuilds the model.

    Args:
        spec: Checked model YAML; its task blocks are completed in place.
        tasks: What the data says; None when there is no data yet: then names come from the YAML, or stand-in names
            "0", "1", ... as many as its `nc` (1 where that is missing too).
        source: Name of the file, for messages.

    Tasks of the data that the model lacks are left out.

    Raises:
        AyolomError: The data lacks a task of the model whose classes are not known, or calls it another kind; or model
            and data share no task.
    """
    if tasks is not None and not set(tasks) & set(spec["tasks"]):
        raise AyolomError(
            f"{source}: its tasks ({', '.join(spec['tasks'])}) are none of the data's ({', '.join(tasks)}); "
            "give them the same names in both YAML files"
        )
    joined = {}
    for name, block in spec["tasks"].items():
        joined[name] = _join(name, block, tasks, source)
        block["names"] = dict(joined[name].names)
        block["flip_pairs"] = [list(pair) for pair in joined[name].flip_pairs]
        block.pop("nc", None)
    return joined


def _join(name: str, block: dict[str, Any], tasks: dict[str, TaskSpec] | None, source: str) -> TaskSpec:
    """Return the description of one task from the data, else from the model YAML."""
    if tasks is not None and name in tasks:
        if tasks[name].kind != block["kind"]:
            raise AyolomError(
                f"{source}: task '{name}' is of kind {block['kind']}, in the data of kind {tasks[name].kind}; "
                "change one of them"
            )
        return tasks[name]
    names = block.get("names")
    if tasks is not None and names is None:
        raise AyolomError(
            f"{source}: the data has no task '{name}'. Describe its labels in the dataset YAML, "
            "or remove its block from the model YAML"
        )
    if tasks is not None:
        LOGGER.warning(f"{source}: the data has no task '{name}'; it keeps its classes and is not trained")
    names = _names(names if names is not None else int(block.get("nc", 1)))
    pairs = tuple((int(a), int(b)) for a, b in block.get("flip_pairs") or ())
    return TaskSpec(name, block["kind"], names, pairs)


def _names(names: dict[Any, Any] | list[Any] | int) -> dict[int, str]:
    """Return class names by id from a mapping, a list, or a count."""
    if isinstance(names, int):
        return {i: str(i) for i in range(names)}
    return {int(i): str(name) for i, name in (names.items() if isinstance(names, dict) else enumerate(names))}
