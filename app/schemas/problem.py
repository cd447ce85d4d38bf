"""An error, as clients get it (RFC 9457)."""

from http import HTTPStatus

from pydantic import BaseModel, Field

PHRASES = {413: "Content Too Large", 414: "URI Too Long", 416: "Range Not Satisfiable", 422: "Unprocessable Content"}
"""As RFC 9110 calls them; Python does since 3.13, and no title may depend on its version."""


def phrase(status: int) -> str:
    return PHRASES.get(status) or HTTPStatus(status).phrase


class ProblemError(BaseModel):
    """One rejected part of the request."""

    pointer: str = Field(description="A JSON pointer into the body, or the place of a parameter", examples=["/label"])
    detail: str
    type: str


class Problem(BaseModel):
    type: str = Field(
        default="about:blank",
        description="`urn:larder:second-factor-required` asks for a code; all others say no more than their status",
        examples=["about:blank"],
    )
    title: str = Field(description="The name of the type or else of the status", examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["There is no such recipe"])
    instance: str = Field(description="The path of the request", examples=["/api/v1/recipes/1"])
    request_id: str = Field(description="Also in the X-Request-ID header and in the log")
    errors: list[ProblemError] | None = None
