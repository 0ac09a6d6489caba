"""`yolo data import`: what you have, joined to a growing data set of several tasks."""

from __future__ import annotations

from typing import Any

from ayolom.commands._command import Command, Option, choice, flag, path, text, words

DETAILS = """
Each import becomes a folder of its own below images/, listed in out/data.yaml, with its records below imports/. The
same command with another source adds to what is there: an image that the data set has already, by the content of its
file, gets the new label beside the ones it has; other images are labelled for this task only. Class lists grow at their
end, so that ids never change.

Annotations that cannot be used are counted and listed in imports/NAME/problems.csv. An image with one of them goes
without this label, as the network would learn that nothing is there; in masks, an object of an unknown class or without
an outline becomes a region that teaches nothing (255). Coordinates up to 1 % of a side, at least 2 pixels, outside the
image are cut.

Of a source with several layers (label sets) each becomes a task of its own name. Tasks that are named, task=a,b, take
the layers of their names; those left over go by order. layer=x,y task=a,b pairs them outright.

What `yolo data export` wrote comes back as the tasks it was, by ayolom-tasks.yaml beside the annotations. Where the
labels of all tasks stand in one list (cvat, labelme), the label decides; add classes that you draw anew to that file.

The source is never changed, but for the images that place=move moves once all else is done. An interrupted import
leaves nothing behind, or all of it.
"""


def run(**given: Any) -> int:
    """Import, print what came of it, and return the exit status."""
    from ultralytics.utils import LOGGER

    from ayolom.data.convert import import_dataset

    given["tasks"], given["layers"] = given.pop("task"), given.pop("layer")
    given["classes"] = given.pop("map")
    LOGGER.info(import_dataset(**given).text())
    return 0


COMMAND = Command(
    name="data import",
    summary="join a labelled source of any known format to a data set of several tasks",
    options=(
        Option("source", path, "annotation file, data.yaml, or folder", required=True),
        Option("out", path, "folder of the data set: new, or grown by earlier imports", required=True),
        Option("task", words, "task that the labels are for; of several, a,b, each takes the layer of its name", ()),
        Option("format", text, "name of the format, or auto", "auto"),
        Option("kind", choice("detect", "semantic"), "boxes or a class for each pixel; only for a task that is new"),
        Option(
            "map",
            path,
            "YAML of `source name: new name`; null drops, ignore teaches nothing, a missing name is unknown",
        ),
        Option("images", path, "folder of the images, where the source does not tell"),
        Option("names", words, "class names by id, a,b,c, where the source does not tell", ()),
        Option("colors", path, "YAML of `name: [red, green, blue]`, for colour masks; the name ignore teaches nothing"),
        Option("attribute", text, "attribute that holds the class, for formats with free attributes"),
        Option("layer", words, "label sets wanted, of a source that has several", ()),
        Option("place", choice("copy", "link", "move"), "how the images come into the data set", "copy"),
        Option("store", choice("boxes", "polygons", "masks"), "how labels are stored; boxes, or masks for semantic"),
        Option("split", choice("keep", "train", "val", "test"), "split of new images; keep takes the source's", "keep"),
        Option("prefix", text, "name of this import's folder; the source's when not given"),
        Option("strict", flag, "fail, with nothing written, where anything has to be put aside", False),
        Option("dry_run", flag, "tell what would come of it and write nothing", False),
    ),
    examples=(
        (
            "yolo data import source=photos/_annotations.coco.json out=datasets/mine task=damage",
            "boxes of a COCO file, the images copied",
        ),
        (
            "yolo data import source=car-parts out=datasets/mine task=parts kind=semantic map=parts.yaml place=link",
            "outlines of another source as masks, its classes renamed by a map, the images linked",
        ),
        (
            "yolo data import source=cityscapes out=datasets/mine task=scene dry_run=True",
            "what an import would bring",
        ),
    ),
    run=run,
    details=DETAILS,
)
