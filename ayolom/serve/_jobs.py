"""Inspections in hand: one folder each, deleted with it; their queue; what a crash left behind."""

from __future__ import annotations

import getpass
import os
import re
import secrets
import shutil
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from filelock import FileLock, Timeout

from ayolom.errors import AyolomError
from ayolom.serve._limits import MEGABYTE, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ayolom.inspect import Inspection
    from ayolom.serve._limits import Limits
    from ayolom.serve._media import Kind

State = Literal["uploading", "waiting", "working", "done", "failed"]
LOCK = "server.lock"
FOLDER = "server-"  # begins the name of a server's folder


@dataclass(frozen=True)
class Upload:
    """A file that was taken.

    Attributes:
        name: Its name for people.
        file: Where it lies, under a name of ours.
        kind: Photo or video.
    """

    name: str
    file: Path
    kind: Kind


@dataclass(frozen=True)
class LeftOut:
    """A file that was not taken, with the key and values of the reason's text."""

    name: str
    code: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass
class Job:
    """One inspection.

    Attributes:
        id: Its secret name.
        folder: All that belongs to it.
        language: Code of the language of its first report.
        state: How far it is.
        uploads: Files that were taken.
        left_out: Files that were not.
        done, total: Photos and frames looked at, and how many there are; None while not known.
        problem: Key and values of the text that says why it failed.
        inspection: What was found, as corrected so far.
        revision: Counts corrections.
        checked: Pictures of which a person said that all damages are marked: name, and frame of a video.
        size: Bytes on the disk.
        touched: When somebody asked for it, seconds of a clock that never jumps.
        ended: Set when it is to stop.
    """

    id: str
    folder: Path
    language: str
    state: State = "uploading"
    uploads: list[Upload] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    done: int = 0
    total: int | None = None
    problem: tuple[str, dict[str, Any]] | None = None
    inspection: Inspection | None = None
    revision: int = 0
    checked: set[tuple[str, int | None]] = field(default_factory=set)
    size: int = 0
    touched: float = field(default_factory=time.monotonic)
    created: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    ended: threading.Event = field(default_factory=threading.Event)
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def kept(self) -> Path:
        """Folder of the pictures without marks."""
        return self.folder / "kept"

    @property
    def clean(self) -> Path:
        """Folder of the photos without metadata."""
        return self.folder / "photos"

    def report(self, revision: int, language: str) -> Path:
        """Return the folder of a report."""
        return self.folder / f"report-{revision}-{language}"

    def expires(self, minutes: float) -> datetime:
        """Return when it is deleted if nobody asks for it."""
        left = self.touched + 60 * minutes - time.monotonic()
        return datetime.now(timezone.utc) + timedelta(seconds=max(0.0, left))


class Jobs:
    """All inspections of a server, below a folder of its own that goes with it."""

    def __init__(self, limits: Limits, base: Path | None = None, now: Callable[[], float] = time.monotonic) -> None:
        """Make the folder, and delete those of servers that crashed.

        Args:
            limits: Limits of the service.
            base: Folder of all servers; one of this user in the system's temporary folder when None.
            now: A clock that never jumps.

        Raises:
            AyolomError: The folder belongs to somebody else.
        """
        self.limits, self._now = limits, now
        self._jobs: dict[str, Job] = {}
        self._waiting: list[Job] = []
        self._changed = threading.Condition()
        self._closed = False
        base = _own_folder(base)
        with FileLock(base / LOCK):  # so that no server takes the folder of another that just starts for a leftover
            remove_leftovers(base)
            self.folder = Path(tempfile.mkdtemp(prefix=FOLDER, dir=base))
            self._lock = FileLock(self.folder / LOCK)
            self._lock.acquire()

    def reserve(self, language: str) -> Job:
        """Return a new inspection whose files may come in now.

        Raises:
            Problem: The queue or the store is full.
        """
        with self._changed:
            if self._closed:
                raise Problem(503, "closing")
            ahead = sum(job.state in {"uploading", "waiting"} for job in self._jobs.values())
            if ahead >= self.limits.queue:
                raise Problem(503, "queue_full", retry_after=max(2, ahead // 4), waiting=ahead)
            stored = sum(job.size for job in self._jobs.values())
            if stored >= self.limits.store_mb * MEGABYTE:
                raise Problem(503, "store_full", retry_after=60, most=f"{self.limits.store_mb:g}")
            name = secrets.token_hex(16)
            job = Job(name, self.folder / name, language, touched=self._now())
            job.folder.mkdir(mode=0o700)
            self._jobs[name] = job
        return job

    def enqueue(self, job: Job) -> None:
        """Put an inspection at the end of the queue."""
        with self._changed:
            if job.ended.is_set():
                raise Problem(404, "no_job")
            job.state = "waiting"
            self._waiting.append(job)
            self._changed.notify()

    def take(self) -> Job | None:
        """Wait for the next inspection and return it; None when the server ends."""
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            if self._closed:
                return None
            job = self._waiting.pop(0)
            job.state = "working"
            return job

    def position(self, job: Job) -> int | None:
        """Return how many inspections are before this one, None when it does not wait."""
        with self._changed:
            return self._waiting.index(job) + 1 if job in self._waiting else None

    def get(self, name: str) -> Job:
        """Return an inspection, whose time to live then begins anew.

        Raises:
            Problem: There is none of this name, or no longer.
        """
        with self._changed:
            job = self._jobs.get(name)
            if job is None:
                raise Problem(404, "no_job")
            job.touched = self._now()
            return job

    def remove(self, job: Job) -> None:
        """Stop an inspection and delete its folder; a worker at it deletes the folder when it stops."""
        with self._changed:
            job.ended.set()
            self._jobs.pop(job.id, None)
            if job in self._waiting:
                self._waiting.remove(job)
            at_work = job.state == "working"
        if not at_work:
            with job.lock:
                shutil.rmtree(job.folder, ignore_errors=True)

    def finish(self, job: Job) -> None:
        """Note what an inspection that is no longer worked at takes on the disk; of one that failed nothing stays."""
        if job.ended.is_set() or job.state == "failed":
            shutil.rmtree(job.folder, ignore_errors=True)
        job.size = folder_size(job.folder)
        job.touched = self._now()

    def sweep(self) -> int:
        """Delete inspections that nobody asked for in time, and return how many."""
        old = self._now() - 60 * self.limits.keep_minutes
        with self._changed:
            idle = [job for job in self._jobs.values() if job.touched < old and job.state in {"done", "failed"}]
        for job in idle:
            self.remove(job)
        return len(idle)

    def close(self) -> None:
        """Stop everything and delete the folder."""
        with self._changed:
            self._closed = True
            for job in self._jobs.values():
                job.ended.set()
            self._changed.notify_all()

    def delete(self) -> None:
        """Delete the folder of the server; nobody may be at work in it."""
        self._lock.release()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __iter__(self) -> Iterator[Job]:
        """Return all inspections."""
        with self._changed:
            return iter(list(self._jobs.values()))


def remove_leftovers(base: Path) -> int:
    """Delete the folders of servers that are no more, and return how many; a living one holds a lock on its own."""
    gone = 0
    for folder in base.glob(f"{FOLDER}*"):
        if folder.is_symlink() or not folder.is_dir():
            continue
        try:
            with FileLock(folder / LOCK, timeout=0):
                pass
        except (Timeout, OSError):
            continue
        shutil.rmtree(folder, ignore_errors=True)
        gone += 1
    return gone


def folder_size(folder: Path) -> int:
    """Return the bytes of all files below a folder; what vanishes meanwhile counts nothing."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += (Path(parent) / name).stat().st_size
    return total


def _own_folder(base: Path | None) -> Path:
    """Return the folder of all servers, readable by this user alone.

    Raises:
        AyolomError: Somebody else made it.
    """
    if base is None:
        user = re.sub(r"\W+", "-", getpass.getuser())
        base = Path(tempfile.gettempdir()) / f"ayolom-serve-{user}"
    base.mkdir(mode=0o700, parents=True, exist_ok=True)
    owner = base.stat().st_uid
    if base.is_symlink() or (hasattr(os, "getuid") and owner != os.getuid()):
        raise AyolomError(f"{base}: belongs to somebody else; remove it, or set TMPDIR to a folder of your own")
    return base
