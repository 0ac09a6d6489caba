"""Videos as they are written: every frame, in order, and a whole file however the prediction ends."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from ultralytics.engine.predictor import BasePredictor

from ayolom import YOLO
from ayolom.engine import video as video_files
from ayolom.engine.video import jpeg_video

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


def test_frames_of_odd_sizes_are_kept_whole(tmp_path: Path) -> None:
    file = tmp_path / "한글 a.avi"
    writer = jpeg_video(file, 12.5, (47, 61))
    if writer is None:
        pytest.skip("this OpenCV does not lay encoded frames into files")
    pictures = [np.full((47, 61, 3), (40 * number, 128, 255 - 40 * number), np.uint8) for number in range(5)]
    for picture in pictures:
        writer.write(picture)
    writer.release()
    read = frames(file)
    assert [picture.shape for picture in read] == [(47, 61, 3)] * 5
    assert max(np.abs(one.astype(int) - other).max() for one, other in zip(read, pictures, strict=True)) <= 3
    capture = cv2.VideoCapture(str(file))
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(12.5)
    assert int(capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little") == b"MJPG"
    capture.release()


def test_a_file_that_cannot_be_written_is_left_to_the_base(tmp_path: Path) -> None:
    assert jpeg_video(tmp_path / "missing" / "a.avi", 10, (48, 64)) is None


@pytest.mark.parametrize("ours", [True, False], ids=["our file", "the base's"])
def test_single_frames_are_written_beside_the_video(
    model: YOLO, video: Path, tmp_path: Path, monkeypatch, ours
) -> None:
    if not ours:
        monkeypatch.setattr(video_files, "_SINCE", (99, 0))
    list(model.predict(video, project=tmp_path, name="i", save_frames=True, vid_stride=2, **OPTIONS))
    assert len(list((tmp_path / "i" / "brighter_frames").glob("*.jpg"))) == 5
    assert len(frames(tmp_path / "i" / "brighter.avi")) == 5
    capture = cv2.VideoCapture(str(tmp_path / "i" / "brighter.avi"))
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(5), "skipped frames do not shorten the video"
    capture.release()


def test_images_reach_the_network_as_the_base_gives_them(model: YOLO, video: Path) -> None:
    rng = np.random.default_rng(3)
    for shapes in ([(90, 128)], [(96, 128)] * 2, [(50, 120), (120, 50)]):
        list(
            model.predict(
                [rng.integers(0, 256, (*shape, 3), np.uint8) for shape in shapes], **OPTIONS | {"save": False}
            )
        )
        predictor = model.predictor
        pictures = [rng.integers(0, 256, (*shape, 3), np.uint8) for shape in shapes]
        expected = BasePredictor.preprocess(predictor, pictures)
        assert torch.equal(predictor.preprocess(pictures), expected)
