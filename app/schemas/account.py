"""What an account's owner sends about his password and his address."""

from typing import Annotated

from pydantic import Field

from app.schemas.types import Code, Email, Input, Password, Text

Address = Annotated[Email, Field(examples=["ann@example.com"])]

CurrentPassword = Annotated[Text, Field(examples=["a long sentence will do"], json_schema_extra={"format": "password"})]
"""Compared and not set, so it may be older than today's rules."""

NewPassword = Annotated[Password, Field(examples=["another long sentence"])]

OneTimeToken = Annotated[Text, Field(examples=["WzcsImFubkBleGFtcGxlLmNvbSJd.Zm9yIHRoaXMgcHVycG9zZQ"])]
"""From the link in a mail."""


class PasswordChange(Input):
    current_password: CurrentPassword
    password: NewPassword
    code: Code | None = None


class Mailbox(Input):
    """Where to send a link."""

    email: Address


class PasswordReset(Input):
    token: OneTimeToken
    password: NewPassword
    code: Code | None = None


class EmailChange(Input):
    email: Address
    current_password: CurrentPassword
    code: Code | None = None


class Confirmation(Input):
    token: OneTimeToken
