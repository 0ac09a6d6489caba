"""`yolo data view`: labels beside predictions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ayolom.commands._command import Command, Option, flag, integer, number, path, text, words
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from ayolom.data.view import Findings, Model, Opened

PORT = 8765


def _run(
    data: str,
    model: str | None,
    port: int,
    gallery: Path | None,
    fiftyone: Path | None,
    splits: tuple[str, ...],
    limit: int | None,
    conf: float,
    imgsz: int | None,
    dry_run: bool,
) -> int:
    """Show a data set, or write what shows it."""
    from ultralytics.utils import LOGGER

    from ayolom.data.schema import load_schema
    from ayolom.data.view import USUAL, check_fiftyone, check_server, check_target, gallery_file, opened, serve

    if gallery and fiftyone:
        raise AyolomError("yolo data view: gallery= and fiftyone= exclude each other; give one, then the other")
    if gallery:
        gallery, limit = gallery_file(gallery), limit or USUAL
    elif fiftyone:
        check_target(fiftyone)
        check_fiftyone()
    else:
        check_server()
    schema = load_schema(data)
    shown = load_model(model, conf, imgsz) if model else None
    if dry_run:
        LOGGER.info(_plan(gallery, fiftyone, port))
        return 0
    with opened(schema, splits or None, limit, shown) as ready:
        if gallery or fiftyone:
            _write(ready, gallery, fiftyone)
        else:
            serve(ready, port)
    return 0


def _plan(gallery: Path | None, fiftyone: Path | None, port: int) -> str:
    """Return what a dry run says."""
    if gallery:
        return f"would write {gallery}"
    return f"would write {fiftyone}" if fiftyone else f"would show http://127.0.0.1:{port}/ and write nothing"


def _write(ready: Opened, gallery: Path | None, fiftyone: Path | None) -> None:
    """Write the gallery or the export."""
    from ultralytics.utils import LOGGER

    from ayolom.data.view import write_fiftyone, write_gallery

    if gallery:
        write_gallery(ready, gallery)
        LOGGER.info(f"{ready.index.total()} images in {gallery}")
    elif fiftyone:
        write_fiftyone(ready, fiftyone)
        LOGGER.info(
            f"{ready.index.total()} images in {fiftyone}; open them with: fo.Dataset.from_dir("
            f"{str(fiftyone)!r}, dataset_type=fo.types.FiftyOneDataset)"
        )


def load_model(file: str, conf: float, imgsz: int | None) -> Model:
    """Return a model of several tasks as the view takes it.

    Args:
        file: Its checkpoint.
        conf: Least confidence of boxes.
        imgsz: Size of the network's input; None for the size that it was trained at.

    Raises:
        AyolomError: The file is missing, damaged, or a model of one task.
    """
    from ayolom.data.view import Findings, Model
    from ayolom.model import TASK, YOLO

    network = YOLO(file)
    if network.task != TASK:
        raise AyolomError(f"model={file}: is a model of one task; the view takes models of several, such as best.pt of "
                          "a training with data=cardamage.yaml")  # fmt: skip
    settings: dict[str, Any] = {"conf": conf, "verbose": False, **({"imgsz": imgsz} if imgsz else {})}

    def predict(image: np.ndarray) -> Mapping[str, Findings]:
        height, width = image.shape[:2]
        found = {}
        result: Any
        for name, result in next(iter(network.predict(image, **settings))).tasks.items():
            result = result.cpu().numpy()
            if result.semantic_mask is not None:
                found[name] = Findings(class_map=result.semantic_mask.data.astype("uint8"))
            elif result.boxes is not None:
                boxes = result.boxes.data[:, :6].astype("float32")
                boxes[:, :4] /= (width, height, width, height)
                found[name] = Findings(boxes=boxes)
        return found

    return Model(Path(file).name, {name: task.spec for name, task in network.model.tasks.items()}, predict)


COMMAND = Command(
    name="data view",
    summary="show labels beside predictions, on a local page, in a gallery file, or in FiftyOne",
    options=(
        Option("data", text, "dataset YAML", required=True),
        Option("model", text, "checkpoint of several tasks, whose predictions stand beside the labels"),
        Option("port", integer(0), "port of the page on this machine; 0 takes a free one", PORT),
        Option("gallery", path, "write this HTML file, or index.html in this folder, and start no server"),
        Option("fiftyone", path, "write this folder, a data set of FiftyOne, and start no server"),
        Option("splits", words, "splits to show; all when not given", ()),
        Option("limit", integer(1), "at most so many images, spread evenly; a gallery takes 200 when not given"),
        Option("conf", number(0, 1), "least confidence of predicted boxes", 0.25),
        Option("imgsz", integer(32), "size of the network's input; that of its training when not given"),
        Option("dry_run", flag, "check everything, then say what would be done", False),
    ),
    examples=(
        ("yolo data view data=mine.yaml", "pages of all images with their labels, at http://127.0.0.1:8765/"),
        (
            "yolo data view data=mine.yaml model=best.pt splits=val",
            "predictions beside the labels, worst first if asked",
        ),
        ("yolo data view data=mine.yaml model=best.pt gallery=val.html limit=100", "one HTML file to send to somebody"),
        ("yolo data view data=mine.yaml model=best.pt fiftyone=exports/mine", "a data set to open in FiftyOne"),
    ),
    run=_run,
    details="""
        The page can be reached from this machine only. Filters: task, class, split, state of the label, score; order:
        as in the data or worst score first. Arrow keys turn pages and images. Labels are read once, when the command
        starts; with model= the predictions are made behind the page, the images in sight first.

        Scores of one image run from 0 to 1: boxes by F1 at an overlap (IoU) of 0.5 and the right class, class maps by
        the mean IoU of the classes that label or prediction hold. Classes of model and data are matched by name.

        The page needs pip install "ayolom[web]", FiftyOne pip install "ayolom[fiftyone]", a gallery nothing more. A
        gallery or an export that is there already is not overwritten.
    """,
)
