"""What a path tells of the split that a file belongs to."""

from __future__ import annotations

import re
from pathlib import Path

SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "trainingset": "train",
    "trainset": "train",
    "valid": "val",
    "val": "val",
    "validation": "val",
    "validationset": "val",
    "valset": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
    "testset": "test",
}
WORD = re.compile(r"[A-Za-z]+")


def split_of(path: str | Path) -> str | None:
    """Return the split that a path tells, the last folder or word that names one; None when nothing does.

    >>> split_of("annotations/instances_val2017.json")
    'val'
    >>> split_of("images/everything/a.jpg") is None
    True
    """
    for part in reversed(Path(path).parts):
        for word in reversed(WORD.findall(part)):
            if word.lower() in SPLIT_WORDS:
                return SPLIT_WORDS[word.lower()]
    return None


def without_split(stem: str) -> str:
    """Return a file's name without the words that tell its split, so that files of one label set get one name.

    >>> without_split("COCO_mul_train_annos")
    'COCO_mul_annos'
    """
    words = [word for word in re.split(r"[_.\-\s]+", re.sub(r"(19|20)\d\d", "", stem)) if word]
    return "_".join(word for word in words if word.lower() not in SPLIT_WORDS)
