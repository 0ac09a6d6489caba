"""What can be done with an inspection once its files are in: told, corrected, drawn again, saved as labels."""

from __future__ import annotations

import hashlib
import shutil
import threading
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2

from ayolom import __version__
from ayolom.errors import AyolomError
from ayolom.inspect import LEVELS, Change, Reviewer, kept_picture, load_inspection, rebuild_report
from ayolom.inspect._names import is_repeated, parts_of
from ayolom.inspect.album import Album
from ayolom.inspect.findings import worst
from ayolom.inspect.report import write_pdf
from ayolom.serve import _schemas as schemas
from ayolom.serve._labels import YAML, Example, save_labels
from ayolom.serve._limits import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ayolom.inspect import Damage, Finding, Inspection, Language, Picture
    from ayolom.inspect.objects import Place, View
    from ayolom.serve._engine import Engine, Work
    from ayolom.serve._jobs import Job, Jobs

PLACES: tuple[Place, ...] = ("front left", "front right", "back left", "back right")
PDF = "report.pdf"
FILES = ("report.html", PDF, "report.json", "findings.csv")
QUALITY = 90  # of pictures on the page
Spot = tuple[str, int | None]  # name of a view, and frame of a video


class Desk:
    """The service without HTTP."""

    def __init__(self, jobs: Jobs, engine: Engine, work: Work, corrections: Path | None) -> None:
        """Bind to the parts of the service.

        Args:
            jobs: Inspections in hand.
            engine: Whose model's classes may be given.
            work: Rules, languages and limits.
            corrections: Folder of the data set of checked pictures; None saves none.
        """
        self.jobs, self.work, self.corrections = jobs, work, corrections
        self._engine = engine
        self._reviewer = Reviewer(work.rules, engine.names, work.repairs)
        self._parts = list(parts_of(engine.names, work.rules).values())
        self._drawing = threading.Lock()  # reports one at a time: they take a core

    # What is told -----------------------------------------------------------------------------------------------------
    def service(self, language: Language) -> schemas.Service:
        """Return what the service is and takes."""
        return schemas.Service(
            software=f"ayolom {__version__}",
            model=self._engine.model.name,
            languages=list(self.work.languages),
            kinds=[schemas.Option(name=kind, label=language.name(kind)) for kind in self._engine.kinds],
            parts=self._part_options(language),
            severities=[schemas.Option(name=level, label=language(f"levels.{level}")) for level in LEVELS],
            limits=schemas.LimitValues(**asdict(self.work.limits)),
            pdf=self.work.pdf,
            labels=self.corrections is not None,
        )

    def status(self, job: Job, language: Language) -> schemas.JobStatus:
        """Return how far an inspection is."""
        failure = None
        if job.problem is not None:
            code, values = job.problem
            failure = schemas.Failure(code=code, detail=language(f"problems_web.{code}", **values))
        return schemas.JobStatus(
            id=job.id,
            state=job.state,
            position=self.jobs.position(job),
            done=job.done,
            total=job.total,
            files=[schemas.FileTaken(name=one.name, media=one.kind) for one in job.uploads],
            left_out=[
                schemas.FileLeftOut(name=one.name, reason=language(f"rejected.{one.code}", **one.values))
                for one in job.left_out
            ],
            problem=failure,
            created_at=job.created,
            expires_at=job.expires(self.work.limits.keep_minutes),
            revision=job.revision,
            page=f"/jobs/{job.id}",
        )

    def result(self, job: Job, language: Language) -> schemas.Result:
        """Return what was found, as corrected so far."""
        with job.lock:
            one = _inspection(job)
            spots = self._spots(job)
            numbers = {spot: number for number, spot in enumerate(spots)}
            level = worst([damage.severity for damage in one.damages]) if one.damages else None
            return schemas.Result(
                revision=job.revision,
                created_at=one.created_at,
                damages=[_damage(damage, numbers, language) for damage in one.damages],
                pictures=[self._picture_shown(job, number, spot, language) for number, spot in enumerate(spots)],
                left_out=list(one.skipped),
                parts_count=len(one.parts),
                worst=level,
                worst_label=None if level is None else language(f"levels.{level}"),
                sides_missing=list(one.sides_missing),
                sides_missing_labels=[language(f"sides.{side}") for side in one.sides_missing],
                reviewed=one.review is not None,
            )

    def picture(self, job: Job, number: int) -> bytes:
        """Return a picture without marks as JPEG."""
        with job.lock:
            name, frame = self._spot(job, number)
            image = self._album(job).unmarked(name, frame)[0]
        return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()

    def report(self, job: Job, language: Language, name: str) -> bytes:
        """Return a file of the report, which is drawn again where there were corrections since."""
        if name not in FILES or (name == PDF and not self.work.pdf):
            raise Problem(404, "no_file")
        with job.lock:
            folder = self._report_folder(job, language)
            if name == PDF:
                self._write_pdf(folder, language)
            return (folder / name).read_bytes()

    def archive(self, job: Job, language: Language) -> bytes:
        """Return the whole report as a ZIP file."""
        with job.lock:
            folder = self._report_folder(job, language)
            if self.work.pdf:
                self._write_pdf(folder, language)
            file = Path(shutil.make_archive(str(job.folder / "archive"), "zip", folder))
            content = file.read_bytes()
            file.unlink()
        return content

    # What is changed --------------------------------------------------------------------------------------------------
    def correct(self, job: Job, damage_id: str, given: schemas.Correction) -> None:
        """Correct or confirm a damage."""
        change = self._change(given)
        self._edit(job, lambda one: self._reviewer.change(one, damage_id, change))

    def remove(self, job: Job, damage_id: str) -> None:
        """Take a damage out."""
        self._edit(job, lambda one: self._reviewer.remove(one, damage_id))

    def add(self, job: Job, given: schemas.Addition) -> None:
        """Add a damage, or another picture of one."""
        change = self._change(given)
        if given.damage is None and given.kind is None:
            raise Problem(422, "kind_missing")
        picture = self._kept(job, given.picture)
        self._edit(job, lambda one: self._reviewer.add(one, picture, given.box_xyxy_px, change, given.damage))

    def move(self, job: Job, damage_id: str, key: str, box: schemas.Box) -> None:
        """Give a finding another box."""
        finding = _finding(job, damage_id, key)
        picture = self._kept(job, self._spots(job).index((finding.picture, finding.frame_index)))
        self._edit(job, lambda one: self._reviewer.move(one, damage_id, finding.id, picture, box))

    def drop(self, job: Job, damage_id: str, key: str) -> None:
        """Take one box of a damage out."""
        finding = _finding(job, damage_id, key)
        self._edit(job, lambda one: self._reviewer.drop(one, damage_id, finding.id))

    def check(self, job: Job, number: int, checked: bool) -> None:
        """Note whether all damages of a picture are marked; those that nobody touched are confirmed by it."""
        spot = self._spot(job, number)
        with job.lock:
            (job.checked.add if checked else job.checked.discard)(spot)
            ids = [one.id for one in _inspection(job).damages if one.review is None and _in(one, spot)]
        for damage_id in ids if checked else ():
            self.correct(job, damage_id, schemas.Correction())

    def save(self, job: Job) -> schemas.Saved:
        """Save the checked pictures as labels."""
        if self.corrections is None:
            raise Problem(409, "no_corrections")
        with job.lock:
            spots = self._spots(job)
            checked = [spot for spot in spots if spot in job.checked]
            if not checked:
                raise Problem(409, "nothing_checked")
            examples = [self._example(job, spot) for spot in checked]
        try:
            save_labels(examples, self.corrections, self._engine.kinds, self._engine.model)
        except AyolomError as error:
            raise Problem(409, "not_saved", reason=str(error)) from None
        boxes = sum(len(example.boxes) for example in examples)
        unchecked = len(spots) - len(checked)
        return schemas.Saved(pictures=len(examples), boxes=boxes, unchecked=unchecked, data=YAML)

    # Parts ------------------------------------------------------------------------------------------------------------
    def _edit(self, job: Job, edit: Callable[[Inspection], Inspection]) -> None:
        """Put a corrected inspection in the place of the one before."""
        with job.lock:
            try:
                job.inspection = edit(_inspection(job))
            except KeyError:
                raise Problem(404, "no_damage") from None
            except AyolomError as error:
                raise Problem(422, "wrong", reason=str(error)) from None
            job.revision += 1

    def _change(self, given: schemas.Correction) -> Change:
        """Return a correction after checking its names."""
        if given.kind is not None and given.kind not in self._engine.kinds:
            raise Problem(422, "no_kind", kind=given.kind, kinds=", ".join(self._engine.kinds))
        if given.part and given.part not in self._parts:
            raise Problem(422, "no_part", part=given.part, parts=", ".join(self._parts))
        return Change(kind=given.kind, part=given.part, place=given.place, severity=given.severity)

    def _report_folder(self, job: Job, language: Language) -> Path:
        """Return the folder of the report as it is now; older ones are deleted."""
        with job.lock:
            one, folder = _inspection(job), job.report(job.revision, language.code)
            if not folder.is_dir():
                with self._drawing:
                    rebuild_report(one, job.kept, folder, self._engine.names, self.work.rules, language)
                for other in job.folder.glob("report-*"):
                    if not other.name.startswith(f"report-{job.revision}-"):
                        shutil.rmtree(other)
            return folder

    def _write_pdf(self, folder: Path, language: Language) -> None:
        """Write the PDF of a report, unless it is there."""
        if not (folder / PDF).is_file():
            with self._drawing:
                write_pdf(load_inspection(folder), folder, language, self.work.rules)

    def _album(self, job: Job) -> Album:
        """Return the album over the kept pictures."""
        language = self.work.languages[job.language]
        return Album(job.folder, self._engine.names, self.work.rules, language, video=False, keep=job.kept)

    def _spots(self, job: Job) -> list[Spot]:
        """Return the pictures that are kept, photos as they came and frames of videos in time."""
        album = self._album(job)
        spots: list[Spot] = []
        for view in _inspection(job).views:
            if view.media == "photo":
                spots.append((view.name, None))
            else:
                spots += [(view.name, frame) for frame in album.frames(view.name)]
        return spots

    def _spot(self, job: Job, number: int) -> Spot:
        """Return a picture by its number."""
        spots = self._spots(job)
        if not 0 <= number < len(spots):
            raise Problem(404, "no_picture")
        return spots[number]

    def _kept(self, job: Job, number: int) -> Picture:
        """Return a picture to lay a box on."""
        with job.lock:
            name, frame = self._spot(job, number)
            return kept_picture(_view(job, name), self._album(job), frame, self._rate(job, name))

    def _example(self, job: Job, spot: Spot) -> Example:
        """Return a checked picture as it is written."""
        name, frame = spot
        view = _view(job, name)
        number = [upload.name for upload in sorted(job.uploads, key=lambda one: one.kind)].index(name) + 1
        file = next(job.clean.glob(f"{number:04d}.*"), None) if frame is None else None
        data = file.read_bytes() if file else self.picture(job, self._spots(job).index(spot))
        boxes = [(damage, found) for damage in _inspection(job).damages for found in _in(damage, spot)]
        return Example(data, file.suffix if file else ".jpg", (view.width_px, view.height_px), boxes)

    def _picture_shown(self, job: Job, number: int, spot: Spot, language: Language) -> schemas.PictureShown:
        """Return what is told of a picture."""
        name, frame = spot
        view, rate = _view(job, name), self._rate(job, name)
        problems = view.check.problems if frame is None else ()
        return schemas.PictureShown(
            number=number,
            name=name,
            frame_index=frame,
            time_s=None if frame is None or rate is None else round(frame / rate, 2),
            width_px=view.width_px,
            height_px=view.height_px,
            checked=spot in job.checked,
            advice=[language(f"problems.{problem.code}") for problem in problems],
        )

    def _rate(self, job: Job, name: str) -> float | None:
        """Return the frames a second of a video, None of a photo."""
        view = _view(job, name)
        if not view.duration_s or view.frames_count < 2:
            return None
        return (view.frames_count - 1) * int(self.work.settings.get("vid_stride") or 1) / view.duration_s

    def _part_options(self, language: Language) -> list[schemas.PartOption]:
        """Return the parts that may be given; those of which a vehicle has several with their places."""
        options = []
        for part in self._parts:
            options.append(schemas.PartOption(name=part, label=language.name(part)))
            places = PLACES if is_repeated(part, self.work.rules.places) else ()
            options += [schemas.PartOption(name=part, place=at, label=language.part(part, at)) for at in places]
        return options


def key_of(finding: Finding) -> str:
    """Return a finding's name in addresses: its id holds the name of an upload."""
    return hashlib.sha256(finding.id.encode()).hexdigest()[:12]


def _inspection(job: Job) -> Inspection:
    """Return what was found."""
    if job.inspection is None:
        raise Problem(409, "not_done")
    return job.inspection


def _view(job: Job, name: str) -> View:
    """Return a view by its name."""
    return next(view for view in _inspection(job).views if view.name == name)


def _in(damage: Damage, spot: Spot) -> list[Finding]:
    """Return the findings of a damage in a picture."""
    return [one for one in damage.evidence if (one.picture, one.frame_index) == spot]


def _finding(job: Job, damage_id: str, key: str) -> Finding:
    """Return a finding by its name in addresses."""
    with job.lock:
        found = next((one for one in _inspection(job).damages if one.id == damage_id), None)
        finding = next((one for one in found.evidence if key_of(one) == key), None) if found else None
    if finding is None:
        raise Problem(404, "no_damage")
    return finding


def _damage(damage: Damage, numbers: Mapping[Spot, int], language: Language) -> schemas.DamageShown:
    """Return what is told of a damage."""
    findings: list[dict[str, Any]] = [
        {
            "key": key_of(one),
            "picture": numbers[one.picture, one.frame_index],
            "box_xyxy_px": one.box_xyxy_px,
            "drawn_by": one.drawn_by,
            "confidence": one.confidence,
        }
        for one in damage.evidence
        if (one.picture, one.frame_index) in numbers
    ]
    return schemas.DamageShown(
        id=damage.id,
        kind=damage.kind,
        kind_label=language.name(damage.kind),
        part=damage.part,
        place=damage.place,
        part_label=language.where(damage),
        severity=damage.severity,
        severity_label=language(f"levels.{damage.severity}"),
        extent=language.percent(damage.extent_share),
        confidence=damage.confidence,
        review=damage.review,
        findings=[schemas.FindingShown(**one) for one in findings],
    )
