"""Export: what the files hold, that they answer like their checkpoint, and what is refused."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from ayolom import YOLO, AyolomError
from ayolom.cli import main
from ayolom.engine.artefact import KEY, description_in, read_description
from ayolom.engine.exported import Exported, _order
from ayolom.engine.exporter import MultiTaskExporter

pytestmark = pytest.mark.skipif(find_spec("onnxruntime") is None, reason='needs pip install "ayolom[export]"')

SIZE = 96
LOW = {"imgsz": SIZE, "conf": 0.05, "iou": 1.0, "max_det": 300, "verbose": False, "precision": "fp32"}
KINDS = {
    "onnx": {"format": "onnx"},
    "onnx, any size": {"format": "onnx", "dynamic": True},
    "onnx, final boxes": {"format": "onnx", "nms": False},
    "torchscript": {"format": "torchscript"},
    "openvino": {"format": "openvino"},
    "openvino, any size": {"format": "openvino", "dynamic": True},
    "ncnn": {"format": "ncnn"},
}
NEEDS = {"openvino": "openvino", "ncnn": "pnnx"}


@pytest.fixture(scope="module")
def best(trained: SimpleNamespace, pictures: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint in a folder of its own, with its scores spread: after two epochs all boxes have about the same."""
    model = YOLO(trained.folder / "weights" / "best.pt")
    head = model.model.model[model.model.heads["damage"]]
    layers = [level[-1] for branch in (head.cv3, head.one2one_cv3) for level in branch]
    seen: dict[int, torch.Tensor] = {}
    hooks = [
        layer.register_forward_hook(lambda _, __, out, i=i: seen.update({i: out})) for i, layer in enumerate(layers)
    ]
    image = torch.from_numpy(np.stack(squares(pictures))).permute(0, 3, 1, 2).flip(1).float() / 255
    with torch.no_grad():
        model.model(image)
        for i, layer in enumerate(layers):
            hooks[i].remove()
            plain = seen[i] - layer.bias[:, None, None]
            layer.weight.mul_(2 / plain.std())
            layer.bias.copy_(-2 - plain.mean((0, 2, 3)) * 2 / plain.std())
    file = tmp_path_factory.mktemp("export") / "best.pt"
    model.save(file)
    return file


@pytest.fixture(scope="module")
def artefact(best: Path):
    """Export once for each kind of `KINDS`, each to a folder without the checkpoint."""
    made: dict[str, Path] = {}

    def export(kind: str) -> Path:
        if module := NEEDS.get(KINDS[kind]["format"]):
            pytest.importorskip(module)
        if kind not in made:
            folder = best.parent / kind.replace(", ", "-").replace(" ", "-")
            folder.mkdir()
            file = Path(YOLO(best).export(imgsz=SIZE, **KINDS[kind]))
            made[kind] = Path(shutil.move(file, folder / file.name))
        return made[kind]

    return export


@pytest.fixture(scope="module")
def pictures(small_data: Path) -> list[Path]:
    return sorted((small_data.parent / "cars" / "images" / "val").iterdir())


def squares(files: list[Path], size: int = SIZE) -> list[np.ndarray]:
    """Pictures cut to the network's size, so that nothing is rescaled before or after it."""
    found = []
    for file in files:
        image = cv2.imread(str(file))
        rows, columns = -image.shape[0] % size, -image.shape[1] % size
        image = cv2.copyMakeBorder(image, 0, rows if image.shape[0] < size else 0, 0, columns, cv2.BORDER_REFLECT)
        found.append(np.ascontiguousarray(image[:size, :size]))
    return found


def assert_same(ours, theirs) -> None:
    """Boxes within 0.5 px, scores within 1e-3, at least 99.9 % of the pixels equal.

    Boxes are matched, not taken in order, since equal scores have none; those that only just made it need no partner.
    """
    a, b = (result.tasks["damage"].boxes.data.numpy() for result in (ours, theirs))
    assert min(len(a), len(b)) > 5
    for some, others in ((a, b), (b, a)):
        sure = some[some[:, 4] > some[:, 4].min() + 1e-3]
        assert len(sure)
        near = np.abs(sure[:, None] - others[None]) <= (0.5, 0.5, 0.5, 0.5, 1e-3, 0)
        assert near.all(2).any(1).all()
    a, b = (result.tasks["parts"].semantic_mask.data.numpy() for result in (ours, theirs))
    assert (a == b).mean() >= 0.999


@pytest.mark.parametrize("kind", KINDS)
def test_files_answer_like_their_checkpoint(kind: str, artefact, best: Path, pictures: list[Path]) -> None:
    file = artefact(kind)
    assert not (file.parent / "best.pt").exists()
    native, exported = YOLO(best), YOLO(file)
    assert exported.task == "multitask"
    assert exported.names == native.names
    nms = KINDS[kind].get("nms")
    for image in squares(pictures):
        assert_same(exported(image, **LOW)[0], native(image, nms=nms, **LOW)[0])


@pytest.mark.parametrize("kind", ["onnx", "openvino"])
def test_pictures_of_other_sizes_meet_the_same_square(kind: str, artefact, best: Path, pictures: list[Path]) -> None:
    """A file of one size pads to a square; a checkpoint does so with rect=False."""
    ours, theirs = YOLO(artefact(kind))(pictures[0], **LOW)[0], YOLO(best)(pictures[0], rect=False, **LOW)[0]
    assert ours.orig_shape == (96, 128)
    assert_same(ours, theirs)


def test_any_size_follows_the_picture_as_the_checkpoint_does(artefact, best: Path, pictures: list[Path]) -> None:
    file = artefact("onnx, any size")
    for settings in ({}, {"imgsz": 128}, {"imgsz": (64, 160)}):
        ours, theirs = (list(YOLO(f)(pictures, **{**LOW, "batch": 3, **settings})) for f in (file, best))
        for a, b in zip(ours, theirs, strict=True):
            assert_same(a, b)


@pytest.mark.parametrize(("kind", "settings"), [("onnx", {"rect": False}), ("onnx, any size", {})])
def test_val_gives_the_same_metrics(
    kind: str, settings: dict, artefact, best: Path, small_data: Path, tmp_path
) -> None:
    common = {"data": str(small_data), "imgsz": SIZE, "workers": 0, "plots": False, "verbose": False, "batch": 2}
    common |= {"project": str(tmp_path), "exist_ok": True, "precision": "fp32", **settings}
    ours, theirs = (YOLO(file).val(**common).results_dict for file in (artefact(kind), best))
    del theirs["metrics/parts/calibration_error"]  # the file gives classes, the checkpoint also how sure it is
    assert ours == pytest.approx(theirs, abs=1e-3)


def test_onnx_outputs_have_names_types_and_no_branches(artefact) -> None:
    onnx = pytest.importorskip("onnx")
    for kind, damage in (("onnx", [1, 10, 189]), ("onnx, any size", ["batch", 10, "anchors"])):
        model = onnx.load(artefact(kind))
        onnx.checker.check_model(model, full_check=True)
        outputs = {
            output.name: (
                [dim.dim_param or dim.dim_value for dim in output.type.tensor_type.shape.dim],
                onnx.helper.tensor_dtype_to_np_dtype(output.type.tensor_type.elem_type).name,
            )
            for output in model.graph.output
        }
        size = [1, SIZE, SIZE] if kind == "onnx" else ["batch", "height", "width"]
        assert outputs == {"damage": (damage, "float32"), "parts": (size, "uint8")}
        operations = Counter(node.op_type for node in model.graph.node)
        assert not {"If", "Loop", "BatchNormalization"} & set(operations)


def test_final_boxes_on_request(artefact) -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.load(artefact("onnx, final boxes"))
    assert [dim.dim_value for dim in model.graph.output[0].type.tensor_type.shape.dim] == [1, 189, 6]
    description = read_description(artefact("onnx, final boxes"))
    assert description["end2end"] is True
    assert description["tasks"][0]["content"] == "x1 y1 x2 y2 score class"


@pytest.mark.parametrize("kind", ["onnx", "torchscript", "openvino", "ncnn"])
def test_description_is_data_without_places_of_this_machine(kind: str, artefact, best: Path) -> None:
    file = artefact(kind)
    description = read_description(file)
    assert [(task["name"], task["kind"]) for task in description["tasks"]] == [
        ("damage", "detect"),
        ("parts", "semantic"),
    ]
    damage, parts = description["tasks"]
    assert damage["strides"] == [8, 16, 32]
    assert parts["strides"][0] == 8
    assert parts["names"]["0"] == "background"
    assert [5, 6] in parts["flip_pairs"] or len(parts["flip_pairs"]) > 3
    assert {row["block"] for row in description["gates"]} == {"parts.neck"}
    assert description["imgsz"] == [SIZE, SIZE]
    assert not {"labels", "masks", "polygons"} & set(damage)
    files = [file] if file.is_file() else [file / "metadata.yaml"]
    assert str(best.parent).encode() not in b"".join(f.read_bytes() for f in files)


def test_closed_gates_and_what_only_training_needs_are_gone(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    sizes = {}
    for name, value in (("open", 3.0), ("closed", -3.0)):
        model = YOLO("aYOLOM26n.yaml")
        for gate in model.model.gates():
            gate.gate.data.fill_(value)
        model.model.pt_path = str(tmp_path / f"{name}.pt")
        file = model.export(imgsz=64)
        graph = onnx.load(file).graph
        sizes[name] = len(graph.node)
        assert not any(word in tensor.name for tensor in graph.initializer for word in ("gate", "aux_head"))
        assert {row["open"] for row in read_description(file)["gates"]} == {name == "open"}
    assert sizes["closed"] < sizes["open"]


def test_one_task_alone(best: Path, tmp_path: Path, pictures: list[Path]) -> None:
    onnx = pytest.importorskip("onnx")
    copy = shutil.copy(best, tmp_path / "mask.pt")
    file = YOLO(copy).export(imgsz=SIZE, only_tasks=["parts"])
    assert [output.name for output in onnx.load(file).graph.output] == ["parts"]
    found = YOLO(file)(squares(pictures)[0], **LOW)[0]
    assert list(found.tasks) == ["parts"]
    native = YOLO(best)(squares(pictures)[0], **LOW)[0]
    assert torch.equal(found.semantic_mask.data, native.semantic_mask.data)


def test_command_line(artefact, small_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    file, root = artefact("onnx, any size"), small_data.parent / "cars"
    common = [f"project={tmp_path}", "exist_ok=True", f"imgsz={SIZE}", f"model={file}"]
    for source in (root / "images" / "val", root / "walkaround.mp4"):
        assert main(["yolo", "predict", f"source={source}", "name=p", "vid_stride=24", *common]) == 0
    assert len(list((tmp_path / "p").glob("*.jpg"))) == 4
    assert list((tmp_path / "p").glob("walkaround.*"))
    assert main(["yolo", "val", f"data={small_data}", "name=v", "plots=False", "workers=0", *common]) == 0
    assert main(["yolo", "predict", f"source={root}", "only_tasks=[part]", *common]) == 1
    assert "Did you mean 'parts'" in capsys.readouterr().err
    for mode in ("train", "export"):
        assert main(["yolo", mode, f"model={file}", f"data={small_data}"]) == 1
        assert "is an exported file" in capsys.readouterr().err


def test_only_asked_tasks_are_answered(artefact, pictures: list[Path]) -> None:
    model = YOLO(artefact("onnx"))
    assert list(model(pictures[0], only_tasks=["parts"], **LOW)[0].tasks) == ["parts"]
    assert list(model(pictures[0], **LOW)[0].tasks) == ["damage", "parts"]


def test_opencv_runs_the_same_file(artefact, best: Path, pictures: list[Path]) -> None:
    image = squares(pictures)[0]
    assert_same(YOLO(artefact("onnx"))(image, dnn=True, **LOW)[0], YOLO(best)(image, **LOW)[0])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"format": "mnn"}, "not exported to it"),
        ({"format": "onx"}, "Did you mean 'onnx'"),
        ({"nms": True}, "nms=False"),
        ({"quantize": 8}, "data="),
        ({"quantize": "w8a16"}, "quantize=8, 16, 32"),
        ({"format": "ncnn", "quantize": 8}, "quantize=16, 32"),
        ({"only_tasks": ["part"]}, "Did you mean 'parts'"),
        ({"dynamics": True}, "Did you mean 'dynamic'"),
    ],
    ids=str,
)
def test_refusals(settings: dict, message: str, best: Path) -> None:
    with pytest.raises(AyolomError, match=message):
        YOLO(best).export(imgsz=SIZE, **settings)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU builds it")
def test_an_engine_needs_the_gpu_that_runs_it(best: Path) -> None:
    with pytest.raises(AyolomError, match="export format=onnx"):
        YOLO(best).export(format="engine")


def test_a_missing_package_is_named(best: Path, artefact, pictures, monkeypatch: pytest.MonkeyPatch) -> None:
    from ayolom.engine import export_formats

    file = artefact("onnx")
    monkeypatch.setattr(export_formats, "find_spec", lambda _: None)
    with pytest.raises(AyolomError, match=r'onnx, onnxruntime, onnxslim.*pip install "ayolom\[export\]"'):
        YOLO(best).export(format="onnx")
    with pytest.raises(AyolomError, match=r'onnxruntime.*pip install "ayolom\[export\]"'):
        YOLO(file)(pictures[0])


def test_a_failed_export_leaves_what_was_there(best: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = Path(shutil.copy(best, tmp_path / "best.pt"))
    copy.with_suffix(".onnx").write_bytes(b"earlier")

    def fail(self) -> str:
        self.file.with_suffix(".onnx").write_bytes(b"half")
        raise RuntimeError("disk full")

    monkeypatch.setattr(MultiTaskExporter, "_named_onnx", fail)
    with pytest.raises(RuntimeError, match="disk full"):
        YOLO(copy).export(imgsz=SIZE)
    assert copy.with_suffix(".onnx").read_bytes() == b"earlier"
    assert sorted(f.name for f in tmp_path.iterdir()) == ["best.onnx", "best.pt"]


def test_the_network_itself_stays_trainable(best: Path) -> None:
    model = YOLO(best)
    model.export(imgsz=SIZE, format="torchscript")
    assert not model.model.is_fused()
    assert model.model.active is None


class TestOrderOfOutputs:
    """Which output is whose comes from names, never from a place."""

    @pytest.fixture
    def description(self) -> dict:
        names = {"0": "a", "1": "b"}
        damage = {"name": "damage", "kind": "detect", "names": names, "axes": ["batch", 6, "anchors"]}
        masks = [
            {"name": name, "kind": "semantic", "names": names, "axes": ["batch", "height", "width"]}
            for name in ("parts", "area")
        ]
        return {"tasks": [*masks, damage], "stride": 32, "imgsz": [64, 64], "end2end": False}

    @pytest.mark.parametrize(
        ("backend", "order"),
        [
            (SimpleNamespace(format="engine"), ["area", "damage", "parts"]),
            (SimpleNamespace(format="triton"), ["area", "damage", "parts"]),
            (SimpleNamespace(format="torchscript"), ["parts", "area", "damage"]),
            (SimpleNamespace(format="onnx", output_names=["damage", "area", "parts"]), ["damage", "area", "parts"]),
        ],
        ids=["engine", "triton", "torchscript", "onnx"],
    )
    def test_names(self, backend: SimpleNamespace, order: list[str], description: dict) -> None:
        values = [torch.full((1, 2), float(i)) for i in range(3)]
        found = Exported(description).answers(backend, values)
        assert list(found) == ["parts", "area", "damage"]
        assert {name: float(value[0, 0]) for name, value in found.items()} == {n: float(order.index(n)) for n in found}

    def test_more_than_ten_outputs_of_ncnn(self) -> None:
        tasks = [f"task{i}" for i in range(12)]
        net = SimpleNamespace(output_names=lambda: [f"out{i}" for i in range(12)])
        backend = SimpleNamespace(format="ncnn", net=net)
        assert _order(backend, tasks) == [f"task{i}" for i in (0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9)]

    def test_shapes_where_names_are_lost(self, description: dict) -> None:
        coreml = SimpleNamespace(format="coreml")
        two = {**description, "tasks": description["tasks"][1:]}
        values = [torch.zeros(1, 6, 84), torch.zeros(1, 64, 64)]
        assert Exported(two).answers(coreml, values)["damage"] is values[0]
        assert Exported(two).answers(coreml, values[::-1])["damage"] is values[0]
        with pytest.raises(AyolomError, match="fits parts, area"):
            Exported(description).answers(coreml, [*values, values[1]])

    def test_other_outputs_than_described(self, description: dict) -> None:
        with pytest.raises(AyolomError, match="export it again"):
            Exported(description).answers(SimpleNamespace(format="onnx", output_names=["output0"]), torch.zeros(1))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "damaged"),
        ("[]", "damaged"),
        ("{}", "damaged"),
        (json.dumps({"format_version": 99, "tasks": [1]}), "newer"),
        (json.dumps({"format_version": 1, "tasks": []}), "names no task"),
    ],
    ids=["cut", "list", "empty", "newer", "no task"],
)
def test_damaged_descriptions(text: str, message: str) -> None:
    with pytest.raises(AyolomError, match=message):
        description_in({KEY: text}, "file")


def test_files_of_others_are_the_base_s(tmp_path: Path) -> None:
    (tmp_path / "other.onnx").write_bytes(b"\x08\x08")
    assert read_description(tmp_path / "other.onnx") is None
    assert read_description(tmp_path / "missing.onnx") is None
    assert description_in({"task": "detect"}, "file") is None


@pytest.mark.slow
@pytest.mark.shared_data
@pytest.mark.parametrize("kind", ["onnx", "openvino"])
def test_real_pictures_at_their_own_size(kind: str, best: Path, shared_data: Path, tmp_path: Path) -> None:
    """Pictures are cut to multiples of 32, not scaled, and the file is exported for any size."""
    if module := NEEDS.get(kind):
        pytest.importorskip(module)
    copy = shutil.copy(best, tmp_path / "best.pt")
    exported, native = YOLO(YOLO(copy).export(imgsz=320, format=kind, dynamic=True)), YOLO(best)
    files = sorted((shared_data / "doha").rglob("*.JPEG"))[:3] + sorted((shared_data / "dsmlr").rglob("*.jpg"))[:3]
    assert len(files) == 6
    for file in files:
        image = cv2.imread(str(file))
        height, width = image.shape[0] // 32 * 32, image.shape[1] // 32 * 32
        settings = {**LOW, "imgsz": (height, width)}
        assert_same(exported(image[:height, :width], **settings)[0], native(image[:height, :width], **settings)[0])


@pytest.mark.slow
@pytest.mark.parametrize("form", ["onnx", "openvino"])
def test_int8_is_calibrated_with_our_data(form: str, best: Path, small_data: Path, tmp_path: Path) -> None:
    pytest.importorskip("nncf" if form == "openvino" else "onnxruntime")
    copy = shutil.copy(best, tmp_path / "best.pt")
    file = Path(YOLO(copy).export(imgsz=SIZE, format=form, quantize=8, data=str(small_data)))
    assert "int8" in file.name
    common = {"data": str(small_data), "imgsz": SIZE, "workers": 0, "plots": False, "rect": False, "verbose": False}
    ours, theirs = (YOLO(f).val(project=str(tmp_path), **common).results_dict for f in (file, best))
    assert ours["metrics/parts/mIoU"] == pytest.approx(theirs["metrics/parts/mIoU"], abs=0.03)
