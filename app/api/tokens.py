"""What a client is given to go on with."""

from app.core.scopes import in_words
from app.core.security import AccessToken, write_access_token
from app.crud.login_session import Opened
from app.db.base import utc_now
from app.schemas.token import Token


def tokens(opened: Opened) -> Token:
    """An access token that ends with the session, and the refresh token."""
    rest = opened.expires_at - utc_now()
    token = AccessToken(opened.user_id, opened.session_id, opened.scope)
    access_token, expires_in = write_access_token(token, rest.total_seconds())
    return Token(
        access_token=access_token,
        expires_in=expires_in,
        refresh_token=str(opened.refresh_token),
        scope=in_words(opened.scopes),
    )
