"""The engine in a process of its own: a file that brings a decoder down, or makes it hang, takes only that process."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from typing import TYPE_CHECKING, Any

from ultralytics.utils import LOGGER

from ayolom.errors import AyolomError
from ayolom.serve._engine import Engine, LocalEngine, Outcome, Task, Work
from ayolom.serve._limits import Stopped

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    from ayolom.inspect.objects import Model

TICK = 0.2  # seconds between two looks at whether to stop
GRACE = 30.0  # seconds over the limit of work in which the process may stop by itself
START = 300.0  # seconds in which the model must be loaded


class IsolatedEngine:
    """An engine in a child process, which is started anew when it fell."""

    def __init__(self, work: Work, make: Callable[[Work], Engine] = LocalEngine) -> None:
        """Load the model there.

        Args:
            work: What the engine is made of.
            make: Makes it, over there.

        Raises:
            AyolomError: It cannot be loaded, or has not boxes and a class map.
        """
        self._work, self._make = work, make
        self._process: Any = None
        self._pipe: Connection | None = None
        self.kinds: tuple[str, ...]
        self.names: dict[int, str]
        self.model: Model
        self.kinds, self.names, self.model = self._start()

    def run(self, task: Task, progress: Callable[[int, int | None], None], stop: Callable[[], bool]) -> Outcome:
        """Do one inspection; see `Engine.run`."""
        if self._process is None or not self._process.is_alive():
            self._start()
        pipe = self._pipe
        if pipe is None:
            raise Stopped("crashed")
        until = time.monotonic() + self._work.limits.work_seconds + GRACE
        try:
            pipe.send(task)
            while True:
                if pipe.poll(TICK):
                    word, content = pipe.recv()
                    if word == "progress":
                        progress(*content)
                    elif word == "done":
                        return content
                    else:
                        raise Stopped(content[0], **content[1])
                if stop():
                    self._kill()
                    raise Stopped("stopped")
                if time.monotonic() > until:
                    self._kill()
                    raise Stopped("work_seconds", most=f"{self._work.limits.work_seconds:g}")
        except (EOFError, BrokenPipeError, ConnectionResetError):
            status = self._kill()
            LOGGER.warning(f"the process of the model ended with status {status}; it is started anew")
            raise Stopped("crashed") from None

    def close(self) -> None:
        """End the process."""
        self._kill()

    def _start(self) -> tuple[tuple[str, ...], dict[int, str], Model]:
        """Start the process and return what its model is."""
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(
            target=_main, args=(other, self._work, self._make), name="ayolom-serve", daemon=True
        )
        self._process.start()
        other.close()
        try:
            if not self._pipe.poll(START):
                raise EOFError
            word, content = self._pipe.recv()
        except (EOFError, ConnectionResetError):
            raise AyolomError(
                f"model={self._work.model}: its process ended with status {self._kill()} while it was loaded"
            ) from None
        if word != "ready":
            self._kill()
            raise AyolomError(content)
        return content

    def _kill(self) -> int | None:
        """End the process at once and return its status."""
        process, self._process = self._process, None
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None
        if process is None:
            return None
        process.kill()
        process.join(10)
        return process.exitcode


def _main(pipe: Connection, work: Work, make: Callable[[Work], Engine]) -> None:
    """Load the model and do inspections until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which ends this process
    os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "protocol_whitelist;file")  # a video names no other source
    try:
        engine = make(work)
    except AyolomError as error:
        pipe.send(("error", str(error)))
        return
    pipe.send(("ready", (engine.kinds, engine.names, engine.model)))
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        try:
            answer: tuple[str, Any] = ("done", engine.run(task, _teller(pipe), lambda: False))
        except Stopped as stopped:
            answer = ("stopped", (stopped.code, stopped.values))
        except Exception as error:  # noqa: BLE001 - whatever one upload does, the next gets its turn
            LOGGER.warning(f"an inspection failed: {type(error).__name__}: {error}")
            answer = ("stopped", ("internal", {}))
        pipe.send(answer)


def _teller(pipe: Connection) -> Callable[[int, int | None], None]:
    """Return what sends progress, a few times a second."""
    last = 0.0

    def tell(done: int, total: int | None) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last > TICK:
            last = now
            pipe.send(("progress", (done, total)))

    return tell
