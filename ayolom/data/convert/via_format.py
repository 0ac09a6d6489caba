"""VGG Image Annotator (VIA) 1 and 2 as a stream of labelled images.

The format: https://www.robots.ox.ac.uk/~vgg/software/via/. A project keeps its images under `_via_img_metadata`; an
export of the annotations is that part alone.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

from ayolom.data.convert._files import find_image, folders_of, is_json, relative_name, safe_name
from ayolom.data.convert._format import Format, Layer
from ayolom.data.convert._problems import Problems
from ayolom.data.convert._sizes import header_shape
from ayolom.data.convert._splits import split_of
from ayolom.data.convert._stream import entries, first_keys
from ayolom.data.convert._values import LabelledImage
from ayolom.data.convert.via import region_objects, regions_of
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ayolom.data.convert._format import ReadOptions
    from ayolom.data.convert._values import Report

IMAGES, SETTINGS, ATTRIBUTES = "_via_img_metadata", "_via_settings", "_via_attributes"
LOOKED_AT = 200  # images that say which attributes and shapes a file has


class ViaFormat(Format):
    """A project or an export of annotations, or a folder with such files in it or in its folders for the splits."""

    name: ClassVar[str] = "via"
    title: ClassVar[str] = "VGG Image Annotator (VIA) 1 and 2"

    def recognises(self, source: Path) -> bool:
        """Return whether one of the JSON files begins like VIA's."""
        return any(_is_via(file) for file in _json_files(source))

    def layers(self, source: Path, options: ReadOptions) -> tuple[Layer, ...]:
        """Return the one layer of the regions; a project tells the class names."""
        files = [file for file in _json_files(source) if _is_via(file)]
        if not files:
            raise AyolomError(
                f"{source}: holds no VIA 1 or 2 file (JSON of images with 'regions'); in VIA choose Annotation > "
                "Export as JSON"
            )
        regions = [region for file in files for region in islice(_first_regions(file), LOOKED_AT)]
        attribute = options.attribute or _only_attribute(regions, source, options)
        names = options.names or tuple(dict.fromkeys(name for file in files for name in _declared(file, attribute)))
        kinds = {str(region["shape_attributes"].get("name")) for region in regions}
        return (Layer("objects", "semantic" if kinds - {"rect"} else "detect", names),)

    def read(self, source: Path, layer: Layer, options: ReadOptions, report: Report) -> Iterator[LabelledImage]:
        """Yield the images, one at a time."""
        default = options.names[0] if len(options.names) == 1 else None
        for file in _json_files(source):
            if not _is_via(file):
                continue
            folders = _folders(file, options)
            try:
                for place, entry in entries(file, _prefix(file)):
                    yield from _image(entry, f"{file}: {place}", folders, (options.attribute, default), report)
            except AyolomError as error:
                report.add("broken JSON file: the rest is not read", str(error))


def _json_files(source: Path) -> list[Path]:
    """Return the JSON files of a source: the file itself, or those in a folder and the folders in it."""
    if source.is_file():
        return [source] if is_json(source.name) else []
    return [file for folder in (source, *folders_of(source)) for file in sorted(folder.glob("*")) if is_json(file.name)]


def _is_project(file: Path) -> bool:
    """Return whether a file is a project, which begins with its settings."""
    return SETTINGS in first_keys(file)


def _prefix(file: Path) -> str:
    """Return the key of the images in a file."""
    return IMAGES if first_keys(file) & {SETTINGS, IMAGES} else ""


def _is_via(file: Path) -> bool:
    """Return whether a file begins like VIA's."""
    found = first_keys(file)
    return SETTINGS in found or IMAGES in found or {"filename", "regions"} <= found


def _folders(file: Path, options: ReadOptions) -> list[Path]:
    """Return where the images of a file may be: where the project says, beside it, or in its folder `images`."""
    if options.images is not None:
        split = options.images / file.parent.name
        return [split, options.images] if split.is_dir() else [options.images]
    core: Any = dict(entries(file, SETTINGS)).get(f'{SETTINGS}["core"]') if _is_project(file) else None
    stated = core.get("default_filepath") if isinstance(core, dict) else None
    told = [file.parent / safe_name(stated)] if isinstance(stated, str) and stated.strip() else []
    return [folder for folder in (*told, file.parent, file.parent / "images") if folder.is_dir()]


def _first_regions(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the well-formed regions of a file's first images; damage is left for `read` to report."""
    try:
        for _, entry in islice(entries(file, _prefix(file)), LOOKED_AT):
            for region in regions_of(entry) if isinstance(entry, dict) else ():
                if isinstance(region, dict) and isinstance(region.get("shape_attributes"), dict):
                    yield region
    except AyolomError:
        return


def _only_attribute(regions: list[dict[str, Any]], source: Path, options: ReadOptions) -> str | None:
    """Return the one attribute that regions have, None when they have none and the user names the only class.

    Raises:
        AyolomError: There are several, or none and it is not clear what the regions are.
    """
    given = [region.get("region_attributes") for region in regions]
    names = sorted({name for attributes in given if isinstance(attributes, dict) for name in attributes})
    if len(names) > 1:
        listed = ", ".join(names)
        given_as = f'"attribute={names[0]}"' if " " in names[0] else f"attribute={names[0]}"
        raise AyolomError(
            f"{source}: regions have several attributes ({listed}); say which holds the class: {given_as}"
        )
    if not names and regions and len(options.names) != 1:
        raise AyolomError(
            f"{source}: regions have no attributes, so no class; name the one class that they are: names=damage"
        )
    return names[0] if names else None


def _declared(file: Path, attribute: str | None) -> list[str]:
    """Return the classes that a project declares for an attribute."""
    if attribute is None or not _is_project(file):
        return []
    try:
        kinds: Any = dict(entries(file, ATTRIBUTES)).get(f'{ATTRIBUTES}["region"]')
    except AyolomError:
        return []
    field = kinds.get(attribute) if isinstance(kinds, dict) else None
    options = field.get("options") if isinstance(field, dict) else None
    return [str(name) for name in options if name] if isinstance(options, dict) else []


def _image(
    entry: Any, where: str, folders: list[Path], classes: tuple[str | None, str | None], report: Report
) -> Iterator[LabelledImage]:
    """Yield one image; nothing when it has no name."""
    name = entry.get("filename") if isinstance(entry, dict) else None
    if not isinstance(name, str) or not name.strip():
        report.add("malformed image entry", where)
        return
    path = find_image(name, folders)
    problems, objects = Problems(report, str(path)), []
    for number, region in enumerate(regions_of(entry)):
        objects += region_objects(region, f"{where}.regions[{number}]", *classes, problems)
    split = split_of(path.parent.name)
    name = relative_name(path, folders)
    yield LabelledImage(name, header_shape(path), tuple(objects), path, split, complete=not problems.any)
