"""The process of the model: a file that brings it down, or makes it hang, costs one inspection."""

from __future__ import annotations

import multiprocessing

import pytest

from ayolom.inspect import load_language, load_rules
from ayolom.serve import Limits
from ayolom.serve._engine import Task, Work
from ayolom.serve._isolated import IsolatedEngine, _main
from ayolom.serve._jobs import Upload
from ayolom.serve._limits import Stopped

# An engine that does what its file says; written where the child process finds it.
FALLIBLE = """
import os, time
from types import SimpleNamespace
from ayolom.errors import AyolomError
from ayolom.inspect.objects import Model

class Engine:
    def __init__(self, work):
        if work.model == "broken.pt":
            raise AyolomError("model=broken.pt: is no checkpoint")
        self.kinds, self.names, self.model = ("dent",), {0: "hood"}, Model(name=work.model)

    def run(self, task, progress, stop):
        word = task.uploads[0].file.read_text()
        progress(1, 2)
        if word == "crash":
            os.abort()
        if word == "hang":
            time.sleep(600)
        if word == "error":
            raise RuntimeError("a secret")
        return word
"""


@pytest.fixture
def work(tmp_path, monkeypatch):
    (tmp_path / "fallible_engine.py").write_text(FALLIBLE)
    monkeypatch.syspath_prepend(tmp_path)
    return lambda model="m.pt", **limits: Work(
        model, {}, Limits(**limits), load_rules(), None, {"en": load_language("en")}
    )


@pytest.fixture
def task(tmp_path):
    def make(word):
        (tmp_path / word).write_text(word)
        return Task([Upload(word, tmp_path / word, "photo")], [], tmp_path, tmp_path, tmp_path, "en", word)

    return make


def test_a_crash_a_hang_and_a_stop_cost_one_inspection(work, task, monkeypatch):
    from fallible_engine import Engine

    monkeypatch.setattr("ayolom.serve._isolated.GRACE", 0.0)
    engine, told = IsolatedEngine(work(work_seconds=1.0), Engine), []
    try:
        assert engine.kinds == ("dent",)
        assert engine.run(task("fine"), lambda *given: told.append(given), lambda: False) == "fine"
        assert told == [(1, 2)]
        for word, code in (("error", "internal"), ("crash", "crashed")):
            with pytest.raises(Stopped, match=code):
                engine.run(task(word), lambda *_: None, lambda: False)
        assert engine.run(task("fine"), lambda *_: None, lambda: False) == "fine"
        with pytest.raises(Stopped, match="work_seconds"):
            engine.run(task("hang"), lambda *_: None, lambda: False)
        assert engine._process is None
    finally:
        engine.close()


def test_a_model_that_cannot_be_loaded_is_told_by_the_process(work, monkeypatch):
    from fallible_engine import Engine

    monkeypatch.setattr("ayolom.serve._isolated.signal.signal", lambda *_: None)
    monkeypatch.setenv("OPENCV_FFMPEG_CAPTURE_OPTIONS", "")
    ours, theirs = multiprocessing.Pipe()
    _main(theirs, work("broken.pt"), Engine)
    assert ours.recv() == ("error", "model=broken.pt: is no checkpoint")
