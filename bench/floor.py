"""The least that can answer the same from the same SQLite file: no framework, no rights, no log, SQL by hand.

Starlette, one way to a thread that has a connection, and a schema for what is sent.
"""

import os
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from queue import LifoQueue
from typing import Annotated, Any

from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from pydantic_core import to_json
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

NAMES = ("id", "created_at", "updated_at", "version", "label", "source", "url", "submitter_id")
COLUMNS = ", ".join(NAMES)
CONNECTIONS = 8

SELECT = f"SELECT {COLUMNS} FROM recipe WHERE deleted_at IS NULL"
ONE = f"{SELECT} AND id = ?"
PAGE = f"{SELECT} ORDER BY id LIMIT ? OFFSET ?"
INSERT = f"""
    INSERT INTO recipe (label, source, url, submitter_id, created_at, updated_at, version)
    VALUES (?, ?, ?, ?, ?, ?, 1) RETURNING {COLUMNS}
"""

Text = Annotated[str, Field(min_length=1, max_length=255)]


class RecipeCreate(BaseModel):
    label: Text
    source: Text
    url: str
    submitter_id: int


body = TypeAdapter(RecipeCreate)
connections: LifoQueue[sqlite3.Connection | None] = LifoQueue()
for _ in range(CONNECTIONS):
    connections.put(None)


def execute(sql: str, values: Sequence[object]) -> list[dict[str, Any]]:
    connection = connections.get()
    try:
        connection = connection or _connect()
        rows = connection.execute(sql, values).fetchall()
    finally:
        connections.put(connection)
    return [
        dict(zip(NAMES, (id, _iso(created), _iso(updated), *rest), strict=True)) for id, created, updated, *rest in rows
    ]


def _connect() -> sqlite3.Connection:
    connection = sqlite3.connect(os.environ["FLOOR_FILE"], isolation_level=None, check_same_thread=False, timeout=10)
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _iso(stored: str) -> str:
    return stored.replace(" ", "T") + "Z"


def _json(content: object, status: int = 200) -> Response:
    return Response(to_json(content), status, media_type="application/json")


def _one(id: int) -> Response:
    rows = execute(ONE, (id,))
    return _json(rows[0]) if rows else _json({"detail": "Not found"}, 404)


def _page(limit: int, offset: int) -> Response:
    return _json({"items": execute(PAGE, (limit, offset))})


def _insert(data: RecipeCreate) -> Response:
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return _json(execute(INSERT, (data.label, data.source, data.url, data.submitter_id, now, now))[0], 201)


async def get(request: Request) -> Response:
    return await run_in_threadpool(_one, request.path_params["id"])


async def page(request: Request) -> Response:
    query = request.query_params
    limit, offset = int(query.get("limit", 20)), int(query.get("offset", 0))
    return await run_in_threadpool(_page, min(max(limit, 1), 100), max(offset, 0))


async def create(request: Request) -> Response:
    try:
        data = body.validate_json(await request.body())
    except ValidationError as error:
        return _json(error.errors(include_context=False, include_url=False), 422)
    return await run_in_threadpool(_insert, data)


app = Starlette(
    routes=[
        Route("/api/bench/recipes/{id:int}", get),
        Route("/api/bench/recipes", page),
        Route("/api/bench/recipes", create, methods=["POST"]),
    ]
)
