"""Somebody with an app that shows codes."""

import base64
import hashlib
import hmac
from dataclasses import dataclass

from fastapi.testclient import TestClient

from app.core import security
from tests.conftest import PASSWORD

TOTP = "/api/v1/auth/totp"


@dataclass(frozen=True)
class App:
    """Makes codes by itself (RFC 4226, section 5.3), and as of the server's time."""

    secret: str

    @property
    def key(self) -> bytes:
        return base64.b32decode(self.secret)

    def code(self, steps: int = 0) -> str:
        """That of now, or of so many steps later."""
        step = int(security.Totp.now()) // 30 + steps
        digest = hmac.digest(self.key, step.to_bytes(8), hashlib.sha1)
        offset = digest[-1] & 15
        return f"{int.from_bytes(digest[offset : offset + 4]) % 2**31 % 10**6:06}"

    def wrong_code(self) -> str:
        right = {self.code(steps) for steps in range(-10, 11)}
        return next(f"{number:06}" for number in range(22) if f"{number:06}" not in right)


@dataclass(frozen=True)
class Factor:
    app: App
    recovery_codes: list[str]


def set_up(client: TestClient, headers: dict[str, str]) -> Factor:
    begun = client.post(TOTP, json={"current_password": PASSWORD}, headers=headers)
    app = App(begun.json()["secret"])
    confirmed = client.post(f"{TOTP}/confirm", json={"code": app.code()}, headers=headers)
    assert confirmed.status_code == 200, confirmed.text
    return Factor(app, confirmed.json()["recovery_codes"])
