"""The service over HTTP: an API that OpenAPI describes, and its pages."""

# Without `from __future__ import annotations`: FastAPI reads the annotations of functions inside functions.
import inspect
from collections.abc import Collection
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from ultralytics.utils import LOGGER

from ayolom import __version__
from ayolom.inspect import Language
from ayolom.serve import _schemas as schemas
from ayolom.serve._access import Gate, problem_response
from ayolom.serve._desk import Desk
from ayolom.serve._jobs import Job
from ayolom.serve._limits import Problem
from ayolom.serve._pages import REPORT_POLICY, Pages, Speaker, style_hashes
from ayolom.serve._upload import receive, sort_out
from ayolom.web import POLICY, SafeHeaders

TITLE = "ayolom: inspection of vehicles"
ABOUT = (
    "Photos or a video of one vehicle in, a list of its damages out, which a person can correct. Upload, ask for the "
    "status until it is done, get the result and the report. Problems are told as in RFC 9457."
)
KINDS = {"html": "text/html; charset=utf-8", "pdf": "application/pdf", "json": "application/json", "csv": "text/csv"}
FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {
                        "files": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                            "description": "Photos (JPEG, PNG, WebP, BMP) and videos (MP4, MOV, MKV, WebM, AVI).",
                        },
                        "lang": {"type": "string", "description": "Language of the report, such as en or ko."},
                    },
                }
            }
        },
    }
}


def _told(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of problems."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
    return {status: {"model": schemas.ProblemDetails, "content": content} for status in statuses}


def make_app(desk: Desk, speaker: Speaker, hosts: Collection[str], token: str | None, any_address: bool) -> FastAPI:
    """Return the application.

    Args:
        desk: What it does.
        speaker: Knows the language of a request.
        hosts: See `Gate`.
        token: See `Gate`.
        any_address: See `Gate`.
    """
    quiet = {"tracing": False, "metrics": False, "logs": False, "operation_spans": False, "auto_configure": False}
    known = "telemetry" in inspect.signature(FastAPI.__init__).parameters
    given: dict[str, Any] = {"telemetry": quiet} if known else {}
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
        **given,
    )
    _add_problems(app, speaker)
    app.include_router(_router(desk, speaker), prefix="/api/v1")
    Pages(app, desk, speaker, token).add()
    return app


def _router(desk: Desk, speaker: Speaker) -> APIRouter:
    """Return the API."""
    router = APIRouter(responses=_told(401, 403, 421))

    Asked, Spoken = _arguments(desk, speaker)

    @router.get("/service", summary="What this service is and takes")
    def service(language: Spoken) -> schemas.Service:
        return desk.service(language)

    @router.post(
        "/jobs",
        status_code=202,
        summary="Upload photos and videos of one vehicle",
        openapi_extra=FORM,
        responses=_told(400, 408, 413, 415, 422, 503),
    )
    async def upload(request: Request, response: Response, language: Spoken) -> schemas.JobStatus:
        job = desk.jobs.reserve(language.code)
        try:
            form = await receive(request, job.folder, desk.work.limits)
            if (asked := form.values.get("lang")) in desk.work.languages:
                job.language = str(asked)
            job.uploads, job.left_out = await run_in_threadpool(sort_out, form, desk.work.limits)
            if not job.uploads:
                raise Problem(422, "none_taken", reasons=" ".join(_reasons(job, language)))
            job.size = sum(one.file.stat().st_size for one in job.uploads)
            desk.jobs.enqueue(job)
        except BaseException:
            desk.jobs.remove(job)
            raise
        response.headers["Location"] = f"/api/v1/jobs/{job.id}"
        return desk.status(job, language)

    @router.get("/jobs/{job_id}", summary="How far an inspection is", responses=_told(404))
    def status(job: Asked, language: Spoken) -> schemas.JobStatus:
        return desk.status(job, language)

    @router.delete("/jobs/{job_id}", status_code=204, summary="Delete it with all its files", responses=_told(404))
    def delete(job: Asked) -> None:
        desk.jobs.remove(job)

    @router.get("/jobs/{job_id}/result", summary="What was found, as corrected so far", responses=_told(404, 409))
    def result(job: Asked, language: Spoken) -> schemas.Result:
        return desk.result(job, language)

    _add_files(router, desk, speaker)
    _add_corrections(router, desk, speaker)
    return router


def _arguments(desk: Desk, speaker: Speaker) -> tuple[Any, Any]:
    """Return the types of arguments that stand for the inspection of an address and for the language of a request."""

    def asked(job_id: str) -> Job:
        return desk.jobs.get(job_id)

    def spoken(request: Request) -> Language:
        return speaker(request)

    return Annotated[Job, Depends(asked)], Annotated[Language, Depends(spoken)]


def _add_files(router: APIRouter, desk: Desk, speaker: Speaker) -> None:
    """Add what an inspection gives as files."""
    Asked, Spoken = _arguments(desk, speaker)

    @router.get(
        "/jobs/{job_id}/files/{name}",
        summary="report.html, report.pdf, report.json, findings.csv, or all of them and the pictures as report.zip",
        response_class=Response,
        responses=_told(404, 409),
    )
    def file(job: Asked, name: str, language: Spoken, download: bool = False) -> Response:
        if name == "report.zip":
            return _file(desk.archive(job, language), name, "application/zip", download=True)
        content = desk.report(job, language, name)
        answer = _file(content, name, KINDS[name.rpartition(".")[2]], download)
        if name == "report.html":
            answer.headers[POLICY] = REPORT_POLICY.format(styles=style_hashes(content.decode()))
        return answer

    @router.get(
        "/jobs/{job_id}/pictures/{number}",
        summary="A picture without marks and metadata",
        response_class=Response,
        responses={200: {"content": {"image/jpeg": {}}}, **_told(404, 409)},
    )
    def picture(job: Asked, number: int) -> Response:
        return Response(desk.picture(job, number), media_type="image/jpeg")


def _add_corrections(router: APIRouter, desk: Desk, speaker: Speaker) -> None:
    """Add what a person can change."""
    Asked, Spoken = _arguments(desk, speaker)
    wrong = _told(404, 409, 422)

    @router.post("/jobs/{job_id}/damages", status_code=201, summary="Add a damage", responses=wrong)
    def add(job: Asked, given: schemas.Addition, language: Spoken) -> schemas.Result:
        desk.add(job, given)
        return desk.result(job, language)

    @router.patch("/jobs/{job_id}/damages/{damage_id}", summary="Correct or confirm a damage", responses=wrong)
    def correct(job: Asked, damage_id: str, given: schemas.Correction, language: Spoken) -> schemas.Result:
        desk.correct(job, damage_id, given)
        return desk.result(job, language)

    @router.delete("/jobs/{job_id}/damages/{damage_id}", summary="Take a damage out", responses=wrong)
    def remove(job: Asked, damage_id: str, language: Spoken) -> schemas.Result:
        desk.remove(job, damage_id)
        return desk.result(job, language)

    @router.patch("/jobs/{job_id}/damages/{damage_id}/findings/{key}", summary="Move a box", responses=wrong)
    def move(job: Asked, damage_id: str, key: str, given: schemas.BoxGiven, language: Spoken) -> schemas.Result:
        desk.move(job, damage_id, key, given.box_xyxy_px)
        return desk.result(job, language)

    @router.delete("/jobs/{job_id}/damages/{damage_id}/findings/{key}", summary="Take a box out", responses=wrong)
    def drop(job: Asked, damage_id: str, key: str, language: Spoken) -> schemas.Result:
        desk.drop(job, damage_id, key)
        return desk.result(job, language)

    @router.put("/jobs/{job_id}/pictures/{number}/checked", summary="Say a picture is complete", responses=wrong)
    def check(job: Asked, number: int, given: schemas.Checked, language: Spoken) -> schemas.Result:
        desk.check(job, number, given.checked)
        return desk.result(job, language)

    @router.post("/jobs/{job_id}/labels", summary="Save the checked pictures as labels", responses=wrong)
    def labels(job: Asked) -> schemas.Saved:
        return desk.save(job)


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
        code = {404: "not_found", 405: "method"}.get(error.status_code, "refused")
        return told(request, Problem(error.status_code, code))

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, error: ClientDisconnect) -> Response:
        return Response(status_code=400)  # nobody reads it

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> Response:
        LOGGER.warning(f"{request.method} {request.url.path}: {type(error).__name__}: {error}")
        return told(request, Problem(500, "internal"))


def _file(content: bytes, name: str, kind: str, download: bool) -> Response:
    """Return a file."""
    place = "attachment" if download else "inline"
    return Response(content, media_type=kind, headers={"Content-Disposition": f'{place}; filename="{name}"'})


def _reasons(job: Job, language: Language) -> list[str]:
    """Return why files were left out, the first few."""
    return [f"{one.name}: {language(f'rejected.{one.code}', **one.values)}" for one in job.left_out[:5]]
