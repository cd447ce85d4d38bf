"""How an operation says in OpenAPI which problems it may answer with."""

from http import HTTPStatus
from typing import Any

from app.schemas.problem import Problem

ALWAYS = (400, 413, 422, 500, 503)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of an operation: the given statuses, and those that any request may meet."""
    content = {"application/problem+json": {"schema": Problem.model_json_schema()}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": content}
        for status in sorted({*statuses, *ALWAYS})
    }
