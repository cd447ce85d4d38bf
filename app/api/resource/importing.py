"""POST /recipes/import: rows from a file, all of them or none."""

from typing import Annotated, Any

from fastapi import Query, Response
from pydantic import BaseModel, Field

from app.api.resource.nesting import NOWHERE, Place
from app.api.resource.resource import JSON, CreateT, ModelT, ReadT, Resource, UpdateT
from app.api.upload import MEDIA_TYPES, UploadDep
from app.core.principal import Principal
from app.db.session import Session
from app.schemas.types import Input, Word
from app.transfer.importing import attempt, import_rows
from app.transfer.reading import read_rows


class Imported(BaseModel):
    rows: Annotated[int, Field(description="How many rows the file has")]
    dry_run: Annotated[bool, Field(description="Whether they were only tried")]


class ImportParameters(Input):
    dry_run: Annotated[Word, Field(description="Try everything and keep nothing")] = False


def add_import(resource: Resource[ModelT, CreateT, UpdateT, ReadT]) -> None:
    def import_(
        session: Session,
        caller: Principal,
        upload: UploadDep,
        parameters: Annotated[ImportParameters, Query()],
        *,
        place: Place = NOWHERE,
    ) -> Response:
        """Adds the rows of a file, all or none: CSV with a line of column names, or JSON Lines.

        Every line is checked. An error points at its line, such as `/3/label`; up to 100 are told.
        """
        with attempt(session, keep=not parameters.dry_run):
            rows = read_rows(upload.format, upload.file, resource.create)
            count = import_rows(session, resource.crud.within(**place), rows, caller)
        answer = Imported(rows=count, dry_run=parameters.dry_run)
        return Response(answer.model_dump_json(), 200 if parameters.dry_run else 201, media_type=JSON)

    rows = {"type": "array", "minItems": 1, "items": {"$ref": f"#/components/schemas/{resource.create.__name__}"}}
    body = {"required": True, "content": {media_type: {"schema": rows} for media_type in MEDIA_TYPES}}
    answers: dict[str, Any] = {
        "response_model": Imported,
        "responses": {200: {"description": "A dry run", "model": Imported}},
        "openapi_extra": {"requestBody": body},
    }
    resource.route("POST", "/import", import_, 409, 415, status_code=201, **answers)
