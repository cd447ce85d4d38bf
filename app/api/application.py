"""FastAPI, with an OpenAPI document that is whole, and written once."""

import asyncio
from functools import cached_property
from typing import Any

from fastapi import FastAPI, Request, Response
from pydantic.json_schema import models_json_schema
from pydantic_core import to_json

from app.api.problems import COMPONENT
from app.schemas.problem import Problem

_, PROBLEM = models_json_schema([(Problem, "serialization")], ref_template=COMPONENT)


class Application(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """The document, with the problem among its components.

        By itself FastAPI describes a model there only where it is an `application/json` answer, which a problem is not.
        """
        document = super().openapi()
        document["components"]["schemas"] |= PROBLEM["$defs"]
        return document

    @cached_property
    def document(self) -> bytes:
        return to_json(self.openapi())

    def setup(self) -> None:
        """Serves the document. FastAPI would write its 400 KB anew for each who asks, while all others wait."""
        assert self.openapi_url
        self.add_route(self.openapi_url, self._show_document, include_in_schema=False)

    async def _show_document(self, _: Request) -> Response:
        # To make it takes half a second, which others need not wait for.
        document = await asyncio.to_thread(lambda: self.document)
        return Response(document, media_type="application/json")
