"""An inspection from source to report: `inspect_vehicle`, and `inspect_pictures` for boxes and maps of any origin."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ayolom import __version__
from ayolom.errors import AyolomError
from ayolom.inspect.album import Album
from ayolom.inspect.compare import REPORT, compare, load_inspection
from ayolom.inspect.gather import Gatherer
from ayolom.inspect.language import load_language
from ayolom.inspect.objects import Inspection, Model, Origin
from ayolom.inspect.parts import SIDES, tellable_sides
from ayolom.inspect.repair import RepairTable, load_repairs
from ayolom.inspect.report import report_folder, write_report
from ayolom.inspect.rules import Rules, load_rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ayolom.inspect.detected import Picture
    from ayolom.model import YOLO


@dataclass(frozen=True)
class Options:
    """What an inspection is asked for beside its pictures.

    Attributes:
        out: New folder of the report; None writes none.
        rules: Rules over the shipped ones: a file, a mapping, or None.
        repair: Table of repairs, or None.
        compare: Earlier report.json, the folder that holds it, an `Inspection`, or None.
        lang: Language of the report, such as "ko".
        save_video: Whether videos with marks are written.
        pdf: Whether report.pdf is written.
        keep: Folder for the pictures without marks and their class maps, from which `rebuild_report` draws the report
            again after corrections; None keeps none. Needs `out`.
    """

    out: str | Path | None = None
    rules: str | Path | Mapping[str, Any] | Rules | None = None
    repair: str | Path | RepairTable | None = None
    compare: str | Path | Inspection | None = None
    lang: str = "en"
    save_video: bool = True
    pdf: bool = False
    keep: Path | None = None


def inspect_vehicle(source: Any, model: str | Path | YOLO, options: Options | None = None, **given: Any) -> Inspection:
    """Inspect one vehicle.

    Args:
        source: Photos and videos of it: a file, folder, glob, list, or image arrays (H, W, 3) uint8 BGR.
        model: A checkpoint of a model with boxes (damage) and a class map (parts), or such a `YOLO`.
        options: What else is asked for.
        **given: Fields of `Options`, and settings of prediction such as `conf`, `imgsz`, `device`.

    Returns:
        The inspection; the report lies in `out` where that is given.

    Raises:
        AyolomError: A file is missing or wrong, or the model has not both tasks; nothing was written then.
    """
    from ayolom.inspect._network import Network

    own = {name: given.pop(name) for name in list(given) if name in Options.__dataclass_fields__}
    options = Options(**own) if options is None else options
    job = _Job(options)
    network = Network(model, given)
    return job.run(
        network.pictures(source), network.names, str(_shown(source)), network.description(), network.problems
    )


def inspect_pictures(
    pictures: Iterable[Picture],
    part_names: Mapping[int, str],
    options: Options | None = None,
    *,
    source: str = "pictures",
    model: Model | None = None,
    problems: Sequence[str] = (),
) -> Inspection:
    """Inspect one vehicle by damages and parts that are known already, from any model or from labels.

    Args:
        pictures: Photos in any order; frames of a video in order and together.
        part_names: Class names of the class maps by class id, background included.
        options: What else is asked for.
        source: Name of the pictures' origin for the report.
        model: What the report says of the model.
        problems: A line for each file that was left out; read when all pictures have passed.
    """
    model = model or Model(name="-", part_names=tuple(part_names.values()))
    return _Job(options or Options()).run(pictures, part_names, source, model, problems)


class _Job:
    """One inspection; whatever is wrong with its options shows before the first picture is read."""

    def __init__(self, options: Options) -> None:
        """Read what the options name."""
        self._options = options
        self._rules = options.rules if isinstance(options.rules, Rules) else load_rules(options.rules)
        self._language = load_language(options.lang)
        repair = options.repair
        self._repairs = repair if repair is None or isinstance(repair, RepairTable) else load_repairs(repair)
        self._earlier = (
            options.compare
            if options.compare is None or isinstance(options.compare, Inspection)
            else load_inspection(options.compare)
        )
        if options.pdf:
            from ayolom.inspect.report._pdf import check_pdf

            check_pdf()

    def run(
        self, pictures: Iterable[Picture], names: Mapping[int, str], source: str, model: Model, problems: Sequence[str]
    ) -> Inspection:
        """Do it.

        Args:
            pictures: The pictures.
            names: Class names of parts.
            source: For the report.
            model: For the report.
            problems: Files left out; read when all pictures have passed.
        """
        options = self._options
        with report_folder(Path(options.out)) if options.out is not None else nullcontext() as folder:
            album = None
            if folder is not None:
                album = Album(folder, names, self._rules, self._language, options.save_video, options.keep)
            with _closed(album):
                gatherer = Gatherer(names, self._rules, album)
                for picture in pictures:
                    gatherer.add(picture)
                inspection = self._made(gatherer, names, source, model, problems)
                if album is not None:
                    damages, views = album.finish(inspection.damages, inspection.views)
                    inspection = inspection.model_copy(update={"damages": tuple(damages), "views": tuple(views)})
            if folder is not None:
                write_report(inspection, folder, self._language, self._rules, options.pdf)
        return inspection

    def _made(
        self, gatherer: Gatherer, names: Mapping[int, str], source: str, model: Model, problems: Sequence[str]
    ) -> Inspection:
        """Return the inspection of what was gathered."""
        damages, parts = gatherer.result()
        if not gatherer.views:
            raise AyolomError(f"source={source}: holds no picture that can be read. {' '.join(problems)}".strip())
        if self._repairs is not None:
            damages = [one.model_copy(update={"operations": self._repairs.operations(one)}) for one in damages]
        seen = {side for view in gatherer.views for side in view.check.sides}
        inspection = Inspection(
            created_at=datetime.now(timezone.utc).astimezone().isoformat(timespec="seconds"),
            software=f"ayolom {__version__}",
            source=source,
            model=model,
            rules=self._rules.origin,
            repair_table=self._repairs.origin if self._repairs else None,
            currency=self._repairs.currency if self._repairs else None,
            damages=tuple(damages),
            parts=tuple(parts),
            views=tuple(gatherer.views),
            sides_seen=tuple(side for side in SIDES if side in seen),
            sides_missing=tuple(side for side in tellable_sides(names, self._rules) if side not in seen),
            skipped=tuple(problems),
        )
        if self._earlier is None:
            return inspection
        origin = None
        if isinstance(self._options.compare, (str, Path)):
            file = Path(self._options.compare)
            origin = Origin(name=str(file.parent.name if file.name == REPORT else file.name))
        return inspection.model_copy(update={"comparison": compare(self._earlier, inspection, self._rules, origin)})


@contextmanager
def _closed(album: Album | None) -> Iterator[None]:
    """Close what an album has open, however the block ends."""
    try:
        yield
    finally:
        if album is not None:
            album.end_video()


def _shown(source: Any) -> str:
    """Return a source for people: its last name where it is a path."""
    if isinstance(source, (str, Path)):
        return Path(source).name or str(Path(source).resolve().name)
    return f"{len(source)} pictures" if isinstance(source, (list, tuple)) else "picture"
