"""The gate of the contract: `openapi/v1.json` is what the API promises, and a promise is kept.

Two tests, for two mistakes. The first one says that something was added and not written down; the command that it
names does that, and refuses a change that breaks clients. The second one says what would break.
"""

import json

from app.cli.contract import CONTRACT
from app.contract.changes import breaking_changes, operations
from app.main import app

PROMISED = json.loads(CONTRACT.read_text())


def test_contract_is_up_to_date() -> None:
    assert app.openapi() == PROMISED, "openapi/v1.json is out of date: run `python -m app.cli openapi`"


def test_no_change_breaks_a_client() -> None:
    changes = breaking_changes(PROMISED, app.openapi())
    assert not changes, "\n".join(["These changes would break clients (docs/contract.md):", *changes])


def test_operations_have_the_names_that_clients_read() -> None:
    names = {operation["operationId"]: name for name, operation in operations(app.openapi()).items()}
    assert len(names) == len(operations(app.openapi())), "two operations have one name"
    recipes = {name.removeprefix("recipes_"): place for name, place in names.items() if name.startswith("recipes_")}
    assert recipes == {
        "list": "GET /api/v1/recipes",
        "search": "GET /api/v1/recipes/search",
        "export": "GET /api/v1/recipes/export",
        "get": "GET /api/v1/recipes/{id}",
        "create": "POST /api/v1/recipes",
        "update": "PATCH /api/v1/recipes/{id}",
        "replace": "PUT /api/v1/recipes/{id}",
        "delete": "DELETE /api/v1/recipes/{id}",
        "restore": "POST /api/v1/recipes/{id}/restore",
        "create_batch": "POST /api/v1/recipes/batch",
        "update_batch": "PATCH /api/v1/recipes/batch",
        "delete_batch": "DELETE /api/v1/recipes/batch",
        "import": "POST /api/v1/recipes/import",
    }


def test_every_problem_is_one_component() -> None:
    """Whatever fails answers a problem, described once."""
    for name, operation in operations(app.openapi()).items():
        for status, response in operation["responses"].items():
            if status >= "400":
                schema = {"$ref": "#/components/schemas/Problem"}
                assert response["content"] == {"application/problem+json": {"schema": schema}}, (name, status)


def test_who_may_be_late_with_a_body_is_told_so() -> None:
    late = {name for name, operation in operations(app.openapi()).items() if "408" in operation["responses"]}
    assert late == {name for name, operation in operations(app.openapi()).items() if "requestBody" in operation}


def test_headers_that_lead_to_a_row_are_promised() -> None:
    promised = {
        f"{operation['operationId']} {status}": {*response["headers"]}
        for operation in operations(app.openapi()).values()
        for status, response in operation["responses"].items()
        if "headers" in response
    }
    assert {name: headers for name, headers in promised.items() if name.startswith("recipes_")} == {
        "recipes_list 200": {"Link"},
        "recipes_get 200": {"ETag"},
        "recipes_create 201": {"Location", "ETag"},
        "recipes_update 200": {"ETag"},
        "recipes_replace 200": {"ETag"},
        "recipes_restore 200": {"ETag"},
    }


def test_every_reference_refers_to_something() -> None:
    components = app.openapi()["components"]["schemas"]
    text = json.dumps(app.openapi())
    references = {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert references <= components.keys()
