"""A model repository for Triton, read back through the base's client from a small stand-in for the server.

The stand-in speaks the two requests of the protocol that the client makes (https://github.com/kserve/open-inference-protocol
with Triton's binary tensors): a model's config, and one inference. It runs the repository's own file.
"""

from __future__ import annotations

import json
import re
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ayolom import YOLO
from ayolom.cli import main

onnxruntime = pytest.importorskip("onnxruntime", reason='needs pip install "ayolom[export]"')
TYPES = {"float32": "FP32", "uint8": "UINT8"}


@pytest.fixture(scope="module")
def repository(trained: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = shutil.copy(trained.folder / "weights" / "best.pt", tmp_path_factory.mktemp("triton") / "best.pt")
    return Path(YOLO(copy).export(format="triton", imgsz=96, dynamic=True))


def config_of(text: str) -> dict:
    """The server's JSON form of a config.pbtxt as we write it."""
    strings = r'"(?:[^"\\]|\\.)*"'
    found: dict = {"input": [], "output": [], "parameters": {}}
    for word, name, kind, dims in re.findall(
        rf"(input|output) \[ {{ name: ({strings}) data_type: (\w+) dims: \[ (.*?) \]", text
    ):
        found[word].append({"name": json.loads(name), "data_type": kind, "dims": [int(d) for d in dims.split(",")]})
    text = re.search(rf"string_value: ({strings})", text)[1]
    found["parameters"]["metadata"] = {"string_value": json.loads(text)}
    return found


@pytest.fixture(scope="module")
def address(repository: Path):
    session = onnxruntime.InferenceSession(repository / "best" / "1" / "model.onnx", providers=["CPUExecutionProvider"])
    config = config_of((repository / "best" / "config.pbtxt").read_text())

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def answer(self, body: bytes, **headers: str) -> None:
            self.send_response(200)
            for key, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(key.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            assert self.path == "/v2/models/best/config"
            self.answer(json.dumps(config).encode())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            length = int(self.headers["Inference-Header-Content-Length"])
            request = json.loads(body[:length])
            (entry,) = request["inputs"]
            image = np.frombuffer(body[length:], np.float32).reshape(entry["shape"])
            names = [output["name"] for output in request["outputs"]]
            arrays = [np.ascontiguousarray(array) for array in session.run(names, {entry["name"]: image})]
            outputs = [
                {
                    "name": name,
                    "datatype": TYPES[array.dtype.name],
                    "shape": list(array.shape),
                    "parameters": {"binary_data_size": array.nbytes},
                }
                for name, array in zip(names, arrays, strict=True)
            ]
            head = json.dumps({"model_name": "best", "outputs": outputs}).encode()
            size = {"Inference_Header_Content_Length": str(len(head))}
            self.answer(head + b"".join(array.tobytes() for array in arrays), **size)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/best"
    server.shutdown()


def test_repository_has_the_server_s_layout(repository: Path) -> None:
    assert repository.name == "best_triton"
    files = sorted(file.relative_to(repository).as_posix() for file in repository.rglob("*") if file.is_file())
    assert files == ["best/1/model.onnx", "best/config.pbtxt"]
    text = (repository / "best" / "config.pbtxt").read_text()
    assert text.isascii()
    assert 'output [ { name: "parts" data_type: TYPE_UINT8 dims: [ -1, -1, -1 ] } ]' in text
    assert 'output [ { name: "damage" data_type: TYPE_FP32 dims: [ -1, 10, -1 ] } ]' in text
    assert sorted(file.name for file in repository.parent.iterdir()) == ["best.pt", "best_triton"]


def test_served_model_answers_like_the_checkpoint(address: str, repository: Path, small_data: Path) -> None:
    pytest.importorskip("tritonclient.http")
    settings = {"imgsz": 96, "conf": 0.0001, "verbose": False, "precision": "fp32"}
    pictures = sorted((small_data.parent / "cars" / "images" / "val").iterdir())[:2]
    served = YOLO(address)
    assert served.task == "multitask"
    native = YOLO(repository.parent / "best.pt")
    for ours, theirs in zip(served(pictures, **settings), native(pictures, **settings), strict=True):
        assert list(ours.tasks) == ["damage", "parts"]
        np.testing.assert_allclose(
            np.sort(ours.boxes.conf.numpy())[-5:], np.sort(theirs.boxes.conf.numpy())[-5:], atol=1e-3
        )
        assert (ours.semantic_mask.data.numpy() == theirs.semantic_mask.data.numpy()).mean() >= 0.999


def test_served_model_from_the_command_line(address: str, small_data: Path, tmp_path: Path) -> None:
    pytest.importorskip("tritonclient.http")
    source = small_data.parent / "cars" / "images" / "val"
    words = [f"model={address}", f"project={tmp_path}", "imgsz=96"]
    assert main(["yolo", "predict", f"source={source}", "name=p", *words]) == 0
    assert len(list((tmp_path / "p").glob("*.jpg"))) == 4
    assert main(["yolo", "val", f"data={small_data}", "name=v", "plots=False", "workers=0", *words]) == 0
