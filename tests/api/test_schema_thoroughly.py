"""The same as test_schema.py, with 300 requests to each operation and with every corner that a schema has."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Connection

from tests.api.test_schema import Case, call, callers, examples, load, run_sequences

__all__ = ["callers"]

pytestmark = pytest.mark.slow

schema = load(corners=True)


@schema.parametrize()
@examples(300)
def test_three_hundred_answers_are_as_documented(case: Case, client: TestClient, callers: list[dict[str, str]]) -> None:
    call(case, callers)


def test_three_hundred_sequences_are_as_documented(
    client: TestClient, connection: Connection, callers: list[dict[str, str]]
) -> None:
    for credentials in callers:
        run_sequences(schema, connection, credentials, examples(300))
