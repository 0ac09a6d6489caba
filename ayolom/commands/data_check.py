"""`yolo data check`: everything in a data set read once, and what looks wrong in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ayolom.commands._command import Command, Option, flag, integer, number, path, text, words


def _run(
    data: str,
    splits: tuple[str, ...],
    strict: bool,
    out: Path | None,
    report: bool,
    threads: int,
    **lines: Any,
) -> int:
    """Check a data set, print what stands out, write the results; return the exit status."""
    from ultralytics.utils import LOGGER, RUNS_DIR
    from ultralytics.utils.files import increment_path

    from ayolom.data import check
    from ayolom.data.schema import load_schema

    schema = load_schema(data)
    folder = out or Path(increment_path(Path(RUNS_DIR) / "data" / "check"))
    check.check_folder(folder)
    with check.Spool() as spool:
        result = check.check(schema, spool, splits or None, check.Limits(**lines), threads)
        LOGGER.info(check.report(result))
        check.write(result, spool, schema, folder, html=report)
    LOGGER.info(f"Results saved to {folder / ('check.html' if report else 'check.json')}")
    return check.status(result, strict)


COMMAND = Command(
    name="data check",
    summary="read every image and label once and say what looks wrong: broken files, leaks between splits, odd labels",
    options=(
        Option("data", text, "the data set's YAML", required=True),
        Option("splits", words, "splits to read, such as train,val; all of them when not given", default=()),
        Option("strict", flag, "whether warnings fail the check as errors do", default=False),
        Option("out", path, "new folder for the results; runs/data/check, check-2, ... when not given"),
        Option("report", flag, "whether to write check.html beside check.json", default=True),
        Option("threads", integer(1), "files read at once", default=2),
        Option("near", integer(0), "bits of 64 in which the hashes of near-duplicates may differ", default=6),
        Option(
            "crops",
            integer(0),
            "most images among which other crops of one scene are looked for: 20 ms and 20 kB each; 0: none",
            default=2000,
        ),
        Option("imgsz", integer(32), "size of training, by which tiny boxes are measured", default=640),
        Option("tiny", number(0), "pixels at that size: boxes with a shorter side below it are tiny", default=4.0),
        Option("huge", number(0, 1), "share of the image from which a box is huge", default=0.9),
    ),
    examples=(
        ("yolo data check data=mine.yaml", "print a table, write runs/data/check/check.html and check.json"),
        ("yolo data check data=mine.yaml strict=True report=False", "for scripts: status 1 with any error or warning"),
        ("yolo data check data=mine.yaml splits=train,val out=reports/mine near=8", "two splits, a wider search"),
        ("yolo data check data=mine.yaml crops=20000", "look for other crops of one scene in a larger set, too"),
    ),
    run=_run,
    details="""
    Nothing of the data set is written to. An error is certain: training would skip data or fail, or its score would be
    false (broken files, a task without labels, one file in two splits). A warning is most probably a mistake
    (near-duplicates across splits, left and right exchanged, classes without examples, orphans). A note is worth a look
    (tiny and huge boxes, dark images).

    The exit status is 1 with any error, with strict=True also with any warning, else 0. check.json holds every finding;
    check.html shows the first of each with pictures, in one file.
    """,
)
