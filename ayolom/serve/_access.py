"""Who may ask: the right Host, no page of another site, the token, and no more than a form may hold.

Plain ASGI, so that bodies stream through.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
import socket
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from ultralytics.utils import LOGGER

from ayolom.serve._limits import Problem
from ayolom.web import is_local

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from starlette.datastructures import Headers
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from ayolom.inspect import Language

COOKIE = "ayolom_token"
SAFE = {"GET", "HEAD", "OPTIONS"}
OPEN = ("/login", "/static/", "/static-font.woff")  # nothing of anybody is there
BODY = 64 * 1024  # bytes of a request that is no upload
UPLOADS = "/api/v1/jobs"


class Gate:
    """Lets through who may ask, and answers the others with problem details."""

    def __init__(
        self,
        app: ASGIApp,
        speak: Callable[[HTTPConnection], Language],
        hosts: Collection[str],
        token: str | None,
        any_address: bool,
    ) -> None:
        """Wrap an application.

        Args:
            app: The application.
            speak: Returns the language of a request.
            hosts: Names by which this server may be called.
            token: Secret that must be given; None asks for none.
            any_address: Whether it may be called by any IP address, which no foreign page can be made to point to.
        """
        self._app, self._speak, self._token = app, speak, token
        self._hosts, self._any_address = {host.lower() for host in hosts}, any_address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        try:
            self._check(scope, connection)
        except Problem as problem:
            await _answer(problem, self._speak(connection), scope, send)
            return
        started = False

        async def noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive if self._is_upload(scope) else _limited(receive), noted)
        except Exception as error:
            if started:
                raise
            LOGGER.warning(f"{scope['method']} {scope['path']}: {type(error).__name__}: {error}")
            await _answer(Problem(500, "internal"), self._speak(connection), scope, send)

    def _check(self, scope: Scope, connection: HTTPConnection) -> None:
        """Raise where somebody may not ask.

        Raises:
            Problem: He may not.
        """
        headers, method, path = connection.headers, scope["method"], scope["path"]
        host = headers.get("host", "")
        if not self._is_own(host):
            raise Problem(421, "host")
        if method not in SAFE and not _is_own_page(headers, host):
            raise Problem(403, "origin")
        if self._token is None or path.startswith(OPEN):
            return
        if not any(hmac.compare_digest(given.encode(), self._token.encode()) for given in _tokens(headers)):
            raise Problem(401, "token")

    @staticmethod
    def _is_upload(scope: Scope) -> bool:
        """Return whether a request is an upload, which has its own limit."""
        return scope["path"].rstrip("/") == UPLOADS and scope["method"] == "POST"

    def _is_own(self, host: str) -> bool:
        """Return whether a Host header names this server."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in self._hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return self._any_address


def own_names(host: str) -> tuple[list[str], bool]:
    """Return the names by which a server on a host may be called, and whether by any IP address.

    Args:
        host: What it is bound to.
    """
    if is_local(host):
        return ["127.0.0.1", "localhost", "::1"], False
    own = socket.gethostname()
    return [host, "127.0.0.1", "localhost", "::1", own, f"{own}.local"], True


def problem_response(problem: Problem, language: Language) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of a problem."""
    headers = {"content-type": "application/problem+json", "content-language": language.code}
    if problem.retry_after is not None:
        headers["retry-after"] = str(problem.retry_after)
    if problem.status == 401:
        headers["www-authenticate"] = 'Bearer realm="ayolom"'
    return problem.status, headers, json.dumps(problem.content(language), ensure_ascii=False).encode()


def _tokens(headers: Headers) -> list[str]:
    """Return the tokens that a request gives, as bearer and as cookie."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    found = [given.strip()] if scheme.lower() == "bearer" else []
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        morsel = None
    return found + ([morsel.value] if morsel is not None else [])


def _is_own_page(headers: Headers, host: str) -> bool:
    """Return whether a request that changes something comes from our page, or from no page at all."""
    if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == host.lower()


def _limited(receive: Receive) -> Receive:
    """Return a receiver that stops at `BODY` bytes."""
    received = 0

    async def limited() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > BODY:
            raise HTTPException(413)
        return message

    return limited


async def _answer(problem: Problem, language: Language, scope: Scope, send: Send) -> None:
    """Send a problem; people who open a page without the token get one that asks for it."""
    accepts = dict(scope["headers"]).get(b"accept", b"")
    if problem.status == 401 and scope["method"] == "GET" and b"text/html" in accepts:
        await send({"type": "http.response.start", "status": 303, "headers": [(b"location", b"/login")]})
        await send({"type": "http.response.body", "body": b""})
        return
    status, headers, body = problem_response(problem, language)
    listed = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": listed})
    await send({"type": "http.response.body", "body": body})
