"""`yolo inspect`: photos and videos of one vehicle in, a report of its damages out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ayolom.commands._command import Command, Option, flag, integer, path, text
from ayolom.commands._prediction import DEVICE, IMGSZ, TILES, thresholds

if TYPE_CHECKING:
    from ayolom.inspect.objects import Change

OUT = "runs/inspect"


def run(source: str, model: Path, out: Path | None, **given: Any) -> int:
    """Inspect a vehicle and say what was found."""
    from ultralytics.utils import LOGGER

    from ayolom.inspect import inspect_vehicle, load_language

    target = _new_folder() if out is None else out
    found = inspect_vehicle(source, model, out=target, **given)
    language = load_language(given["lang"])
    for damage in found.damages:
        extent = "" if damage.extent_share is None else f", {language.percent(damage.extent_share)}"
        level = language(f"levels.{damage.severity}")
        LOGGER.info(f"{damage.id} {language.where(damage)}: {language.name(damage.kind)}{extent}, {level}")
    changes = () if found.comparison is None else found.comparison.changes
    for status in ("new", "unchanged", "gone") if changes else ():
        listed = [_names(change) for change in changes if change.status == status]
        LOGGER.info(f"{language(f'statuses.{status}')}: {', '.join(listed) or language('none')}")
    for line in found.skipped:
        LOGGER.warning(line)
    LOGGER.info(f"{len(found.damages)} damages in {len(found.views)} pictures and videos; report: {target}/report.html")
    return 0


def _names(change: Change) -> str:
    """Return the number of a damage, in the earlier inspection too where that had it."""
    then = change.earlier and f"({change.earlier})"
    return " ".join(filter(None, (change.damage, then)))


def _new_folder() -> Path:
    """Return the first free folder of `runs/inspect`."""
    from ultralytics.utils.files import increment_path

    return Path(increment_path(Path(OUT) / "inspection"))


COMMAND = Command(
    name="inspect",
    summary="list the damages of one vehicle by part, extent and severity, with a report",
    options=(
        Option("source", text, "photos and videos of one vehicle: a file, a folder, a glob", required=True),
        Option("model", path, "checkpoint of a model with boxes (damage) and a class map (parts)", required=True),
        Option("out", path, f"new folder of the report; {OUT}/inspection, numbered, when not given"),
        Option("compare", path, "earlier report.json, or its folder: tells new, unchanged and gone damages"),
        Option("lang", text, "language of the report: en, ko, or a file like cfg/languages/en.yaml", "en"),
        Option("rules", text, "thresholds and severity table, a YAML file like cfg/inspection.yaml"),
        Option("repair", path, "your table of repairs with hours and costs, a YAML file"),
        Option("save_video", flag, "write videos with marks", True),
        Option("pdf", flag, 'write report.pdf as well; needs: pip install "ayolom[pdf]"', False),
        Option("conf", thresholds, "least confidence of a box, or by task: {damage: 0.4}"),
        IMGSZ,
        *TILES,
        Option("vid_stride", integer(1), "take every how many frames of a video"),
        DEVICE,
    ),
    examples=(
        ("yolo inspect source=car/ model=best.pt", "photos of one vehicle, to runs/inspect/inspection"),
        ("yolo inspect source=walk.mp4 model=best.pt lang=ko out=reports/4711", "a walk round it; report in Korean"),
        ("yolo inspect source=car/ model=best.pt tile=1280", "small damage on large photos"),
        ("yolo inspect source=return/ model=best.pt compare=reports/4711", "what has changed since"),
        ("yolo inspect source=car/ model=best.pt repair=prices.yaml", "with hours and costs of your own table"),
    ),
    run=run,
    details="""The report is a folder: report.html (one file, to print or send), report.json (for programs; its JSON
    Schema is cfg/schemas/inspection-1.schema.json), findings.csv, crops and marked pictures. It appears when all is
    made; nothing that is there is overwritten.

    Damages of several pictures are one when kind, part, place on the part and colour agree. To follow them through a
    video the base's tracker needs a package: pip install "ayolom[track]".""",
)
