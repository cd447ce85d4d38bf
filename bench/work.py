"""What all measurements have in common: the work, the settings, the options."""

import argparse
import random
import sys
from collections.abc import Iterator

from tests.support.service import run

RECIPES = "/api/bench/recipes"
ROWS = 100_000
CLIENTS = 32
WORKERS = 2

DRAWN = 20_000
"""Requests that are drawn for a load; they differ, and are the same in each run."""

SETTINGS = {
    "ENVIRONMENT": "production",
    "ENV_FILE": "",
    "SECRET_KEY": "only what is measured here is signed with it",
    "FIRST_SUPERUSER_EMAIL": "admin@example.com",
    "FIRST_SUPERUSER_PASSWORD": "nobody signs in here",
}


def drawn(most: int) -> Iterator[int]:
    """Numbers from 1 to `most`."""
    chosen = random.Random(1)  # noqa: S311 - no secret
    return (chosen.randint(1, most) for _ in range(DRAWN))


def migrate(**settings: object) -> None:
    done = run([sys.executable, "-m", "alembic", "upgrade", "head"], **settings)
    if done.returncode:
        raise SystemExit(done.stderr)


def parser(module: str, description: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    parser.add_argument("--seconds", type=int, default=3, choices=range(1, 61), metavar="1..60", help="of each load")
    parser.add_argument("--rounds", type=int, default=3, choices=range(1, 21), metavar="1..20")
    return parser
