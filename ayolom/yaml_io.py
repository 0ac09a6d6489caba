"""Reads YAML files: plain data only, no key twice, and errors that name the line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Hashable
    from pathlib import Path


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, which by itself keeps the last of two equal keys and says nothing."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return the mapping as a dict, or raise on a key that stands in it twice."""
        seen: dict[Hashable, int] = {}
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key, line = self.construct_object(key_node, deep=True), key_node.start_mark.line + 1
            if not isinstance(key, (str, int, float, bool, type(None))):
                raise AyolomError(f"line {line}: {key} cannot be a key; keys are words or numbers")
            if key in seen:
                raise AyolomError(f"line {line}: '{key}' is there already (line {seen[key]}); rename or remove one")
            seen[key] = line
        return super().construct_mapping(node, deep)


def load_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file that holds a mapping.

    Args:
        path: The file, UTF-8.

    Returns:
        Plain data: dicts, lists, strings, numbers, None.

    Raises:
        AyolomError: The file cannot be read, is not YAML, holds no mapping, or has a key twice in one mapping.
    """
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 (_Loader is a SafeLoader)
    except AyolomError as error:
        raise AyolomError(f"{path}: {error}") from None
    except OSError as error:
        raise AyolomError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except UnicodeDecodeError as error:
        raise AyolomError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    except yaml.YAMLError as error:
        raise AyolomError(f"{path}: {_place(error)}not valid YAML ({_reason(error)}); mend that line") from None
    if not isinstance(data, dict):
        raise AyolomError(f"{path}: holds no `key: value` rows (got {type(data).__name__}); see the shipped YAML files")
    return data


def _place(error: yaml.YAMLError) -> str:
    """Return "line 3: " where the error knows its place."""
    mark = getattr(error, "problem_mark", None)
    return f"line {mark.line + 1}: " if mark else ""


def _reason(error: yaml.YAMLError) -> str:
    """Return PyYAML's reason on one line."""
    return getattr(error, "problem", None) or " ".join(str(error).split())
