"""A service whose model answers by rule, and files to send to it."""

from __future__ import annotations

import io
import time
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np
import pytest

from ayolom.inspect import Damages, Picture
from ayolom.inspect.objects import Model

pytest.importorskip("fastapi", reason='the service needs pip install "ayolom[web]"')
pytest.importorskip("python_multipart", reason='the service needs pip install "ayolom[web]"')

NAMES = {0: "background", 1: "hood", 2: "front_left_door", 3: "wheel"}
KINDS = ("dent", "scratch")
BASE = "http://127.0.0.1:8600"


def pytest_configure(config):
    config.addinivalue_line("markers", "browser: drives a headless Chromium; skipped where there is none")


class RuleNetwork:
    """One dent on the hood of every picture; a picture that is all black takes its time."""

    def __init__(self, pause=0.0):
        self.names, self.problems, self.pause = dict(NAMES), [], pause

    def description(self):
        return Model(name="rule.pt", sha256="0" * 64, damage_names=KINDS, part_names=tuple(NAMES.values()))

    def pictures(self, source):
        path = Path(source)
        if path.is_dir():
            for file in sorted(path.iterdir()):
                yield self._answer(file.name, cv2.imread(str(file)))
            return
        video, frame = cv2.VideoCapture(str(path)), 0
        while (read := video.read())[0]:
            yield self._answer(path.name, read[1], frame, 10.0)
            frame += 1
        video.release()

    def _answer(self, name, image, frame=None, rate=None):
        time.sleep(self.pause)
        height, width = image.shape[:2]
        class_map = np.ones((height, width), np.uint8)
        class_map[:, width // 2 :] = 2
        box = np.array([[0.1 * width, 0.2 * height, 0.3 * width, 0.5 * height]])
        return Picture(name, image, Damages(["dent"], box, np.array([0.8])), class_map, frame, rate)


@pytest.fixture
def photo():
    """Return a function that makes a JPEG of noise, all of them different."""

    def make(seed=1, size=(120, 160), suffix=".jpg", exif=None):
        image = np.random.default_rng(seed).integers(0, 255, (*size, 3), np.uint8)
        if exif is None:
            return cv2.imencode(suffix, image)[1].tobytes()
        from PIL import Image

        stream = io.BytesIO()
        Image.fromarray(image).save(stream, "JPEG", quality=90, exif=exif)
        return stream.getvalue()

    return make


@pytest.fixture
def video(tmp_path):
    """Ten frames, one second."""
    file = tmp_path / "walk.mp4"
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"mp4v"), 10, (160, 120))
    for shade in range(10):
        writer.write(np.full((120, 160, 3), 20 * shade + 30, np.uint8))
    writer.release()
    return file.read_bytes()


@pytest.fixture
def service(tmp_path):
    """Return a function that starts a service; all are stopped at the end."""
    from ayolom.serve import Limits, Service, Settings
    from ayolom.serve._engine import LocalEngine

    with ExitStack() as stack:

        def make(pause=0.0, start=True, limits=None, **settings):
            given = Settings(model="rule.pt", limits=Limits(**(limits or {})), **settings)
            made = Service(given, lambda work: LocalEngine(work, RuleNetwork(pause)), tmp_path / "servers")
            stack.callback(made.stop)
            if start:
                made.start()
            return made

        yield make


@pytest.fixture
def client(service):
    """Return a function that starts a service and a client of it."""
    testclient = pytest.importorskip("starlette.testclient")

    def make(**given):
        made = service(**given)
        return Client(testclient.TestClient(made.app, base_url=BASE), made)

    return make


class Client:
    """A client with the words of the tests."""

    def __init__(self, http, service):
        self.http, self.service, self.api = http, service, f"{BASE}/api/v1"

    def send(self, *files, **values):
        return self.http.post(f"{self.api}/jobs", files=[("files", one) for one in files], data=values)

    def done(self, *files, **values):
        """Upload, wait, and return the address of the inspection."""
        answer = self.send(*files, **values)
        assert answer.status_code == 202, answer.text
        address = f"{self.api}/jobs/{answer.json()['id']}"
        assert self.wait(address)["state"] == "done"
        return address

    def wait(self, address, states=("done", "failed"), patience=20):
        until = time.monotonic() + patience
        while (status := self.http.get(address).json())["state"] not in states:
            assert time.monotonic() < until, status
            time.sleep(0.02)
        return status

    def result(self, address):
        return self.http.get(f"{address}/result").json()
