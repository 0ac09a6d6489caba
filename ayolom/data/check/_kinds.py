"""The kinds of findings: how grave each is, what it is called, what to do.

An error is certain, and makes training skip data, fail, or be scored on what it has learnt. A warning is most probably
a mistake. A note is worth a look and often right as it is.
"""

from __future__ import annotations

from typing import NamedTuple


class Kind(NamedTuple):
    """One kind of finding."""

    severity: str
    title: str
    advice: str


KINDS: dict[str, Kind] = {
    "image-broken": Kind(
        "error", "images that cannot be read", "Copy them again, or remove them; training skips them."
    ),
    "label-broken": Kind(
        "error", "labels that cannot be used", "Correct or remove them; for training the image counts as not labelled."
    ),
    "task-unlabelled": Kind(
        "error", "tasks without a usable label in a split", "Add labels, correct the label folder, or drop the task."
    ),
    "listed-twice": Kind("error", "images listed in two splits", "Keep each in one split; scores are of no worth."),
    "copy-across": Kind(
        "error", "the same file (every byte) in two splits", "Keep one copy; the score counts what was learnt by heart."
    ),
    "near-across": Kind(
        "warning",
        "near-duplicates in two splits, mirrored ones included",
        "Look at the pairs and keep each picture's copies in one split: yolo data split group=hash.",
    ),
    "crop-across": Kind(
        "warning",
        "other crops of one scene in two splits",
        "Look at the pairs and keep each scene in one split: yolo data split does.",
    ),
    "roboflow-across": Kind(
        "warning",
        "Roboflow's versions of one picture in two splits",
        "Keep all versions of a picture in one split. (Pictures of two projects can share a name by chance.)",
    ),
    "copies-differ": Kind(
        "warning", "copies of a picture whose labels differ", "Decide which labels are right and remove the other copy."
    ),
    "copy-within": Kind("warning", "the same file (every byte) twice in a split", "Keep one copy; it counts double."),
    "sides": Kind(
        "warning",
        "left and right that look exchanged",
        "Look at them: the order of these parts is unlike that of the other images.",
    ),
    "class-unused": Kind("warning", "classes that never occur", "Drop them from `names:`, or add examples."),
    "class-not-in-val": Kind(
        "warning", "classes without an example in val", "Move some there, or their score stays unknown."
    ),
    "class-not-in-train": Kind("warning", "classes without an example in train", "They cannot be learnt; move some."),
    "box-twin": Kind("warning", "boxes of one class that cover the same object", "Remove one of the two."),
    "box-repeated": Kind("warning", "repeated rows of a label file", "Training drops the repetition; remove it."),
    "box-no-area": Kind("warning", "boxes without area", "Training drops them; draw them again or remove them."),
    "orphan": Kind("warning", "label files without an image", "Add the image, or remove the label."),
    "label-shared": Kind(
        "warning", "images that share one label file", "Rename one: only the suffix of the images differs."
    ),
    "image-flat": Kind("warning", "images of nearly one colour", "Remove them if they show nothing."),
    "box-tiny": Kind("note", "tiny boxes", "Look whether they mark something; a larger imgsz= may be needed."),
    "box-huge": Kind("note", "boxes that cover nearly the whole image", "Look whether they mark the right thing."),
    "box-two-classes": Kind("note", "two classes on one box", "Right where both are true; else remove one."),
    "alike-across": Kind(
        "note", "images in two splits that look alike", "Look whether they show one car from one spot; then join them."
    ),
    "image-dark": Kind("note", "very dark images", "Look whether anything can be seen in them."),
    "image-long": Kind("note", "images much longer than wide, or wider than high", "Much of the square is padding."),
    "near-within": Kind("note", "near-duplicates in one split", "They teach less than as many different pictures."),
    "crop-within": Kind("note", "other crops of one scene in one split", "They teach less than different scenes."),
    "roboflow-within": Kind(
        "note", "Roboflow's versions of one picture in one split", "Augmented copies; training augments by itself."
    ),
    "unused": Kind("note", "images without a usable label of any task", "They teach nothing; label or remove them."),
    "no-empty": Kind(
        "note", "tasks without a true negative in train", "Images where nothing is to be found lower false alarms."
    ),
    "square": Kind(
        "note",
        "all images are squares of one size",
        "They may have been stretched; new pictures will not be. Export them with their proportions if you can.",
    ),
}
