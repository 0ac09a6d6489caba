"""Videos as they are written: every frame, in order, and a whole file however the prediction ends."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from ayolom import YOLO

OPTIONS = {"imgsz": 96, "conf": 0.0001, "max_det": 5, "verbose": False, "exist_ok": True, "save": True, "stream": True}


@pytest.fixture(scope="module")
def model(trained: SimpleNamespace) -> YOLO:
    """A model with a predictor of its own."""
    return YOLO(trained.folder / "weights" / "last.pt")


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten frames, each brighter than the one before."""
    file = tmp_path_factory.mktemp("video") / "brighter.avi"
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"MJPG"), 10, (128, 96))
    for number in range(10):
        writer.write(np.full((96, 128, 3), 20 * (number + 1), np.uint8))
    writer.release()
    return file


def frames(file: Path) -> list[np.ndarray]:
    capture, found = cv2.VideoCapture(str(file)), []
    while (read := capture.read())[0]:
        found.append(read[1])
    capture.release()
    return found


def test_frames_are_the_plots_in_order(model: YOLO, video: Path, tmp_path: Path) -> None:
    plots = [result.plot() for result in model.predict(video, project=tmp_path, name="a", **OPTIONS)]
    written = frames(tmp_path / "a" / "brighter.avi")
    assert len(written) == len(plots) == 10
    for seen, drawn in zip(written, plots, strict=True):
        assert np.abs(seen.astype(int) - drawn).mean() < 12  # JPEG; frames differ by 20


def test_leaving_early_ends_the_file(model: YOLO, video: Path, tmp_path: Path) -> None:
    results = model.predict(video, project=tmp_path, name="d", **OPTIONS)
    for _ in range(3):
        next(results)
    results.close()
    assert 3 <= len(frames(tmp_path / "d" / "brighter.avi")) <= 4


def test_an_interruption_ends_the_file(model: YOLO, video: Path, tmp_path: Path, monkeypatch) -> None:
    calls = []

    def interrupt(predictor: object) -> None:
        calls.append(predictor)
        if len(calls) == 4:
            raise KeyboardInterrupt

    monkeypatch.setitem(model.predictor.callbacks, "on_predict_batch_end", [interrupt])
    with pytest.raises(KeyboardInterrupt):
        list(model.predict(video, project=tmp_path, name="e", **OPTIONS))
    assert len(frames(tmp_path / "e" / "brighter.avi")) == 4


def test_callbacks_see_the_picture(model: YOLO, video: Path, tmp_path: Path, monkeypatch) -> None:
    seen = []
    look = [lambda predictor: seen.append(predictor.plotted_img)]
    monkeypatch.setitem(model.predictor.callbacks, "on_predict_batch_end", look)
    plots = [result.plot() for result in model.predict(video, project=tmp_path, name="g", **OPTIONS)]
    np.testing.assert_array_equal(seen, plots)


def test_videos_of_a_folder_each_get_their_file(model: YOLO, video: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.avi", "b.avi"):
        (tmp_path / "in" / name).write_bytes(video.read_bytes())
    list(model.predict(tmp_path / "in", project=tmp_path, name="h", **OPTIONS))
    assert [len(frames(tmp_path / "h" / name)) for name in ("a.avi", "b.avi")] == [10, 10]
