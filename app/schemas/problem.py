"""An error, as clients get it (RFC 9457)."""

from pydantic import BaseModel, Field


class ProblemError(BaseModel):
    """One rejected part of the request."""

    pointer: str = Field(description="A JSON pointer into the body, or the place of a parameter", examples=["/label"])
    detail: str
    type: str


class Problem(BaseModel):
    type: str = Field(default="about:blank", examples=["about:blank"])
    title: str = Field(description="The name of the status", examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["There is no such recipe"])
    instance: str = Field(description="The path of the request", examples=["/api/v1/recipes/1"])
    request_id: str = Field(description="Also in the X-Request-ID header and in the log")
    errors: list[ProblemError] | None = None
