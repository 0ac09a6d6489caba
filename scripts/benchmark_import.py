"""Measure `yolo data import`: images a second, and how memory grows with the number of images.

Makes COCO sources of 512x512 JPEGs with eight outlines each, one for each size, and imports each in a process of its
own, twice: into a new data set, and a second time beside what is there (the union finds every image by its content).
The JPEGs are copies of a few, told apart by bytes after their end, which decoders pass over.
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

EXAMPLES = """examples:
  python scripts/benchmark_import.py --images 2000,8000
  python scripts/benchmark_import.py --images 5000,20000 --store masks --place copy --json import.json
"""
SIDE = 512
MODELS = 8  # different pictures
OBJECTS, POINTS = 8, 24
KINDS = {"boxes": "detect", "masks": "semantic"}
ONE = "--one"


def main() -> int:
    """Make the sources, import them, print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", default="2000,8000", help="numbers of images, smallest first")
    parser.add_argument("--store", choices=tuple(KINDS), default="boxes", help="what the outlines become")
    parser.add_argument("--place", choices=("link", "copy"), default="link", help="how images come into the set")
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument(ONE, nargs=2, type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measure(*args.one, args.store, args.place)))
        return 0
    rows = run([int(n) for n in args.images.split(",")], args.store, args.place)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return 0


def run(counts: list[int], store: str, place: str) -> list[dict[str, float]]:
    """Make and import a source of each size; print and return the figures."""
    rows: list[dict[str, float]] = []
    print(f"{'images':>8}{'JSON MB':>9}{'step':>8}{'s':>8}{'images/s':>10}{'ms CPU':>8}{'peak MB':>9}")
    for count in counts:
        with tempfile.TemporaryDirectory(prefix="import-benchmark-") as temporary:
            folder = Path(temporary)
            size = make(folder / "source", count)
            for step in ("new", "again"):
                command = [sys.executable, __file__, ONE, str(folder / "source"), str(folder / "out")]
                command += ["--store", store, "--place", place]
                answer = subprocess.run(command, check=True, capture_output=True, text=True, env=environment())
                row = {"images": count, "json": size, "step": step, **json.loads(answer.stdout.splitlines()[-1])}
                rows.append(row)
                print(
                    f"{count:>8}{size / 1e6:>9.1f}{step:>8}{row['seconds']:>8.1f}{count / row['seconds']:>10.0f}"
                    f"{row['cpu'] / count * 1000:>8.2f}{row['peak'] / 1e6:>9.1f}",
                    flush=True,
                )
    if len(counts) > 1:
        slope = (rows[-2]["peak"] - rows[0]["peak"]) / (counts[-1] - counts[0])
        print(f"memory grows by {slope:.0f} bytes an image; load of the machine: {os.getloadavg()[0]:.1f}")
    return rows


def environment() -> dict[str, str]:
    """Return the environment of a measurement: this checkout first."""
    checkout = str(Path(__file__).resolve().parents[1])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (checkout, os.environ.get("PYTHONPATH"))))}


def measure(source: Path, out: Path, store: str, place: str) -> dict[str, float]:
    """Import in this process and return seconds and bytes."""
    from ayolom.data.convert import import_dataset

    start, processor = time.perf_counter(), time.process_time()
    import_dataset(source, out, tasks=["parts"], kind=KINDS[store], place=place)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": time.perf_counter() - start, "cpu": time.process_time() - processor, "peak": peak}


def make(folder: Path, count: int) -> int:
    """Write a COCO source and return the size of its JSON in bytes."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    pictures = []
    for _ in range(MODELS):
        soft = cv2.resize(random.integers(0, 256, (9, 9, 3), np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        noisy = np.clip(soft + random.normal(0, 9, soft.shape), 0, 255).astype(np.uint8)
        pictures.append(cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes())
    file = folder / "annotations.json"
    with file.open("w", encoding="utf-8") as stream:
        stream.write('{"categories": ')
        json.dump([{"id": i, "name": f"class{i}"} for i in range(OBJECTS)], stream)
        stream.write(', "images": [')
        for number in range(count):
            name = f"{number:06d}.jpg"
            (folder / name).write_bytes(pictures[number % MODELS] + number.to_bytes(8, "big"))
            entry = {"id": number, "file_name": name, "height": SIDE, "width": SIDE}
            stream.write((", " if number else "") + json.dumps(entry))
        stream.write('], "annotations": [')
        for number in range(count * OBJECTS):
            entry = {"id": number, "image_id": number // OBJECTS, "category_id": number % OBJECTS, **outline(random)}
            stream.write((", " if number else "") + json.dumps(entry))
        stream.write("]}")
    return file.stat().st_size


def outline(random: np.random.Generator) -> dict[str, list]:
    """Return an outline and its box as COCO has them."""
    angle = np.linspace(0, 2 * np.pi, POINTS, endpoint=False)
    radius = random.uniform(20, 100) * random.uniform(0.8, 1, POINTS)
    points = random.uniform(110, SIDE - 110, 2) + radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    low, high = points.min(0), points.max(0)
    return {"segmentation": [points.ravel().round(2).tolist()], "bbox": [*low.tolist(), *(high - low).tolist()]}


if __name__ == "__main__":
    sys.exit(main())
