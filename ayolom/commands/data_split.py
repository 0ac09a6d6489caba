"""`yolo data split`: image lists for train, val and test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ayolom.commands._command import Command, Option, flag, integer, numbers, path, text
from ayolom.commands._unused import unused

if TYPE_CHECKING:
    from pathlib import Path


def run(
    data: str,
    ratios: tuple[float, ...],
    seed: int,
    group: str | None,
    near: int,
    crops: int,
    out: Path | None,
    overwrite: bool,
    dry_run: bool,
) -> int:
    """Divide the images, tell how, and write the lists."""
    from ultralytics.utils import LOGGER

    from ayolom.data import split
    from ayolom.data.schema import load_schema

    schema = load_schema(data)
    files = split.targets(schema, out or schema.root, split.check_ratios(ratios))
    if not overwrite and not dry_run:
        split.check_free(files)
    done = split.split_dataset(schema, ratios, group or "", seed, near, crops)
    lines = [split.table(done), split.kept_together(done), *done.notes, *split.absent(done)]
    LOGGER.info("\n".join([*lines, *unused(done.problems)]))
    listed = ", ".join(str(file) for file in files.values())
    if dry_run:
        LOGGER.info(f"would write {listed}")
        return 0
    split.write(schema, done, files)
    LOGGER.info(f"wrote {listed}; train with data={files['']}")
    return 0


COMMAND = Command(
    name="data split",
    summary="divide a data set into train, val and test, the same mix of classes in each",
    options=(
        Option("data", text, "data set YAML; the images of all its splits are divided anew", required=True),
        Option("ratios", numbers, "shares of train, val and test, or of train and val", (0.7, 0.2, 0.1)),
        Option("seed", integer(0), "another seed gives another split", 0),
        Option("group", text, "what must not be parted: regex:<pattern>, csv:<file>, folder, hash; or several"),
        Option(
            "near", integer(0), "bits by which the hashes of near-duplicates may differ; 0 does not look for any", 6
        ),
        Option(
            "crops",
            integer(0),
            "most images among which other crops of one scene are looked for; 0: none",
            2000,
        ),
        Option("out", path, "folder of the lists and the new YAML (default: the data's folder)"),
        Option("overwrite", flag, "replace the files of an earlier split", False),
        Option("dry_run", flag, "only show the split", False),
    ),
    examples=(
        ("yolo data split data=mine.yaml ratios=0.7,0.2,0.1", "writes train.txt, val.txt, test.txt, mine-split.yaml"),
        (
            "yolo data split data=mine.yaml 'group=regex:(.*)_jpg\\.rf\\.'",
            "Roboflow's copies of one picture stay together",
        ),
        ("yolo data split data=mine.yaml group=csv:manifest.csv,folder", "by a table with the columns image and group"),
    ),
    run=run,
    details="""
        Writes lists of images and a YAML that names them; nothing is moved, and the old YAML stays as it is.

        Each split gets its share of the images with each class of each task, of images with nothing to find, and of
        images that are labelled for a task at all (iterative stratification). No group is in two splits, and no
        near-duplicates are: pictures whose 64-bit perceptual hashes and thumbnails agree, mirrored copies too. Nor are
        other crops of one scene, as told by matching corners, in sets of up to crops= images.

        regex: the first group in brackets is the key; it is searched for in the file's name, with a "/" in the pattern
        in the path below the data's folder. csv: columns image (a path, relative to the table or the data, or a name)
        and group. folder: the folder of the image. hash: near-duplicates only.
    """,
)
