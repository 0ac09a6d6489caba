"""Folders that are seen more often in training: their images stand several times in the list of an epoch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MOST = 100.0  # times that an image may stand in an epoch
Item = TypeVar("Item")


def repeated(
    items: Sequence[Item], file_of: Callable[[Item], str], root: Path, weights: Mapping[str, float]
) -> list[Item]:
    """Return the items, each as often as the weight of its folder says, against the smallest weight of all.

    With weights 1 and 1.5, every image of the second folder stands once in the list and every other one twice.

    Args:
        items: Images or records, in their order.
        file_of: Returns the path of an item's image.
        root: Folder of the data set.
        weights: Weight (over 0) by folder: consecutive parts of the path below `root`, such as "images/set1" or "set1".
            The longest that fits counts; images of other folders weigh 1.

    Raises:
        AyolomError: A folder holds no image, or a weight is more than 100 times the smallest.
    """
    if not weights:
        return list(items)
    keys = {Path(name).parts: name for name in weights}
    found = [_key(_below(file_of(item), root), keys) for item in items]
    unused = [name for parts, name in keys.items() if parts not in found]
    if unused:
        folders = sorted({Path(*_below(file_of(item), root)[:-1]).as_posix() for item in items})
        raise AyolomError(f"folder_weights: '{unused[0]}' holds no image; images lie in {', '.join(folders[:10])}")
    own = [1.0 if parts is None else weights[keys[parts]] for parts in found]
    least = min(own, default=1.0)
    if own and max(own) > MOST * least:
        raise AyolomError(f"folder_weights: {max(own):g} is more than {MOST:g} times {least:g}; bring them closer")
    seen: dict[tuple[str, ...] | None, int] = {}
    result: list[Item] = []
    for item, parts, weight in zip(items, found, own, strict=True):
        number = seen[parts] = seen.get(parts, 0) + 1
        share = weight / least
        result += [item] * (round(number * share) - round((number - 1) * share))
    return result


def _below(file: str, root: Path) -> tuple[str, ...]:
    """Return the parts of a path below the data's folder, all of them where it lies elsewhere."""
    path = Path(file)
    return (path.relative_to(root) if path.is_relative_to(root) else path).parts


def _key(parts: tuple[str, ...], keys: Mapping[tuple[str, ...], str]) -> tuple[str, ...] | None:
    """Return the longest key that is among the folders of a path, None where there is none."""
    folders = parts[:-1]
    fitting = [key for key in keys if any(folders[i : i + len(key)] == key for i in range(len(folders)))]
    return max(fitting, key=len, default=None)
