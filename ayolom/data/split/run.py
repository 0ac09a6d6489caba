"""A data set divided anew: read, grouped, dealt out; the files are written elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ayolom.data.crops import MOST
from ayolom.data.duplicates import DISTANCE
from ayolom.data.entries import images_of, tasks_of
from ayolom.data.split._grouping import join, parse_grouping
from ayolom.data.split._read import read_all
from ayolom.data.split._stratify import stratify
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ayolom.data.schema import DataSchema
    from ayolom.data.split._grouping import Grouping
    from ayolom.data.split._read import Seen

TOLERANCE = 1e-6


@dataclass(frozen=True)
class Split:
    """A division of a data set's images.

    Attributes:
        files: The images (N), sorted.
        ratios: Wanted share by name of split.
        splits: (N,) int, number of each image's split in the order of `ratios`.
        groups: (N,) int, number of each image's group.
        columns: What was stratified (C): task, and class or " labelled" or " nothing there".
        table: (N, C) bool, whether an image counts in a column.
        problems: A line for each image or label that cannot be used; images among them are in no split.
        notes: What the user should know of his grouping.
        seed: Seed of ties.
        group: The grouping as the user gave it.
    """

    files: list[str]
    ratios: dict[str, float]
    splits: np.ndarray
    groups: np.ndarray
    columns: list[tuple[str, str]]
    table: np.ndarray
    problems: list[str]
    notes: list[str]
    seed: int
    group: str


def split_dataset(
    schema: DataSchema,
    ratios: Sequence[float],
    group: str = "",
    seed: int = 0,
    near: int = DISTANCE,
    crops: int = MOST,
) -> Split:
    """Divide the images of all splits of a data set anew.

    The same data, ratios, grouping and seed give the same split.

    Args:
        schema: The data set.
        ratios: Shares of train and val, or of train, val and test; together 1.
        group: What belongs together (see `parse_grouping`), besides near-duplicates; nothing more when empty.
        seed: Seed of ties.
        near: Bits by which the hashes of near-duplicates may differ; 0 leaves looks out of account.
        crops: Most images among which other crops of one scene are looked for; 0 for none, as with near=0.

    Raises:
        AyolomError: The ratios or the grouping make no sense, or too few groups are there to divide.
    """
    names = check_ratios(ratios)
    grouping = parse_grouping(group, schema.root)
    if grouping.looks and not near:
        raise AyolomError("group=hash asks for near-duplicates and near=0 for none; leave one of them out")
    files = sorted({file for _, file in images_of(schema)})
    seen = read_all(files, tasks_of(schema), schema.root, near, crops if near else 0)
    groups, notes = _groups(seen, grouping)
    if near and crops and len(seen.files) > crops:
        notes.append(f"other crops of one scene were not looked for; crops={len(seen.files)} does, 20 ms an image")
    count = int(groups.max(initial=-1)) + 1
    if count < len(names):
        raise AyolomError(
            f"{schema.label}: all {len(seen.files)} images fall into {count} groups, too few for {len(names)} splits; "
            f"give another group= (got {group or 'none'}) or more images"
        )
    counts = np.zeros((count, 1 + len(seen.columns)), np.int64)
    np.add.at(counts, groups, np.column_stack((np.ones(len(groups), bool), seen.table)).astype(np.int64))
    notes += _largest(counts[:, 0], names)
    splits = stratify(counts, list(names.values()), seed)[groups]
    return Split(seen.files, names, splits, groups, seen.columns, seen.table, seen.problems, notes, seed, group)


def check_ratios(ratios: Sequence[float]) -> dict[str, float]:
    """Return the shares by split.

    Raises:
        AyolomError: Not two or three positive numbers that add up to 1.
    """
    if not 2 <= len(ratios) <= 3 or min(ratios) <= 0 or abs(sum(ratios) - 1) > TOLERANCE:
        raise AyolomError(
            f"ratios={','.join(f'{ratio:g}' for ratio in ratios)}: must be the shares of train, val and, if wanted, "
            "test, which add up to 1, such as 0.7,0.2,0.1 or 0.8,0.2"
        )
    return dict(zip(("train", "val", "test"), ratios, strict=False))


def _groups(seen: Seen, grouping: Grouping) -> tuple[np.ndarray, list[str]]:
    """Return group numbers (N,) of images, and what to tell of the keys."""
    files = seen.files
    members: dict[tuple[str, str], list[int]] = {("crop", str(i)): list(pair) for i, pair in enumerate(seen.crops)}
    for i, first in enumerate(seen.groups.tolist()):
        members.setdefault(("looks", str(first)), []).append(i)
    keyed: set[int] = set()
    for words, key in grouping.keys:
        found = {i: own for i, file in enumerate(files) if (own := key(file)) is not None}
        if not found:
            raise AyolomError(f"group={words}: fits none of the {len(files)} images, such as {files[0]}; correct it")
        for i, own in found.items():
            members.setdefault(own, []).append(i)
        keyed.update(found)
    alone = len(files) - len(keyed) if grouping.keys else 0
    notes = [f"{alone} of {len(files)} images have no key by group={grouping.text}"] if alone else []
    return join(members.values(), len(files)), notes


def _largest(sizes: np.ndarray, names: dict[str, float]) -> list[str]:
    """Return a warning when one group alone is larger than the smallest split should be."""
    share = float(sizes.max() / sizes.sum())
    if share <= min(names.values()):
        return []
    return [f"one group holds {100 * share:.0f} % of the images: the shares can only come near those wanted"]
