"""A gallery in one HTML file: thumbnails of labels beside predictions, with filters where there is JavaScript."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ultralytics.utils import TQDM

from ayolom import pages
from ayolom.data.images import read_image
from ayolom.data.view._cards import Card, card
from ayolom.data.view._opened import predict_all
from ayolom.data.view._pictures import drawn, fitted, read_labels
from ayolom.data.view._selection import BELOW, STATES, Choices
from ayolom.errors import AyolomError
from ayolom.files import write_atomic

if TYPE_CHECKING:
    from pathlib import Path

    from ayolom.data.view._index import Row
    from ayolom.data.view._opened import Opened

SIDE = 400  # pixels of the longer side of a thumbnail
MOST = 2000  # images; a page of more is of no use in a browser
USUAL = 200


@dataclass(frozen=True)
class Item:
    """One image of the gallery.

    Attributes:
        card: What is told of it.
        labels: Its labels drawn, a data URI, "" where it cannot be read.
        predictions: Its predictions drawn, "" where there are none.
        filters: What the filters ask: split, and by task the state, the classes, and the score.
    """

    card: Card
    labels: str
    predictions: str
    filters: dict[str, Any]


def gallery_file(target: Path) -> Path:
    """Return the file that a gallery is written to: `target`, or index.html in it where it does not end in .html.

    Raises:
        AyolomError: The file is there already.
    """
    file = target if target.suffix.lower() in {".html", ".htm"} else target / "index.html"
    if file.exists():
        raise AyolomError(f"gallery={file}: is there already; remove it or give another name")
    return file


def write_gallery(opened: Opened, file: Path) -> None:
    """Predict where there is a model, then write the gallery, whole or not at all.

    Args:
        opened: The data set, at most `MOST` images of it.
        file: Where to write.

    Raises:
        AyolomError: There are too many images.
    """
    total = opened.index.total()
    if total > MOST:
        raise AyolomError(f"limit: a gallery holds at most {MOST} images (got {total}); give a smaller limit=")
    predict_all(opened)
    items = [_item(opened, number) for number in TQDM(range(1, total + 1), desc="drawing")]
    choices = Choices.of(opened.tasks, opened.splits)
    page = pages.render(
        "gallery.html.j2",
        title=opened.title,
        model=opened.model,
        items=items,
        choices=choices,
        states=STATES,
        bounds=BELOW,
    )
    write_atomic(file, page)


def _item(opened: Opened, number: int) -> Item:
    """Return one image of the gallery."""
    row = opened.index.image(number)
    if row is None:
        raise LookupError(number)
    told = card(opened.index, row, opened.tasks, str(opened.root))
    known = opened.index.tasks(number, [one.task.name for one in opened.tasks])
    filters = {
        "split": row.split,
        "unreadable": row.shape is None,
        "tasks": {
            name: {
                "state": one.state,
                "classes": [f"{name}:{i}" for i in {**one.counts, **one.predicted}],
                "score": one.score,
            }
            for name, one in known.items()
        },
    }
    labels, predictions = _pictures(opened, row, told) if row.shape else ("", "")
    return Item(told, labels, predictions, filters)


def _pictures(opened: Opened, row: Row, told: Card) -> tuple[str, str]:
    """Return labels and predictions of an image, drawn; "" for what there is not."""
    try:
        image = fitted(read_image(row.file), SIDE)
    except AyolomError:  # gone since it was listed
        return "", ""
    found = read_labels(row.file, opened.tasks, opened.root, image.shape[:2])
    labels = pages.picture(drawn(image.copy(), opened.tasks, found, confidences=False, legend=False))
    if not told.predicted or told.failure:
        return labels, ""
    findings = opened.index.findings(row.number)
    return labels, pages.picture(drawn(image, opened.tasks, findings, confidences=True, legend=False))
