"""Filters, order and neighbours; many images; the model at work behind."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from ayolom.data.entries import Entry
from ayolom.data.scan import Found
from ayolom.data.view import Findings
from ayolom.data.view._index import Index
from ayolom.data.view._matching import match_tasks
from ayolom.data.view._selection import Choices, Selection
from ayolom.tasks import TaskSpec, make_task

ALL = Selection()


@pytest.fixture
def ready(view):
    """Opened and predicted; a, b, c, d, e of train are images 1 to 5, v of val is 6."""
    made = view()
    made.background.run()
    return made, Choices.of(made.tasks, made.splits)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param({}, [1, 2, 3, 4, 5, 6], id="all"),
        pytest.param({"split": "val"}, [6], id="split"),
        pytest.param({"shown_class": "damage:0", "side": "label"}, [1, 2], id="class-in-labels"),
        pytest.param({"shown_class": "damage:0", "side": "predicted"}, [1, 2, 3, 4, 6], id="class-in-predictions"),
        pytest.param({"shown_class": "damage:0"}, [1, 2, 3, 4, 6], id="class-in-either"),
        pytest.param({"shown_class": "parts:2"}, [6], id="class-of-a-mask"),
        pytest.param({"state": "labelled", "task": "damage"}, [1, 2, 3], id="labelled"),
        pytest.param({"state": "empty", "task": "damage"}, [3], id="empty"),
        pytest.param({"state": "unlabelled", "task": "parts"}, [2, 3, 4], id="unlabelled"),
        pytest.param({"state": "unlabelled"}, [2, 3, 4, 6], id="unlabelled-for-any"),
        pytest.param({"state": "broken"}, [4], id="broken"),
        pytest.param({"state": "unreadable"}, [5], id="unreadable"),
        pytest.param({"below": "0.5", "task": "damage"}, [3], id="score"),
        pytest.param({"sort": "worst", "task": "damage"}, [3, 1, 2, 4, 5, 6], id="worst-of-a-task"),
        pytest.param({"sort": "worst"}, [3, 6, 1, 2, 4, 5], id="worst-of-all"),
    ],
)
def test_selection_and_its_walk(ready, words, expected):
    made, choices = ready
    chosen = Selection(**words)
    assert made.index.numbers(chosen, choices, 0, 100) == expected
    assert made.index.count(chosen, choices) == len(expected)
    walk = [made.index.neighbours(number, chosen, choices) for number in expected]
    assert [place for _, _, place in walk] == list(range(1, len(expected) + 1))
    assert [before for before, _, _ in walk] == [None, *expected[:-1]]
    assert [after for _, after, _ in walk] == [*expected[1:], None]


def test_pages_follow_one_another(ready):
    made, choices = ready
    pages = [made.index.numbers(ALL, choices, first, 4) for first in (0, 4, 8)]
    assert pages == [[1, 2, 3, 4], [5, 6], []]


def test_scores_are_those_worked_by_hand(ready):
    made, _ = ready
    known = {number: made.index.tasks(number, ["damage", "parts"]) for number in (1, 2, 3, 6)}
    assert known[1]["damage"].score == pytest.approx(2 / 3)  # one of two found
    assert known[1]["parts"].score == pytest.approx(0.25)  # background 0 of 0.5, left_door 0.5 of 1
    assert known[2]["damage"].score == 1.0
    assert known[2]["parts"].score is None
    assert known[3]["damage"].score == 0.0
    assert known[6]["parts"].score == 0.0


def test_an_address_says_the_selection_again(ready):
    _, choices = ready
    chosen = Selection("val", "parts", "parts:2", "label", "empty", "0.5", "worst", ("damage",))
    query: dict[str, list[str]] = {}
    for pair in chosen.address(choices).split("&"):
        name, word = pair.split("=")
        query.setdefault(name, []).append(word.replace("%3A", ":"))
    assert Selection.read(query, choices) == chosen


@pytest.mark.parametrize("word", ["../../etc/passwd", "' OR 1=1 --", "damage:999", ""], ids=repr)
def test_words_that_are_no_choice_choose_nothing(ready, word):
    _, choices = ready
    names = ("split", "task", "shown_class", "side", "state", "below", "sort")
    assert Selection.read({name: [word] for name in names}, choices) == ALL


def test_a_model_that_fails_on_one_image_goes_on(view):
    def predict(image):
        if image.shape[0] == 50:
            raise RuntimeError("out of <memory>")
        return {"damage": Findings(boxes=np.zeros((0, 6), np.float32))}

    made = view(predict)
    large = Path(made.index.image(2).file)
    import cv2

    large.write_bytes(cv2.imencode(".png", np.zeros((50, 60, 3), np.uint8))[1].tobytes())
    made.background.run()
    assert made.index.progress() == (6, 2)
    assert made.background.problem is None
    done, problem = made.index.prediction(2)
    assert done
    assert "out of <memory>" in problem
    assert made.index.prediction(3) == (True, None)


def test_images_in_sight_come_first(view):
    made, order = view(), []
    kept = made.index.add_prediction
    made.index.add_prediction = lambda number, *rest: (order.append(number), kept(number, *rest))
    made.background.want([4, 6])
    made.background.run()
    assert order == [4, 6, 1, 2, 3]


def test_limit_spreads_over_all_images(view):
    made = view(model=False, limit=3)
    assert [Path(made.index.image(n).file).stem for n in (1, 2, 3)] == ["a", "c", "e"]


def test_the_data_set_is_left_as_it_was_and_the_index_removed(cars, view, monkeypatch, tmp_path):
    from ayolom.data.schema import load_schema
    from ayolom.data.view import opened

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    before = {file: file.stat().st_mtime_ns for file in cars.parent.rglob("*")}
    with opened(load_schema(cars)):
        assert list((tmp_path / "temporary").iterdir())
    assert not list((tmp_path / "temporary").iterdir())
    assert {file: file.stat().st_mtime_ns for file in cars.parent.rglob("*")} == before


def test_twenty_thousand_images_answer_at_once(tmp_path):
    """Pages, counts, neighbours and worst-first of many images; the file is filled from a generator."""
    spec = TaskSpec("damage", "detect", {0: "dent", 1: "scratch"})
    task = make_task(spec)
    tasks = match_tasks([task], {"damage": spec})
    index, total = Index(tmp_path / "i.sqlite"), 20_000
    label = {"cls": np.array([0], np.int32), "bboxes": np.array([[0.5, 0.5, 0.1, 0.1]], np.float32)}
    found = (Entry("train", f"/d/{n}.jpg", Found((40, 60), {"damage": label})) for n in range(total))
    index.fill(found, [task])
    rows = [("damage", n, n % 997 / 997) for n in range(1, total + 1)]
    with index._transaction() as cursor:
        cursor.executemany("INSERT INTO scores VALUES (?, ?, ?)", rows)
    choices = Choices.of(tasks, ["train"])
    chosen = Selection(task="damage", shown_class="damage:0", sort="worst", below="0.9")
    began = time.perf_counter()
    assert index.count(chosen, choices) > 17_000
    assert len(index.numbers(chosen, choices, 17_000, 24)) == 24
    assert index.neighbours(10_000, chosen, choices)[0] is not None
    assert time.perf_counter() - began < 2
    index.close()
