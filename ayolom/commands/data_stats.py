"""`yolo data stats`: how often classes and folders occur, and weights against it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ayolom.commands._command import Command, Option, choice, flag, number, path, text, words
from ayolom.commands._unused import unused
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from pathlib import Path

METHODS = ("inverse_frequency", "effective_number", "enet", "median_frequency")


def run(
    data: str,
    split: tuple[str, ...],
    out: Path | None,
    method: Literal["inverse_frequency", "effective_number", "enet", "median_frequency"],
    beta: float,
    overwrite: bool,
    dry_run: bool,
) -> int:
    """Count, show, and write where it is asked for."""
    from ultralytics.utils import LOGGER

    from ayolom.data import stats
    from ayolom.data.schema import load_schema
    from ayolom.files import write_atomic

    if beta >= 1:
        raise AyolomError(f"yolo data stats: beta={beta:g}: must be below 1, such as 0.999")
    if out is not None and (out.exists() or out.is_symlink()) and not overwrite:
        raise AyolomError(f"{out}: is there already; name another file, or overwrite=True")
    schema = load_schema(data)
    found = stats.count(schema, split)
    LOGGER.info("\n".join([stats.table(found, beta), *unused(found.problems)]))
    if out is None:
        return 0
    if dry_run:
        LOGGER.info(f"would write {out}")
        return 0
    name = schema.file.name if schema.file else schema.label
    write_atomic(out, stats.to_yaml(stats.content(found, name, method, beta)))
    LOGGER.info(f"wrote {out}: class weights by {method}")
    return 0


COMMAND = Command(
    name="data stats",
    summary="count classes and folders, and suggest weights",
    options=(
        Option("data", text, "data set YAML", required=True),
        Option("split", words, "splits to count", ("train",)),
        Option("out", path, "YAML file to write weights and counts to; none when not given"),
        Option("method", choice(*METHODS), f"whose weights the file offers: {', '.join(METHODS)}", "enet"),
        Option("beta", number(0, 1), "of the effective number of samples, below 1", 0.999),
        Option("overwrite", flag, "replace the file of an earlier run", False),
        Option("dry_run", flag, "show everything and write nothing", False),
    ),
    examples=(
        ("yolo data stats data=mine.yaml", "a table for each task, and one of the folders"),
        ("yolo data stats data=mine.yaml out=weights.yaml method=effective_number", "and the weights in a file"),
    ),
    run=run,
    details="""
        For each class: images with it, instances (boxes, polygons, or regions of a mask), pixels (of a box its area),
        its share, and four weights of mean 1: inverse frequency; effective number of samples (Cui 2019, of boxes, or of
        images where there are masks); ENet's 1 / ln(1.02 + share) (Paszke 2016); median frequency (Eigen 2015). Boxes
        are weighed by instances and masks by pixels, as in training, where cls_pw=1 gives the inverse frequency.

        For each source folder: its images, and the weight of each with which all folders would count the same.
    """,
)
