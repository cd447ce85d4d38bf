"""The HTML pages: no version, no JavaScript, nothing from elsewhere."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Query, Request, Response
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates

from app import crud
from app.api.deps import SessionDep
from app.api.routing import Router
from app.crud.query import ListQuery
from app.schemas.problem import Problem

HERE = Path(__file__).parent
templates = Jinja2Templates(HERE / "templates")
router = Router("", include_in_schema=False)


@router.get("/")
def index(request: Request, session: SessionDep) -> Response:
    rows = crud.recipe.get_multi(session, ListQuery(sort=("-created_at",)))
    return templates.TemplateResponse(request, "index.html", {"recipes": rows})


def error_page(request: Request, problem: Problem, headers: Mapping[str, str] | None) -> Response:
    return templates.TemplateResponse(request, "error.html", {"problem": problem}, problem.status, headers)


def mount_static(app: FastAPI) -> None:
    app.mount("/static", StaticFiles(directory=HERE / "static"))
