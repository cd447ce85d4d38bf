"""What OpenAPI promises holds, for whoever calls and whatever he sends, also one call after the other.

A few requests go to each operation; test_schema_thoroughly.py sends 300.
"""

import csv
import io
import json
from typing import Any, cast
from uuid import uuid4

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi.checks import use_after_free
from sqlalchemy import Connection

from app.api.idempotency import GOOD_KEY
from app.main import app
from app.models import User
from tests.conftest import as_user
from tests.support.media import picture


def load(*, corners: bool) -> schemathesis.BaseSchema:
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app)
    schema.config.phases.coverage.enabled = corners
    # A well-formed request may also name a cursor of another list (400) or a version that has passed (412).
    accepted = schema.config.checks.positive_data_acceptance
    accepted.expected_statuses = [*accepted.expected_statuses, "400", "412"]
    # `ideas` asks another service; tests/api/test_ideas.py gives it one of its own.
    return schema.exclude(path_regex="/ideas")


schema = load(corners=False)


Case = schemathesis.Case[Any]


@schemathesis.serializer("application/jsonl", "application/x-ndjson")
def json_lines(_: schemathesis.SerializationContext, rows: Any) -> bytes:
    return as_json_lines(rows)


@schemathesis.serializer("text/csv")
def csv_lines(_: schemathesis.SerializationContext, rows: Any) -> bytes:
    return as_csv(rows) if is_table(rows) else as_json_lines(rows)


CELLS: dict[str, Any] = {"completed": bool, "due_date": str | None}
"""Columns in which not everything is text."""


def is_table(rows: Any) -> bool:
    """Whether CSV, where everything looks like text, can say the same."""
    return isinstance(rows, list) and all(
        isinstance(row, dict) and row and all(isinstance(cell, CELLS.get(name, str)) for name, cell in row.items())
        for row in rows
    )


def as_csv(rows: list[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list({name: None for row in rows for name in row}))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode(errors="surrogatepass")


def as_json_lines(rows: Any) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in (rows if isinstance(rows, list) else [rows]))


@pytest.fixture
def callers(user: User, superuser: User) -> list[dict[str, str]]:
    """The headers of each, who may least first: to think of a request takes longer than to send it thrice."""
    return [{}, as_user(user), as_user(superuser)]


def examples(count: int) -> settings:
    return settings(
        max_examples=count,
        stateful_step_count=10,
        deadline=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def call(case: Case, callers: list[dict[str, str]]) -> None:
    for credentials in callers:
        make_sensible(case)
        case.call_and_validate(headers=credentials)


def make_sensible(case: Case) -> None:
    if isinstance(case.body, dict) and "file" in case.body:
        case.body["file"] = cast("Any", picture())  # what a file has to be, no schema can say
    if case.headers and GOOD_KEY.fullmatch(case.headers.get("Idempotency-Key", "")):
        # For one request only: whoever uses it for another one is refused, as other tests show.
        case.headers["Idempotency-Key"] = uuid4().hex


def run_sequences(
    schema: schemathesis.BaseSchema, connection: Connection, credentials: dict[str, str], examples: settings
) -> None:
    """Each sequence begins with the same rows, or the same calls would not lead to the same answers."""

    class Sequences(schema.as_state_machine()):  # type: ignore[misc]
        def setup(self) -> None:
            self.before = connection.begin_nested()
            self.restored: set[str] = set()

        def teardown(self) -> None:
            self.before.rollback()

        def before_call(self, case: Case) -> None:
            make_sensible(case)

        def get_call_kwargs(self, case: Case) -> dict[str, Any]:
            return {"headers": credentials}

        def after_call(self, response: Any, case: Case) -> None:
            if case.method == "DELETE":
                self.restored.discard(case.formatted_path)
            elif case.path.endswith("/restore") and response.status_code == 200:
                self.restored.add(case.formatted_path.removesuffix("/restore"))

        def validate_response(self, response: Any, case: Case, additional_checks: Any = None, **kwargs: Any) -> None:
            # What was deleted has to be gone, says this check, which has not heard of restoring.
            beside = [use_after_free] if case.formatted_path in self.restored else []
            case.validate_response(response, excluded_checks=beside, transport_kwargs=kwargs)

    Sequences.run(settings=examples)


@schema.parametrize()
@examples(5)
def test_every_answer_is_as_documented(case: Case, client: TestClient, callers: list[dict[str, str]]) -> None:
    call(case, callers)


def test_sequences_of_calls_are_as_documented(client: TestClient, connection: Connection, superuser: User) -> None:
    run_sequences(schema, connection, as_user(superuser), examples(10))
