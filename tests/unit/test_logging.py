"""Logs are JSON lines without anything raw, whoever writes them; run apart, since logging belongs to the process."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

PROGRAM = """
import logging, logging.config
import structlog
from uvicorn.config import LOGGING_CONFIG
from app.observability import REQUEST_ID, configure_logging
logging.config.dictConfig(LOGGING_CONFIG)
configure_logging()
logging.getLogger("uvicorn.access").info("GET /v1/enterprises/secret-code")
logging.getLogger("uvicorn.error").info("started")
REQUEST_ID.set("r1")
structlog.get_logger().info("own", number=1)
try:
    raise ValueError("secret-ref")
except ValueError:
    logging.getLogger("uvicorn.error").exception("failed")
    structlog.get_logger().error("own failure", exc_info=True)
"""


def lines() -> list[dict[str, Any]]:
    told = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert told.stderr == ""
    assert "secret" not in told.stdout
    return [json.loads(line) for line in told.stdout.splitlines()]


def test_every_line_is_json_and_nothing_raw_is_told() -> None:
    found = lines()
    assert [line["event"] for line in found] == ["started", "own", "failed", "own failure"]
    assert found[1]["request_id"] == "r1"
    for line in found[2:]:
        assert line["error"] == "builtins.ValueError"
        assert line["frames"] == ["<string>:13 <module>"]


def test_the_operations_page_explains_every_line_of_the_log() -> None:
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    _, _, section = page.partition("\n## The log\n")
    rows = re.findall(r"^\| (`[^|]+`) \|", section.partition("\n## ")[0], re.MULTILINE)
    explained = {event for row in rows for event in re.findall(r"`([^`]+)`", row)}
    assert explained == {event for path in (ROOT / "app").rglob("*.py") for event in events_in(path)} | {"request"}


def events_in(path: Path) -> Iterator[str]:
    """Find the first arguments of what is written with structlog, in modules that use it."""
    text = path.read_text(encoding="utf-8")
    if "structlog" not in text:
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            written = ast.unparse(node.func)
            if re.search(r"log\b.*\.(info|warning|error|exception)$|^\{'failed': log\.error", written):
                yield str(node.args[0].value)
