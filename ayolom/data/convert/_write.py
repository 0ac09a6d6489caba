"""Our dataset layout on disk: images, box text files, class map PNGs, and the split by group."""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Literal

import cv2
import yaml

from ayolom.data.convert._sizes import decoded_shape
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    import numpy as np

    from ayolom.data.convert._values import Report


def split_by_group(
    groups: Mapping[str, str], sources: Mapping[str, str], share: float, seed: int
) -> dict[str, Literal["train", "val"]]:
    """Divide images so that no group lies in both splits.

    Args:
        groups: Group by image; views of one vehicle share a group, across sources too.
        sources: Source by image; each source gives about the same share.
        share: Share of the images of each source that goes to "val", in (0, 1).
        seed: Seed of the shuffle.

    Returns:
        "train" or "val" by image.
    """
    members: dict[str, list[str]] = defaultdict(list)
    for image, group in groups.items():
        members[group].append(image)
    room = {source: count * share for source, count in Counter(sources.values()).items()}
    order = sorted(members)
    random.Random(seed).shuffle(order)
    split: dict[str, Literal["train", "val"]] = {}
    for group in order:
        needed = Counter(sources[image] for image in members[group])
        chosen = all(room[source] >= count for source, count in needed.items())
        if chosen:
            for source, count in needed.items():
                room[source] -= count
        split.update(dict.fromkeys(members[group], "val" if chosen else "train"))
    return split


class DatasetWriter:
    """Writes `images/<split>`, `labels/<split>` and `masks/<split>` below one folder.

    Images are copied byte for byte, or linked; a source file is never opened for writing. A link saves space but is
    safe only where the originals are write-protected: the base's dataset scan mends some damaged JPEGs in place.
    """

    def __init__(self, root: Path, report: Report, place: Literal["copy", "link"] = "copy") -> None:
        """Make the folder.

        Args:
            root: Folder of the new dataset; it must be new or empty.
            report: Receives the images that cannot be used.
            place: Whether images are copied or symbolic links to the originals.

        Raises:
            AyolomError: The folder holds files already.
        """
        if root.exists() and (not root.is_dir() or any(root.iterdir())):
            raise AyolomError(f"{root}: is there already; remove it or name another folder")
        root.mkdir(parents=True, exist_ok=True)
        self.root, self.report, self.place = root, report, place

    def add(
        self,
        image: Path,
        shape: tuple[int, int],
        split: str,
        name: str,
        boxes: np.ndarray | None = None,
        mask: np.ndarray | None = None,
    ) -> bool:
        """Add one image with its labels.

        Args:
            image: The original.
            shape: (H, W) for which the labels were made; an image of another size is left out and reported.
            split: "train" or "val".
            name: Name of the image in the dataset, without suffix.
            boxes: (N, 5) rows of `box_rows`; N = 0 says that nothing is there, None that nothing is known.
            mask: (H, W) uint8 class ids, or None when nothing is known.

        Returns:
            Whether the image was added.

        Raises:
            AyolomError: Two images would have the same name.
        """
        actual = decoded_shape(image)
        if actual != tuple(shape):
            problem = "image missing or unreadable" if actual is None else "image of another size than its labels"
            self.report.add(f"{problem} (left out)", str(image))
            return False
        self._place(image, self._file("images", split, name + image.suffix))
        if boxes is not None:
            rows = "".join(f"{int(row[0])} " + " ".join(f"{value:.6f}" for value in row[1:]) + "\n" for row in boxes)
            self._file("labels", split, f"{name}.txt").write_text(rows, encoding="utf-8")
        if mask is not None:
            self._file("masks", split, f"{name}.png").write_bytes(cv2.imencode(".png", mask)[1].tobytes())
        return True

    def describe(self, name: str, content: dict[str, Any], remark: str) -> Path:
        """Write the dataset YAML.

        Args:
            name: Name of the file.
            content: What it says; paths are relative to the file.
            remark: First line, a comment.
        """
        file = self.root / name
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)
        file.write_text(f"# {remark}\n{text}", encoding="utf-8")
        return file

    def _file(self, kind: str, split: str, name: str) -> Path:
        """Return the path of a new file and make its folder."""
        file = self.root / kind / split / name
        if file.is_symlink() or file.exists():
            raise AyolomError(f"{file}: two images of one name; give one of the sources another prefix")
        file.parent.mkdir(parents=True, exist_ok=True)
        return file

    def _place(self, image: Path, target: Path) -> None:
        """Copy or link an image."""
        if self.place == "link":
            os.symlink(image.resolve(), target)
        else:
            shutil.copyfile(image, target)
