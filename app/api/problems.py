"""How an operation says in OpenAPI which problems it may answer with."""

from http import HTTPStatus
from typing import Any

from app.schemas.problem import Problem

ALWAYS = (400, 413, 422, 500, 503)

SCHEMA = Problem.model_json_schema()
# A reference of OpenAPI starts at the root of its document, which has no $defs: put the definition in its place.
SCHEMA["properties"]["errors"]["anyOf"][0]["items"] = SCHEMA.pop("$defs")["ProblemError"]


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of an operation: the given statuses, and those that any request may meet."""
    content = {"application/problem+json": {"schema": SCHEMA}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": content}
        for status in sorted({*statuses, *ALWAYS})
    }
