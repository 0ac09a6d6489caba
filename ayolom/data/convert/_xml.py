"""XML read piece by piece, with line numbers, and without anything that a document type can smuggle in.

`defusedxml` guards the reader of the standard library: entity bombs and references to files or addresses are refused.
No format of annotations declares a document type, so any declaration of one is refused.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from xml.sax import SAXException, SAXParseException  # the errors; documents are read by defusedxml
from xml.sax.handler import ContentHandler

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from xml.sax.xmlreader import AttributesImpl, Locator

BLOCK = 1 << 16  # bytes read at a time


class XmlError(Exception):
    """A file that is no usable XML.

    Attributes:
        line: Where reading ended.
        reason: What was found there.
    """

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line, self.reason = line, reason


@dataclass
class Element:
    """One element of a document.

    Attributes:
        tag: Its name.
        attributes: Its attributes.
        line: Line of the file on which it starts, from 1.
        children: The elements in it, in order.
        text: The characters directly in it.
    """

    tag: str
    attributes: dict[str, str]
    line: int
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def find(self, path: str) -> Element | None:
        """Return the first element below this one, such as `size/width`, None when there is none."""
        here: Element | None = self
        for tag in path.split("/"):
            here = next((child for child in here.children if child.tag == tag), None) if here else None
        return here

    def all(self, tag: str) -> list[Element]:
        """Return the elements of one name directly in this one."""
        return [child for child in self.children if child.tag == tag]

    def value(self, path: str) -> str:
        """Return the text of an element below this one without blanks around it, "" when it is not there."""
        found = self.find(path)
        return found.text.strip() if found else ""


class _Builder(ContentHandler):
    """Builds elements and hands over those of one depth as soon as they are complete."""

    def __init__(self, depth: int, locator: Locator) -> None:
        super().__init__()
        self.depth, self.locator = depth, locator
        self.root = ""
        self.open: list[Element] = []
        self.done: list[Element] = []

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802
        """Open an element."""
        line = self.locator.getLineNumber() or 0
        self.root = self.root or name
        self.open.append(Element(name, dict(attrs.items()), line))

    def endElement(self, name: str) -> None:  # noqa: N802
        """Close an element: part of the one around it, or complete."""
        element = self.open.pop()
        if len(self.open) == self.depth:
            self.done.append(element)
        elif len(self.open) > self.depth:
            self.open[-1].children.append(element)

    def characters(self, content: str) -> None:
        """Collect text, but not that between the pieces handed over, which nobody would ever take."""
        if len(self.open) > self.depth:
            self.open[-1].text += content


def pieces(file: Path, depth: int = 0) -> Iterator[Element]:
    """Yield the elements of one depth in a document: the root for 0, those directly in it for 1.

    Raises:
        XmlError: The file cannot be read, is not well-formed, or declares a document type.
    """
    for builder in _steps(file, depth):
        yield from builder.done
        builder.done = []


def root_tag(file: Path) -> str:
    """Return the name of a document's root, "" when the file is no XML; reads no further than that."""
    found = ""
    with suppress(XmlError):  # what follows the root is not asked for
        for builder in _steps(file, 0):
            found = builder.root
            if found:
                break
    return found


def _steps(file: Path, depth: int) -> Iterator[_Builder]:
    """Yield what is built after each block of a file, and before a mistake in it is raised."""
    from defusedxml.expatreader import create_parser  # type: ignore[import-untyped]

    parser = create_parser(forbid_dtd=True)
    builder = _Builder(depth, parser)
    parser.setContentHandler(builder)
    problem = None
    try:
        with file.open("rb") as stream:
            while problem is None and (block := stream.read(BLOCK)):
                problem = _mistake(parser, block)
                yield builder
    except OSError as error:
        raise XmlError(1, f"cannot be read ({error.strerror})") from None
    if problem is None:
        problem = _mistake(parser, None) if builder.root else XmlError(1, "holds no element")
        yield builder
    if problem is not None:
        raise problem


def _mistake(parser: Any, block: bytes | None) -> XmlError | None:
    """Feed a block to a parser, or tell it of the end; return what is wrong there."""
    from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]

    try:
        if block is None:
            parser.close()
        else:
            parser.feed(block)
    except DefusedXmlException:
        return XmlError(parser.getLineNumber() or 1, "declares a document type, which is refused")
    except SAXParseException as error:
        return XmlError(error.getLineNumber() or 1, error.getMessage())
    except (SAXException, ValueError, LookupError) as error:
        return XmlError(parser.getLineNumber() or 1, str(error))
    return None
