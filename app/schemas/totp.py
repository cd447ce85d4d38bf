"""A second factor: how it is set up, asked for, and shown."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from app.schemas.account import CurrentPassword
from app.schemas.types import Code, Input


class TotpBegin(Input):
    current_password: CurrentPassword


class TotpBegun(BaseModel):
    """Shown this once."""

    secret: Annotated[str, Field(description="To be typed where no QR code can be read; base32")]
    uri: Annotated[str, Field(description="The same as a link that opens an app", examples=["otpauth://totp/..."])]
    qr_code: Annotated[str, Field(description="The link as an image, for `<img src>`: a data URI of an SVG")]


class TotpCode(Input):
    code: Code


class RecoveryCodes(BaseModel):
    recovery_codes: Annotated[list[str], Field(description="Shown this once; each is good for one use")]


class TotpRead(BaseModel):
    is_active: bool
    recovery_codes_left: int
    confirmed_at: datetime | None
