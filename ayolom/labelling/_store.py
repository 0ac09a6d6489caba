"""Files that appear together: made aside, listed in a record, then put in place; undone by that record.

The steps are such that a process killed at any of them leaves a data set that can be mended:

1. Files are made in `pseudo-labels/.<run>.partial/`. Killed here, nothing has happened: the folder is swept away later.
2. The record is written, whole. From now on the run has happened.
3. The files are put in place; what is there already is never replaced. Killed here, the rest is put in place by the
   next labelling, or all is taken back by an undo.
4. The folder of step 1 is renamed and removed, which says that nothing is left to do.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ultralytics.utils import LOGGER, TQDM

from ayolom.errors import AyolomError
from ayolom.files import file_sha256
from ayolom.labelling._record import FOLDER, read_head, read_rows, record_file, records, shown, write_record

if TYPE_CHECKING:
    from collections.abc import Iterator

A_FOLDER = 1000  # files in a folder of staged ones
ROWS = "rows"
LOCK = ".lock"
ASIDE = ".partial"
DONE = ".done"


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Keep other labellings of a data set out; the lock goes with the process, however it ends.

    Args:
        root: Folder of the data set.

    Raises:
        AyolomError: Another process is at work, or nothing can be written there.
    """
    from filelock import FileLock, Timeout

    folder, fresh = root / FOLDER, not root.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / LOCK, timeout=0):
            yield
    except Timeout:
        raise AyolomError(f"{folder}: another labelling of this data set is at work; wait until it is done") from None
    except PermissionError as error:
        raise AyolomError(
            f"{error.filename or folder}: cannot be written to ({error.strerror}); labels are written beside the "
            "images: allow it, or copy the data set"
        ) from None
    finally:
        _sweep(folder, fresh)


def _sweep(folder: Path, fresh: bool) -> None:
    """Remove the folder of records when only the lock is left in it, and a fresh data folder when that is all."""
    with contextlib.suppress(OSError):
        if [file.name for file in folder.iterdir()] == [LOCK]:
            (folder / LOCK).unlink()
        folder.rmdir()
        if fresh:
            folder.parent.rmdir()


class Store:
    """The files of one run, first aside, then in place.

    Attributes:
        root: Folder of the data set.
        run: Name of the run.
        count: How many files it has.
    """

    def __init__(self, root: Path, run: str) -> None:
        """Make the folder in which files wait.

        Raises:
            AyolomError: There is a run of that name.
        """
        self.root, self.run, self.count = root, run, 0
        self.record, self.aside = record_file(root, run), aside(root, run)
        if self.record.exists() or self.aside.exists():
            raise AyolomError(
                f"name={run}: there is a run of that name in {root / FOLDER}; take another name, or undo it"
            )
        self.aside.mkdir(parents=True)
        self._folders: dict[Path, None] = {}
        self._rows = (self.aside / ROWS).open("x", encoding="utf-8")

    def add(self, target: Path, data: bytes, **facts: Any) -> None:
        """Set a file aside.

        Args:
            target: Where it is to go.
            data: Its content.
            **facts: What the record says of it besides its path and hash.
        """
        waiting = _waiting(self.aside, self.count)
        waiting.parent.mkdir(exist_ok=True)
        waiting.write_bytes(data)
        self._note(target, {"sha256": hashlib.sha256(data).hexdigest(), **facts})

    def add_link(self, target: Path, source: Path, **facts: Any) -> None:
        """Set a symbolic link aside; arguments as for `add`, `source` is what it leads to."""
        self._note(target, {"link": str(source), **facts})

    def commit(self, head: dict[str, Any]) -> Path:
        """Write the record and put all files in place; after an error nothing has happened.

        Args:
            head: What the record says of the run.

        Returns:
            The record.
        """
        self._rows.close()
        if hasattr(os, "sync"):  # the record must not reach the disk before what it lists
            os.sync()
        with (self.aside / ROWS).open(encoding="utf-8") as rows:
            made = [shown(folder, self.root) for folder in self._folders]
            write_record(self.record, {**head, "run": self.run, "folders": made}, map(json.loads, rows))
        try:
            put_in_place(self.root, self.run)
        except BaseException:
            take_back(self.record)
            raise
        return self.record

    def discard(self) -> None:
        """Forget the files that were set aside."""
        self._rows.close()
        shutil.rmtree(self.aside, ignore_errors=True)

    def _note(self, target: Path, facts: dict[str, Any]) -> None:
        """Keep a line of the record, and the folders that the file will need."""
        self._rows.write(json.dumps({"file": shown(target, self.root), **facts}, ensure_ascii=False) + "\n")
        self.count += 1
        for folder in target.parents:
            if folder in self._folders or folder.exists():
                break
            self._folders[folder] = None


def aside(root: Path, run: str) -> Path:
    """Return the folder in which the files of a run wait."""
    return root / FOLDER / f".{run}{ASIDE}"


def recover(root: Path) -> list[str]:
    """Finish the runs that were killed while files were put in place, and sweep away those killed before.

    Returns:
        Names of the runs that were finished.
    """
    finished = []
    for folder in (root / FOLDER).glob(f".*{DONE}"):
        shutil.rmtree(folder)
    for folder in sorted((root / FOLDER).glob(f".*{ASIDE}")):
        run = folder.name[1 : -len(ASIDE)]
        if record_file(root, run).is_file():
            put_in_place(root, run)
            finished.append(run)
        else:
            shutil.rmtree(folder)
    return finished


def put_in_place(root: Path, run: str) -> None:
    """Put the files of a recorded run in place, those that are not there yet."""
    waiting_room = aside(root, run)
    for number, row in enumerate(read_rows(record_file(root, run))):
        target = Path(root, row["file"])
        target.parent.mkdir(parents=True, exist_ok=True)
        if "link" in row:
            _link(row["link"], target)
        else:
            _place(_waiting(waiting_room, number), target, row["sha256"])
    _remove_aside(root, run)


def _remove_aside(root: Path, run: str) -> None:
    """Remove the folder in which files waited; under its own name it is there whole or not at all."""
    done = root / FOLDER / f".{run}{DONE}"
    aside(root, run).rename(done)
    shutil.rmtree(done)


def take_back(record: Path) -> tuple[int, list[str]]:
    """Remove the files of a run that are as they were made, then its record.

    Images that were linked and the YAML of a data set made by the run stay where a label of it does.

    Args:
        record: The record.

    Returns:
        How many files were removed, and the paths of those that were changed since and stay.
    """
    root = record.parent.parent
    if aside(root, record.stem).is_dir():
        _remove_aside(root, record.stem)
    head = read_head(record)
    removed, changed = _remove(root, record, labels=True)
    if not changed and len(records(root)) == 1:
        more, changed = _remove(root, record, labels=False)
        removed += more
    for folder in sorted((Path(root, name) for name in head["folders"]), key=lambda path: -len(path.parts)):
        if folder != record.parent:
            with contextlib.suppress(OSError):
                folder.rmdir()
    record.unlink()
    return removed, changed


def is_unchanged(root: Path, row: dict[str, Any]) -> bool | None:
    """Return whether a file is as the record has it, None when it is gone."""
    file = Path(root, row["file"])
    if not os.path.lexists(file):
        return None
    if "link" in row:
        return file.is_symlink() and os.readlink(file) == row["link"]
    return file.is_file() and not file.is_symlink() and file_sha256(file) == row["sha256"]


def _remove(root: Path, record: Path, labels: bool) -> tuple[int, list[str]]:
    """Remove the labels of a record, or its other files; return how many, and those that were changed."""
    removed, changed = 0, []
    for row in TQDM(read_rows(record), desc="taking back labels" if labels else "taking back images"):
        if ("task" in row) != labels:
            continue
        state = is_unchanged(root, row)
        if state:
            Path(root, row["file"]).unlink()
            removed += 1
        elif state is False:
            changed.append(str(Path(root, row["file"])))
    return removed, changed


def _waiting(folder: Path, number: int) -> Path:
    """Return where the file of a row of the record waits."""
    return folder / f"{number // A_FOLDER:05d}" / f"{number:09d}"


def _place(waiting: Path, target: Path, content: str) -> None:
    """Put a file in place unless there is one; where the file system has no hard links it is copied."""
    try:
        os.link(waiting, target)
    except FileExistsError:
        if not target.is_file() or file_sha256(target) != content:
            LOGGER.warning(f"{target}: was made by someone else in the meantime; left alone")
    except OSError:
        if os.path.lexists(target):
            return
        temporary = target.with_name(f".{target.name}.tmp")
        shutil.copyfile(waiting, temporary)
        temporary.replace(target)


def _link(source: str, target: Path) -> None:
    """Make a symbolic link unless something is there."""
    if os.path.lexists(target):
        return
    try:
        os.symlink(source, target)
    except OSError as error:
        raise AyolomError(f"{target}: symbolic links cannot be made here ({error}); import the images first") from None
