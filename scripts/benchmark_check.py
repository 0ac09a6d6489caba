"""Measure `yolo data check`: images a second, and how memory grows with the number of images.

Draws data sets of 512x512 JPEGs with boxes, or masks, or both, each size in a folder of its own, and checks each in a
process of its own. Images are noise over soft shapes, so that decoding costs what a photograph costs (the mean size of
a file is printed). Time on the processors is printed beside the time on the clock: on a machine that does other work
too, the latter says little.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import yaml

EXAMPLES = """examples:
  python scripts/benchmark_check.py --images 1000,4000
  python scripts/benchmark_check.py --images 5000,20000 --labels boxes --folder /tmp/check-benchmark
"""
SIDE = 512
CLASSES = 8
ONE = "--one"


def main() -> int:
    """Draw the sets, check them, print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", default="1000,4000", help="numbers of images, smallest first")
    parser.add_argument("--labels", choices=("boxes", "masks", "both"), default="both", help="what each image carries")
    parser.add_argument("--threads", type=int, default=2, help="threads of the check")
    parser.add_argument("--folder", type=Path, help="where to draw; a temporary folder when not given")
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument(ONE, type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measure(args.one, args.threads)))
        return 0
    with tempfile.TemporaryDirectory(prefix="check-benchmark-") as temporary:
        rows = run([int(n) for n in args.images.split(",")], args.labels, args.threads, args.folder or Path(temporary))
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return 0


def run(counts: list[int], labels: str, threads: int, folder: Path) -> list[dict[str, float]]:
    """Draw and check a set of each size; print and return the figures."""
    rows: list[dict[str, float]] = []
    print(f"{'images':>8}{'kB each':>9}{'read s':>9}{'images/s':>10}{'ms CPU':>8}{'all s':>8}{'peak MB':>9}")
    for count in counts:
        root = folder / f"{labels}-{count}"
        size = draw(root, count, labels)
        command = [sys.executable, __file__, ONE, str(root / "data.yaml"), "--threads", str(threads)]
        answer = subprocess.run(command, check=True, capture_output=True, text=True, env=environment())
        row = {"images": count, "kilobytes": size / 1000, **json.loads(answer.stdout.splitlines()[-1])}
        rows.append(row)
        print(
            f"{count:>8}{row['kilobytes']:>9.1f}{row['read']:>9.1f}{count / row['read']:>10.0f}"
            f"{row['cpu'] / count * 1000:>8.2f}{row['whole']:>8.1f}{row['peak'] / 1e6:>9.1f}",
            flush=True,
        )
    if len(rows) > 1:
        slope = (rows[-1]["peak"] - rows[0]["peak"]) / (rows[-1]["images"] - rows[0]["images"])
        print(f"memory grows by {slope:.0f} bytes an image; load of the machine: {os.getloadavg()[0]:.1f}")
    return rows


def environment() -> dict[str, str]:
    """Return the environment of a measurement: this checkout first."""
    checkout = str(Path(__file__).resolve().parents[1])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (checkout, os.environ.get("PYTHONPATH"))))}


def measure(data: Path, threads: int) -> dict[str, float]:
    """Check a data set in this process and return seconds and bytes."""
    from ayolom.data import check
    from ayolom.data.schema import load_schema

    schema = load_schema(str(data))
    start, processor = time.perf_counter(), time.process_time()
    with check.Spool() as spool, tempfile.TemporaryDirectory() as folder:
        result = check.check(schema, spool, threads=threads)
        cpu = time.process_time() - processor
        check.write(result, spool, schema, Path(folder) / "out")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"read": result.seconds, "cpu": cpu, "whole": time.perf_counter() - start, "peak": peak}


def draw(root: Path, count: int, labels: str) -> float:
    """Draw a set, a tenth of it for validation, and return the mean size of an image file in bytes."""
    random = np.random.default_rng(0)
    noise = random.normal(0, 9, (SIDE * 2, SIDE * 2, 3)).astype(np.int16)
    total = 0
    for number in range(count):
        split = "val" if number % 10 == 0 else "train"
        image, mask, boxes = scene(random, noise)
        data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes()
        total += len(data)
        put(root / "images" / split / f"{number:06d}.jpg", data)
        if labels != "masks":
            put(root / "labels" / split / f"{number:06d}.txt", boxes.encode())
        if labels != "boxes":
            put(root / "masks" / split / f"{number:06d}.png", cv2.imencode(".png", mask)[1].tobytes())
    names = [f"class{number}" for number in range(CLASSES)]
    tasks = {
        "damage": {"kind": "detect", "labels": "labels", "names": names},
        "parts": {"kind": "semantic", "masks": "masks", "names": ["background", *names]},
    }
    for name, unwanted in (("damage", "masks"), ("parts", "boxes")):
        if labels == unwanted:
            del tasks[name]
    content = {"path": str(root), "train": "images/train", "val": "images/val", "tasks": tasks}
    put(root / "data.yaml", yaml.safe_dump(content, sort_keys=False).encode())
    return total / count


def scene(random: np.random.Generator, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray, str]:
    """Return an image (512, 512, 3), its mask (512, 512) and the text of its boxes."""
    soft = cv2.resize(random.integers(0, 256, (9, 9, 3), np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    y, x = random.integers(0, SIDE, 2)
    image = np.clip(soft + noise[y : y + SIDE, x : x + SIDE], 0, 255).astype(np.uint8)
    mask, rows = np.zeros((SIDE, SIDE), np.uint8), []
    for _ in range(random.integers(1, 6)):
        number, (cx, cy), (w, h) = random.integers(CLASSES), random.uniform(0.3, 0.7, 2), random.uniform(0.05, 0.5, 2)
        rows.append(f"{number} {cx:.5f} {cy:.5f} {w:.5f} {h:.5f}\n")
        centre, axes = (int(cx * SIDE), int(cy * SIDE)), (int(w * SIDE / 2), int(h * SIDE / 2))
        cv2.ellipse(mask, centre, axes, 0, 0, 360, int(number) + 1, -1)
        cv2.ellipse(image, centre, axes, 0, 0, 360, random.integers(0, 256, 3).tolist(), 2)
    return image, mask, "".join(rows)


def put(file: Path, data: bytes) -> None:
    """Write a file and its folder."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)


if __name__ == "__main__":
    sys.exit(main())
