"""What happens to accounts and is worth remembering."""

from enum import StrEnum


class Happening(StrEnum):
    """Its name stands in the trail and in the log, so it stays once it is there."""

    account_opened = "account_opened"
    account_deleted = "account_deleted"
    account_deactivated = "account_deactivated"
    account_activated = "account_activated"
    email_changed = "email_changed"
    password_changed = "password_changed"  # noqa: S105 - a name and no password
    password_not_confirmed = "password_not_confirmed"  # noqa: S105 - a name and no password
    second_factor_added = "second_factor_added"
    second_factor_removed = "second_factor_removed"
    second_factor_failed = "second_factor_failed"
    recovery_code_used = "recovery_code_used"
    recovery_codes_renewed = "recovery_codes_renewed"
    right_given = "right_given"
    right_taken = "right_taken"
    signed_in = "signed_in"
    sign_in_failed = "sign_in_failed"
    locked_out = "locked_out"
    session_ended = "session_ended"
    all_sessions_ended = "all_sessions_ended"
    refresh_token_reused = "refresh_token_reused"  # noqa: S105 - a name and no token
    identity_linked = "identity_linked"
    identity_unlinked = "identity_unlinked"
    key_made = "key_made"
    key_revoked = "key_revoked"

    @property
    def is_refusal(self) -> bool:
        """Whether it is part of a request that fails, and stays when all else of that is rolled back."""
        return self in REFUSALS

    @property
    def is_end_of_rights(self) -> bool:
        """Whether sessions or keys of the account are good for nothing from then on."""
        return self in ENDS_OF_RIGHTS


REFUSALS = {
    Happening.sign_in_failed,
    Happening.locked_out,
    Happening.password_not_confirmed,
    Happening.refresh_token_reused,
    Happening.second_factor_failed,
}

ENDS_OF_RIGHTS = {
    Happening.account_deactivated,
    Happening.password_changed,
    Happening.session_ended,
    Happening.all_sessions_ended,
    Happening.refresh_token_reused,
    Happening.key_revoked,
}
