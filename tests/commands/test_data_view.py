"""`yolo data view` from the command line."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import cv2
import numpy as np
import pytest

from ayolom.cli import main


def run(*words):
    return main(["yolo", "data", "view", *map(str, words)])


@pytest.fixture
def cars(tmp_path):
    """Two images with a box each."""
    for split in ("train", "val"):
        (tmp_path / "set" / "images" / split).mkdir(parents=True)
        (tmp_path / "set" / "labels" / split).mkdir(parents=True)
        image = cv2.imencode(".jpg", np.full((60, 80, 3), 90, np.uint8))[1].tobytes()
        (tmp_path / "set" / "images" / split / f"{split}.jpg").write_bytes(image)
        (tmp_path / "set" / "labels" / split / f"{split}.txt").write_text("0 0.5 0.5 0.4 0.4\n")
    file = tmp_path / "cars.yaml"
    head = "path: set\ntrain: images/train\nval: images/val\n"
    file.write_text(f"{head}tasks:\n  damage: {{kind: detect, labels: labels, names: [dent]}}\n")
    return file


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """An untrained model of the embedded set's tasks."""
    from ayolom import YOLO

    file = tmp_path_factory.mktemp("model") / "best.pt"
    YOLO("aYOLOM26n.yaml").save(file)
    return file


def test_help_has_an_example(capsys):
    assert run("--help") == 0
    assert "yolo data view data=mine.yaml model=best.pt" in capsys.readouterr().out


def test_gallery_of_one_split(cars, tmp_path):
    assert run(f"data={cars}", f"gallery={tmp_path / 'out.html'}", "splits=val") == 0
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert "val.jpg" in page
    assert "train.jpg" not in page


def test_gallery_with_a_model(cars, checkpoint, tmp_path):
    from ayolom import YOLO

    names = list(YOLO(checkpoint).model.tasks)
    assert "damage" in names
    words = (f"data={cars}", f"model={checkpoint}", f"gallery={tmp_path / 'pages'}", "conf=0.9", "imgsz=64")
    assert run(*words) == 0
    page = (tmp_path / "pages" / "index.html").read_text(encoding="utf-8")
    assert page.count('alt="predictions: damage: nothing"') == 2
    assert page.count("<b>damage</b> 0.00") == 2


def test_predictions_are_those_of_the_model(checkpoint):
    """What the view is given are the model's own results, boxes as fractions of the image's sides."""
    from ayolom import YOLO
    from ayolom.commands.data_view import load_model

    image = np.random.default_rng(0).integers(0, 255, (90, 120, 3)).astype(np.uint8)
    found = load_model(str(checkpoint), 0.001, 64).predict(image)
    expected = YOLO(checkpoint).predict(image, conf=0.001, imgsz=64, verbose=False)[0]
    boxes = expected.tasks["damage"].boxes
    assert len(boxes) > 0
    assert np.allclose(found["damage"].boxes[:, :4], boxes.xyxyn.numpy(), atol=1e-5)
    assert np.array_equal(found["damage"].boxes[:, 5], boxes.cls.numpy())
    for name, result in expected.tasks.items():
        if result.semantic_mask is not None:
            assert np.array_equal(found[name].class_map, result.semantic_mask.data.numpy())


def test_dry_run_writes_nothing(cars, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    assert run(f"data={cars}", f"gallery={tmp_path / 'out.html'}", "dry_run=True") == 0
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(["gallery=taken.html"], "is there already", id="gallery-taken"),
        pytest.param(["gallery=a.html", "fiftyone=b"], "exclude each other", id="two-targets"),
        pytest.param(["gallery=a.html", "limit=0"], "whole number from 1", id="limit"),
        pytest.param(["gallery=a.html", "splits=test"], "has no split 'test'", id="split"),
        pytest.param(["gallery=a.html", "model=gone.pt"], "gone.pt", id="model-missing"),
        pytest.param(["galery=a.html"], "Did you mean 'gallery'", id="option"),
    ],
)
def test_mistakes_are_named(cars, tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken.html").write_text("mine")
    assert run(f"data={cars}", *words) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "a.html").exists()
    assert (tmp_path / "taken.html").read_text() == "mine"


def test_a_port_in_use_is_named(cars, capsys):
    pytest.importorskip("uvicorn")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        assert run(f"data={cars}", f"port={other.getsockname()[1]}") == 1
    assert "port=" in capsys.readouterr().err


def test_without_the_server_the_message_says_what_to_install(cars, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert run(f"data={cars}") == 1
    error = capsys.readouterr().err
    assert "ayolom[web]" in error
    assert "gallery=out.html" in error


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_the_page_ends_cleanly(cars, root, tmp_path, name):
    """In a process of its own: it answers, ends when told to, and leaves nothing in the temporary folder."""
    pytest.importorskip("uvicorn")
    (tmp_path / "temporary").mkdir()
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from ayolom.cli import main; sys.exit(main(['yolo', 'data', 'view', *sys.argv[1:]]))"
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": str(root), "TMPDIR": str(tmp_path / "temporary")}
    command = [sys.executable, "-c", code, f"data={cars}", f"port={port}"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert "2 images" in fetched(f"http://127.0.0.1:{port}/", process)
        assert list((tmp_path / "temporary").glob("ayolom-view-*"))
        process.send_signal(getattr(signal, name))
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()
    assert not list((tmp_path / "temporary").glob("ayolom-view-*"))


def fetched(address, process):
    """Return a page of a server that is starting."""
    for _ in range(300):
        if page := fetched_now(address):
            return page
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.2)
    raise AssertionError("the server did not start")


def fetched_now(address):
    """Return a page, or None where nobody answers."""
    try:
        return urllib.request.urlopen(address, timeout=10).read().decode()
    except OSError:
        return None


def test_the_page_listens_on_this_machine_alone():
    from ayolom.web import listening

    with listening(0) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"
