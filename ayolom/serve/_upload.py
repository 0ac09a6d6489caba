"""An upload as it comes in: straight to the disk under names of ours, and no further than the limits."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from ayolom.serve._jobs import LeftOut, Upload
from ayolom.serve._limits import MEGABYTE, Problem, Rejected
from ayolom.serve._media import recognise, shown_name

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

    from ayolom.serve._limits import Limits

FIELD = 200  # bytes of a value that is no file
MISSING = "no multipart/form-data"


@dataclass
class _Part:
    """A part of the form in the making."""

    headers: dict[bytes, bytes] = field(default_factory=dict)
    name: bytes = b""
    filename: bytes | None = None
    value: bytearray = field(default_factory=bytearray)
    stream: BinaryIO | None = None


class Form:
    """The files and values of a multipart form, written while they come.

    Attributes:
        files: Name that the client gave, and where the file lies.
        values: Values that are no files.
    """

    def __init__(self, content_type: str, folder: Path, limits: Limits) -> None:
        """Prepare.

        Raises:
            Problem: It is no multipart form.
        """
        from python_multipart.multipart import FormParserError, MultipartParser, parse_options_header

        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data" or not options.get(b"boundary"):
            raise Problem(415, "no_form")
        self.files: list[tuple[str, Path]] = []
        self.values: dict[str, str] = {}
        self._parse_options, self._error = parse_options_header, FormParserError
        self._folder, self._limits = folder, limits
        self._part, self._field, self._value, self._ended = _Part(), b"", b"", False
        try:
            self._parser = MultipartParser(
                options[b"boundary"],
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._header_field,
                    "on_header_value": self._header_value,
                    "on_header_end": self._header_end,
                    "on_headers_finished": self._headers_finished,
                    "on_part_data": self._data,
                    "on_part_end": self._end,
                    "on_end": self._all,
                },
            )
        except FormParserError:
            raise Problem(400, "broken_form") from None

    def write(self, chunk: bytes) -> None:
        """Take the next bytes.

        Raises:
            Problem: They are no form, or there are too many files.
        """
        try:
            self._parser.write(chunk)
        except self._error:
            raise Problem(400, "broken_form") from None

    def close(self) -> None:
        """Take the end.

        Raises:
            Problem: The form is not whole.
        """
        if not self._ended:
            raise Problem(400, "broken_form")

    def abandon(self) -> None:
        """Close what is open."""
        if self._part.stream is not None:
            self._part.stream.close()

    # Called by the parser ---------------------------------------------------------------------------------------------
    def _begin(self) -> None:
        """Begin a part."""
        self._part, self._field, self._value = _Part(), b"", b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        """Take a piece of a header's name."""
        self._field += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        """Take a piece of a header's value."""
        self._value += data[start:end]

    def _header_end(self) -> None:
        """Take a header."""
        self._part.headers[self._field.lower()] = self._value
        self._field = self._value = b""

    def _headers_finished(self) -> None:
        """Open the file of a part that is one."""
        _, options = self._parse_options(self._part.headers.get(b"content-disposition", b""))
        self._part.name, self._part.filename = options.get(b"name", b""), options.get(b"filename")
        if self._part.filename:
            if len(self.files) >= self._limits.files:
                raise Problem(413, "too_many_files", most=self._limits.files)
            path = self._folder / f"{len(self.files) + 1:04d}.part"
            self.files.append((self._part.filename.decode("utf-8", "replace"), path))
            self._part.stream = path.open("xb")

    def _data(self, data: bytes, start: int, end: int) -> None:
        """Write a piece of a file, or keep a piece of a value."""
        if self._part.stream is not None:
            self._part.stream.write(data[start:end])
        elif len(self._part.value) + end - start > FIELD:
            raise Problem(400, "broken_form")
        else:
            self._part.value += data[start:end]

    def _end(self) -> None:
        """End a part."""
        if self._part.stream is not None:
            self._part.stream.close()
        elif self._part.filename is None and len(self.values) < FIELD:
            self.values[self._part.name.decode("utf-8", "replace")] = self._part.value.decode("utf-8", "replace")

    def _all(self) -> None:
        """Note that the form is whole."""
        self._ended = True


async def receive(request: Request, folder: Path, limits: Limits) -> Form:
    """Read an upload to the disk.

    Args:
        request: The request; it is read no further than the limit.
        folder: Where the files go.
        limits: Limits of the service.

    Raises:
        Problem: It is too large, too slow, not whole, or no form with files.
    """
    most = int(limits.upload_mb * MEGABYTE)
    told = request.headers.get("content-length", "")
    if told.isdecimal() and int(told) > most:
        raise Problem(413, "too_large", most=f"{limits.upload_mb:g}")
    form = Form(request.headers.get("content-type", ""), folder, limits)
    try:
        await asyncio.wait_for(_read(request, form, most, limits), limits.upload_seconds)
    except asyncio.TimeoutError:
        raise Problem(408, "too_slow", most=f"{limits.upload_seconds:g}") from None
    finally:
        form.abandon()
    form.close()
    if not form.files:
        raise Problem(422, "no_files")
    return form


def sort_out(form: Form, limits: Limits) -> tuple[list[Upload], list[LeftOut]]:
    """Return the files that are taken and those that are not, by their content; the latter are deleted."""
    taken: list[Upload] = []
    left_out: list[LeftOut] = []
    names: set[str] = set()
    for raw, path in form.files:
        name = shown_name(raw, names)
        names.add(name)
        try:
            kind, suffix = recognise(path, limits)
        except Rejected as rejected:
            left_out.append(LeftOut(name, rejected.code, rejected.values))
            path.unlink()
        else:
            taken.append(Upload(name, path.rename(path.with_suffix(f".{suffix}")), kind))
    return taken, left_out


async def _read(request: Request, form: Form, most: int, limits: Limits) -> None:
    """Read the body."""
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > most:
            raise Problem(413, "too_large", most=f"{limits.upload_mb:g}")
        form.write(chunk)
