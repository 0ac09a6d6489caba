"""The one thread that has inspections done, in their order, and looks after old ones."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ultralytics.utils import LOGGER

from ayolom.serve._engine import Task
from ayolom.serve._limits import Stopped

if TYPE_CHECKING:
    from ayolom.serve._engine import Engine
    from ayolom.serve._jobs import Job, Jobs

SWEEP = 20.0  # seconds between two looks for inspections that nobody asked for


class Worker:
    """Takes inspections from the queue until it is stopped."""

    def __init__(self, jobs: Jobs, engine: Engine) -> None:
        """Bind to queue and engine."""
        self._jobs, self._engine = jobs, engine
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, name="inspections", daemon=True),
            threading.Thread(target=self._sweep, name="sweep", daemon=True),
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Give up what is at work and delete everything."""
        self._stop.set()
        self._jobs.close()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        self._engine.close()
        self._jobs.delete()

    def _work(self) -> None:
        """Do one inspection after the other."""
        while (job := self._jobs.take()) is not None:
            try:
                self.one(job)
            except Exception as error:  # noqa: BLE001 - whatever happens, the next one gets its turn
                LOGGER.warning(f"an inspection failed: {type(error).__name__}: {error}")
                job.problem, job.state = ("internal", {}), "failed"
            self._jobs.finish(job)

    def one(self, job: Job) -> None:
        """Do one inspection."""
        names = [upload.name for upload in job.uploads]
        source = names[0] if len(names) == 1 else f"{names[0]} + {len(names) - 1}"
        task = Task(job.uploads, job.left_out, job.clean, job.kept, job.report(0, job.language), job.language, source)

        def progress(done: int, total: int | None) -> None:
            job.done, job.total = done, total

        try:
            outcome = self._engine.run(task, progress, job.ended.is_set)
        except Stopped as stopped:
            job.problem, job.state = (stopped.code, stopped.values), "failed"
            return
        job.inspection, job.left_out = outcome.inspection, outcome.left_out
        job.done = job.total = max(job.done, job.total or 0)
        job.state = "done"

    def _sweep(self) -> None:
        """Look for old inspections now and then."""
        while not self._stop.wait(SWEEP):
            self._jobs.sweep()
