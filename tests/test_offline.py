"""Nothing is fetched: a whole training, scoring and prediction in a process whose sockets report every attempt."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

WATCH = """
import json, os, socket, sys
attempts = []

def report(name):
    def refuse(*arguments, **_):
        attempts.append([name, str(arguments[-1] if name == "connect" else arguments[0])])
        raise OSError("no network in this test")
    return refuse

# The base looks two names up to learn whether it is online; YOLO_OFFLINE, set for all tests, saves it that.
socket.getaddrinfo = socket.gethostbyname = report("lookup")
inet = socket.socket.connect
socket.socket.connect = lambda self, to: inet(self, to) if self.family == socket.AF_UNIX else report("connect")(to)

from ayolom import YOLO
model = YOLO("aYOLOM26n.yaml")
model.train(data="data.yaml", epochs=1, imgsz=64, batch=4, workers=0, project=os.getcwd(), name="run", plots=True)
model.val(data="data.yaml", imgsz=64, workers=0, plots=True, project=os.getcwd(), name="val")
for result in model.predict("set/images/val", imgsz=64, stream=True, save=True, project=os.getcwd(), name="pictures"):
    result.plot()
print(json.dumps(attempts))
"""


@pytest.mark.slow
def test_train_val_and_predict_ask_nothing_of_the_network(root: Path, tmp_path: Path) -> None:
    """With plots, and with Korean class names, for which the base's plots would fetch a font."""
    from ayolom.data.synthetic import DAMAGE_NAMES, PART_NAMES, generate

    generate(tmp_path / "set", train=6, val=2, size=(96, 128), video=False)
    tasks = {
        "damage": {"kind": "detect", "names": ["찌그러짐", *list(DAMAGE_NAMES.values())[1:]]},
        "parts": {
            "kind": "semantic",
            "masks": "masks",
            "names": ["background", "앞범퍼", *list(PART_NAMES.values())[2:]],
        },
    }
    data = {"path": "set", "train": "images/train", "val": "images/val", "tasks": tasks}
    (tmp_path / "data.yaml").write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")

    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", WATCH]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert json.loads(done.stdout.strip().splitlines()[-1]) == []
