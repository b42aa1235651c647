"""Every code of an item of a problem is documented, and used."""

from pathlib import Path

import app
from app.errors import ErrorCode

ROOT = Path(app.__file__).parent


def test_every_code_is_documented() -> None:
    text = (ROOT.parent / "docs" / "clients.md").read_text(encoding="utf-8")
    assert [code for code in ErrorCode if f"`{code}`" not in text] == []


def test_every_code_is_used() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in ROOT.rglob("*.py"))
    assert [each for each in ErrorCode if f"ErrorCode.{each.name}" not in code and f'"{each}"' not in code] == []
