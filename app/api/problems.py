"""How an operation says in OpenAPI which problems it may answer with."""

from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from app.schemas.problem import Problem, phrase

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


class Application(FastAPI):
    """FastAPI, with the problem among the components of its OpenAPI document.

    By itself FastAPI describes a model there only where it is an `application/json` answer, which a problem is not.
    """

    def openapi(self) -> dict[str, Any]:
        document = super().openapi()
        _, described = models_json_schema([(Problem, "serialization")], ref_template=COMPONENT)
        document["components"]["schemas"] |= described["$defs"]
        return document
