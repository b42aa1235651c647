"""The application as an ASGI server loads it: `app.asgi:app`, settings from the environment."""

import gc
import os
import signal
from ctypes import CDLL
from multiprocessing import parent_process
from threading import Thread

import pyarrow as pa

from app import USUAL_COLLECTIONS
from app.config import Settings
from app.main import create_app
from app.observability import configure_logging


def _end_with_supervisor() -> None:
    """Stop this worker, as SIGTERM does, when the process that started it has died: else it would hold the port."""
    if (supervisor := parent_process()) is not None:
        supervisor.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _give_back_memory() -> None:
    """Let large arrays be given back to the system when they are freed.

    By itself glibc keeps arrays of up to 32 MiB once it has seen such ones freed: 200 MiB in a worker of a country. So
    does Arrow's own pool: 60 to 90 MiB.
    """
    pa.set_memory_pool(pa.system_memory_pool())
    if hasattr(libc := CDLL(None), "mallopt"):
        libc.mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)


_MMAP_THRESHOLD = -3
"""`M_MMAP_THRESHOLD` of `malloc.h`."""

_LARGE_BYTES = 1024**2

_give_back_memory()
configure_logging()
app = create_app(Settings())
gc.freeze()  # what is loaded stays: no collection looks through it again while answers wait
gc.set_threshold(*USUAL_COLLECTIONS)  # garbage of answers may hold large arrays
Thread(target=_end_with_supervisor, daemon=True).start()
