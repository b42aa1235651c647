"""Logs are JSON lines without anything raw, whoever writes them; run apart, since logging belongs to the process."""

import json
import subprocess
import sys
from typing import Any

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
