"""Folders of masks: class ids with a table, colour palettes, and the naming of Cityscapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ayolom.data.convert._format import Format, Layer
from ayolom.data.convert._mask_coding import coding_of
from ayolom.data.convert._mask_files import city_masks, is_mask, mask_folders, mask_pairs, tabled_folders
from ayolom.data.convert._mask_pixels import read_mask
from ayolom.data.convert._splits import split_of
from ayolom.data.convert._values import LabelledImage
from ayolom.data.walk import walk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ayolom.data.convert._format import ReadOptions
    from ayolom.data.convert._values import Report


class MasksFormat(Format):
    """A folder of images and a folder of masks with the same names (https://www.cityscapes-dataset.com for its own)."""

    name: ClassVar[str] = "masks"
    title: ClassVar[str] = "mask folders: class ids, colour palettes, Cityscapes naming"

    def recognises(self, source: Path) -> bool:
        """Return whether a folder has masks in Cityscapes naming, or a folder of images beside one of PNG masks."""
        if not source.is_dir():
            return False
        if next(city_masks(source), None) is not None or tabled_folders(source):
            return True
        folders = mask_folders(source, None)
        return folders is not None and next(walk(folders[1], is_mask, 1), None) is not None

    def layers(self, source: Path, options: ReadOptions) -> tuple[Layer, ...]:
        """Return a layer for each folder with a table of classes, else the only one.

        Its names are in the order of the ids or of the palette.

        Raises:
            AyolomError: Nothing tells what the pixels mean.
        """
        names = tabled_folders(source) if source.is_dir() else ()
        return tuple(Layer(one, "semantic", coding_of(source, options, one).names) for one in names or ("masks",))

    def read(self, source: Path, layer: Layer, options: ReadOptions, report: Report) -> Iterator[LabelledImage]:
        """Yield an image for each mask; ids and colours without a class teach nothing and are reported."""
        coding = coding_of(source, options, layer.name)
        for mask_file, image, name in mask_pairs(source, options, layer.name):
            split = split_of(mask_file.relative_to(source).parent)
            label = read_mask(mask_file, coding, report, name)
            if label is None:
                report.add("mask cannot be read", f"{mask_file}: whole file", name)
                yield LabelledImage(name, (0, 0), (), image, split, complete=False)
            else:
                yield LabelledImage(name, (label.shape[0], label.shape[1]), (), image, split, label)
