"""Rows out of the database into a file, in chunks: each one is a page of the same list."""

from dataclasses import replace
from typing import Any

from pydantic import BaseModel
from sqlalchemy.orm import Session

from app.core.principal import Principal
from app.crud.base import CRUDBase
from app.crud.query import ListQuery, sort_columns

CHUNK = 1000


def export_chunk(
    session: Session, crud: CRUDBase[Any, Any, Any], schema: type[BaseModel], query: ListQuery, caller: Principal | None
) -> tuple[list[BaseModel], ListQuery | None]:
    """The next rows, and the query for those after them, or None when there are no more.

    Nothing is held between two chunks, neither a connection nor a transaction: a reader may be as slow as he likes. A
    row that is there throughout comes exactly once; one that comes or goes meanwhile may or may not.
    """
    query = replace(query, limit=CHUNK)
    rows = crud.get_multi(session, query, caller)
    values = [schema.model_validate(row, from_attributes=True) for row in rows]
    if len(rows) < CHUNK:
        return values, None
    return values, replace(query, after=tuple(getattr(rows[-1], name) for name in sort_columns(query.sort)))
