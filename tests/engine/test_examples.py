"""The examples beside the package run as they stand and agree with it."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType, SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

pytest.importorskip("onnxruntime", reason='needs pip install "ayolom[export]"')


@pytest.fixture(scope="module")
def example(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("onnx_runtime", root / "examples" / "onnx_runtime.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_is_short_and_needs_three_packages(root: Path) -> None:
    text = (root / "examples" / "onnx_runtime.py").read_text()
    assert len(text.splitlines()) < 120
    imports = {line.split()[1].split(".")[0] for line in text.splitlines() if line.startswith(("import ", "from "))}
    assert imports == {"__future__", "json", "sys", "pathlib", "cv2", "numpy", "onnxruntime"}


@pytest.mark.parametrize("shape", [(480, 640), (333, 211), (64, 64), (100, 900)], ids=str)
def test_pictures_are_prepared_as_the_base_prepares_them(shape: tuple[int, int], example: ModuleType) -> None:
    from ultralytics.data.augment import LetterBox

    image = np.random.default_rng(0).integers(0, 255, (*shape, 3)).astype(np.uint8)
    expected = LetterBox((96, 128), auto=False)(image=image)[..., ::-1].transpose(2, 0, 1)[None] / 255
    np.testing.assert_allclose(example.prepared(image, 96, 128)[0], expected, atol=1e-6)


def test_raw_boxes_are_suppressed_as_predict_does(example: ModuleType) -> None:
    from ultralytics.utils.nms import non_max_suppression

    random = np.random.default_rng(0)
    centres, sizes = random.uniform(40, 300, (2, 200)), random.uniform(20, 80, (2, 200))
    raw = np.concatenate((centres, sizes, random.uniform(0, 1, (3, 200)))).astype(np.float32)[None]
    ours = example.final_boxes(raw, {"content": "x y w h, then the score of each class"})
    theirs = non_max_suppression(torch.from_numpy(raw), example.CONF, example.IOU)[0].numpy()
    np.testing.assert_allclose(ours[np.argsort(-ours[:, 4])], theirs, atol=1e-3)


@pytest.mark.parametrize("nms", [None, False], ids=["raw", "final boxes"])
def test_a_picture_is_answered(
    nms: bool | None, example: ModuleType, trained: SimpleNamespace, small_data: Path, tmp_path: Path, capsys
) -> None:
    from ayolom import YOLO

    copy = shutil.copy(trained.folder / "weights" / "best.pt", tmp_path / "best.pt")
    file = YOLO(copy).export(imgsz=96, nms=nms)
    picture = next((small_data.parent / "cars" / "images" / "val").iterdir())
    capsys.readouterr()
    example.main(file, str(picture), str(tmp_path / "out.jpg"))
    assert cv2.imread(str(tmp_path / "out.jpg")).shape == cv2.imread(str(picture)).shape
    lines = capsys.readouterr().out
    assert "damage:" in lines
    mask = YOLO(copy)(picture, imgsz=96, rect=False, verbose=False, precision="fp32")[0].semantic_mask.data
    names = trained.model.model.tasks["parts"].spec.names
    assert all(names[int(value)] in lines for value in mask.unique())
