"""What the service takes: limits with sensible defaults, and the problems told when one is passed."""

from __future__ import annotations

from dataclasses import dataclass, fields
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from ayolom.inspect import Language

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Limits:
    """Limits of the service; all are more than 0.

    Attributes:
        upload_mb: Megabytes of one upload, all files together.
        upload_seconds: Seconds in which an upload must be in.
        files: Files of one upload.
        megapixels: Millions of pixels of a photo, or of a frame of a video.
        frames: Frames of one video that are looked at.
        video_seconds: Length of one video.
        work_seconds: Seconds that one inspection may take.
        queue: Uploads that may wait or come in at a time.
        keep_minutes: Minutes after which an inspection that nobody asked for is deleted.
        store_mb: Megabytes of all inspections that are kept.
    """

    upload_mb: float = 500
    upload_seconds: float = 600
    files: int = 60
    megapixels: float = 64
    frames: int = 5400
    video_seconds: float = 180
    work_seconds: float = 1800
    queue: int = 32
    keep_minutes: float = 60
    store_mb: float = 8000

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            AyolomError: One is not more than 0.
        """
        for field in fields(self):
            value = getattr(self, field.name)
            if not value > 0:
                raise AyolomError(f"{field.name}={value}: must be more than 0")


class Problem(Exception):  # noqa: N818 - the name of RFC 9457
    """Something that a client did wrong or has to wait for, told as problem details (RFC 9457).

    Attributes:
        status: HTTP status.
        code: Key of its text in `problems_web` of the language files.
        values: What the text tells.
        retry_after: Seconds after which it may go better, or None.
    """

    def __init__(self, status: int, code: str, retry_after: int | None = None, **values: Any) -> None:
        """Keep what it tells."""
        super().__init__(code)
        self.status, self.code, self.values, self.retry_after = status, code, values, retry_after

    def text(self, language: Language) -> str:
        """Return what is wrong and what to do, in a language."""
        return language(f"problems_web.{self.code}", **self.values)

    def content(self, language: Language) -> dict[str, Any]:
        """Return the body of the answer."""
        return {
            "type": f"urn:ayolom:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.text(language),
        }


class _Told(Exception):  # noqa: N818 - no failure of the program
    """Something that a client is told by a text of the language files.

    Attributes:
        code: Key of the text.
        values: What the text tells.
    """

    def __init__(self, code: str, **values: Any) -> None:
        """Keep what it tells."""
        super().__init__(code)
        self.code, self.values = code, values


class Rejected(_Told):
    """A file that is left out; texts in `rejected`."""


class Stopped(_Told):
    """An inspection that ended early; texts in `problems_web`."""
