"""The pages served on this machine alone, until Ctrl-C."""

from __future__ import annotations

import signal
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ultralytics.utils import LOGGER

from ayolom.data.view._app import View
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import uvicorn

    from ayolom.data.view._opened import Opened

ADDRESS = "127.0.0.1"  # nobody on the network can ask
MISSING = 'the view needs a small web server: pip install "ayolom[web]"; or write a page instead: gallery=out.html'


def check_server() -> None:
    """Raise where the packages of the server are not installed.

    Raises:
        AyolomError: They are not; the message tells what to install.
    """
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError:
        raise AyolomError(MISSING) from None


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
    import uvicorn

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
    with listening(port) as listener:
        own = listener.getsockname()[1]
        # Without a configuration of its own the server leaves the logging of the process as it is.
        config = uvicorn.Config(
            view.app(),
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            ws="none",
            timeout_graceful_shutdown=2,
        )
        server = uvicorn.Server(config)
        if ready:
            ready(own, server)
        LOGGER.info(f"{opened.title}: http://{ADDRESS}:{own}/ (Ctrl-C ends it)")
        try:
            if background:
                background.start()
            with _termination_as_interrupt():
                server.run(sockets=[listener])
        except KeyboardInterrupt:
            pass  # how one ends it
        finally:
            if background:
                background.stop()


@contextmanager
def _termination_as_interrupt() -> Iterator[None]:
    """Let a request to end the process, SIGTERM, come as Ctrl-C does, so that the index in the temporary folder goes.

    The server ends on either, then raises the signal again for whoever handled it before.
    """
    if threading.current_thread() is not threading.main_thread():  # only that one may handle signals
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def listening(port: int) -> socket.socket:
    """Return a socket bound to a port of this machine alone.

    Raises:
        AyolomError: The port is taken or may not be used.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((ADDRESS, port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise AyolomError(f"port={port}: cannot be used ({error}); give another, or port=0 for any free one") from None
    return listener
