"""`serve`: the HTTP service."""

import errno
import os
import socket
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from ipaddress import ip_address
from typing import Annotated, Any

import typer

from app.cli.registry import RegistryMissing, require_registry
from app.cli.words import tell, told
from app.config import Settings
from app.messages import say


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 1,
    *,
    public_only: Annotated[
        bool,
        typer.Option("--public-only", help="Serve only protected figures, from `snapshots/public`."),
    ] = False,
    i_know: Annotated[
        bool, typer.Option("--i-know", help="Allow exact figures without a key on an address that is not loopback.")
    ] = False,
) -> None:
    """Serve the API: exact figures with a key, protected ones without, unless ORGCOVERAGE_ANONYMOUS says otherwise."""
    if public_only:
        os.environ["ORGCOVERAGE_PUBLIC_ONLY"] = "true"
    if Settings().answered_without_key == "exact" and not i_know and not is_loopback(host):
        message = "{host} is not a loopback address, and exact figures need no key; add --i-know to allow it"
        raise typer.BadParameter(told(message, host=host), param_hint="--host")
    _warn_without_registry(Settings())
    run(host, port, workers)


def run(host: str, port: int, workers: int) -> None:
    """Run the server until it is stopped."""
    require_free_port(host, port)
    import uvicorn  # noqa: PLC0415 - loaded when it runs

    uvicorn.run(workers=workers, **_options(host, port))


def run_beside(work: Callable[[], None], host: str, port: int) -> None:
    """Run the server with one worker, and some work in a thread beside it; stop if the work fails.

    Raises
    ------
    Exception
        The work's error.
    """
    import uvicorn  # noqa: PLC0415 - loaded when it runs

    server = uvicorn.Server(uvicorn.Config(**_options(host, port)))

    def stop_if_failed(done: Future[None]) -> None:
        server.should_exit = server.should_exit or done.exception() is not None

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(work)
        future.add_done_callback(stop_if_failed)
        with suppress(KeyboardInterrupt):  # raised after all running requests are answered
            server.run()
    future.result()


def require_free_port(host: str, port: int) -> None:
    """Refuse a port that cannot be listened on, before anything else is done.

    Raises
    ------
    BadParameter
        Another process listens on it, or the address is not this machine's.
    """
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            pass
    except OSError as error:
        message = (
            "{address} is in use by another process; choose another with --port."
            if error.errno == errno.EADDRINUSE
            else "{address} cannot be used: {reason}; choose another with --port."
        )
        reason = error.strerror or str(error)
        raise typer.BadParameter(told(message, address=f"{host}:{port}", reason=reason), param_hint="--port") from error


def is_loopback(host: str) -> bool:
    """Say whether an address can be reached only from this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _warn_without_registry(settings: Settings) -> None:
    """Warn if there is no registry; not an error, since statistics do not need it."""
    if not settings.public_only:
        try:
            require_registry(settings)
        except RegistryMissing as missing:
            tell("{title}: {detail}", err=True, title=say(missing.title), detail=missing.detail)


def _options(host: str, port: int) -> dict[str, Any]:
    Settings()  # wrong settings are reported once here, not by each worker
    return {
        "app": "app.asgi:app",
        "host": host,
        "port": port,
        "loop": "uvloop",
        "http": "app.api.http.protocol:ProblemProtocol",
        "access_log": False,
        "log_config": None,
        "timeout_graceful_shutdown": 20,
        "server_header": False,
    }
