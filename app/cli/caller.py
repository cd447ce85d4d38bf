"""On whose behalf a command does its work."""

from typing import Annotated

import typer
from sqlalchemy.orm import Session

from app import crud
from app.core.errors import NotFound
from app.core.principal import SignedIn
from app.crud.query import ListQuery

As = Annotated[str | None, typer.Option("--as", metavar="EMAIL", help="On whose behalf; on nobody's by default")]


def caller(session: Session, email: str | None) -> SignedIn | None:
    if email is None:
        return None
    for user in crud.user.get_multi(session, ListQuery(filters={"email": email.lower(), "is_active": True})):
        return SignedIn.of(user.id, user.is_superuser, user.roles)
    raise NotFound(f"There is no active account of {email}")
