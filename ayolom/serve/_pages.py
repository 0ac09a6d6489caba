"""The pages for people: upload, result, how to use the API, and the door."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from ayolom import pages
from ayolom.inspect.report import embedded_font
from ayolom.serve._access import COOKIE
from ayolom.serve._limits import Problem
from ayolom.web import POLICY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI
    from starlette.requests import HTTPConnection, Request

    from ayolom.inspect import Language
    from ayolom.serve._desk import Desk

STATIC = Path(__file__).resolve().parent / "static"
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src {styles}; img-src 'self' blob:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# A report is one file with its style, pictures and letters inside, and without any script.
REPORT_POLICY = (
    "default-src 'none'; style-src {styles}; img-src data:; font-src data:; sandbox allow-popups; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
LANG = "lang"  # cookie and parameter


class Speaker:
    """Knows the language of a request: its parameter, its cookie, what the browser likes, or the default."""

    def __init__(self, languages: Mapping[str, Language], default: str) -> None:
        """Take the languages by code."""
        self._languages, self._default = languages, default

    def __call__(self, request: HTTPConnection) -> Language:
        """Return the language of a request."""
        asked = [request.query_params.get(LANG), request.cookies.get(LANG)]
        liked = re.findall(r"([A-Za-z]{2,3})(?:-[^,;]*)?(?:;[^,]*)?", request.headers.get("accept-language", ""))
        for code in [*asked, *(word.lower() for word in liked[:10]), self._default]:
            if code in self._languages:
                return self._languages[code]
        return next(iter(self._languages.values()))


def style_hashes(page: str) -> str:
    """Return the sources of a policy that allow the styles of a page and no others."""
    found = re.findall(r"<style[^>]*>(.*?)</style>", page, re.DOTALL)
    digests = (base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() for style in found)
    return " ".join(f"'sha256-{digest}'" for digest in digests) or "'none'"


def _letters(text: str) -> bytes | None:
    """Return a font with the letters of a text, None where it needs none or there is none."""
    data = embedded_font(text)
    return None if data is None else base64.b64decode(data.partition(",")[2])


class Pages:
    """The pages; they are no part of the API's description."""

    def __init__(self, app: FastAPI, desk: Desk, speaker: Speaker, token: str | None) -> None:
        """Bind to the application.

        Args:
            app: Where they are added.
            desk: What the service does.
            speaker: Knows the language of a request.
            token: Secret that opens the pages, or None.
        """
        self._app, self._desk, self._speaker, self._token = app, desk, speaker, token
        self._font = _letters("".join(str(one.texts) for one in desk.work.languages.values()))

    def add(self) -> None:
        """Add them to the application."""
        self._app.mount("/static", StaticFiles(directory=STATIC), name="static")
        for path, page, methods in (
            ("/", self.start, ["GET"]),
            ("/jobs/{job_id}", self.job, ["GET"]),
            ("/api", self.api, ["GET"]),
            ("/login", self.login, ["GET"]),
            ("/login", self.enter, ["POST"]),
            ("/static-font.woff", self.font, ["GET"]),
            ("/favicon.ico", self.nothing, ["GET"]),
        ):
            self._app.add_route(path, page, methods, include_in_schema=False)

    def start(self, request: Request) -> Response:
        """Return the page to upload."""
        return self._page(request, "serve_upload.html.j2")

    def job(self, request: Request) -> Response:
        """Return the page of an inspection."""
        try:
            found = self._desk.jobs.get(request.path_params["job_id"])
        except Problem as problem:
            return self._page(request, "serve_gone.html.j2", 404, message=problem.text(self._speaker(request)))
        return self._page(request, "serve_job.html.j2", job=found.id)

    def api(self, request: Request) -> Response:
        """Return the page that tells programs what to do."""
        origin = str(request.base_url).rstrip("/")
        return self._page(request, "serve_api.html.j2", api=self._app.openapi(), origin=origin)

    def font(self, _: Request) -> Response:
        """Return the letters of all languages, for machines without fonts for their scripts."""
        if self._font is None:
            return Response(status_code=404)
        return Response(self._font, media_type="font/woff", headers={"Cache-Control": "private, max-age=86400"})

    def nothing(self, _: Request) -> Response:
        """Return nothing: there is no picture for the browser's tab."""
        return Response(status_code=204)

    def login(self, request: Request) -> Response:
        """Let in who opens the printed link; ask others for the token."""
        given = request.query_params.get("token")
        if given is None or self._token is None:
            return self._page(request, "serve_login.html.j2", wrong=False)
        return self._entered(request, given)

    async def enter(self, request: Request) -> Response:
        """Let in who gives the token."""
        async with request.form(max_files=0, max_fields=2) as form:
            return self._entered(request, str(form.get("token", "")))

    def _entered(self, request: Request, given: str) -> Response:
        """Return the way in with a cookie, or ask again."""
        if self._token is None or not hmac.compare_digest(given.strip().encode(), self._token.encode()):
            return self._page(request, "serve_login.html.j2", 401, wrong=True)
        answer = RedirectResponse("/", 303)
        secure = request.url.scheme == "https"
        answer.set_cookie(COOKIE, self._token, httponly=True, samesite="strict", secure=secure)
        return answer

    def _page(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        """Return a page from its template."""
        language = self._speaker(request)
        shared = {
            "t": language,
            "language": language.code,
            "languages": {code: one("web.own_name") for code, one in self._desk.work.languages.items()},
            "path": request.url.path,
            "font": self._font is not None,
            "service": self._desk.service(language).model_dump(),
            "texts": dict(language.texts["web"]),
        }
        content = pages.render(template, **{**shared, **values})
        policy = PAGE_POLICY.format(styles=style_hashes(content))
        answer = HTMLResponse(content, status, headers={POLICY: policy, "Content-Language": language.code})
        if request.query_params.get(LANG) == language.code:
            answer.set_cookie(LANG, language.code, max_age=31536000, samesite="strict")
        return answer
