"""Peaks of memory, of a process and of its workers: predict along a video, val with the number of images."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

PAUSE = 0.1  # seconds between two looks at the memory
SIDE = 320
MANY, FEW = 2000, 200
MODELS = 20  # different pictures; the others are links to them


class Watch:
    """Looks at the memory of this process and its children from a thread.

    Attributes:
        peaks: Highest bytes by phase.
        phase: What the process is doing.
    """

    def __init__(self) -> None:
        """Begin to look."""
        self.peaks: dict[str, int] = {}
        self.phase = "start"
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()

    def _look(self) -> None:
        import psutil

        process = psutil.Process()
        while not self.stop.wait(PAUSE):
            total = 0
            for one in (process, *process.children(recursive=True)):
                with suppress(psutil.Error):  # it has ended
                    info = one.memory_full_info()
                    total += getattr(info, "pss", info.rss)  # what processes share is counted once, where it is told
            self.peaks[self.phase] = max(self.peaks.get(self.phase, 0), total)

    def end(self) -> dict[str, int]:
        """Stop looking and return the peaks."""
        self.stop.set()
        self.thread.join()
        return self.peaks


def predict_peaks(args: argparse.Namespace) -> dict[str, float]:
    """Return the peaks of predict in the last and the first tenth of a long video."""
    peaks = in_process("predict", str(long_video(args)), str(args.folder), str(args.weights or ""))
    return {"last tenth": peaks["9"], "first tenth": peaks["0"]}


def val_peaks(args: argparse.Namespace) -> dict[str, float]:
    """Return the peaks of val on many images and on few."""
    few, many = (validation_set(args, number) for number in (FEW, MANY))
    weights = str(args.weights or untrained_for(few, args.folder))
    return {
        f"{number} images": in_process("val", str(data), str(args.folder), weights)["val"]
        for number, data in ((MANY, many), (FEW, few))
    }


def untrained_for(data: Path, folder: Path) -> Path:
    """Return a model YAML with the classes of a data set, as val wants them; its name tells the scale."""
    import yaml

    from ayolom.config import cfg_dir
    from ayolom.data.schema import load_schema

    content = yaml.safe_load((cfg_dir() / "models" / "aYOLOM26.yaml").read_text(encoding="utf-8"))
    for name, spec in load_schema(str(data)).tasks.items():
        content["tasks"][name]["nc"] = spec.nc
    (folder / "aYOLOM26.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return folder / "aYOLOM26n.yaml"


def in_process(*arguments: str) -> dict[str, float]:
    """Run this file in a process of its own and return the peaks that it tells."""
    done = subprocess.run([sys.executable, __file__, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])


def long_video(args: argparse.Namespace) -> Path:
    """Return a 720p video of the wanted length, made of a short one over and over."""
    import cv2
    from benchmark import make_video

    file = args.folder / f"long-{args.memory_frames}.avi"
    if file.exists():
        return file
    capture, frames = cv2.VideoCapture(str(make_video(args))), []
    while (read := capture.read())[0]:
        frames.append(read[1])
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"MJPG"), 30, (width, height))
    for number in range(args.memory_frames):
        writer.write(frames[number % len(frames)])
    writer.release()
    return file


def validation_set(args: argparse.Namespace, number: int) -> Path:
    """Return a dataset YAML whose validation images are links to a few drawn ones."""
    import yaml

    from ayolom.config import find_data_yaml
    from ayolom.data.synthetic import generate

    drawn = args.folder / "drawn"
    if not drawn.exists():
        generate(drawn, seed=1, train=1, val=MODELS, size=(SIDE, SIDE), video=False)
    root = args.folder / f"val-{number}"
    for source in sorted(path for path in drawn.rglob("*") if path.is_file()):
        copies = number // MODELS if source.parent.name == "val" else 1
        for copy in range(copies):
            target = root / source.relative_to(drawn).with_name(f"{source.stem}-{copy}{source.suffix}")
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                os.link(source, target)
    content: dict[str, Any] = yaml.safe_load(find_data_yaml("cardamage.yaml").read_text(encoding="utf-8"))
    content.pop("generate", None)
    file = args.folder / f"val-{number}.yaml"
    file.write_text(yaml.safe_dump({**content, "path": str(root)}), encoding="utf-8")
    return file


def measure(mode: str, source: str, folder: str, weights: str) -> dict[str, int]:
    """Run one mode here and return its peaks in bytes."""
    from ayolom import YOLO

    model, watch = YOLO(weights or "aYOLOM26n.yaml"), Watch()
    options: dict[str, Any] = {"imgsz": SIDE, "device": "cpu", "verbose": False, "project": folder, "exist_ok": True}
    if mode == "val":
        watch.end()
        model.val(data=source, batch=16, plots=False, workers=0, **options)
        return {"val": highest()}
    total = frames_of(source)
    results = model.predict(source, stream=True, save=True, conf=1e-6, max_det=5, **options)
    for number, _ in enumerate(results):
        watch.phase = str(min(9, 10 * (number + 1) // total))
    return watch.end()


def highest() -> int:
    """Return the most bytes that this process ever held, as the system noted it.

    A peak of val lasts some milliseconds of a batch: the more batches, the likelier that looking now and then sees one.
    """
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def frames_of(video: str) -> int:
    """Return how many frames a video claims to have."""
    import cv2

    capture = cv2.VideoCapture(video)
    count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    capture.release()
    return count


if __name__ == "__main__":
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    peaks = measure(*sys.argv[1:5])
    print("\n" + json.dumps(peaks))
