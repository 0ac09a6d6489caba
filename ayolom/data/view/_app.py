"""The pages of the view: lists of images, one image, pictures, and how far the model is."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from ayolom import pages
from ayolom.data.view import _selection
from ayolom.data.view._cards import Card, card, score_words
from ayolom.data.view._pictures import SIDES, SIZES
from ayolom.data.view._selection import Choices, Selection
from ayolom.errors import AyolomError
from ayolom.web import SafeHeaders

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

    from ayolom.data.view._background import Background
    from ayolom.data.view._index import Index
    from ayolom.data.view._matching import Matched
    from ayolom.data.view._pictures import Pictures

PAGE = 24  # images
MOST_ASKED = 2 * PAGE  # images that one question for the status may name
LARGEST = 2**31  # numbers above this are no image's, and no number of SQLite's
HOSTS = ["127.0.0.1", "localhost"]  # a page of another name, made to point here, is refused
POLICY = (
    "default-src 'none'; img-src 'self'; connect-src 'self'; style-src 'unsafe-inline'; script-src 'nonce-{nonce}'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class View:
    """The pages of one data set. Addresses hold numbers of images and words that are looked up, never paths."""

    def __init__(
        self,
        title: str,
        index: Index,
        tasks: Sequence[Matched],
        root: str,
        splits: Sequence[str],
        pictures: Pictures,
        background: Background | None = None,
        model: str = "",
    ) -> None:
        """Bind to a data set.

        Args:
            title: Name of the data set.
            index: Its images.
            tasks: Its tasks.
            root: Its folder.
            splits: Its splits.
            pictures: Its pictures.
            background: The model at work, None without one.
            model: Name of the model.
        """
        self._index, self._tasks, self._root = index, tuple(tasks), root
        self._choices = Choices.of(tasks, splits)
        self._pictures, self._background = pictures, background
        self._total = index.total()
        self._shared = {"title": title, "model": model, "total": self._total, "choices": self._choices}

    def app(self) -> Starlette:
        """Return the pages as an application of Starlette."""
        from starlette.applications import Starlette
        from starlette.middleware import Middleware
        from starlette.middleware.trustedhost import TrustedHostMiddleware
        from starlette.routing import Route

        routes = [
            Route("/", self.list),
            Route("/image/{number:int}", self.image),
            Route("/picture/{number:int}/{side}/{size}", self.picture),
            Route("/status", self.status),
            Route("/favicon.ico", self.nothing),
        ]
        middleware = [
            Middleware(SafeHeaders),
            Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS, www_redirect=False),
        ]
        return Starlette(routes=routes, middleware=middleware)

    # Pages ------------------------------------------------------------------------------------------------------------
    def list(self, request: Request) -> Response:
        """Return a page of selected images."""
        selection = self._selection(request)
        count = self._index.count(selection, self._choices)
        last = max(1, -(-count // PAGE))
        page = min(max(1, _whole(request.query_params.get("page", ""))), last)
        numbers = self._index.numbers(selection, self._choices, (page - 1) * PAGE, PAGE)
        self._want(numbers)
        return self._page(selection, cards=[self._card(n) for n in numbers], count=count, page=page, last=last)

    def image(self, request: Request) -> Response:
        """Return the page of one image."""
        number = request.path_params["number"]
        if not 0 < number <= min(self._total, LARGEST):
            return _plain("There is no image of this number.", 404)
        selection = self._selection(request)
        self._want([number])
        before, after, place = self._index.neighbours(number, selection, self._choices)
        count = self._index.count(selection, self._choices)
        page = max(1, -(-place // PAGE))
        return self._page(
            selection, one=self._card(number), before=before, after=after, place=place, count=count, page=page
        )

    def picture(self, request: Request) -> Response:
        """Return a picture as JPEG."""
        from starlette.responses import Response

        number, side, size = (request.path_params[name] for name in ("number", "side", "size"))
        if number > LARGEST or side not in SIDES or size not in SIZES:
            return _plain("There is no such picture.", 404)
        try:
            data = self._pictures.jpeg(number, side, size, self._selection(request).hidden)
        except LookupError:
            return _plain("There is no such picture yet.", 404)
        except AyolomError as error:
            return _plain(str(error), 404)
        return Response(data, media_type="image/jpeg")

    def status(self, request: Request) -> Response:
        """Return how far the model is, and what is now known of the images that were asked for, as JSON."""
        from starlette.responses import JSONResponse

        asked = [_whole(word) for word in request.query_params.getlist("image")[:MOST_ASKED]]
        cards = [self._card(number) for number in asked if 0 < number <= self._total]
        ready = {str(one.number): {"failure": one.failure, "tasks": score_words(one)} for one in cards if one.predicted}
        return JSONResponse({**self._progress(), "images": ready})

    def nothing(self, _: Request) -> Response:
        """Return nothing: there is no picture for the browser's tab."""
        from starlette.responses import Response

        return Response(status_code=204)

    # Parts ------------------------------------------------------------------------------------------------------------
    def _page(self, selection: Selection, **values: Any) -> Response:
        """Return a page from the template."""
        from starlette.responses import HTMLResponse

        nonce = secrets.token_urlsafe(16)
        shared = {**self._shared, "selection": selection, "progress": self._progress(), "nonce": nonce}
        tables = {name: getattr(_selection, name.upper()) for name in ("sides", "states", "below", "sorts")}
        content = pages.render("view.html.j2", **{"one": None, "cards": [], **shared, **tables, **values})
        return HTMLResponse(content, headers={"Content-Security-Policy": POLICY.format(nonce=nonce)})

    def _selection(self, request: Request) -> Selection:
        """Return what an address asks for."""
        query: dict[str, list[str]] = {}
        for name, word in request.query_params.multi_items():
            query.setdefault(name, []).append(word)
        return Selection.read(query, self._choices)

    def _card(self, number: int) -> Card:
        """Return what is told of an image that is there."""
        row = self._index.image(number)
        if row is None:
            raise LookupError(number)
        return card(self._index, row, self._tasks, self._root)

    def _want(self, numbers: Sequence[int]) -> None:
        """Have the model look at these first."""
        if self._background:
            self._background.want(numbers)

    def _progress(self) -> dict[str, Any]:
        """Return how far the model is."""
        done, failed = self._index.progress()
        problem = (self._background.problem if self._background else None) or ""
        return {"done": done, "failed": failed, "total": self._total, "problem": problem}


def _plain(text: str, status: int) -> Response:
    """Return a line of text."""
    from starlette.responses import PlainTextResponse

    return PlainTextResponse(text, status)


def _whole(word: str) -> int:
    """Return the whole number that a word is, 0 for any other word or one beyond `LARGEST`."""
    return int(word) if word.isascii() and word.isdigit() and len(word) < 10 else 0
