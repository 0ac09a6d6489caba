"""Large pictures searched tile by tile, with a network that finds rectangles of full colour, so the truth is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import yaml

from ayolom import YOLO, AyolomError
from ayolom.cli import main
from ayolom.config import make_settings
from ayolom.engine.tiled import TileSearch
from ayolom.tasks import TaskSpec, make_task

NETWORK = """
end2end: True
reg_max: 1
backbone:
  - [-1, 1, Conv, [8, 3, 2]]
  - [-1, 1, Conv, [16, 3, 2]]
  - [-1, 1, Conv, [16, 3, 2]]
tasks:
  damage: {kind: detect, nc: 2, head: [[B2], Detect, []]}
  parts: {kind: semantic, nc: 2, head: [[B2], SegmentationHead, [8, 8]]}
  rust: {kind: detect, nc: 1, head: [[B2], Detect, []]}
"""
SIDE = 160
SEEN = 6  # pixels of its input that the network needs of a rectangle's shorter side
COLORS = {("damage", 0): (0, 0, 255), ("damage", 1): (0, 255, 0), ("rust", 0): (255, 0, 0)}  # BGR
# x1, y1, x2, y2 in a picture of 400 x 600: what is small is lost when 600 pixels become 160.
SMALL = {
    ("damage", 0): [(20, 30, 32, 40), (300, 200, 312, 214), (141, 300, 165, 312)],
    ("damage", 1): [(310, 20, 322, 36)],
    ("rust", 0): [(580, 384, 600, 400), (0, 0, 10, 8)],
}
LARGE = (340, 60, 560, 330)  # damage of class 1, larger than a tile
OPTIONS = {"imgsz": SIDE, "verbose": False}


def painted(small: bool = True, large: bool = True) -> np.ndarray:
    """Return the picture, (400, 600, 3) BGR: small rectangles of three colours, and a large one."""
    image = np.full((400, 600, 3), 90, np.uint8)
    for key, boxes in (SMALL if small else {}).items():
        for x1, y1, x2, y2 in boxes:
            image[y1:y2, x1:x2] = COLORS[key]
    if large:
        image[LARGE[1] : LARGE[3], LARGE[0] : LARGE[2]] = COLORS["damage", 1]
    return image


def rectangles(image: np.ndarray, color: tuple[int, int, int]) -> list[list[float]]:
    """Return xyxy of the areas of a colour in (H, W, 3) BGR of which the network's eyes see enough."""
    area = np.all(np.abs(image.astype(int) - color) < 60, 2).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(area, connectivity=8)
    return [[x, y, x + w, y + h] for x, y, w, h, _ in stats[1:].tolist() if min(w, h) >= SEEN]


class Calls(list):
    """What was run; the network is copied before it predicts, this is not."""

    def __deepcopy__(self, _: Any) -> Calls:
        return self


class Eyes:
    """Stands in for the layers: boxes of coloured rectangles, and a class map of what is brighter than grey."""

    def __init__(self, network: Any) -> None:
        self.network = network
        self.calls = Calls()

    def __call__(self, x: torch.Tensor, *_: Any, **__: Any) -> dict[str, Any]:
        active = self.network.active if self.network.active is not None else frozenset(self.network.tasks)
        self.calls.append((tuple(x.shape), active))
        images = (x.permute(0, 2, 3, 1).flip(3) * 255).round().nan_to_num().clamp(0, 255).to(torch.uint8).numpy()
        found: dict[str, Any] = {}
        for name in self.network.tasks:
            if name == "parts" and name in active:
                found[name] = torch.stack((torch.full_like(x[:, 0], 0.6), x.amax(1)), 1)
            elif name in active:
                found[name] = torch.stack([self._boxes(image, name) for image in images])
        return found

    @staticmethod
    def _boxes(image: np.ndarray, name: str) -> torch.Tensor:
        rows = [
            [*box, 0.9, c] for (task, c), color in COLORS.items() if task == name for box in rectangles(image, color)
        ]
        table = torch.zeros(40, 6)
        table[: len(rows)] = torch.tensor(rows, dtype=torch.float32).view(-1, 6)
        return table


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of three tasks, its weights as drawn."""
    folder = tmp_path_factory.mktemp("weights")
    (folder / "tiny.yaml").write_text(NETWORK)
    torch.manual_seed(0)
    YOLO(folder / "tiny.yaml").save(folder / "tiny.pt")
    return folder / "tiny.pt"


@pytest.fixture
def seeing(weights: Path) -> SimpleNamespace:
    """That model with eyes for layers: `model` and `calls`, the shape of each input with the tasks it was run for."""
    model = YOLO(weights)
    eyes = Eyes(model.model)
    model.model._predict_once = eyes
    model.predict(painted(), **OPTIONS)  # a warm-up, if any, is over
    eyes.calls.clear()
    return SimpleNamespace(model=model, calls=eyes.calls)


def boxes_of(result: Any) -> dict[tuple[str, int], list[list[float]]]:
    """Return the boxes of a result by task and class, sorted."""
    found: dict[tuple[str, int], list[list[float]]] = {}
    for name in ("damage", "rust"):
        for row in result.tasks[name].boxes.data.tolist():
            found.setdefault((name, int(row[5])), []).append(row[:4])
    return {key: sorted(rows) for key, rows in found.items()}


def assert_truth(result: Any, small: bool = True, large: bool = True) -> None:
    """Compare with what was painted: small ones to the pixel, the large one to a pixel of the network's input."""
    found = boxes_of(result)
    if large:
        place = min(
            range(len(found["damage", 1])), key=lambda i: np.abs(np.subtract(found["damage", 1][i], LARGE)).sum()
        )
        np.testing.assert_allclose(found["damage", 1].pop(place), LARGE, atol=600 / SIDE)
    expected = {key: sorted(map(list, rows)) for key, rows in SMALL.items()} if small else {}
    assert {key: rows for key, rows in found.items() if rows} == expected


def test_without_tiles_small_ones_are_lost(seeing: SimpleNamespace) -> None:
    assert_truth(seeing.model.predict(painted(), **OPTIONS)[0], small=False)
    assert len(seeing.calls) == 1


def test_tiles_find_the_small_and_the_whole_finds_the_large(seeing: SimpleNamespace) -> None:
    """Among the small: at corners of the picture, in one tile only, and across the edge of a tile."""
    result = seeing.model.predict(painted(), tile=SIDE, **OPTIONS)[0]
    assert_truth(result)
    assert list(result.tasks) == ["damage", "parts", "rust"]
    assert result.orig_shape == (400, 600)
    assert all((np.diff(task.boxes.conf) <= 0).all() for task in (result.tasks["damage"], result.tasks["rust"]))


def test_only_tasks_that_look_at_tiles_are_run_on_them(seeing: SimpleNamespace) -> None:
    plain = seeing.model.predict(painted(), **OPTIONS)[0].tasks["parts"].semantic_mask.data
    seeing.calls.clear()
    result = seeing.model.predict(painted(), tile=SIDE, **OPTIONS)[0]
    torch.testing.assert_close(result.tasks["parts"].semantic_mask.data, plain)
    on_tiles, whole = seeing.calls[:-1], seeing.calls[-1]
    assert [shape[0] for shape, _ in on_tiles] == [4, 4, 4, 3]  # 3 x 5 tiles, four at a time
    assert {shape[2:] for shape, _ in on_tiles} == {(SIDE, SIDE)}
    assert {active for _, active in on_tiles} == {frozenset({"damage", "rust"})}
    assert whole == ((1, 3, 128, SIDE), frozenset({"damage", "parts", "rust"}))


def test_tiles_alone(seeing: SimpleNamespace) -> None:
    result = seeing.model.predict(painted(large=False), tile=SIDE, tile_whole=False, **OPTIONS)[0]
    assert_truth(result, large=False)
    assert seeing.calls[-1][1] == {"parts"}
    assert result.tasks["parts"].semantic_mask.data.shape == (400, 600)


def test_chosen_tasks(seeing: SimpleNamespace) -> None:
    result = seeing.model.predict(painted(), tile=SIDE, only_tasks=["rust"], **OPTIONS)[0]
    assert list(result.tasks) == ["rust"]
    assert len(result.tasks["rust"].boxes) == 2
    assert {active for _, active in seeing.calls} == {frozenset({"rust"})}
    seeing.calls.clear()
    assert list(seeing.model.predict(painted(), tile=SIDE, only_tasks=["parts"], **OPTIONS)[0].tasks) == ["parts"]
    assert len(seeing.calls) == 1


def test_settings_by_task_hold_on_tiles(seeing: SimpleNamespace) -> None:
    given = {"conf": {"rust": 0.95}, "classes": {"damage": [0]}, "max_det": {"damage": 2}}
    result = seeing.model.predict(painted(), tile=SIDE, **given, **OPTIONS)[0]
    assert {key: len(rows) for key, rows in boxes_of(result).items()} == {("damage", 0): 2}


@pytest.mark.parametrize("whole", [True, False], ids=["and the whole", "tiles alone"])
def test_a_picture_smaller_than_a_tile_is_searched_once(whole: bool, seeing: SimpleNamespace) -> None:
    image = painted()[:120, :150]
    plain = seeing.model.predict(image, **OPTIONS)[0]
    seeing.calls.clear()
    result = seeing.model.predict(image, tile=SIDE, tile_whole=whole, **OPTIONS)[0]
    assert boxes_of(result) == boxes_of(plain) != {}
    assert sum("damage" in active for _, active in seeing.calls) == 1


def test_tiles_are_brought_to_the_size_of_the_network(seeing: SimpleNamespace) -> None:
    """A tile of half the network's size is enlarged: a rectangle of 4 pixels becomes one of 8, which is seen."""
    image = np.full((90, 200, 3), 90, np.uint8)
    image[10:14, 150:155] = COLORS["rust", 0]
    result = seeing.model.predict(image, tile=SIDE // 2, **OPTIONS)[0]
    np.testing.assert_allclose(boxes_of(result)["rust", 0], [[150, 10, 155, 14]], atol=1)
    assert {shape[2:] for shape, _ in seeing.calls[:-1]} == {(SIDE, SIDE)}


def test_batches_of_different_pictures_and_tensors(seeing: SimpleNamespace) -> None:
    pictures = [painted(), painted()[:120, :150], painted(large=False)]
    together = seeing.model.predict(pictures, tile=SIDE, batch=3, **OPTIONS)
    for image, result in zip(pictures, together, strict=True):
        single = seeing.model.predict(image, tile=SIDE, **OPTIONS)[0]
        assert result.orig_shape == image.shape[:2]
        assert {key: len(rows) for key, rows in boxes_of(result).items()} == {
            key: len(rows) for key, rows in boxes_of(single).items()
        }
    tensor = torch.from_numpy(painted(large=False)[:384, :, ::-1].copy()).permute(2, 0, 1)[None, :, :, :576] / 255
    found = boxes_of(seeing.model.predict(tensor, tile=SIDE, **OPTIONS)[0])
    assert found["damage", 0] == [[20, 30, 32, 40], [141, 300, 165, 312], [300, 200, 312, 214]]


def test_every_frame_of_a_video(seeing: SimpleNamespace, tmp_path: Path) -> None:
    writer = cv2.VideoWriter(str(tmp_path / "walk.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (600, 400))
    for _ in range(3):
        writer.write(painted())
    writer.release()
    options = {**OPTIONS, "save": True, "project": tmp_path, "name": "out", "stream": True}
    results = list(seeing.model.predict(tmp_path / "walk.avi", tile=SIDE, **options))
    assert len(results) == 3
    for result in results:
        assert {key: len(rows) for key, rows in boxes_of(result).items()} == {
            ("damage", 0): 3,
            ("damage", 1): 2,
            ("rust", 0): 2,
        }
    capture = cv2.VideoCapture(str(tmp_path / "out" / "walk.avi"))
    assert [capture.read()[1].shape for _ in range(3)] == [(400, 600, 3)] * 3
    capture.release()


# Validation -----------------------------------------------------------------------------------------------------------
@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data set of the small rectangles: two pictures labelled for damage, one of them for rust and parts as well."""
    for folder in ("images/val", "labels/val", "rust/val", "masks/val"):
        (tmp_path / folder).mkdir(parents=True)
    for name in "ab":
        cv2.imwrite(str(tmp_path / "images" / "val" / f"{name}.png"), painted(large=False))
        (tmp_path / "labels" / "val" / f"{name}.txt").write_text(_rows("damage"))
    (tmp_path / "rust" / "val" / "b.txt").write_text(_rows("rust"))
    cv2.imwrite(str(tmp_path / "masks" / "val" / "b.png"), (painted(large=False).max(2) > 200).astype(np.uint8))
    tasks = {
        "damage": {"kind": "detect", "labels": "labels", "names": ["dent", "scratch"]},
        "parts": {"kind": "semantic", "masks": "masks", "names": ["background", "bright"]},
        "rust": {"kind": "detect", "labels": "rust", "names": ["rust"]},
    }
    file = tmp_path / "data.yaml"
    file.write_text(yaml.safe_dump({"path": str(tmp_path), "train": "images/val", "val": "images/val", "tasks": tasks}))
    return file


def _rows(task: str) -> str:
    """Return the small rectangles of a task as YOLO text."""
    rows = []
    for (name, kind), boxes in SMALL.items():
        for x1, y1, x2, y2 in boxes if name == task else ():
            rows.append(f"{kind} {(x1 + x2) / 1200} {(y1 + y2) / 800} {(x2 - x1) / 600} {(y2 - y1) / 400}\n")
    return "".join(rows)


def test_scoring_counts_what_tiles_find(seeing: SimpleNamespace, data: Path, tmp_path: Path) -> None:
    options = {"data": str(data), "imgsz": SIDE, "plots": False, "workers": 0, "batch": 2, "threads": 1}
    options |= {"project": str(tmp_path), "exist_ok": True, "verbose": False}
    plain = seeing.model.val(**options).results_dict
    tiled = seeing.model.val(tile=SIDE, **options).results_dict
    for name in ("damage", "rust"):
        assert plain[f"metrics/{name}/mAP50"] == 0
        assert tiled[f"metrics/{name}/mAP50-95"] == pytest.approx(0.995)  # the base's for all right
    assert tiled["metrics/parts/mIoU"] == plain["metrics/parts/mIoU"]
    assert seeing.model.val(tile=SIDE, tile_whole=False, **options).results_dict["metrics/rust/mAP50"] > 0.99


# Settings and command line --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("tile=20", r"tile=20: must be the side of a tile in pixels, 32 or more, or 0 for no tiles"),
        ("tile=-640", r"tile=-640: must be the side"),
        ("tile=True", r"tile=True: must be a number"),
        ("tile_overlap=1.0", r"tile_overlap=1.0: must be the share that two tiles have in common, 0 to 0.9"),
        ("tile_overlap=-0.1", r"tile_overlap=-0.1: must be the share"),
        ("tile_overlap=20", r"tile_overlap=20: must be the share"),
        ("tile_whole=1", r"tile_whole=1: must be True or False"),
        ("tile_overlp=0.2", r"tile_overlp: no such setting. Did you mean 'tile_overlap'"),
        ("slice=640", r"slice: no such setting. Did you mean 'tile'"),
        ("slices=640", r"slices=640: must be True or False; to search large pictures tile by tile say tile=640"),
    ],
    ids=lambda value: value if "must" not in value else "",
)
def test_wrong_values_are_refused(word: str, message: str, weights: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["yolo", "predict", f"model={weights}", "source=nowhere.jpg", "tile=640", word]) == 1
    assert message.replace("\\", "") in capsys.readouterr().err


def test_predict_from_the_command_line(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With real layers, whose weights are as drawn: every file is there, and boxes lie inside the picture."""
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("large.jpg", painted())
    words = ["source=large.jpg", "imgsz=96", "conf=0.0001", "max_det=40", "threads=1", "save_txt=True"]
    words += ["tile=160", "tile_overlap=0.3", f"project={tmp_path}/runs", "name=p"]
    assert main(["yolo", "predict", f"model={weights}", *words]) == 0
    assert cv2.imread("runs/p/large.jpg").shape == (400, 600, 3)
    assert cv2.imread("runs/p/labels-parts/large.png", cv2.IMREAD_UNCHANGED).shape == (400, 600)
    rows = np.loadtxt("runs/p/labels/large.txt")
    assert 0 < len(rows) <= 40
    assert (rows[:, 1:3] - rows[:, 3:] / 2 >= -1e-4).all()
    assert (rows[:, 1:3] + rows[:, 3:] / 2 <= 1 + 1e-4).all()
    assert Path("runs/p/labels-rust/large.txt").is_file()


def test_tiles_are_off_by_default_and_not_remembered(weights: Path) -> None:
    assert make_settings().tile == 0
    model = YOLO(weights)
    model.predict(painted(), tile=SIDE, **OPTIONS)
    assert model.predictor.search is not None
    model.predict(painted(), **OPTIONS)
    assert model.predictor.search is None


# Exported files -------------------------------------------------------------------------------------------------------
def backend(calls: list[int], **more: Any) -> Callable[..., Any]:
    """Return what stands for the base's backend of an exported file: a box in the middle of each tile."""

    class Backend(SimpleNamespace):
        def __call__(self, batch: torch.Tensor, **_: Any) -> dict[str, torch.Tensor]:
            calls.append(len(batch))
            return {"damage": torch.tensor([[[40.0, 40.0, 60.0, 60.0, 0.9, 0.0]]]).repeat(len(batch), 1, 1)}

    task = make_task(TaskSpec("damage", "detect", {0: "dent"}))
    return Backend(heads={}, tasks={"damage": task}, active=None, metadata={"batch": 3}, **more)


@pytest.mark.parametrize(
    ("model", "batches"),
    [({"format": "onnx"}, [3, 3]), ({"format": "onnx", "dynamic": True}, [4]), ({"format": "pt"}, [4])],
    ids=["fixed batch", "any batch", "network"],
)
def test_files_of_a_fixed_batch_get_no_fewer_tiles(model: dict[str, Any], batches: list[int]) -> None:
    args = SimpleNamespace(conf=0.1, iou=0.7, classes=None, agnostic_nms=False, max_det=300, end2end=True)
    calls: list[int] = []
    search = TileSearch(
        backend(calls, **model),
        make_settings({"tile": 100, "tile_overlap": 0}),
        None,
        batch=1,
        prepare=lambda crops: torch.zeros(len(crops), 3, 100, 100),
        task_args=lambda _: args,
    )
    image = np.zeros((200, 200, 3), np.uint8)
    merged = search.merge(search(image), {}, (200, 200))
    assert calls == batches
    assert sorted(row[:2] for row in merged["damage"]["boxes"].tolist()) == [[40, 40], [40, 140], [140, 40], [140, 140]]


def test_mask_tasks_do_not_look_at_tiles() -> None:
    task = make_task(TaskSpec("parts", "semantic", {0: "background", 1: "hood"}))
    assert not task.tiled
    with pytest.raises(NotImplementedError, match="tasks of kind semantic do not look at tiles"):
        task.merge_tiles([], (10, 10), None)


def test_an_image_that_vanishes_is_named(seeing: SimpleNamespace, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(file: str) -> np.ndarray:
        raise AyolomError(f"{file}: cannot be read any more")

    monkeypatch.setattr("ayolom.engine.tiled_validation.read_image", gone)
    with pytest.raises(AyolomError, match=r"[ab]\.png: cannot be read any more"):
        seeing.model.val(
            data=str(data),
            imgsz=SIDE,
            tile=SIDE,
            plots=False,
            workers=0,
            verbose=False,
            save_dir=str(data.parent / "v"),
        )
