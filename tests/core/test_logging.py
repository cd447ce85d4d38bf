"""The log: one form for all lines, one line for each event, and no secret in it."""

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

CODE = """
import logging, structlog
from app.core import logging as ours
ours.configure()
ours.configure()
log = structlog.get_logger("app.test")
with structlog.contextvars.bound_contextvars(request_id="abc"):
    log.info("ours", path="/x\\nforged line", seconds=0.5, name="Française")
    logging.getLogger("some.library").warning("theirs %s\\n%s", 1, "forged line")
log.debug("not asked for")
def sign_in(password):
    raise ValueError("no\\nforged line")
secret = "hunter" + "2"
try:
    sign_in(secret)
except ValueError:
    log.exception("failed")
"""

ODD = """
import structlog
from app.core import logging
logging.configure()
log = structlog.get_logger()
log.info("odd", path="/\\x85\\u2028\\x00\\x1b", thing=ValueError("odd"))
log.info("half a pair", path="/\\ud800\\x85\\u2028", body=b"\\xff")
"""

FULL = """
import sys, structlog
from app.core import logging
logging.configure()
structlog.get_logger().info("lost")
print("went on", file=sys.stderr)
"""

LOCAL = {"ENVIRONMENT": "local"}
PRODUCTION = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": secrets.token_hex(),
    "FIRST_SUPERUSER_PASSWORD": secrets.token_hex(),
}


def logged(code: str = CODE, /, **variables: str) -> list[str]:
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8", **variables}
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True)
    assert done.stderr == b""
    return done.stdout.decode().splitlines()


def test_production_logs_json_one_event_a_line() -> None:
    secrets = {"SECRET_KEY": "7d1f0c9a5be84e02a6c3f1d8b9e04752", "FIRST_SUPERUSER_PASSWORD": "quiet-Lantern-93"}
    lines = logged(ENVIRONMENT="production", **secrets)
    ours, theirs, failed = (json.loads(line) for line in lines)
    assert_entry(ours, "ours", level="info", logger="app.test", request_id="abc", path="/x\nforged line")
    assert_entry(ours, "ours", seconds=0.5, name="Française")
    assert ours["timestamp"].endswith("Z")
    assert_entry(theirs, "theirs 1\nforged line", level="warning", logger="some.library", request_id="abc")
    assert_entry(failed, "failed", level="error")
    assert "request_id" not in failed
    assert failed["exception"][0]["exc_type"] == "ValueError"
    assert failed["exception"][0]["frames"][-1]["name"] == "sign_in"
    assert "hunter2" not in "".join(lines), "local variables stay out of the log"


def assert_entry(entry: dict[str, Any], event: str, **fields: object) -> None:
    assert entry["event"] == event
    assert {name: entry[name] for name in fields} == fields


def test_local_log_is_readable_and_cannot_be_forged() -> None:
    lines = logged(ENVIRONMENT="local")
    assert "ours" in lines[0]
    assert "request_id=abc" in lines[0]
    assert "Française" in lines[0]
    assert "theirs 1" in lines[1]
    assert any(line == "ValueError: no" for line in lines)
    assert not any("\x1b" in line for line in lines), "no colours into a file"
    assert "hunter2" not in "".join(lines)
    assert not lines[1].startswith("forged line")


def test_level_is_set_from_outside() -> None:
    assert any("not asked for" in line for line in logged(LOG_LEVEL="DEBUG"))
    assert not any("theirs" in line for line in logged(LOG_LEVEL="ERROR"))


def test_nothing_that_is_logged_breaks_its_line() -> None:
    odd, half = logged(ODD, **PRODUCTION)  # by whatever Python takes for the end of a line
    assert_entry(json.loads(odd), "odd", path="/\x85\u2028\x00\x1b", logger="__main__")
    assert_entry(json.loads(half), "half a pair", path="/\ud800\x85\u2028", logger="__main__")


@pytest.mark.parametrize("variables", [LOCAL, PRODUCTION])
def test_full_disk_ends_nothing(variables: dict[str, str]) -> None:
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-c", FULL]
        environment = {**os.environ, **variables}
        done = subprocess.run(command, check=False, cwd=ROOT, env=environment, stdout=full, stderr=subprocess.PIPE)
    complaint, went_on, _ = done.stderr.decode().partition("went on")
    assert "No space left on device" in complaint
    assert "lost" in complaint
    assert went_on
