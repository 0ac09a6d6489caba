"""The service over HTTP: API and pages behind the gate, and every problem told in the same way."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect

from ayolom import __version__
from ayolom.serve._access import Gate, problem_response
from ayolom.serve._api import router
from ayolom.serve._limits import Problem
from ayolom.serve._pages import Pages, Speaker
from ayolom.web import SafeHeaders

if TYPE_CHECKING:
    from collections.abc import Collection

    from ayolom.serve._desk import Desk

TITLE = "ayolom: inspection of vehicles"
ABOUT = (
    "Photos or a video of one vehicle in, a list of its damages out, which a person can correct. Upload, ask for the "
    "status until it is done, get the result and the report. Problems are told as in RFC 9457."
)
# FastAPI can report to OpenTelemetry since 0.16x; this service reports to nobody.
QUIET = {"tracing": False, "metrics": False, "logs": False, "operation_spans": False, "auto_configure": False}


def make_app(desk: Desk, speaker: Speaker, hosts: Collection[str], token: str | None, any_address: bool) -> FastAPI:
    """Return the application.

    Args:
        desk: What it does.
        speaker: Knows the language of a request.
        hosts: See `Gate`.
        token: See `Gate`.
        any_address: See `Gate`.
    """
    quiet: dict[str, Any] = (
        {"telemetry": QUIET} if "telemetry" in inspect.signature(FastAPI.__init__).parameters else {}
    )
    app = FastAPI(
        title=TITLE,
        description=ABOUT,
        version=__version__,
        docs_url=None,  # these pages fetch scripts from the network; ours is at /api
        redoc_url=None,
        middleware=[
            Middleware(SafeHeaders),
            Middleware(Gate, speak=speaker, hosts=hosts, token=token, any_address=any_address),
        ],
        **quiet,
    )
    app.state.desk, app.state.speaker = desk, speaker
    _add_problems(app, speaker)
    app.include_router(router)
    Pages(app, desk, speaker, token).add()
    return app


def _add_problems(app: FastAPI, speaker: Speaker) -> None:
    """Have every problem told in the same way."""

    def told(request: Request, problem: Problem) -> Response:
        status, headers, body = problem_response(problem, speaker(request))
        return Response(body, status, headers)

    @app.exception_handler(Problem)
    async def known(request: Request, problem: Problem) -> Response:
        return told(request, problem)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(word) for word in first["loc"] if word not in {"body", "path", "query"})
        return told(request, Problem(422, "invalid", where=where or "body", message=first["msg"]))

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        code = {404: "not_found", 405: "method", 413: "body"}.get(error.status_code, "refused")
        return told(request, Problem(error.status_code, code))

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, error: ClientDisconnect) -> Response:
        return Response(status_code=400)  # nobody reads it
