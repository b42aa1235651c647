"""The service as a server of its own: for clients that speak HTTP, and for whatever floods it."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from urllib.request import urlopen

import uvicorn
from fastapi import FastAPI

PROTOCOL = "app.api.http.protocol:ProblemProtocol"
"""As `serve` speaks HTTP."""

_PATIENCE = 10.0


def answers(url: str) -> bool:
    """Whether an address is answered with success; cheap, to be asked again and again while a service starts."""
    try:
        with urlopen(url, timeout=1) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False


@contextmanager
def live(app: FastAPI) -> Iterator[str]:
    """Serve an application on a free port of this machine; give its address."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, http=PROTOCOL, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + _PATIENCE
    while not server.started:
        if time.monotonic() > deadline or not thread.is_alive():
            raise RuntimeError("the server did not start")
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(_PATIENCE)
        listener.close()
