"""The HTTP API, which OpenAPI describes."""

# Without `from __future__ import annotations`: FastAPI reads annotations when the program runs.
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from ayolom.inspect import Language
from ayolom.serve import _schemas as schemas
from ayolom.serve._desk import Desk
from ayolom.serve._jobs import Job
from ayolom.serve._limits import Problem
from ayolom.serve._pages import REPORT_POLICY, style_hashes
from ayolom.serve._upload import receive, sort_out
from ayolom.web import POLICY

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
REASONS = 5  # files that are named when none was taken


def _told(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of problems."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
    return {status: {"model": schemas.ProblemDetails, "content": content} for status in statuses}


def _desk(request: Request) -> Desk:
    """Return what the service does."""
    return request.app.state.desk


def _language(request: Request) -> Language:
    """Return the language of a request."""
    return request.app.state.speaker(request)


def _job(request: Request, job_id: str) -> Job:
    """Return the inspection of an address."""
    return _desk(request).jobs.get(job_id)


At = Annotated[Desk, Depends(_desk)]
Spoken = Annotated[Language, Depends(_language)]
Asked = Annotated[Job, Depends(_job)]
WRONG = _told(404, 409, 422)
DAMAGE = "/jobs/{job_id}/damages/{damage_id}"
FINDING = DAMAGE + "/findings/{key}"

router = APIRouter(prefix="/api/v1", responses=_told(401, 403, 421))


@router.get("/service", summary="What this service is and takes")
def service(desk: At, language: Spoken) -> schemas.Service:
    """Return what the service is, the classes of its model, and its limits."""
    return desk.service(language)


@router.post(
    "/jobs",
    status_code=202,
    summary="Upload photos and videos of one vehicle",
    openapi_extra=FORM,
    responses=_told(400, 408, 413, 415, 422, 503),
)
async def upload(request: Request, response: Response, desk: At, language: Spoken) -> schemas.JobStatus:
    """Begin an inspection; its address stands in the header Location. 503 tells in Retry-After when to come again."""
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
    except BaseException:  # also when the client goes away in the middle
        desk.jobs.remove(job)
        raise
    response.headers["Location"] = f"/api/v1/jobs/{job.id}"
    return desk.status(job, language)


@router.get("/jobs/{job_id}", summary="How far an inspection is", responses=_told(404))
def status(job: Asked, desk: At, language: Spoken) -> schemas.JobStatus:
    """Return state, place in the queue, and pictures done."""
    return desk.status(job, language)


@router.delete("/jobs/{job_id}", status_code=204, summary="Delete an inspection", responses=_told(404))
def delete(job: Asked, desk: At) -> None:
    """Stop it where it is at work, and delete all its files."""
    desk.jobs.remove(job)


@router.get("/jobs/{job_id}/result", summary="What was found", responses=_told(404, 409))
def result(job: Asked, desk: At, language: Spoken) -> schemas.Result:
    """Return damages and pictures, as corrected so far; report.json tells more."""
    return desk.result(job, language)


@router.get(
    "/jobs/{job_id}/files/{name}", summary="A file of the report", response_class=Response, responses=_told(404, 409)
)
def file(job: Asked, name: str, desk: At, language: Spoken, download: bool = False) -> Response:
    """Return report.html, report.pdf, report.json, findings.csv, or report.zip with all of them and the pictures."""
    if name == "report.zip":
        return _file(desk.archive(job, language), name, "application/zip", download=True)
    content = desk.report(job, language, name)
    answer = _file(content, name, KINDS[name.rpartition(".")[2]], download)
    if name == "report.html":
        answer.headers[POLICY] = REPORT_POLICY.format(styles=style_hashes(content.decode()))
    return answer


@router.get(
    "/jobs/{job_id}/pictures/{number}",
    summary="A picture without marks",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}, **_told(404, 409)},
)
def picture(job: Asked, number: int, desk: At) -> Response:
    """Return a picture of the result as JPEG, without metadata and no larger than a report needs."""
    return Response(desk.picture(job, number), media_type="image/jpeg")


@router.post("/jobs/{job_id}/damages", status_code=201, summary="Add a damage", responses=WRONG)
def add(job: Asked, given: schemas.Addition, desk: At, language: Spoken) -> schemas.Result:
    """Add a damage that was not found, or with `damage` another picture of one that was."""
    desk.add(job, given)
    return desk.result(job, language)


@router.patch(DAMAGE, summary="Correct or confirm a damage", responses=WRONG)
def correct(job: Asked, damage_id: str, given: schemas.Correction, desk: At, language: Spoken) -> schemas.Result:
    """Set kind, part, place or severity; an empty body confirms the damage as it is."""
    desk.correct(job, damage_id, given)
    return desk.result(job, language)


@router.delete(DAMAGE, summary="Take a damage out", responses=WRONG)
def remove(job: Asked, damage_id: str, desk: At, language: Spoken) -> schemas.Result:
    """Take out what is no damage; the report tells that it was."""
    desk.remove(job, damage_id)
    return desk.result(job, language)


@router.patch(FINDING, summary="Change a box", responses=WRONG)
def move(job: Asked, damage_id: str, key: str, given: schemas.BoxGiven, desk: At, language: Spoken) -> schemas.Result:
    """Give a damage another box in one picture."""
    desk.move(job, damage_id, key, given.box_xyxy_px)
    return desk.result(job, language)


@router.delete(FINDING, summary="Take a box out", responses=WRONG)
def drop(job: Asked, damage_id: str, key: str, desk: At, language: Spoken) -> schemas.Result:
    """Take a damage out of one picture; without its last box it goes."""
    desk.drop(job, damage_id, key)
    return desk.result(job, language)


@router.put("/jobs/{job_id}/pictures/{number}/checked", summary="Say that a picture is complete", responses=WRONG)
def check(job: Asked, number: int, given: schemas.Checked, desk: At, language: Spoken) -> schemas.Result:
    """Say that all damages in a picture are marked, or take it back. What nobody touched in it is confirmed by that."""
    desk.check(job, number, given.checked)
    return desk.result(job, language)


@router.post("/jobs/{job_id}/labels", summary="Save the checked pictures as labels", responses=WRONG)
def labels(job: Asked, desk: At) -> schemas.Saved:
    """Write the checked pictures with their boxes into the data set of the server."""
    return desk.save(job)


def _file(content: bytes, name: str, kind: str, download: bool) -> Response:
    """Return a file."""
    place = "attachment" if download else "inline"
    return Response(content, media_type=kind, headers={"Content-Disposition": f'{place}; filename="{name}"'})


def _reasons(job: Job, language: Language) -> list[str]:
    """Return why files were left out, the first few."""
    return [f"{one.name}: {language(f'rejected.{one.code}', **one.values)}" for one in job.left_out[:REASONS]]
