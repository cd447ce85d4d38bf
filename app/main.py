"""The table of contents: what the service is made of, from the outside in."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, nullcontext
from typing import Any

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from app import pages
from app.api import errors, health
from app.api.api_v1 import api
from app.api.application import Application
from app.api.noting import noting
from app.api.rate_limit import FIELD_NAMES, check_names
from app.api.routing import operation_id
from app.api.sweeping import sweeping
from app.api.watching import watching
from app.cache.cache import cache
from app.clients.reddit import Reddit
from app.clients.redis import redis
from app.core import logging
from app.core.config import settings
from app.jobs import runner
from app.middleware.allowed_hosts import AllowedHosts
from app.middleware.body_limit import BodyLimit
from app.middleware.deadline import Deadline
from app.middleware.lane import Lane
from app.middleware.paths import Head, TrailingSlash
from app.middleware.request_context import RequestContext
from app.middleware.security_headers import SecurityHeaders
from app.middleware.unexpected import Unexpected


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    async with (
        Reddit(settings.REDDIT_URL) as app.state.reddit,
        _single_sign_on() as app.state.openid,
        noting(),
        nullcontext() if settings.CELERY_BROKER_URL else sweeping(),
        watching() as app.state.watching,
        runner.running(settings.JOB_THREADS),
        aclosing(redis),
        aclosing(cache),
    ):
        yield


def _single_sign_on() -> AbstractAsyncContextManager[Any]:
    if not settings.OIDC_ISSUER:
        return nullcontext()
    from app.clients.openid import OpenID  # noqa: PLC0415 - only who uses it needs its packages

    return OpenID(settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET.get_secret_value())


def create_app() -> FastAPI:
    logging.configure()
    app = Application(
        title="Larder",
        version="1.0.0",
        description="Recipes and who brought them.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # nothing collects it, and asking costs
    )
    app.state.error_page = pages.error_page

    # The last one added is the first to see a request.
    app.add_middleware(Lane, service=app)
    app.add_middleware(BodyLimit, size=settings.MAX_BODY_SIZE)
    app.add_middleware(Deadline, seconds=settings.REQUEST_TIMEOUT)
    app.add_middleware(TrailingSlash)
    app.add_middleware(Head)
    app.add_middleware(Unexpected)
    if settings.CORS_ORIGINS:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.CORS_ORIGINS,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=["ETag", "Idempotency-Replayed", "Link", "Location", *FIELD_NAMES, "X-Request-ID"],
        )
    if "*" not in settings.ALLOWED_HOSTS:
        app.add_middleware(AllowedHosts, hosts=settings.ALLOWED_HOSTS)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestContext)

    errors.install(app)
    for router in (*api.routers, health.router, *pages.routers):
        app.include_router(router)
    check_names()
    return app


app = create_app()
