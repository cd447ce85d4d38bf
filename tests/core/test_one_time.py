"""Tokens in mails: nothing but what was written is read, and only for its purpose and time."""

import base64
import json
import time

import pytest

from app.core import one_time
from app.core.errors import BadRequest
from app.core.one_time import LIFETIMES, Proof, Purpose
from app.core.security import AccessToken, write_access_token

PROOF = Proof(7, "ann@example.com", one_time.state("a hash", "ann@example.com"))


@pytest.mark.parametrize("purpose", Purpose)
def test_what_was_written_is_read(purpose: Purpose) -> None:
    assert one_time.read(purpose, one_time.write(purpose, PROOF)) == PROOF


@pytest.mark.parametrize("purpose", Purpose)
def test_token_has_one_purpose(purpose: Purpose) -> None:
    token = one_time.write(purpose, PROOF)
    for other in set(Purpose) - {purpose}:
        with pytest.raises(BadRequest):
            one_time.read(other, token)


@pytest.mark.parametrize("purpose", Purpose)
def test_token_has_its_time(purpose: Purpose, monkeypatch: pytest.MonkeyPatch) -> None:
    token, now = one_time.write(purpose, PROOF), time.time()
    monkeypatch.setattr(time, "time", lambda: now + LIFETIMES[purpose] - 2)
    assert one_time.read(purpose, token) == PROOF
    monkeypatch.setattr(time, "time", lambda: now + LIFETIMES[purpose] + 1)
    with pytest.raises(BadRequest):
        one_time.read(purpose, token)


def base64_of(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def forgeries() -> dict[str, str]:
    token = one_time.write(Purpose.reset_password, PROOF)
    payload, signature = token.split(".")
    access, _ = write_access_token(AccessToken(7, 1))
    mine = base64_of([8, "eve@example.com", PROOF.state, int(time.time()) + 99])
    last = next_in_alphabet(signature[-1])
    return {
        "empty": "",
        "a dot": ".",
        "no signature": payload,
        "an empty signature": f"{payload}.",
        "no payload": f".{signature}",
        "another payload": f"{mine}.{signature}",
        "another signature": f"{payload}.{'A' * 43}",
        "a signature of the same bits": f"{payload}.{signature[:-1]}{last}",
        "a longer payload": f"{payload}AAAA.{signature}",
        "junk after it": f"{token}x",
        "a line after it": f"{token}\n",
        "padding": f"{token}=",
        "a part more": f"{token}.x",
        "another alphabet": f"{payload}.{'+/' * 21}+",
        "other digits": payload + "." + "\uff11" * 43,
        "a huge one": f"{'A' * 100_000}.{signature}",
        "NUL": f"{payload}\x00.{signature}",
        "half a surrogate pair": f"{payload}\ud800.{signature}",
        "an access token": access,
    }


def next_in_alphabet(character: str) -> str:
    """The next one: 43 characters have two bits more than 32 bytes."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return alphabet[alphabet.index(character) + 1]


@pytest.mark.parametrize("how", forgeries())
def test_forged_token_is_refused_in_the_same_words(how: str) -> None:
    with pytest.raises(BadRequest) as error:
        one_time.read(Purpose.reset_password, forgeries()[how])
    assert error.value.errors == one_time.no_proof().errors


def test_state_tells_states_apart_and_nothing_about_them() -> None:
    states = {one_time.state(*values) for values in [("a", "b"), ("ab",), ("a", "b", None), ("b", "a"), ("a", "c")]}
    assert len(states) == 5
    assert "hash" not in PROOF.state


def test_token_fits_into_a_link() -> None:
    longest = Proof(2**53, "a" * 64 + "@" + "b" * 189, PROOF.state)
    assert one_time.SHAPE.fullmatch(one_time.write(Purpose.change_email, longest))
