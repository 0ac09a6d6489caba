"""Images of a source joined to a data set: by content, beside the labels that are there."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ayolom.data.convert._files import safe_name
from ayolom.data.convert._union import label_place
from ayolom.errors import AyolomError
from ayolom.files import file_sha256

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ayolom.data.convert._description import GrowingTask
    from ayolom.data.convert._encode import Encoder
    from ayolom.data.convert._problems import ProblemFile
    from ayolom.data.convert._records import ImageRecords
    from ayolom.data.convert._summary import ImportSummary, TaskSummary
    from ayolom.data.convert._transaction import Staging
    from ayolom.data.convert._union import ImageIndex, Staged
    from ayolom.data.convert._values import LabelledImage

THREADS = 2
AHEAD = 8  # images whose files are read at once: few, as each may carry a large mask
LONGEST = 150  # characters of an image's name
FORBIDDEN = re.compile(r'[\x00-\x1f<>:"|?*\\/]')


class Opened(NamedTuple):
    """An image with the hash of its file, or with what is wrong with it."""

    image: LabelledImage
    digest: str
    problem: str


@dataclass(frozen=True)
class Choice:
    """What the user chose.

    Attributes:
        place: "copy", "link" or "move".
        split: Split of new images, or "keep" for the source's.
    """

    place: str
    split: str


class Joining:
    """Stages the images and labels of an import.

    Attributes:
        known: Images that the data set had, and that got a label.
    """

    def __init__(
        self,
        out: Path,
        attempt: Staging | None,
        index: ImageIndex,
        staged: Staged,
        report: ProblemFile,
        records: ImageRecords,
        choice: Choice,
    ) -> None:
        """Bind to a data set.

        Args:
            out: Folder of the data set.
            attempt: Where to write; None writes nothing.
            index: The images that the data set holds.
            staged: The images and labels of this import.
            report: Receives what is put aside.
            records: Receives a row for each image and task.
            choice: What the user chose.
        """
        self.out, self.attempt, self.index, self.staged = out, attempt, index, staged
        self.report, self.records, self.choice = report, records, choice
        self.known = 0

    def add(
        self,
        images: Iterable[LabelledImage],
        task: GrowingTask,
        encoder: Encoder,
        found: TaskSummary,
        summary: ImportSummary,
    ) -> None:
        """Stage the images of one layer and their labels.

        Args:
            images: The layer's images.
            task: The task that they are labelled for.
            encoder: Makes the labels.
            found: Receives the counts of the layer.
            summary: Receives the counts of new images.
        """
        from ultralytics.utils import TQDM

        for opened in TQDM(_opened(images), desc=f"{task.name}: importing", unit=" images"):
            result = self._one(opened, task, encoder, found, summary)
            found.results[result] += 1

    def _one(
        self, opened: Opened, task: GrowingTask, encoder: Encoder, found: TaskSummary, summary: ImportSummary
    ) -> str:
        """Stage one image and its label; return what came of it, a key of `TaskSummary.results`."""
        image = opened.image
        if opened.problem:
            kind, _, detail = opened.problem.partition(": ")
            self.report.add(kind, f"{image.path}: {detail or 'image'}", image.file)
            return "aside"
        encoded = encoder.encode(image)
        if encoded is None:
            self.report.note("image without this label, as a part of it cannot be used", f"{image.path}: {task.name}")
            return "aside"
        label, objects = encoded
        path, is_new = self._place_of(opened, summary)
        result = self._join(label, path, task, image)
        if result == "labelled":
            self._stage(opened, path, label, task, summary if is_new else None)
            found.objects.update(objects)
        self.records.add(path, str(image.path), opened.digest, task.name, result)
        return result

    def _place_of(self, opened: Opened, summary: ImportSummary) -> tuple[str, bool]:
        """Return where an image lies or will lie, relative to the data set, and whether it is new."""
        there = self.staged.find(opened.digest) or self.index.find(opened.digest)
        image = opened.image
        split = self.choice.split if self.choice.split != "keep" else image.split or "train"
        if there is not None:
            if (has := there.split("/")[2:3]) != [split]:
                self.report.note(
                    "image is there already, in another split (it stays there)",
                    f"{image.path}: {split} here, {''.join(has)} there",
                    image.file,
                )
            return there, False
        stem = _stem(image.file)
        folder = f"images/{summary.name}/{split}"
        return self.staged.free_path(folder, stem, Path(str(image.path)).suffix), True

    def _join(self, label: bytes, path: str, task: GrowingTask, image: LabelledImage) -> str:
        """Return what a new label means beside what is there: "labelled", "identical" or "conflict"."""
        digest = hashlib.sha256(label).hexdigest()
        had = self.staged.label(task.name, path)
        if had is None:
            there = self.out / label_place(path, task.folder, task.suffix)
            had = file_sha256(there) if there.is_file() else None
        if had is None:
            self.staged.add_label(task.name, path, digest)
            return "labelled"
        if had == digest:
            self.report.note("label is there already, the same", f"{image.path}: {task.name}", image.file)
            return "identical"
        where = f"{image.path}: {task.name}, as {path}"
        self.report.add("another label is there already (the first is kept)", where, image.file)
        return "conflict"

    def _stage(self, opened: Opened, path: str, label: bytes, task: GrowingTask, summary: ImportSummary | None) -> None:
        """Write a label and, where the image is new (`summary` is given), the image."""
        if summary is not None:
            self.staged.add_image(opened.digest, path)
            summary.images[path.split("/")[2]] += 1
            self._put_image(Path(str(opened.image.path)), path)
        elif self.index.find(opened.digest) == path:
            self.known += 1
        if self.attempt is not None:
            self.attempt.file(label_place(path, task.folder, task.suffix)).write_bytes(label)

    def _put_image(self, original: Path, path: str) -> None:
        """Copy, link or prepare to move an image."""
        if self.attempt is None:
            return
        target = self.attempt.file(path)
        if self.choice.place == "link":
            try:
                os.symlink(original.resolve(), target)
            except OSError as error:
                raise AyolomError(f"place=link: {original} cannot be linked ({error}); use place=copy") from None
            return
        if self.choice.place == "move":
            self.attempt.remove_later(original, path)
            if _hard_link(original, target):
                return
        shutil.copyfile(original, target)


def _hard_link(original: Path, target: Path) -> bool:
    """Give a file a second name, which costs nothing; return whether that went."""
    if original.is_symlink():
        return False
    try:
        os.link(original, target)
    except OSError:
        return False
    return True


def _opened(images: Iterable[LabelledImage]) -> Iterator[Opened]:
    """Yield the images in order, their files read and checked by threads a few at a time."""
    stream = iter(images)
    with ThreadPoolExecutor(THREADS) as pool:
        while chunk := list(islice(stream, AHEAD)):
            yield from pool.map(_open, chunk)


def _open(image: LabelledImage) -> Opened:
    """Read and check an image's file."""
    from ultralytics.data.utils import IMG_FORMATS

    from ayolom.data.images import image_shape

    path = image.path
    if path is None or not path.is_file():
        return Opened(image, "", "image missing")
    if path.suffix.lower()[1:] not in IMG_FORMATS:
        return Opened(image, "", f"image of a kind that training does not read: {path.suffix or 'no suffix'}")
    try:
        shape = image_shape(path)
        digest = file_sha256(path)
    except (AyolomError, OSError) as error:
        return Opened(image, "", f"image unreadable: {str(error).removeprefix(f'{path}: ')}")
    if shape != tuple(image.shape):
        wanted = f"{image.shape[1]}x{image.shape[0]}"
        return Opened(image, "", f"image of another size than its labels: {shape[1]}x{shape[0]}, not {wanted}")
    return Opened(image, digest, "")


def _stem(file: str) -> str:
    """Return an image's name in the data set without suffix: its path in the source as one word."""
    path = safe_name(file)
    stem = FORBIDDEN.sub("_", "__".join([*path.parts[:-1], path.stem])).strip(". ") or "image"
    if len(stem.encode()) <= LONGEST:
        return stem
    return stem.encode()[: LONGEST - 9].decode(errors="ignore") + "-" + hashlib.sha256(file.encode()).hexdigest()[:8]
