"""How a template becomes a page, and the page that tells a person what went wrong."""

from collections.abc import Mapping
from pathlib import Path

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.pages import assets
from app.schemas.problem import Problem

templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent.parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(template: str, status: int = 200, headers: Mapping[str, str] | None = None, **values: object) -> HTMLResponse:
    content = templates.get_template(template).render(values, asset=assets.address)
    return HTMLResponse(content, status, headers)


def error_page(problem: Problem, headers: Mapping[str, str] | None) -> HTMLResponse:
    return page("error.html", problem.status, headers, problem=problem)
