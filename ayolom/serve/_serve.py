"""The service until Ctrl-C."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ultralytics.utils import LOGGER

from ayolom import web
from ayolom.config import cfg_dir
from ayolom.errors import AyolomError
from ayolom.inspect import load_language, load_repairs, load_rules
from ayolom.serve._engine import PDF, LocalEngine, Work
from ayolom.serve._isolated import IsolatedEngine
from ayolom.serve._jobs import Jobs
from ayolom.serve._labels import check_labels
from ayolom.serve._limits import Limits
from ayolom.serve._worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import uvicorn
    from fastapi import FastAPI

    from ayolom.inspect import Language
    from ayolom.serve._engine import Engine

MISSING = 'the page needs a small web server: pip install "ayolom[web]"'
NEEDED = ("fastapi", "uvicorn", "python_multipart")
LEAST_TOKEN = 16  # characters of a token that somebody chose
OPEN_CONNECTIONS = 256


@dataclass(frozen=True)
class Settings:
    """How the service runs.

    Attributes:
        model: Checkpoint of a model with boxes (damage) and a class map (parts).
        host: Name or address to listen on; only this machine when not given.
        port: Port; 0 takes a free one.
        token: Secret that clients must give; None makes one up where `host` is not this machine alone.
        hosts: Further names by which the service may be called, such as that of a proxy.
        corrections: Folder of the data set of checked pictures; None saves none.
        lang: Language when the browser asks for none of those that there are: a code, or a file of texts.
        rules: Rules over the shipped ones, a YAML file.
        repair: Table of repairs, a YAML file.
        limits: What is taken.
        isolate: Whether the model runs in a process of its own.
        predict: Settings of prediction such as `conf`, `imgsz`, `device`, `vid_stride`.
    """

    model: str | Path
    host: str = web.LOCAL
    port: int = 8600
    token: str | None = None
    hosts: tuple[str, ...] = ()
    corrections: Path | None = None
    lang: str = "en"
    rules: str | None = None
    repair: Path | None = None
    limits: Limits = field(default_factory=Limits)
    isolate: bool = True
    predict: dict[str, Any] = field(default_factory=dict)


class Service:
    """The application with all that works behind it."""

    def __init__(
        self, settings: Settings, make: Callable[[Work], Engine] | None = None, base: Path | None = None
    ) -> None:
        """Load everything; nothing listens yet.

        Args:
            settings: How it runs.
            make: Makes the engine; by default that of the model, isolated or not.
            base: Folder of all servers; see `Jobs`.

        Raises:
            AyolomError: A package, a file or a setting is missing or wrong.
        """
        check_server()
        from ayolom.serve._access import own_names
        from ayolom.serve._app import make_app
        from ayolom.serve._desk import Desk
        from ayolom.serve._pages import Speaker

        self.token = _token(settings)
        languages, default = _languages(settings.lang)
        self.work = Work(
            model=str(settings.model),
            settings=settings.predict,
            limits=settings.limits,
            rules=load_rules(settings.rules),
            repairs=None if settings.repair is None else load_repairs(settings.repair),
            languages=languages,
            pdf=find_spec(PDF) is not None,
        )
        usual: Callable[[Work], Engine] = IsolatedEngine if settings.isolate else LocalEngine
        self.engine = (make or usual)(self.work)
        try:
            if settings.corrections is not None:
                check_labels(settings.corrections, self.engine.kinds)
            self.jobs = Jobs(settings.limits, base)
        except BaseException:
            self.engine.close()
            raise
        self.worker = Worker(self.jobs, self.engine)
        self.desk = Desk(self.jobs, self.engine, self.work, settings.corrections)
        names, any_address = own_names(settings.host)
        self.app: FastAPI = make_app(
            self.desk, Speaker(languages, default), [*names, *settings.hosts], self.token, any_address
        )

    def start(self) -> None:
        """Begin to work."""
        self.worker.start()

    def stop(self) -> None:
        """Give up what is at work and delete everything that was uploaded."""
        self.worker.stop()


def serve(settings: Settings, ready: Callable[[int, uvicorn.Server], None] | None = None) -> None:
    """Serve until Ctrl-C.

    Args:
        settings: How.
        ready: Called with the port and the server before it starts; setting `should_exit` on the server ends it.

    Raises:
        AyolomError: A package, a file or a setting is missing or wrong, or the port is taken.
    """
    check_server()
    with web.listening(settings.port, settings.host) as listener:
        service = Service(settings)
        LOGGER.info(f"{settings.model}: {address(settings, listener.getsockname()[1], service.token)} (Ctrl-C ends it)")
        try:
            service.start()
            web.run_server(
                service.app,
                listener,
                ready,
                proxy_headers=False,
                limit_concurrency=OPEN_CONNECTIONS,
                timeout_graceful_shutdown=5,
            )
        finally:
            service.stop()


def check_server() -> None:
    """Raise where the packages of the service are not installed.

    Raises:
        AyolomError: They are not; the message tells what to install.
    """
    if any(find_spec(name) is None for name in NEEDED):
        raise AyolomError(MISSING)


def address(settings: Settings, port: int, token: str | None) -> str:
    """Return the address to open."""
    host = settings.host if settings.host not in {"0.0.0.0", "::"} else web.LOCAL  # noqa: S104 - named, not bound
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/" + (f"login?token={token}" if token else "")


def _token(settings: Settings) -> str | None:
    """Return the token that clients must give, None where none is needed."""
    if settings.token is not None:
        if len(settings.token) < LEAST_TOKEN or not settings.token.isascii() or not settings.token.isprintable():
            raise AyolomError(
                f"token: must have {LEAST_TOKEN} letters, digits or signs at least; leave it out to get one"
            )
        return settings.token
    return None if web.is_local(settings.host) else secrets.token_urlsafe(32)


def _languages(given: str) -> tuple[dict[str, Language], str]:
    """Return the shipped languages and the one given, by code, and the code of the latter."""
    shipped: Iterator[Path] = (cfg_dir() / "languages").glob("*.yaml")
    languages = {one.code: one for one in (load_language(file.stem) for file in sorted(shipped))}
    own = load_language(given)
    return {**languages, own.code: own}, own.code
