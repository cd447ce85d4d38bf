"""How an operation says in OpenAPI which problems it may answer with."""

from typing import Any

from app.schemas.problem import phrase

ALWAYS = (400, 413, 422, 500, 503)

COMPONENT = "#/components/schemas/{model}"


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of an operation: the given statuses, and those that any request may meet.

    One that may refuse the type of a body (415) takes a body, which may also come too late.
    """
    content = {"application/problem+json": {"schema": {"$ref": COMPONENT.format(model="Problem")}}}
    if 415 in statuses:
        statuses = (*statuses, 408)
    return {status: {"description": phrase(status), "content": content} for status in sorted({*statuses, *ALWAYS})}
