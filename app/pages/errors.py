"""The page that tells a person what went wrong."""

from collections.abc import Mapping

from fastapi import Request, Response

from app.pages.form import shown_again
from app.pages.html import NO_STORE, page
from app.schemas.problem import Problem


def error_page(request: Request, problem: Problem, headers: Mapping[str, str] | None) -> Response:
    """The form that was sent, with what is wrong with it; without one, a page that says no more than that."""
    headers = {**NO_STORE, **(headers or {})}
    form = shown_again(request, problem, headers)
    return form or page(request, "error.html", problem.status, headers, problem=problem)
