"""Whether the service lives, and whether it can work."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import structlog
from pydantic import BaseModel

from app.api.problems import problems
from app.api.routing import Router
from app.core.errors import Unavailable
from app.db import session as database
from app.db.ready import check_schema

log = structlog.get_logger()

PATIENCE = 0.7
"""Seconds: a probe wants its answer within one."""

# A thread of its own, so that a probe neither waits for busy jobs nor, when the database hangs, takes their place.
thread = ThreadPoolExecutor(1, thread_name_prefix="ready")

router = Router("/health", tags=["health"])


class Health(BaseModel):
    status: str


@router.get("/live")
async def live() -> Health:
    """The process answers."""
    return Health(status="live")


@router.get("/ready", responses=problems())
async def ready() -> Health:
    """The database answers too, and has the tables that this version works with."""
    probe = asyncio.get_running_loop().run_in_executor(thread, check_schema, database.engine)
    try:
        await asyncio.wait_for(probe, PATIENCE)
    except Exception as error:
        log.warning("not ready", error=type(error).__name__)
        raise Unavailable("The database is not there, or not ready") from error
    return Health(status="ready")
