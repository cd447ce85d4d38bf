"""What a page says of what was done just before. A redirect names it: nothing else gets into a page that way."""

from enum import StrEnum

from fastapi import Response

from app.pages.html import to


class Notice(StrEnum):
    text: str

    def __new__(cls, value: str, text: str) -> "Notice":
        notice = str.__new__(cls, value)
        notice._value_ = value
        notice.text = text
        return notice

    signed_up = "signed-up", "Your account is there. A link that confirms your e-mail is on its way to you."
    signed_out = "signed-out", "You are signed out."
    reset_asked = "reset-asked", "If there is an account with this address, a link is on its way to it."
    password_set = "password-set", "Your new password counts from now on."
    password_changed = "password-changed", "Your password is changed, and you are signed out everywhere else."
    verification_asked = "verification-asked", "If this address has yet to be confirmed, a link is on its way to it."
    email_verified = "email-verified", "Your e-mail is confirmed."
    email_change_asked = (
        "email-change-asked",
        "A link is on its way to the new address, which counts once you have followed it.",
    )
    email_changed = "email-changed", "Your e-mail is changed."
    identity_linked = "identity-linked", "The identity opens your account from now on."
    identity_unlinked = "identity-unlinked", "The identity opens your account no more."
    key_revoked = "key-revoked", "The key is revoked."
    second_factor_removed = "second-factor-removed", "You are not asked for codes any more."
    session_ended = "session-ended", "The session has ended."


def to_with(path: str, notice: Notice) -> Response:
    return to(with_notice(path, notice))


def with_notice(path: str, notice: Notice) -> str:
    return f"{path}?notice={notice}"
