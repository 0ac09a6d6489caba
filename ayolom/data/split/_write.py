"""Image lists and a data set YAML that names them: new files only, all of them or none."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import yaml

from ayolom.errors import AyolomError
from ayolom.yaml_io import load_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ayolom.data.schema import DataSchema
    from ayolom.data.split.run import Split

DROPPED = ("path", "train", "val", "test", "generate")


def targets(schema: DataSchema, out: Path, names: Mapping[str, float]) -> dict[str, Path]:
    """Return the files of a split: one for each name, and the YAML under "".

    Args:
        schema: The data set that is split.
        out: Folder for the files.
        names: The splits.
    """
    stem = schema.file.stem if schema.file else "data"
    return {**{name: out / f"{name}.txt" for name in names}, "": out / f"{stem}-split.yaml"}


def check_free(files: Mapping[str, Path]) -> None:
    """Raise when a file is there already.

    Raises:
        AyolomError: One is.
    """
    for file in files.values():
        if file.exists() or file.is_symlink():
            raise AyolomError(f"{file}: is there already; give another folder as out=, or overwrite=True")


def write(schema: DataSchema, split: Split, files: Mapping[str, Path]) -> None:
    """Write the lists, then the YAML; paths are relative to the data's folder.

    Args:
        schema: The data set that was split.
        split: The split.
        files: Where to, as `targets` says.
    """
    texts = {name: _listed(split, number, schema.root) for number, name in enumerate(split.ratios)}
    texts[""] = _yaml(schema, split, files)
    waiting = {files[name]: files[name].with_name(f".{files[name].name}.{uuid4().hex}.tmp") for name in texts}
    placed: list[Path] = []
    try:
        for name, text in texts.items():
            temporary = waiting[files[name]]
            temporary.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(text, encoding="utf-8")
        for file, temporary in waiting.items():
            new = not file.exists()
            temporary.replace(file)
            if new:
                placed.append(file)
    except BaseException:  # an interruption too
        for file in placed:
            file.unlink(missing_ok=True)
        raise
    finally:
        for temporary in waiting.values():
            temporary.unlink(missing_ok=True)


def _listed(split: Split, number: int, root: Path) -> str:
    """Return the list of one split."""
    members = [file for file, s in zip(split.files, split.splits.tolist(), strict=True) if s == number]
    return "".join(f"{_relative(Path(file), root)}\n" for file in members)


def _relative(path: Path, root: Path) -> str:
    """Return a path relative to the data's folder, or as it is where it lies elsewhere."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def _yaml(schema: DataSchema, split: Split, files: Mapping[str, Path]) -> str:
    """Return the YAML: that of the data set with other splits."""
    given: dict[str, Any] = load_yaml(schema.file) if schema.file else {}
    folder = files[""].absolute().parent
    content: dict[str, Any] = {} if folder == schema.root else {"path": _between(schema.root, folder)}
    content |= {name: _between(files[name].absolute(), schema.root) for name in split.ratios}
    content |= {key: value for key, value in given.items() if key not in DROPPED}
    shares = ", ".join(f"{name} {ratio:g}" for name, ratio in split.ratios.items())
    remark = (
        f"# Made by yolo data split from {schema.file.name if schema.file else 'data'}: {shares}, seed {split.seed}"
    )
    return f"{remark}, group {' '.join(split.group.split()) or 'none'}.\n" + yaml.safe_dump(
        content, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None
    )


def _between(target: Path, start: Path) -> str:
    """Return the way from a folder to a path, or the path where there is none."""
    try:
        return Path(os.path.relpath(target, start)).as_posix()
    except ValueError:  # another drive
        return target.as_posix()
