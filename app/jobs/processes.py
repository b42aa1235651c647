"""Child processes of the service: same code and settings as their parent, but nothing from the working directory."""

import os
import sys
from pathlib import Path

from app.config import Settings

_CODE = str(Path(__file__).parents[2])
"""The folder of this code: a child must not run another copy of it."""

_START = (
    "import runpy, sys; code, module = sys.argv[1:3]; del sys.argv[1:3]; "
    "code in sys.path or sys.path.insert(0, code); "
    "runpy.run_module(module, run_name='__main__', alter_sys=True)"
)


def command(module: str, *arguments: str) -> tuple[str, ...]:
    """Return the command that runs a module of this service.

    With `-P`, since `-m` alone would look for modules in the working directory first: an `app/` or a `json.py` there
    would run instead of ours.
    """
    return (sys.executable, "-P", "-c", _START, _CODE, module, *arguments)


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment that gives a child exactly these settings."""
    given = {
        f"ORGCOVERAGE_{name.upper()}": str(value)
        for name, value in settings.model_dump(mode="json").items()
        if isinstance(value, str | int | float)
    }
    paths = {
        "ORGCOVERAGE_DATA_DIR": str(settings.data_dir.absolute()),
        "ORGCOVERAGE_DATABASE_URL": settings.registry_address,
    }
    return {**os.environ, **given, **paths}


def take_memory_from_system() -> None:
    """Let Arrow take its memory from the system, so that a limit counts it; must be called before Arrow is loaded.

    Arrow's own pool reserves a gigabyte when it is first used, which a limit set later does not count.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
