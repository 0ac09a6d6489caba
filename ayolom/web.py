"""What the local pages share: headers of every answer, the socket, and a server that ends on Ctrl-C."""

from __future__ import annotations

import ipaddress
import signal
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, MutableMapping

    import uvicorn
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOCAL = "127.0.0.1"  # nobody on the network can ask
LAST_PORT = 65535
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
POLICY = "Content-Security-Policy"
NOTHING = "default-src 'none'; frame-ancestors 'none'"


class SafeHeaders:
    """Puts `HEADERS` on every answer, and a policy that allows nothing on those without one."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                from starlette.datastructures import MutableHeaders

                headers = MutableHeaders(scope=message)
                for name, value in {**HEADERS, POLICY: NOTHING}.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


def check_server(missing: str) -> None:
    """Raise where the packages of the server are not installed.

    Args:
        missing: The message then.

    Raises:
        AyolomError: They are not.
    """
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError:
        raise AyolomError(missing) from None


def is_local(host: str) -> bool:
    """Return whether a name or address is of this machine alone."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listening(port: int, host: str = LOCAL) -> socket.socket:
    """Return a socket on which connections may come in; they wait until a server takes them.

    Args:
        port: The port; 0 takes a free one.
        host: Name or address of this machine.

    Raises:
        AyolomError: The port is taken or may not be used, or the host is none of this machine.
    """
    if port > LAST_PORT:
        raise AyolomError(f"port={port}: cannot be used (ports end at {LAST_PORT}); give another, or port=0")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (OSError, UnicodeError) as error:
        raise AyolomError(f"host={host}: is no name or address of this machine ({error})") from None
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen()  # at once: a browser told of the address must not be refused while the server starts
    except OSError as error:
        listener.close()
        where = f"port={port}" if host == LOCAL else f"host={host} port={port}"
        raise AyolomError(f"{where}: cannot be used ({error}); give another, or port=0 for any free one") from None
    return listener


def run_server(
    app: Any,
    listener: socket.socket,
    ready: Callable[[int, uvicorn.Server], None] | None = None,
    **settings: Any,
) -> None:
    """Serve an application until Ctrl-C, or until `should_exit` of the server is set.

    Args:
        app: The application.
        listener: See `listening`.
        ready: Called with the port and the server before it starts.
        **settings: Of uvicorn, over those that both pages share.
    """
    import uvicorn

    # Without a configuration of its own the server leaves the logging of the process as it is.
    shared: MutableMapping[str, Any] = {
        "log_config": None,
        "log_level": "warning",
        "access_log": False,
        "server_header": False,
        "ws": "none",
        "lifespan": "off",  # it would log a second Ctrl-C as an error; nothing is started by it
        "timeout_graceful_shutdown": 2,
    }
    server = uvicorn.Server(uvicorn.Config(app, **{**shared, **settings}))
    if ready:
        ready(listener.getsockname()[1], server)
    try:
        with _termination_as_interrupt():
            server.run(sockets=[listener])
    except KeyboardInterrupt:
        pass  # how one ends it


@contextmanager
def _termination_as_interrupt() -> Iterator[None]:
    """Let a request to end the process, SIGTERM, come as Ctrl-C does, so that temporary folders go.

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
