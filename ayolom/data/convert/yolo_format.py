"""YOLO text folders as a stream of labelled images: boxes or polygons, names from data.yaml, a list, or the user."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ayolom.data.convert._files import folders_of
from ayolom.data.convert._format import Format, Layer
from ayolom.data.convert._problems import Problems
from ayolom.data.convert._sizes import UNKNOWN_SHAPE, header_shape
from ayolom.data.convert._splits import split_of
from ayolom.data.convert._values import LabelledImage
from ayolom.data.convert.yolo import parse_yolo
from ayolom.data.walk import is_image, walk
from ayolom.errors import AyolomError
from ayolom.yaml_io import load_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ayolom.data.convert._format import ReadOptions
    from ayolom.data.convert._values import Report

SPLITS = ("train", "val", "valid", "test")
NAME_FILES = ("classes.txt", "obj.names", "classes.names", "names.txt")
LOOKED_AT = 20  # label files that are opened to tell the format
BOX_COLUMNS = 5


class YoloFormat(Format):
    """YOLO text (https://docs.ultralytics.com/datasets/detect/): one file for an image, one row for an object."""

    name: ClassVar[str] = "yolo"
    title: ClassVar[str] = "YOLO text, boxes or polygons (data.yaml, classes.txt or names=)"

    def recognises(self, source: Path) -> bool:
        """Return whether a YAML names a split and classes, or the first text files of a folder hold rows of YOLO."""
        if source.is_file():
            return source.suffix.lower() in {".yaml", ".yml"} and _is_description(source)
        if not source.is_dir():
            return False
        return _description(source) is not None or bool(_sets(source)) or _first_rows(source) > 0

    def layers(self, source: Path, options: ReadOptions) -> tuple[Layer, ...]:
        """Return the only layer, or one for each data set in a folder of several, with all declared names.

        Raises:
            AyolomError: No file tells the names and none are given.
        """
        sets = _sets(source)
        if sets:
            return tuple(Layer(name, "detect", options.names or _names(folder)) for name, folder in sets.items())
        names = options.names or _names(source)
        folder = source if source.is_dir() else source.parent
        return (Layer(folder.name or "objects", "detect", names),)

    def read(self, source: Path, layer: Layer, options: ReadOptions, report: Report) -> Iterator[LabelledImage]:
        """Yield the images that have a label file; an empty file says that nothing is there."""
        for path, base, split in _images(_sets(source).get(layer.name, source), options):
            text_file = _label_file(path, base)
            if text_file is None:
                report.note("image without a label file (not labelled)", str(path), str(path))
                continue
            name = path.relative_to(base).as_posix() if path.is_relative_to(base) else path.name
            yield _read(path, name, text_file, split, layer, report)


def _read(path: Path, name: str, text_file: Path, split: str | None, layer: Layer, report: Report) -> LabelledImage:
    """Return one image with its objects."""
    shape, problems = header_shape(path), Problems(report, name)
    try:
        text = text_file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        report.add("label file is no UTF-8 text", f"{text_file}: whole file", name)
        return LabelledImage(name, shape, (), path, split, complete=False)
    wanted = shape if shape != UNKNOWN_SHAPE else (1, 1)  # an unreadable image is reported by the import
    objects = parse_yolo(text, layer.names, wanted, text_file, problems)
    return LabelledImage(name, shape, objects, path, split, complete=not problems.any)


def _is_description(file: Path) -> bool:
    """Return whether a YAML is a data set's of the base: names at its top, and a split."""
    try:
        content = load_yaml(file)
    except AyolomError:
        return False
    return "names" in content and "tasks" not in content and any(content.get(split) for split in SPLITS)


def _description(source: Path) -> Path | None:
    """Return the YAML file of a source, None when it has none."""
    if source.is_file():
        return source
    files = sorted(file for file in source.iterdir() if file.suffix.lower() in {".yaml", ".yml"} and file.is_file())
    return next((file for file in files if _is_description(file)), None)


def _sets(source: Path) -> dict[str, Path]:
    """Return the data sets in a folder that is none itself, by name, as our export writes one for each task."""
    if not source.is_dir() or _description(source) is not None:
        return {}
    return {
        folder.name: folder
        for folder in folders_of(source)
        if split_of(folder.name) is None and _description(folder) is not None
    }


def _names(source: Path) -> tuple[str, ...]:
    """Return the class names by id that the source tells."""
    file = _description(source)
    if file is not None:
        given = load_yaml(file).get("names")
        if isinstance(given, dict):
            return _listed(given, file)
        if isinstance(given, list) and given:
            return tuple(map(str, given))
        raise AyolomError(f"{file}: names: must list the class names (got {given}); mend it or give names=a,b")
    for folder in (source, source / "labels", source.parent):
        for name in NAME_FILES:
            if (folder / name).is_file():
                lines = (folder / name).read_text(encoding="utf-8-sig").splitlines()
                return tuple(line.strip() for line in lines if line.strip())
    raise AyolomError(
        f"{source}: no file tells the class names (looked for a data.yaml and {', '.join(NAME_FILES)}); "
        "give them in the order of their ids: names=dent,scratch"
    )


def _listed(given: dict[Any, Any], file: Path) -> tuple[str, ...]:
    """Return names given by id as a tuple; ids without a name get one that says so."""
    if not given or not all(isinstance(key, int) and 0 <= key < 10_000 for key in given):
        raise AyolomError(f"{file}: names: ids must be whole numbers from 0; mend it or give names=a,b")
    return tuple(str(given.get(key, f"class_{key}")) for key in range(max(given) + 1))


def _first_rows(source: Path) -> int:
    """Return how many of the first text files of a folder hold rows of YOLO and lie with an image; -1 for others."""
    good = 0
    for file in walk(source, lambda name: name.endswith(".txt") and name not in NAME_FILES, LOOKED_AT):
        try:
            rows = [line.split() for line in file.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
            fits = all(len(row) >= BOX_COLUMNS and len(row) % 2 and int(row[0]) >= 0 for row in rows)
            numbers = [float(word) for row in rows for word in row[1:]]
        except (OSError, ValueError):
            continue
        good += bool(rows) and fits and max(numbers) <= 2  # fractions; a little beyond 1 is for the import to tell
    return good


def _images(source: Path, options: ReadOptions) -> Iterator[tuple[Path, Path, str | None]]:
    """Yield each image with the folder that its name is relative to, and its split."""
    file = _description(source)
    if options.images is not None or file is None:
        base = options.images or source
        for path in walk(base, is_image):
            yield path, base, split_of(path.relative_to(base).parent)
        return
    content = load_yaml(file)
    root = _root(content.get("path"), file)
    seen: set[tuple[str, str]] = set()
    for key in SPLITS:
        split = "val" if key == "valid" else key
        given = content.get(key) or []
        for entry in given if isinstance(given, list) else [given]:
            if (split, str(entry)) not in seen:
                seen.add((split, str(entry)))
                yield from ((path, base, split) for path, base in _of_split(str(entry), root, file))


def _root(given: Any, file: Path) -> Path:
    """Return the data's folder: `path:` when it is there, else the folder of the YAML file."""
    root = file.parent / Path(str(given or ".")).expanduser()
    return root if root.is_dir() else file.parent


def _of_split(entry: str, root: Path, file: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the images of one entry of a split, a folder or a list, each with the folder of its name."""
    tries = [root / entry, file.parent / entry]
    while entry.startswith("../"):  # Roboflow writes ../train/images, which lies beside the YAML
        entry = entry[3:]
        tries.append(root / entry)
    place = next((path for path in tries if path.exists()), None)
    if place is None:
        raise AyolomError(f"{file}: names {tries[0]}, which is not there; correct the split or `path:`")
    if place.is_dir():
        yield from ((path, place) for path in walk(place, is_image))
        return
    with place.open(encoding="utf-8-sig") as stream:
        for line in map(str.strip, stream):
            if line:
                path = Path(line)
                yield (path if path.is_absolute() else place.parent / path), place.parent


def _label_file(image: Path, base: Path) -> Path | None:
    """Return an image's label file, None when there is none: its folder `images` becomes `labels`, or beside it."""
    parts = list(image.parts)
    tries = [image.with_suffix(".txt")]
    if "images" in parts[:-1]:
        last = len(parts) - 2 - parts[-2::-1].index("images")
        tries.insert(0, Path(*parts[:last], "labels", *parts[last + 1 :]).with_suffix(".txt"))
    if image.is_relative_to(base):
        tries.append((base.parent / "labels" / image.relative_to(base)).with_suffix(".txt"))
    return next((file for file in tries if file.is_file()), None)
