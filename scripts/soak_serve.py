"""Many clients at once on `yolo serve`, for minutes: is a request lost, an answer wrong, does memory grow?

    python scripts/soak_serve.py best.pt photos/ --seconds 120

Each client uploads one photo, asks until its inspection is done, compares report.json with what `inspect_vehicle` says
of the same file, reads the page, confirms a damage now and then, deletes the inspection, and begins again. Memory is
that of the server with the process of its model. Exit status 1 when a request was lost or an answer wrong.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil

PATIENCE = 300.0  # seconds for one answer
POLL = 0.5  # seconds between two questions for the status
DRAWN = {"crop_file", "overlay_file", "picture_file"}  # names of files, which a direct inspection has none of


@dataclass
class Tally:
    """What happened."""

    requests: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    told_to_wait: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, name: str, answer: httpx.Response, *expected: int) -> httpx.Response:
        """Count a request; one with another status than those expected is lost."""
        with self.lock:
            self.requests[name] += 1
            if answer.status_code not in expected:
                self.lost.append(f"{name}: {answer.status_code} {answer.text[:200]}")
        return answer


def main() -> int:
    """Run it."""
    given = arguments()
    photos = sorted(file for file in given.photos.rglob("*") if file.suffix.lower() in {".jpg", ".jpeg", ".png"})
    photos = photos[: given.limit]
    print(f"what {len(photos)} photos show, told directly ...", flush=True)
    expected = {photo: direct(photo, given) for photo in photos}
    print(f"{sum(len(one['damages']) for one in expected.values())} damages in them", flush=True)
    server, address = started(given)
    tally, samples = Tally(), []
    until = time.monotonic() + given.seconds
    clients = [
        threading.Thread(target=client, args=(number, address, photos, expected, until, tally))
        for number in range(given.clients)
    ]
    over = threading.Event()
    watcher = threading.Thread(target=watch, args=(server.pid, samples, over), daemon=True)
    begun = time.monotonic()
    for thread in (*clients, watcher):
        thread.start()
    for thread in clients:
        thread.join()
    took = time.monotonic() - begun
    over.set()
    left = remains(server.pid)
    server.send_signal(signal.SIGINT)
    status = server.wait(60)
    return report(tally, samples, took, status, left)


def arguments() -> argparse.Namespace:
    """Return what the command line gave."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("photos", type=Path, help="folder of photos")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--limit", type=int, default=16, help="how many photos")
    parser.add_argument("--conf", type=float, default=0.25, help="least confidence of a damage")
    parser.add_argument("--imgsz", type=int, default=None)
    return parser.parse_args()


def direct(photo: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Return what an inspection without the server says of a photo."""
    from ayolom import YOLO, inspect_vehicle

    if not hasattr(direct, "model"):
        direct.model = YOLO(str(given.model))
    settings = {"conf": {"damage": given.conf}, **({"imgsz": given.imgsz} if given.imgsz else {})}
    return told(inspect_vehicle(str(photo), direct.model, **settings).model_dump(mode="json"))


def told(inspection: dict[str, Any]) -> dict[str, Any]:
    """Return what an inspection says of a vehicle, without times and names of files."""

    def bare(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: bare(one) for name, one in value.items() if name not in DRAWN}
        return [bare(one) for one in value] if isinstance(value, (list, tuple)) else value

    return {
        name: bare(inspection[name]) for name in ("damages", "parts", "views", "sides_seen", "sides_missing", "skipped")
    }


def started(given: argparse.Namespace) -> tuple[subprocess.Popen[bytes], str]:
    """Start the server and wait until it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [f"model={given.model}", f"port={port}", f"conf={{damage: {given.conf}}}"]
    words += [f"imgsz={given.imgsz}"] if given.imgsz else []
    command = [sys.executable, "-m", "ayolom.cli", "serve", *words]
    server = subprocess.Popen(command, env=dict(os.environ))
    address = f"http://127.0.0.1:{port}"
    while server.poll() is None:
        time.sleep(0.5)
        with suppress(httpx.TransportError):
            httpx.get(f"{address}/api/v1/service")
            return server, address
    raise SystemExit(f"the server ended with status {server.returncode}")


def client(
    number: int,
    address: str,
    photos: list[Path],
    expected: dict[Path, dict[str, Any]],
    until: float,
    tally: Tally,
) -> None:
    """Send one photo after the other until the time is over."""
    turn = number
    with httpx.Client(base_url=f"{address}/api/v1", timeout=PATIENCE) as http:
        while time.monotonic() < until:
            photo = photos[turn % len(photos)]
            try:
                one(http, photo, expected[photo], tally, confirm=turn % 5 == 0)
            except (httpx.HTTPError, TimeoutError) as error:
                with tally.lock:
                    tally.lost.append(f"{type(error).__name__}: {error}")
            turn += 7  # so that neighbours send different photos


def one(http: httpx.Client, photo: Path, expected: dict[str, Any], tally: Tally, confirm: bool) -> None:
    """Have one photo inspected and compare."""
    begun = time.monotonic()
    while True:
        answer = tally.note("upload", http.post("/jobs", files={"files": (photo.name, photo.read_bytes())}), 202, 503)
        if answer.status_code != 503:
            break
        with tally.lock:
            tally.told_to_wait += 1
        time.sleep(float(answer.headers["retry-after"]))
    job = f"/jobs/{answer.json()['id']}"
    while (status := tally.note("status", http.get(job), 200).json())["state"] not in {"done", "failed"}:
        if time.monotonic() - begun > PATIENCE:
            raise TimeoutError(f"{photo.name}: not done after {PATIENCE:g} s")
        time.sleep(POLL)
    if status["state"] == "failed":
        raise TimeoutError(f"{photo.name}: {status['problem']}")
    with tally.lock:
        tally.seconds.append(time.monotonic() - begun)
    found = told(tally.note("report.json", http.get(f"{job}/files/report.json"), 200).json())
    if found != expected:
        with tally.lock:
            tally.wrong.append(photo.name)
    page = tally.note("report.html", http.get(f"{job}/files/report.html"), 200).text
    if not all(f'id="{damage["id"]}"' in page for damage in expected["damages"]):
        with tally.lock:
            tally.wrong.append(f"{photo.name} (page)")
    if confirm and expected["damages"]:
        answer = tally.note("correct", http.patch(f"{job}/damages/D1", json={"severity": "minor"}), 200)
        if answer.json()["damages"][0]["severity"] != "minor":
            with tally.lock:
                tally.wrong.append(f"{photo.name} (correction)")
    tally.note("delete", http.delete(job), 204)
    tally.note("gone", http.get(job), 404)


def watch(pid: int, samples: list[tuple[float, float, float]], over: threading.Event) -> None:
    """Sample the memory of the server and of the process of its model, in megabytes."""
    begun, server = time.monotonic(), psutil.Process(pid)
    while not over.wait(1):
        with suppress(psutil.Error):
            children = sum(child.memory_info().rss for child in server.children(recursive=True))
            samples.append((time.monotonic() - begun, server.memory_info().rss / 1e6, children / 1e6))


def remains(pid: int) -> int:
    """Return how many folders of inspections are left on the server's disk."""
    for file in psutil.Process(pid).open_files():
        if file.path.endswith("server.lock"):
            return sum(path.is_dir() for path in Path(file.path).parent.iterdir())
    return -1


def report(tally: Tally, samples: list[tuple[float, float, float]], took: float, status: int, left: int) -> int:
    """Print what happened and return the exit status."""
    requests = ", ".join(f"{count} {name}" for name, count in tally.requests.items())
    print(f"\n{len(tally.seconds)} inspections in {took:.0f} s; {tally.requests.total()} requests: {requests}")
    if tally.seconds:
        low, middle, high = np.percentile(tally.seconds, [0, 50, 95])
        print(f"seconds from upload to result: {low:.1f} least, {middle:.1f} median, {high:.1f} for 95 of 100")
    print(f"lost: {len(tally.lost)}; wrong: {len(tally.wrong)}; told to come again: {tally.told_to_wait}")
    for line in (*tally.lost[:5], *tally.wrong[:5]):
        print(f"  {line}")
    table = np.array(samples)
    print("second  server MB  model MB")
    for row in table[:: max(1, len(table) // 12)]:
        print(f"{row[0]:6.0f}  {row[1]:9.0f}  {row[2]:8.0f}")
    if len(table) > 10:
        later = table[len(table) // 3 :]  # after what is loaded on first use
        for name, column in (("server", 1), ("model", 2)):
            slope = 60 * np.polyfit(later[:, 0], later[:, column], 1)[0]
            print(f"{name}: {slope:+.2f} MB a minute after the first third")
    print(f"folders of inspections left: {left}; exit status of the server after Ctrl-C: {status}")
    return int(bool(tally.lost or tally.wrong or not tally.seconds))


if __name__ == "__main__":
    sys.exit(main())
