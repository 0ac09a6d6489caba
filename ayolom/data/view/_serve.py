"""The pages served on this machine alone, until Ctrl-C."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ultralytics.utils import LOGGER

from ayolom import web
from ayolom.data.view._app import View

if TYPE_CHECKING:
    from collections.abc import Callable

    import uvicorn

    from ayolom.data.view._opened import Opened

MISSING = 'the view needs a small web server: pip install "ayolom[web]"; or write a page instead: gallery=out.html'


def check_server() -> None:
    """Raise where the packages of the server are not installed.

    Raises:
        AyolomError: They are not; the message tells what to install.
    """
    web.check_server(MISSING)


def serve(opened: Opened, port: int, ready: Callable[[int, uvicorn.Server], None] | None = None) -> None:
    """Show a data set until Ctrl-C.

    Args:
        opened: The data set.
        port: Port on 127.0.0.1; 0 takes a free one.
        ready: Called with the port and the server before it starts; setting `should_exit` on the server ends it.

    Raises:
        AyolomError: The port is taken, or the packages of the server are not installed.
    """
    check_server()
    background = opened.background
    view = View(
        title=opened.title,
        index=opened.index,
        tasks=opened.tasks,
        root=str(opened.root),
        splits=opened.splits,
        pictures=opened.pictures,
        background=background,
        model=opened.model,
    )
    with web.listening(port) as listener:
        LOGGER.info(f"{opened.title}: http://{web.LOCAL}:{listener.getsockname()[1]}/ (Ctrl-C ends it)")
        try:
            if background:
                background.start()
            web.run_server(view.app(), listener, ready)
        finally:
            if background:
                background.stop()
