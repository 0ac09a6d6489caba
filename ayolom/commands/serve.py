"""`yolo serve`: a page to inspect vehicles, correct what was found, and save it as labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ayolom.commands._command import Command, Option, flag, integer, number, path, text, words
from ayolom.commands._prediction import DEVICE, IMGSZ, TILES, thresholds

if TYPE_CHECKING:
    from pathlib import Path

PREDICT = ("conf", "imgsz", "device", "vid_stride", *(option.name for option in TILES))
LIMITS = ("upload_mb", "files", "megapixels", "frames", "video_seconds", "work_seconds", "queue", "keep_minutes")
PORT = 8600


def run(model: Path, **given: Any) -> int:
    """Serve until Ctrl-C."""
    from ayolom.serve import Limits, Settings, serve

    predict = {name: given.pop(name) for name in PREDICT}
    limits = Limits(**{name: given.pop(name) for name in LIMITS})
    serve(
        Settings(
            model=model,
            limits=limits,
            predict={name: value for name, value in predict.items() if value is not None},
            **given,
        )
    )
    return 0


COMMAND = Command(
    name="serve",
    summary="open a page and an HTTP API to inspect vehicles, correct what was found, and save it as labels",
    options=(
        Option("model", path, "checkpoint of a model with boxes (damage) and a class map (parts)", required=True),
        Option("port", integer(0), "port of the page; 0 takes a free one", PORT),
        Option("host", text, "address to listen on; any but this machine's own needs a token", "127.0.0.1"),
        Option("token", text, "secret that clients must give; made up and printed where one is needed and none given"),
        Option("hosts", words, "further names by which the page is called, such as that of a proxy", ()),
        Option("corrections", path, "data set folder for pictures that a person checked; made on first use"),
        Option("lang", text, "language when the browser asks for none that there is: en, ko, or a file", "en"),
        Option("rules", text, "thresholds and severity table, a YAML file like cfg/inspection.yaml"),
        Option("repair", path, "your table of repairs with hours and costs, a YAML file"),
        Option("conf", thresholds, "least confidence of a box, or by task: {damage: 0.4}"),
        IMGSZ,
        *TILES,
        Option("vid_stride", integer(1), "take every how many frames of a video"),
        DEVICE,
        Option("upload_mb", number(0.001), "megabytes of one upload", 500.0),
        Option("files", integer(1), "files of one upload", 60),
        Option("megapixels", number(0.001), "millions of pixels of a photo or frame", 64.0),
        Option("frames", integer(1), "frames of a video", 5400),
        Option("video_seconds", number(0.1), "seconds of a video", 180.0),
        Option("work_seconds", number(1), "seconds that one inspection may take", 1800.0),
        Option("queue", integer(1), "uploads that may wait; those beyond are told when to come again", 32),
        Option("keep_minutes", number(0.1), "minutes until an inspection that nobody asks for is deleted", 60.0),
        Option("isolate", flag, "run the model in a process of its own, so that no file can take the page down", True),
    ),
    examples=(
        ("yolo serve model=best.pt", "a page for this machine, at http://127.0.0.1:8600/"),
        ("yolo serve model=best.pt corrections=datasets/corrections", "checked pictures become a data set to train on"),
        ("yolo serve model=best.pt host=0.0.0.0 lang=ko", "for the network, with a token that is printed; in Korean"),
        (
            "yolo serve model=best.pt vid_stride=3 queue=8 keep_minutes=10",
            "quicker videos, a short queue",
        ),
    ),
    run=run,
    details="""Photos or a video are dropped on the page, inspected as `yolo inspect` does, and their findings can be
    corrected on the picture: part, kind, severity, boxes. The report then says so. Programs use the HTTP API, which
    /openapi.json describes and /api shows.

    Uploads lie in a folder of their own that is deleted with the inspection: on request, after keep_minutes, when the
    server ends, and at its next start if it was killed. Photos are kept without EXIF and GPS, videos not at all once
    they were looked at. Nothing is fetched from the network. The page needs pip install "ayolom[web]".""",
)
