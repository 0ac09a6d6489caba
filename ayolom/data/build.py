"""From a dataset description to the dataset of one split."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ultralytics.data.utils import get_split_fraction
from ultralytics.utils import LOCAL_RANK, LOGGER, colorstr

from ayolom.data.class_sampling import rare_repeated
from ayolom.data.dataset import MultiTaskConcat, MultiTaskDataset
from ayolom.data.folder_weights import repeated
from ayolom.data.images import list_images
from ayolom.data.scan import Record, Scan, cache_places, report, scan
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ayolom.data.schema import DataSchema
    from ayolom.tasks.base import Task


def build_dataset(
    schema: DataSchema,
    tasks: Sequence[Task],
    split: str,
    *,
    args: Any,
    batch: int,
    stride: int,
    augment: bool,
    rect: bool | None = None,
    save_report: Path | None = None,
    folder_weights: Mapping[str, float] | None = None,
    class_sampling: Mapping[str, float] | None = None,
) -> MultiTaskConcat:
    """Return the images of a split with their labels.

    Images with different sets of labelled tasks go into different parts when augmented, so that mosaic, mixup and
    copy-paste never join an image that is labelled for a task with one that is not.

    Args:
        schema: The dataset description.
        tasks: The model's tasks, in order; tasks of the description beyond these are not read.
        split: "train", "val" or "test".
        args: The base's settings: `imgsz`, `cache`, `fraction`, `rect` and those of augmentation.
        batch: Images in a batch.
        stride: Largest stride of the model, in pixels.
        augment: Whether samples are augmented, as for training.
        rect: Whether batches have the shape of their images; None takes `args.rect`.
        save_report: File to write the whole report of the scan to.
        folder_weights: How often the images of a folder are seen, see `folder_weights.repeated`; None for all alike.
        class_sampling: Which classes count as rare by task, see `class_sampling.rare_repeated`; None for none.

    Raises:
        AyolomError: The split has no usable image, or, to train on, none with a label of one of the tasks; a folder
            that is weighed holds none.
    """
    files = _fraction(list_images(schema.sources(split), schema.root), args.fraction, split)
    found = scan(files, tasks, schema.root, cache_places(schema.root), split)
    if LOCAL_RANK in {-1, 0}:
        _tell(found, split, save_report)
    _check(found, schema, tasks, split, files, augment)
    records = rare_repeated(found.records, tasks, class_sampling or {}, root=schema.root, imgsz=args.imgsz)
    records = repeated(records, lambda record: record.image_file, schema.root, folder_weights or {})
    groups = _groups(records, tasks) if augment else [records]
    rect = bool(args.rect if rect is None else rect)
    if rect and len(groups) > 1:
        LOGGER.warning("rect=True needs images that are all labelled for the same tasks; training on squares")
        rect = False
    return MultiTaskConcat(
        [
            MultiTaskDataset(
                group,
                tasks,
                root=schema.root,
                imgsz=args.imgsz,
                hyp=args,
                augment=augment,
                batch_size=batch,
                cache=args.cache,
                stride=stride,
                rect=rect,
                pad=0.0 if augment else 0.5,
                channels=schema.channels,
                prefix=colorstr(f"{split}: "),
            )
            for group in groups
        ]
    )


def _fraction(files: list[str], fraction: Any, split: str) -> list[str]:
    """Return as many files as the setting says: a share, a number, or a list of those by split.

    They are spread evenly over the list: the first files would all come from one folder, and might lack a task.
    """
    try:
        share = get_split_fraction(fraction, split)
    except ValueError as error:
        raise AyolomError(f"fraction={fraction}: {error}") from None
    count = min(share if isinstance(share, int) else max(1, round(len(files) * share)), len(files))
    return [files[i * len(files) // count] for i in range(count)]


def _groups(records: Sequence[Record], tasks: Sequence[Task]) -> list[list[Record]]:
    """Return the records by their set of labelled tasks, in a fixed order."""
    groups: dict[tuple[bool, ...], list[Record]] = {}
    for record in records:
        groups.setdefault(tuple(task.name in record.labels for task in tasks), []).append(record)
    return [groups[key] for key in sorted(groups, reverse=True)]


def _tell(found: Scan, split: str, save_report: Path | None) -> None:
    """Log the report of a scan and save the whole of it."""
    if save_report is not None:
        save_report.parent.mkdir(parents=True, exist_ok=True)
        save_report.write_text(report(found, split, most=None) + "\n", encoding="utf-8")
    text = report(found, split)
    if found.problems:
        where = f"; all of them in {save_report}" if save_report is not None else ""
        LOGGER.warning(f"{text}\n  files that are not used: {len(found.problems)}{where}")
    else:
        LOGGER.info(text)


def _check(
    found: Scan, schema: DataSchema, tasks: Sequence[Task], split: str, files: Sequence[str], augment: bool
) -> None:
    """Raise when the split is of no use; warn when a task cannot be scored."""
    missing = [task for task in tasks if not found.counts[task.name].labelled]
    if not missing or (found.records and not augment):
        for task in missing:
            LOGGER.warning(f"{split}: no image is labelled for {task.name}; it cannot be scored")
        return
    looked = "; ".join(f"{task.name}: {task.label_file(files[0], schema.root)}" for task in missing)
    raise AyolomError(
        f"{schema.label}: {split}: no usable label of {', '.join(task.name for task in missing)} among {len(files)} "
        f"images. Labels are looked for at such places: {looked}. Correct the folders in `tasks:` or remove the task"
        + (f". First of {len(found.problems)} broken files: {found.problems[0]}" if found.problems else "")
    )
