"""Who may try how often: all limits of accounts. docs/accounts.md says why.

RATE_LIMITS changes them by name. An endpoint takes those that concern it: `dependencies=[*SIGN_UP]`.
"""

from collections.abc import AsyncGenerator
from functools import partial
from typing import Annotated

from fastapi import Depends, Request

from app import crud
from app.api.deps import CredentialsDep
from app.api.job import Job
from app.api.rate_limit import Key, RateLimit, account, asking, caller, digest, field, source
from app.clients.counters import counters
from app.core.api_key import ApiKey
from app.core.errors import NotAuthenticated
from app.db.session import ReadSessions, WriteSessions


async def author(credentials: CredentialsDep) -> str | None:
    """Whose token or key it is: a second key is no second author. None for who is not signed in."""
    if isinstance(credentials, ApiKey):
        signed_in = partial(crud.api_key.signed_in, secret=credentials)
        return account((await Job(ReadSessions, signed_in).run()).id)
    return account(credentials.user_id) if credentials else None


SIGN_UP = (Depends(RateLimit("30/hour", name="sign-up")),)
SECOND_FACTOR = (Depends(RateLimit("30/15 minutes", name="second-factor")),)
REFRESH = (
    Depends(RateLimit("300/15 minutes", name="refresh")),
    Depends(RateLimit("10/minute", by=field("refresh_token"), name="refresh-token")),
)
RESET = (
    Depends(RateLimit("30/hour", name="reset")),
    Depends(RateLimit("5/hour", by=field("email"), name="reset-account")),
)
RESET_CONFIRM = (Depends(RateLimit("30/hour", name="reset-confirm")),)
VERIFY = (
    Depends(RateLimit("30/hour", name="verify")),
    Depends(RateLimit("5/hour", by=field("email"), name="verify-account")),
)
VERIFY_CONFIRM = (Depends(RateLimit("30/hour", name="verify-confirm")),)
PASSWORD_CHANGES = RateLimit("10/hour", by=caller, name="password-change")
EMAIL_CHANGES = RateLimit("10/hour", by=caller, name="email-change")
PASSWORD_CHANGE = (Depends(PASSWORD_CHANGES),)
EMAIL_CHANGE = (Depends(EMAIL_CHANGES),)
LINKS = RateLimit("10/hour", by=caller, name="identity-link")
LINK = (Depends(LINKS),)
UPLOADS = RateLimit("60/hour", by=caller, name="upload")
UPLOAD = (Depends(UPLOADS),)
COMMENTS = RateLimit("5/minute", by=author, name="comment")
COMMENT = (Depends(COMMENTS),)
SINGLE_SIGN_ON = (Depends(RateLimit("300/15 minutes", name="single-sign-on")),)

BY_SOURCE = RateLimit("100/15 minutes", name="sign-in")
BY_ACCOUNT = RateLimit("10/15 minutes", name="sign-in-account")
BY_STRANGERS = RateLimit("5/15 minutes", name="sign-in-stranger")


class WrongPasswords:
    """Limits wrong passwords: those for one account, those from one source; right ones do not count.

    A source from which the account was signed in to is known. Strangers together have but half of the tries that an
    account has: they cannot lock its owner out where he is known. The idea is that of OWASP's device cookies.
    """

    limits = (BY_SOURCE, BY_STRANGERS, BY_ACCOUNT)

    def __init__(self, account: Key) -> None:
        self.__signature__ = asking(
            request=Request, source=Annotated[str, Depends(source)], account=Annotated[str | None, Depends(account)]
        )

    async def __call__(self, request: Request, source: str, account: str | None) -> AsyncGenerator[None]:
        counted = [(BY_ACCOUNT, account)]
        if not await counters.knows(_pair(account, source)):
            counted = [(BY_SOURCE, source), (BY_STRANGERS, account), *counted]
        # Before the password is looked at: of many tries at once, none gets past.
        used_up = {limit for limit, key in counted if await limit.hit(request, key) == 0}
        try:
            yield
        except NotAuthenticated:
            if account and used_up & {BY_STRANGERS, BY_ACCOUNT}:
                await Job(WriteSessions, partial(crud.user.lock_out, email=account)).run()
            raise
        except Exception:
            await self._take_back(counted)
            raise
        await self._take_back(counted)
        await remember(account, source)

    async def _take_back(self, counted: list[tuple[RateLimit, str | None]]) -> None:
        for limit, key in counted:
            await limit.take_back(key)


async def remember(account: str | None, source: str) -> None:
    """That this is a source where the owner of the account may be: he has just shown that he is."""
    await counters.remember(_pair(account, source))


def _pair(account: str | None, source: str) -> str:
    return f"known/{digest(f'{account} {source}')}"


SIGN_IN = (Depends(WrongPasswords(field("username")), scope="function"),)
