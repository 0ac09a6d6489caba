"""An import that is killed or interrupted leaves the data set as it was, or whole; checked at every step of it."""

from __future__ import annotations

import os
import shutil
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from ayolom.data.convert import _transaction, import_dataset
from ayolom.data.convert._transaction import recover, staging
from ayolom.errors import AyolomError

SPEC = spec_from_file_location("import_inputs", Path(__file__).with_name("import_inputs.py"))
inputs = module_from_spec(SPEC)
SPEC.loader.exec_module(inputs)
annotation, coco = inputs.annotation, inputs.coco

KILLED = 9
# Every call by which an import changes the disk, from the first file to the removal of the last.
STEPS = (
    (Path, "write_bytes"),
    (Path, "write_text"),
    (os, "replace"),
    (os, "link"),
    (os, "unlink"),
    (os, "rmdir"),
    (shutil, "copyfile"),
)


def die_at(step: int) -> list[int]:
    """Make the process end at one step, as with kill -9; returns a list that grows with each step."""
    taken: list[int] = []

    def watch(owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def watched(*args: Any, **more: Any) -> Any:
            taken.append(len(taken))
            if len(taken) == step:
                os._exit(KILLED)
            return original(*args, **more)

        setattr(owner, name, watched)

    for owner, name in STEPS:
        watch(owner, name)
    return taken


def in_child(step: int, **arguments: Any) -> bool:
    """Import in a process that dies at one step; returns whether it did."""
    child = os.fork()
    if not child:
        status = 1
        try:
            die_at(step)
            import_dataset(**arguments)
            status = 0
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, KILLED)
    return status == KILLED


def state(root: Path) -> dict[str, Any]:
    """The data set's files without the time of the import and the paths of the source."""
    found = inputs.files(root) if root.is_dir() else {}
    return {path: None if path.startswith("imports/") else content for path, content in found.items()}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("place", ["copy", "move"])
def test_killed_at_any_step_the_next_command_finds_all_or_nothing(tmp_path: Path, place: Any) -> None:
    first = coco(tmp_path / "one", {"a.png": [annotation("dent")], "b.png": []})
    base = tmp_path / "base"
    import_dataset(first, base, tasks=["damage"])
    whole = tmp_path / "whole"
    shutil.copytree(base, whole)
    pristine = tmp_path / "pristine"
    coco(pristine / "two", {"a.png": [annotation("hood")], "c.png": [annotation("hood")]}, seed=0)
    inputs.picture(pristine / "two" / "c.png", 5)
    source = tmp_path / "two"
    shutil.copytree(pristine / "two", source)
    arguments = {"source": source, "tasks": ["parts"], "kind": "semantic", "place": place}
    import_dataset(out=whole, **arguments)
    before, after, originals = state(base), state(whole), inputs.files(pristine / "two")
    moved = inputs.files(source)
    outcomes, step = [], 0
    while True:
        step += 1
        out = tmp_path / "out"
        for folder, original in ((out, base), (source, pristine / "two")):
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(original, folder)
        died = in_child(step, out=out, **arguments)
        recover(out)
        found = state(out)
        assert found in (before, after), step
        assert inputs.files(source) == (moved if found == after else originals), step
        assert not list((out / ".ayolom").glob("staging-*")), step
        outcomes.append(found == after)
        if not died:
            break
    assert outcomes == sorted(outcomes)  # nothing before the marker, all from it on
    assert step > 10
    assert 2 < sum(outcomes) < len(outcomes) - 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_before_the_first_commit_there_is_no_data_set(tmp_path: Path) -> None:
    source = coco(tmp_path / "one", {"a.png": [annotation("dent")]})
    assert in_child(3, source=source, out=tmp_path / "out", tasks=["damage"])
    assert not state(tmp_path / "out")
    import_dataset(source, tmp_path / "out", tasks=["damage"])
    assert "data.yaml" in state(tmp_path / "out")


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError("No space left on device")], ids=["Ctrl-C", "full disk"])
def test_interrupted_while_reading_nothing_is_left(tmp_path: Path, monkeypatch: Any, error: Any) -> None:
    source = coco(tmp_path / "one", {"a.png": [annotation("dent")], "b.png": []})

    def fail(*args: Any) -> None:
        raise error

    monkeypatch.setattr(shutil, "copyfile", fail)
    with pytest.raises(error if isinstance(error, type) else OSError):
        import_dataset(source, tmp_path / "out", tasks=["damage"])
    assert not (tmp_path / "out").exists()


def test_error_while_moving_is_made_good_by_the_next_import(tmp_path: Path, monkeypatch: Any) -> None:
    source = coco(tmp_path / "one", {"a.png": [annotation("dent")], "b.png": []})
    import_dataset(source, tmp_path / "whole", tasks=["damage"])
    replace = os.replace
    with monkeypatch.context() as patch:
        patch.setattr(_transaction.os, "replace", lambda a, b: _full() if Path(b).name == "labels" else replace(a, b))
        with pytest.raises(OSError, match="full"):
            import_dataset(source, tmp_path / "out", tasks=["damage"])
    summary = import_dataset(source, tmp_path / "out", tasks=["damage"])
    assert summary.tasks["damage"].results == {"identical": 2}
    assert state(tmp_path / "out") == state(tmp_path / "whole")


def _full() -> None:
    raise OSError("disk full")


def test_files_of_the_user_are_not_written_over(tmp_path: Path) -> None:
    with staging(tmp_path / "out") as attempt:
        attempt.file("labels/a.txt").write_text("new")
        attempt.file("labels/b.txt").write_text("new")
        (tmp_path / "out" / "labels").mkdir()
        (tmp_path / "out" / "labels" / "a.txt").write_text("the user's")
        attempt.commit()
    assert inputs.files(tmp_path / "out") == {"labels/a.txt": b"the user's", "labels/b.txt": b"new"}


def test_two_imports_at_once_are_refused(tmp_path: Path) -> None:
    source = coco(tmp_path / "one", {"a.png": [annotation("dent")]})
    with staging(tmp_path / "out"), pytest.raises(AyolomError, match="another import is writing to it"):
        import_dataset(source, tmp_path / "out", tasks=["damage"])
