"""The application as an ASGI server loads it: `app.asgi:app`, settings from the environment."""

import os
import signal
from multiprocessing import parent_process
from threading import Thread

from app.config import Settings
from app.main import create_app
from app.observability import configure_logging


def _end_with_supervisor() -> None:
    """Stop this worker, as SIGTERM does, when the process that started it has died: else it would hold the port."""
    if (supervisor := parent_process()) is not None:
        supervisor.join()
        os.kill(os.getpid(), signal.SIGTERM)


configure_logging()
app = create_app(Settings())
Thread(target=_end_with_supervisor, daemon=True).start()
