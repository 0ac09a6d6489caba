"""The import: labelled images of any format joined to a growing data set of several tasks."""

from __future__ import annotations

from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ayolom.data.convert._arguments import (
    check_places,
    choose_format,
    import_name,
    read_map,
    read_palette,
)
from ayolom.data.convert._description import FILE, Description
from ayolom.data.convert._encode import Encoder
from ayolom.data.convert._format import ReadOptions
from ayolom.data.convert._joining import Choice, Joining
from ayolom.data.convert._note import find_note
from ayolom.data.convert._pairing import is_parted, noted_layers, pair_layers
from ayolom.data.convert._parted import parted
from ayolom.data.convert._problems import ProblemFile
from ayolom.data.convert._records import ImageRecords, record_text
from ayolom.data.convert._settle import Judge
from ayolom.data.convert._summary import ImportSummary, TaskSummary
from ayolom.data.convert._transaction import HIDDEN, Staging, staging
from ayolom.data.convert._union import ImageIndex, Staged
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ayolom.data.convert._description import GrowingTask
    from ayolom.data.convert._format import Format
    from ayolom.data.convert._note import Note
    from ayolom.data.convert._pairing import Plan

INDEX = "images.sqlite"
MOST_LINES = 8  # of problems in the message of a strict import


def import_dataset(
    source: str | Path,
    out: str | Path,
    *,
    tasks: Sequence[str] = (),
    layers: Sequence[str] = (),
    format: str = "auto",  # noqa: A002 (the name that the command line has)
    kind: Literal["detect", "semantic"] | None = None,
    classes: str | Path | Mapping[str, str | None] | None = None,
    images: str | Path | None = None,
    names: Sequence[str] = (),
    colors: str | Path | None = None,
    attribute: str | None = None,
    place: Literal["copy", "link", "move"] = "copy",
    store: Literal["boxes", "polygons", "masks"] | None = None,
    split: Literal["keep", "train", "val", "test"] = "keep",
    prefix: str | None = None,
    strict: bool = False,
    dry_run: bool = False,
) -> ImportSummary:
    """Join a labelled source to a growing data set, wholly or not at all.

    Args:
        source: File or folder; never written to, but for `place="move"`.
        out: Folder of the data set; new, or grown by earlier imports.
        tasks: Tasks that the layers are for: each takes the layer of its name, else they are paired in their order; by
            default the layers' own names.
        layers: Layers wanted, in the order of `tasks`; by default all.
        format: Name of a format, or "auto".
        kind: Kind of a task that is new; by default what suits the layer.
        classes: YAML or mapping, target by source name; None drops a class (background there), "ignore" makes it
            teach nothing, a name that is missing is unknown.
        images: Folder of the images where the source does not tell.
        names: Class names by id where the source does not tell.
        colors: YAML, colour [red, green, blue] by class name, for colour masks.
        attribute: Attribute that holds the class, for formats with free attributes.
        place: Whether images are copied, linked, or moved once all is in place.
        store: How labels are stored; by default boxes or masks.
        split: Split of the new images; "keep" takes the source's, "train" where it tells none.
        prefix: Name of this import; by default the source's.
        strict: Whether anything put aside makes the import fail.
        dry_run: Whether to find out what would come of it, and write nothing.

    Returns:
        What was done.

    Raises:
        AyolomError: An argument does not fit, nothing can be used, or `strict` and something had to be put aside.
    """
    source, out = Path(source).expanduser(), Path(out).expanduser()
    check_places(source, out)
    reader = choose_format(source, format)
    options = ReadOptions(
        Path(images).expanduser() if images else None, tuple(names), attribute, read_palette(colors) if colors else {}
    )
    note = find_note(source)
    known = noted_layers(reader.layers(source, options), note, reader.one_list)
    plans = pair_layers(known, tuple(layers), tuple(tasks), source)
    mapping = read_map(classes) if isinstance(classes, (str, Path)) else classes
    with _workspace(out, dry_run) as (attempt, index):
        run = _Run(source, out, reader, options, attempt, index, prefix)
        run.summary.plans, run.summary.layers = plans, [layer.name for layer in known]
        try:
            run.read(plans, note, mapping, kind, store, Choice(place, split))
            run.finish(strict, {"place": place, "split": split, "classes": dict(mapping) if mapping else None})
        finally:
            run.close()
    return run.summary


@contextmanager
def _workspace(out: Path, dry_run: bool) -> Iterator[tuple[Staging | None, ImageIndex]]:
    """Give a place to make the result in, None for a dry run, and the index of the images that are there."""
    with ExitStack() as stack:
        attempt = None if dry_run else stack.enter_context(staging(out))
        index = ImageIndex(out, out / HIDDEN / INDEX, keep=not dry_run)
        stack.enter_context(closing(index))
        yield attempt, index


class _Run:
    """One import on its way."""

    def __init__(
        self,
        source: Path,
        out: Path,
        reader: Format,
        options: ReadOptions,
        attempt: Staging | None,
        index: ImageIndex,
        prefix: str | None,
    ) -> None:
        """Read what the data set holds; the arguments are those of `import_dataset`, as values."""
        self.source, self.out, self.reader, self.options = source, out, reader, options
        self.attempt, self.index = attempt, index
        self.description = Description(out)
        name = import_name(prefix, source, out)
        folder = None if attempt is None else attempt.tree / "imports" / name
        self.report = ProblemFile(None if folder is None else folder / "problems.csv")
        self.records = ImageRecords(None if folder is None else folder / "images.csv")
        self.staged = Staged()
        self.summary = ImportSummary(out, name, reader.name, self.report, dry_run=attempt is None)
        self.tasks: dict[str, GrowingTask] = {}

    def close(self) -> None:
        """Close the files."""
        self.report.close()
        self.records.close()
        self.staged.close()

    def read(
        self,
        plans: Sequence[Plan],
        note: Note | None,
        mapping: Mapping[str, str | None] | None,
        kind: str | None,
        store: str | None,
        choice: Choice,
    ) -> None:
        """Read every layer and stage what comes of it."""
        joining = Joining(self.out, self.attempt, self.index, self.staged, self.report, self.records, choice)
        for plan in plans:
            task = self.tasks.get(plan.task) or self.description.task(plan.task, kind, store, plan.layer.kind)
            self.tasks[plan.task] = task
            found = self.summary.tasks.setdefault(plan.task, TaskSummary(plan.layer.name, task.kind, task.store))
            encoder = Encoder(Judge(task, mapping, self.report), plan.layer.names)
            stream = self.reader.read(self.source, plan.layer.whole or plan.layer, self.options, self.report)
            if note is not None and is_parted(note, self.reader.one_list):
                stream = parted(stream, plan.layer.name, note, self.report)
            joining.add(stream, task, encoder, found, self.summary)
            found.names = list(task.names)
        self.summary.known = joining.known

    def finish(self, strict: bool, settings: dict[str, object]) -> None:
        """Put everything into place, or raise."""
        labelled = sum(task.results["labelled"] for task in self.summary.tasks.values())
        useful = labelled + sum(task.results["identical"] for task in self.summary.tasks.values())
        if strict and self.report.counts:
            raise AyolomError(
                f"strict=True and not all of {self.source} can be used, so nothing was written. {self._why()}"
            )
        if not useful:
            raise AyolomError(f"{self.source}: nothing of it can be used, so nothing was written. {self._why()}")
        grown = [task for name, task in self.tasks.items() if self.summary.tasks[name].results["labelled"]]
        for task in grown:
            if not task.has_classes:
                raise AyolomError(
                    f"task {task.name}: no class was found in {self.source}; give names= or another layer="
                )
        if self.attempt is None or not (labelled or self.report.counts):
            return
        self._describe(self.attempt, grown, settings)
        self.close_files()
        self.attempt.commit()
        self.index.add(self.staged.images())
        self.summary.written = bool(labelled)
        problems = self.out / "imports" / self.summary.name / "problems.csv"
        self.summary.problems = problems if problems.is_file() else None

    def close_files(self) -> None:
        """Bring the lists to the disk before they are moved."""
        self.report.close()
        self.records.close()

    def _describe(self, attempt: Staging, grown: Sequence[GrowingTask], settings: dict[str, object]) -> None:
        """Write the data set's description and the record of this import."""
        folders = {split: f"images/{self.summary.name}/{split}" for split in self.summary.images}
        text = self.description.text(grown, folders)
        attempt.file(FILE).write_text(text, encoding="utf-8")
        record = record_text(self.summary, self.source, settings)
        attempt.file(f"imports/{self.summary.name}/import.json").write_text(record, encoding="utf-8")

    def _why(self) -> str:
        """Return the problems as lines."""
        listed = self.report.counts.most_common()
        lines = [f"{count} x {what}, such as {self.report.examples[what][0]}" for what, count in listed[:MOST_LINES]]
        more = [f"and {len(listed) - MOST_LINES} more kinds"] if len(listed) > MOST_LINES else []
        return "\n  ".join(["Put aside:", *(lines or ["nothing; it holds no label"]), *more])
