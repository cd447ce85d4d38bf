"""A form with a file in it, on its way to the disk and not to memory."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import IO, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.datastructures import UploadFile

from app.api.allowance import allow
from app.core.config import settings
from app.core.errors import BadRequest, ContentTooLarge, UnsupportedMediaType
from app.storage.disk import told

SchemaT = TypeVar("SchemaT", bound=BaseModel)

FILE = "file"
MAX_FIELDS = 32
MAX_FIELD = 8 * 1024
"""Bytes."""
FRAME = 512 * 1024
"""Bytes that a form may have beside its file."""


@asynccontextmanager
async def received(request: Request) -> AsyncGenerator[tuple[IO[bytes] | None, Mapping[str, str]]]:
    """The file of a `multipart/form-data` body (RFC 7578), if it has one, and its other fields.

    It may have up to MAX_UPLOAD_SIZE bytes and take up to UPLOAD_TIMEOUT seconds to come. It is gone with the context.
    """
    if not request.headers.get("Content-Type", "").lower().startswith("multipart/form-data"):
        raise UnsupportedMediaType("The Content-Type has to be multipart/form-data")
    allow(request, settings.MAX_UPLOAD_SIZE + FRAME, settings.UPLOAD_TIMEOUT)
    with told():
        try:
            form = await request.form(max_files=1, max_fields=MAX_FIELDS, max_part_size=MAX_FIELD)
        except ValueError:  # what no encoding that the client may name can be
            raise BadRequest("The form cannot be read") from None
    try:
        file = form.get(FILE)
        if isinstance(file, UploadFile) and (file.size or 0) > settings.MAX_UPLOAD_SIZE:
            raise ContentTooLarge(f"The file is larger than {settings.MAX_UPLOAD_SIZE} bytes")
        fields = {name: value for name, value in form.multi_items() if isinstance(value, str)}
        fields |= {name: "" for name, value in form.multi_items() if not isinstance(value, str) and name != FILE}
        yield file.file if isinstance(file, UploadFile) else None, fields
    finally:
        await form.close()


def checked(schema: type[SchemaT], file: IO[bytes] | None, fields: Mapping[str, str]) -> SchemaT:
    """The fields as the schema has them. Raises `RequestValidationError` for all that is wrong, a missing file too."""
    errors: list[object] = []
    if file is None:
        errors.append({"type": "missing", "loc": ("body", FILE), "msg": "Field required"})
    try:
        data = schema.model_validate({name: value for name, value in fields.items() if name != FILE})
    except ValidationError as error:
        errors += [{**one, "loc": ("body", *one["loc"])} for one in error.errors(include_url=False)]
        raise RequestValidationError(errors) from None
    if errors:
        raise RequestValidationError(errors)
    return data
