"""Child processes of the service: the same code and settings as their parent, and nothing of the folder it runs in."""

import os
import sys
from pathlib import Path

from app.config import Settings

_CODE = str(Path(__file__).parents[2])
"""The folder that this code was imported from: a child must not run another copy of it."""

_START = (
    "import runpy, sys; code, module = sys.argv[1:3]; del sys.argv[1:3]; "
    "code in sys.path or sys.path.insert(0, code); "
    "runpy.run_module(module, run_name='__main__', alter_sys=True)"
)


def command(module: str, *arguments: str) -> tuple[str, ...]:
    """Return the command that runs a module of this service.

    With `-P`, since `-m` alone would look for modules in the folder of the caller first: an `app/` or a `json.py` there
    would run in place of ours.
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
    """Let Arrow take its memory from the system, so that a limit counts it; to be called before Arrow is loaded.

    Arrow's own pool sets a gigabyte aside when it is first used, which a limit set later does not see.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
