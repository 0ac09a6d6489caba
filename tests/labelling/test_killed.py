"""A labelling killed at any step leaves a data set that the next one, or an undo, brings in order."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from ayolom.errors import AyolomError
from ayolom.labelling import _store, label, undo
from ayolom.labelling._record import write_record
from ayolom.labelling._store import Store, locked, recover

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")


def kill_at(step: str, number: int) -> None:
    """Make this process kill itself before the given call of a function of the store."""
    kept, seen = getattr(_store, step), []

    def counted(*args, **kwargs):
        if len(seen) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        seen.append(step)
        return kept(*args, **kwargs)

    setattr(_store, step, counted)


def work(root: Path, action: str) -> None:
    """Label four images, or undo that."""
    with locked(root):
        recover(root)
        if action == "undo":
            _store.take_back(root / "pseudo-labels" / "run.jsonl")
            return
        run = Store(root, "run")
        for i in range(4):
            run.add(root / "labels" / f"{i}.txt", f"{i}".encode(), task="damage")
        run.add_link(root / "images" / "a", root / "b", kind="image")
        run.commit({"tasks": {}, "new": False})


def killed(root: Path, step: str, number: int, action: str = "label") -> bool:
    """Do the work in a process that is killed before the given call of a function; return whether it was."""
    child = os.fork()
    if not child:
        status = 1
        try:
            kill_at(step, number)
            work(root, action)
            status = 0
        finally:
            os._exit(status)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


BEFORE = {"third file set aside": ("_waiting", 2), "record about to be written": ("write_record", 0)}
AFTER = {
    "nothing in place": ("put_in_place", 0),
    "two files in place": ("_place", 2),
    "link missing": ("_link", 0),
    "all in place": ("_remove_aside", 0),
}


@needs_fork
@pytest.mark.parametrize(("step", "number"), BEFORE.values(), ids=BEFORE)
def test_killed_before_the_record_nothing_has_happened(step, number, tmp_path) -> None:
    assert killed(tmp_path, step, number)
    assert [path.name for path in tmp_path.iterdir()] == ["pseudo-labels"]
    with locked(tmp_path):
        assert recover(tmp_path) == []
    assert not list(tmp_path.iterdir())


@needs_fork
@pytest.mark.parametrize(("step", "number"), AFTER.values(), ids=AFTER)
def test_killed_after_the_record_the_next_labelling_finishes(step, number, tmp_path) -> None:
    assert killed(tmp_path, step, number)
    with locked(tmp_path):
        assert recover(tmp_path) == ["run"]
        assert recover(tmp_path) == []
    assert {file.name: file.read_text() for file in (tmp_path / "labels").iterdir()} == {
        f"{i}.txt": f"{i}" for i in range(4)
    }
    assert os.readlink(tmp_path / "images" / "a") == str(tmp_path / "b")


@needs_fork
@pytest.mark.parametrize(("step", "number"), [*BEFORE.values(), *AFTER.values()], ids=[*BEFORE, *AFTER])
def test_killed_anywhere_an_undo_leaves_nothing(step, number, tmp_path) -> None:
    assert killed(tmp_path, step, number)
    undo(tmp_path / "pseudo-labels" / "run.jsonl")
    assert not list(tmp_path.rglob("*"))


@needs_fork
@pytest.mark.parametrize("number", range(6))
def test_an_undo_that_is_killed_is_done_again(number, tmp_path) -> None:
    with locked(tmp_path):
        run = Store(tmp_path, "run")
        for i in range(4):
            run.add(tmp_path / "labels" / f"{i}.txt", f"{i}".encode(), task="damage")
        run.commit({"tasks": {}, "new": False})
    if killed(tmp_path, "is_unchanged", number, "undo"):
        undo(tmp_path / "pseudo-labels" / "run.jsonl")
    assert not list(tmp_path.rglob("labels"))


# Errors and interruptions ---------------------------------------------------------------------------------------------
def test_an_interruption_while_predicting_leaves_nothing(cars, standin, monkeypatch, tools) -> None:
    for name in "abc":
        cars.image(name)
    before, seen = tools.snapshot(cars.root), []

    def interrupted(self, images, tasks, conf):
        seen.append(1)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return plain(self, images, tasks, conf)

    plain = standin.__call__
    monkeypatch.setattr(standin, "__call__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        label("best.pt", data=cars.yaml)
    assert tools.snapshot(cars.root) == before


def test_an_error_while_files_are_put_in_place_takes_all_back(cars, standin, monkeypatch, tools) -> None:
    for name in "abc":
        cars.image(name)
    before, seen = tools.snapshot(cars.root), []

    def full(waiting, target, content):
        seen.append(target)
        if len(seen) == 4:
            raise OSError(28, "No space left on device")
        place(waiting, target, content)

    place = _store._place
    monkeypatch.setattr(_store, "_place", full)
    with pytest.raises(OSError, match="No space left"):
        label("best.pt", data=cars.yaml)
    assert len(seen) == 4
    assert tools.snapshot(cars.root) == before


def test_a_label_made_in_the_meantime_stays(tmp_path) -> None:
    with locked(tmp_path):
        run = Store(tmp_path, "run")
        run.add(tmp_path / "labels" / "a.txt", b"model", task="damage")
        (tmp_path / "labels").mkdir()
        (tmp_path / "labels" / "a.txt").write_text("by hand")
        run.commit({"tasks": {}, "new": False})
    assert (tmp_path / "labels" / "a.txt").read_text() == "by hand"
    assert undo(tmp_path / "pseudo-labels" / "run.jsonl") == (0, [str(tmp_path / "labels" / "a.txt")])


def test_without_hard_links_files_are_copied(tmp_path, monkeypatch) -> None:
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    with locked(tmp_path):
        run = Store(tmp_path, "run")
        run.add(tmp_path / "labels" / "a.txt", b"model", task="damage")
        run.commit({"tasks": {}, "new": False})
    assert [file.name for file in (tmp_path / "labels").iterdir()] == ["a.txt"]
    assert undo(tmp_path / "pseudo-labels" / "run.jsonl") == (1, [])


def test_two_labellings_of_one_data_set_do_not_mix(tmp_path) -> None:
    with locked(tmp_path), pytest.raises(AyolomError, match="another labelling"), locked(tmp_path):
        pass


RECORDS = {
    "empty": ("", "is empty"),
    "no JSON": ("hello\n", "is damaged"),
    "another file": ('{"format": "x"}\n', "is no record"),
    "newer": ('{"format": "ayolom pseudo-labels", "format_version": 9}\n', "another version"),
}


@pytest.mark.parametrize(("text", "message"), RECORDS.values(), ids=RECORDS)
def test_damaged_records_are_refused(text, message, tmp_path) -> None:
    file = tmp_path / "pseudo-labels" / "run.jsonl"
    file.parent.mkdir()
    file.write_text(text)
    with pytest.raises(AyolomError, match=message):
        undo(file)
    assert file.read_text() == text


def test_an_unknown_run_is_named(tmp_path) -> None:
    (tmp_path / "pseudo-labels").mkdir()
    write_record(tmp_path / "pseudo-labels" / "best-1.jsonl", {"tasks": {}}, [])
    with pytest.raises(AyolomError, match="Did you mean 'best-1'"):
        undo("best-2", out=tmp_path)
    with pytest.raises(AyolomError, match="of which data set"):
        undo("best-1")
    with pytest.raises(AyolomError, match="letters, digits"):
        undo("../x", out=tmp_path)
