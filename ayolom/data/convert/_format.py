"""What the import asks of a foreign format: whether a source is of it, which label sets it holds, what they say."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ayolom.data.convert._values import LabelledImage, Report


@dataclass(frozen=True)
class Layer:
    """One set of labels in a source; most formats have one, BDD100K has boxes, drivable area and lanes.

    Attributes:
        name: Its name in the source; also the task's name where the user gives none.
        kind: Kind of task it suits: "detect" or "semantic".
        names: Class names in the order of their ids, those that label nothing left out where that is known; empty when
            they are known only after everything was read. With class maps: the name by pixel value.
        whole: The layer as the format tells it, where this is what an export's note makes of it.
    """

    name: str
    kind: str
    names: tuple[str, ...] = ()
    whole: Layer | None = None


@dataclass(frozen=True)
class ReadOptions:
    """What a user may have to say where a source does not.

    Attributes:
        images: Folder of the images.
        names: Class names in the order of their ids.
        attribute: Attribute that holds the class, for formats with free attributes.
        colors: Class name by colour (red, green, blue), for colour masks.
    """

    images: Path | None = None
    names: tuple[str, ...] = ()
    attribute: str | None = None
    colors: dict[tuple[int, int, int], str] = field(default_factory=dict)


class Format(ABC):
    """A reader of one format.

    Reading is lazy: images come one at a time, so that a source of any size passes through little memory.

    Attributes:
        name: Its name.
        title: What it is, for messages.
        one_list: Whether the labels of all tasks stand in one list: the only layer then holds what several tasks say.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    one_list: ClassVar[bool] = False

    @abstractmethod
    def recognises(self, source: Path) -> bool:
        """Return whether a file or folder is of this format; looks at names and at the first few files only."""

    @abstractmethod
    def layers(self, source: Path, options: ReadOptions) -> tuple[Layer, ...]:
        """Return the label sets that a source holds.

        Raises:
            AyolomError: The source cannot be read as this format, or needs an option that is missing.
        """

    @abstractmethod
    def read(self, source: Path, layer: Layer, options: ReadOptions, report: Report) -> Iterator[LabelledImage]:
        """Yield the labelled images of one layer, in an order that does not change.

        Every image has its `path`, whether or not a file is there. An image that a source lists without annotations is
        yielded without objects: nothing is there. One that it does not list for the layer is not yielded: not labelled.

        Args:
            source: The file or folder.
            layer: One of `layers(source, options)`.
            options: What the user said.
            report: Receives what cannot be used, with file and line or entry; the image then is not `complete`.

        Raises:
            AyolomError: The source cannot be read as this format.
        """
