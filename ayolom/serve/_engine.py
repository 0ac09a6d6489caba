"""One inspection from uploaded files to a report: what the worker does, wherever it runs."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import cv2

from ayolom.errors import AyolomError
from ayolom.inspect import Options, inspect_pictures
from ayolom.serve._jobs import LeftOut, Upload
from ayolom.serve._limits import Rejected, Stopped
from ayolom.serve._media import check_size, clean_photo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ayolom.inspect import Inspection, Language, Picture, Rules
    from ayolom.inspect.objects import Model
    from ayolom.inspect.repair import RepairTable
    from ayolom.serve._limits import Limits

PDF = "fpdf"  # the module without which no PDF is made


@dataclass(frozen=True)
class Task:
    """What is to be inspected.

    Attributes:
        uploads: The files.
        left_out: Files that were left out before.
        clean, kept, out: Folders for photos without metadata, for pictures without marks, and for the report.
        language: Code of the report's language.
        source: Name of the whole for the report.
    """

    uploads: list[Upload]
    left_out: list[LeftOut]
    clean: Path
    kept: Path
    out: Path
    language: str
    source: str


@dataclass(frozen=True)
class Outcome:
    """What came of it."""

    inspection: Inspection
    left_out: list[LeftOut]


Progress = "Callable[[int, int | None], None]"


class Engine(Protocol):
    """Does inspections one after the other.

    Attributes:
        kinds: Class names of damages by class id.
        names: Class names of parts by class id.
        model: What a report says of the model.
    """

    kinds: tuple[str, ...]
    names: dict[int, str]
    model: Model

    def run(self, task: Task, progress: Callable[[int, int | None], None], stop: Callable[[], bool]) -> Outcome:
        """Do one.

        Args:
            task: What is to be done.
            progress: Told how many photos and frames are done, and of how many.
            stop: Asked often whether to give up.

        Raises:
            Stopped: It could not be done, and why.
        """

    def close(self) -> None:
        """Let go of the model."""


@dataclass
class Work:
    """What an engine in this process or in another is made of.

    Attributes:
        model: Checkpoint.
        settings: Of prediction.
        limits: Limits of the service.
        rules: Rules of inspections.
        repairs: Table of repairs, or None.
        languages: Languages by code.
        pdf: Whether a report can be had as PDF, which is written when it is asked for.
    """

    model: str
    settings: dict[str, Any]
    limits: Limits
    rules: Rules
    repairs: RepairTable | None
    languages: dict[str, Language]
    pdf: bool = False


class LocalEngine:
    """An engine in this process."""

    def __init__(self, work: Work, network: Any = None) -> None:
        """Load the model.

        Args:
            work: What it is made of.
            network: Something with `pictures`, `names`, `description` and `problems`, in place of the model.

        Raises:
            AyolomError: It cannot be loaded, or has not boxes and a class map.
        """
        from ayolom.inspect._network import Network

        self._work = work
        self._network = network if network is not None else Network(work.model, work.settings)
        self.model = self._network.description()
        self.names: dict[int, str] = dict(self._network.names)
        self.kinds = self.model.damage_names

    def run(self, task: Task, progress: Callable[[int, int | None], None], stop: Callable[[], bool]) -> Outcome:
        """Do one inspection; see `Engine.run`."""
        job = _Run(self._work, self._network, task, progress, stop)
        try:
            inspection = job.made(self.model)
        except AyolomError as error:
            raise Stopped("failed", reason=str(error)) from None
        return Outcome(inspection, job.left_out)

    def close(self) -> None:
        """Do nothing: the model goes with the process."""


@dataclass
class _Run:
    """One inspection in the making."""

    work: Work
    network: Any
    task: Task
    progress: Callable[[int, int | None], None]
    stop: Callable[[], bool]
    done: int = 0
    total: int = 0
    skipped: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    frames: int = 0

    def made(self, model: Model) -> Inspection:
        """Return the inspection; its report is written."""
        self.left_out, self.until = list(self.task.left_out), time.monotonic() + self.work.limits.work_seconds
        self.task.clean.mkdir(exist_ok=True)
        readable = list(self._readable())
        if not readable:
            raise Stopped("nothing_readable")
        self.progress(0, self.total)
        options = Options(
            out=self.task.out,
            rules=self.work.rules,
            repair=self.work.repairs,
            lang=self.task.language,
            save_video=False,
            keep=self.task.kept,
        )
        language = self.work.languages[self.task.language]
        self.skipped += [reason(one, language) for one in self.left_out]
        made = inspect_pictures(
            self._pictures(readable),
            self.network.names,
            options,
            source=self.task.source,
            model=model,
            problems=self.skipped,
        )
        for upload in self.task.uploads:  # nothing of the originals stays: photos were copied without metadata
            upload.file.unlink(missing_ok=True)
        return made

    def _readable(self) -> Iterator[Path]:
        """Yield files that can be read, photos first, and count what is in them."""
        for number, upload in enumerate(sorted(self.task.uploads, key=lambda one: one.kind), 1):
            self._check()
            try:
                if upload.kind == "photo":
                    file = clean_photo(upload.file, self.task.clean, f"{number:04d}")
                    self.total += 1
                else:
                    file = upload.file
                    self.total += -(-count_frames(file, self.work.limits) // self._stride())
            except Rejected as rejected:
                self.left_out.append(LeftOut(upload.name, rejected.code, rejected.values))
                continue
            self.names[file.name] = upload.name
            yield file

    def _pictures(self, files: list[Path]) -> Iterator[Picture]:
        """Yield every photo and frame with what the model finds in it, under the names of the uploads."""
        for group in (
            [file for file in files if file.parent == self.task.clean],
            *([file] for file in files if file.parent != self.task.clean),
        ):
            if group:
                yield from self._group(str(self.task.clean if group[0].parent == self.task.clean else group[0]))

    def _group(self, source: str) -> Iterator[Picture]:
        """Yield the pictures of a folder of photos or of one video."""
        self.network.problems.clear()
        self.frames = 0
        for picture in self.network.pictures(source):
            self._check()
            self.frames += picture.frame is not None
            if self.frames * self._stride() > self.work.limits.frames + self._stride():
                raise Stopped("frames", most=self.work.limits.frames)
            yield replace(picture, name=self.names[Path(picture.name).name])
            self.done += 1
            self.progress(self.done, max(self.done, self.total))
        for line in self.network.problems:
            self.skipped.append(self._renamed(line))

    def _renamed(self, line: str) -> str:
        """Return a line about a file with the name of the upload in place of a path of ours."""
        for own, name in self.names.items():
            before, found, after = line.partition(own)
            if found:
                return f"{before.rpartition(' ')[0]} {name}{after}".strip()
        return line

    def _check(self) -> None:
        """Raise when it is time to stop."""
        if self.stop():
            raise Stopped("stopped")
        if time.monotonic() > self.until:
            raise Stopped("work_seconds", most=f"{self.work.limits.work_seconds:g}")

    def _stride(self) -> int:
        """Return every how many frames of a video are looked at."""
        return int(self.work.settings.get("vid_stride") or 1)


def reason(one: LeftOut, language: Language) -> str:
    """Return a line that says which file was left out and why."""
    return f"{one.name}: {language(f'rejected.{one.code}', **one.values)}"


def count_frames(file: Path, limits: Limits) -> int:
    """Return how many frames a video claims to have.

    Raises:
        Rejected: It cannot be read, or is beyond a limit.
    """
    video = cv2.VideoCapture(str(file))
    try:
        ready, _ = video.read() if video.isOpened() else (False, None)
        if not ready:
            raise Rejected("damaged")
        frames, rate = (video.get(name) for name in (cv2.CAP_PROP_FRAME_COUNT, cv2.CAP_PROP_FPS))
        width, height = (int(video.get(name)) for name in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
    finally:
        video.release()
    check_size(width, height, limits)
    if frames > limits.frames:
        raise Rejected("frames", frames=int(frames), most=limits.frames)
    if 0 < rate < 1000 and frames / rate > limits.video_seconds:
        raise Rejected("video_seconds", seconds=f"{frames / rate:.0f}", most=f"{limits.video_seconds:g}")
    return max(1, int(frames))
