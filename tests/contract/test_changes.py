"""One test for each rule of what breaks a client, and for what does not."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from app.contract.changes import breaking_changes

Document = dict[str, Any]


WORDS = "^(red|green)( (red|green))*$"


def soup(name: str) -> Document:
    return {
        "type": "object",
        "required": ["label"],
        "properties": {
            "label": {"type": "string", "minLength": 1, "maxLength": 10, "pattern": "^.*$"},
            "kind": {"enum": ["hot", "cold"]},
            "grams": {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}]},
            "tags": {"type": "array", "items": {"type": "string", "pattern": WORDS}, "maxItems": 5},
            "notes": {"type": "object", "additionalProperties": {"type": "string"}},
            "mixed_with": {"$ref": f"#/components/schemas/{name}"},
        },
    }


BEFORE: Document = {
    "openapi": "3.1.0",
    "paths": {
        "/soups": {
            "get": {
                "operationId": "soups_list",
                "parameters": [
                    {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 100}},
                    {"name": "sort", "in": "query", "schema": {"enum": ["label", "id"]}},
                ],
                "responses": {
                    "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/SoupRead"}}}},
                    "404": {"description": "Not Found"},
                },
            },
            "post": {
                "operationId": "soups_create",
                "security": [{"Bearer": []}, {}],
                "requestBody": {
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/SoupCreate"}}}
                },
                "responses": {"201": {"content": {"application/json": {"schema": {}}}}},
            },
        }
    },
    "components": {"schemas": {name: soup(name) for name in ("SoupCreate", "SoupRead")}},
}

LIST, CREATE = "GET /soups", "POST /soups"


def edited(edit: Callable[[Document], object]) -> Document:
    document = deepcopy(BEFORE)
    edit(document)
    return document


def get(document: Document) -> Document:
    return document["paths"]["/soups"]["get"]  # type: ignore[no-any-return]


def post(document: Document) -> Document:
    return document["paths"]["/soups"]["post"]  # type: ignore[no-any-return]


def sent(document: Document) -> Document:
    """The fields of what clients send."""
    return document["components"]["schemas"]["SoupCreate"]["properties"]  # type: ignore[no-any-return]


def got(document: Document) -> Document:
    """The fields of what clients get."""
    return document["components"]["schemas"]["SoupRead"]["properties"]  # type: ignore[no-any-return]


def required(document: Document, name: str) -> Any:
    return document["components"]["schemas"][name]["required"]


BREAKING: dict[str, tuple[Callable[[Document], object], str]] = {
    # Gone
    "path": (lambda d: d["paths"].clear(), f"{LIST}: is gone"),
    "method": (lambda d: d["paths"]["/soups"].pop("get"), f"{LIST}: is gone"),
    "name": (lambda d: get(d).update(operationId="x"), f"{LIST}: is called x, which renames it in generated clients"),
    "parameter": (lambda d: get(d)["parameters"].pop(), f"{LIST}: query/sort is gone"),
    "status": (lambda d: get(d)["responses"].pop("404"), f"{LIST}: 404 is gone"),
    "medium": (lambda d: get(d)["responses"]["200"]["content"].clear(), f"{LIST}: 200 application/json is gone"),
    "field sent": (lambda d: sent(d).pop("kind"), f"{CREATE}: body/kind is gone"),
    "field got": (lambda d: got(d).pop("kind"), f"{LIST}: 200/kind is gone"),
    "body": (lambda d: post(d).pop("requestBody"), f"{CREATE}: body application/json is gone"),
    # Narrowed input
    "credentials": (lambda d: post(d).update(security=[{"Bearer": []}]), f"{CREATE}: demands credentials"),
    "first credentials": (lambda d: get(d).update(security=[{"Bearer": []}]), f"{LIST}: demands credentials"),
    "new required parameter": (
        lambda d: get(d)["parameters"].append({"name": "x", "in": "query", "required": True, "schema": {}}),
        f"{LIST}: query/x is required now",
    ),
    "required parameter": (
        lambda d: get(d)["parameters"][0].update(required=True),
        f"{LIST}: query/limit is required now",
    ),
    "required body": (lambda d: post(d)["requestBody"].update(required=True), f"{CREATE}: body is required now"),
    "required field": (lambda d: required(d, "SoupCreate").append("kind"), f"{CREATE}: body/kind is required now"),
    "new required field": (
        lambda d: (sent(d).update(x={}), required(d, "SoupCreate").append("x")),
        f"{CREATE}: body/x is required now",
    ),
    "smaller maximum": (
        lambda d: get(d)["parameters"][0]["schema"].update(maximum=50),
        f"{LIST}: query/limit had maximum 100 and has 50",
    ),
    "larger minimum": (
        lambda d: sent(d)["grams"]["anyOf"][0].update(minimum=5),
        f"{CREATE}: body/grams had minimum 0 and has 5",
    ),
    "shorter text": (
        lambda d: sent(d)["label"].update(maxLength=5),
        f"{CREATE}: body/label had maxLength 10 and has 5",
    ),
    "first bound": (
        lambda d: sent(d)["tags"].update(minItems=1),
        f"{CREATE}: body/tags had minItems of any kind and has 1",
    ),
    "other pattern": (
        lambda d: sent(d)["label"].update(pattern="^x$"),
        f"{CREATE}: body/label had pattern ^.*$ and has ^x$",
    ),
    "word gone": (
        lambda d: sent(d)["tags"]["items"].update(pattern="^(red)( (red))*$"),
        f"{CREATE}: body/tags/* had pattern {WORDS} and has ^(red)( (red))*$",
    ),
    "words elsewhere": (
        lambda d: sent(d)["tags"]["items"].update(pattern="^(red|green)(,(red|green))*$"),
        f"{CREATE}: body/tags/* had pattern {WORDS} and has ^(red|green)(,(red|green))*$",
    ),
    "new word": (
        lambda d: got(d)["tags"]["items"].update(pattern="^(red|green|blue)( (red|green|blue))*$"),
        f"{LIST}: 200/tags/* had pattern {WORDS} and has ^(red|green|blue)( (red|green|blue))*$",
    ),
    "first format": (
        lambda d: sent(d)["label"].update(format="uri"),
        f"{CREATE}: body/label had format of any kind and has uri",
    ),
    "value refused": (lambda d: sent(d)["kind"]["enum"].pop(), f"{CREATE}: body/kind refuses 'cold'"),
    "only some values": (
        lambda d: sent(d)["label"].update(enum=["x"]),
        f"{CREATE}: body/label has to be one of a few values",
    ),
    "null refused": (
        lambda d: sent(d)["grams"]["anyOf"].pop(),
        f"{CREATE}: body/grams had type null and has integer",
    ),
    "other type": (
        lambda d: sent(d).update(tags={"type": "string"}),
        f"{CREATE}: body/tags had type array and has string",
    ),
    "other items": (
        lambda d: sent(d)["tags"].update(items={"type": "integer"}),
        f"{CREATE}: body/tags/* had type string and has integer",
    ),
    "other mapping": (
        lambda d: sent(d)["notes"].update(additionalProperties={"type": "integer"}),
        f"{CREATE}: body/notes/* had type string and has integer",
    ),
    "unknown fields refused": (
        lambda d: d["components"]["schemas"]["SoupCreate"].update(additionalProperties=False),
        f"{CREATE}: body refuses unknown fields",
    ),
    # Widened output
    "new success": (lambda d: get(d)["responses"].update({"206": {}}), f"{LIST}: 206 is new"),
    "field may be missing": (
        lambda d: required(d, "SoupRead").remove("label"),
        f"{LIST}: 200/label may be missing now",
    ),
    "field may be null": (
        lambda d: got(d).update(label={"anyOf": [got(d)["label"], {"type": "null"}]}),
        f"{LIST}: 200/label had type string and has null",
    ),
    "new value": (lambda d: got(d)["kind"]["enum"].append("raw"), f"{LIST}: 200/kind may be 'raw'"),
    "any value": (lambda d: got(d).update(kind={"type": "string"}), f"{LIST}: 200/kind may be any value"),
    "longer text": (
        lambda d: got(d)["label"].update(maxLength=11),
        f"{LIST}: 200/label had maxLength 10 and has 11",
    ),
    "no bound": (
        lambda d: got(d)["label"].pop("maxLength"),
        f"{LIST}: 200/label had maxLength 10 and has of any kind",
    ),
    "no type": (lambda d: got(d).update(tags={}), f"{LIST}: 200/tags had type array and has of any kind"),
    "fraction": (
        lambda d: got(d)["grams"]["anyOf"][0].update(type="number"),
        f"{LIST}: 200/grams had type integer and has number",
    ),
    "rule without a rule": (
        lambda d: sent(d)["tags"].update(contains={"const": "x"}),
        f"{CREATE}: body/tags had contains of any kind and has {{'const': 'x'}}",
    ),
}

HARMLESS: dict[str, Callable[[Document], object]] = {
    "nothing": lambda d: d,
    "path": lambda d: d["paths"].update({"/stews": {"get": {"operationId": "stews_list", "responses": {}}}}),
    "optional parameter": lambda d: get(d)["parameters"].append({"name": "q", "in": "query", "schema": {}}),
    "order of parameters": lambda d: get(d)["parameters"].reverse(),
    "optional field sent": lambda d: sent(d).update(x={"type": "string"}),
    "field sent no longer required": lambda d: required(d, "SoupCreate").clear(),
    "larger maximum": lambda d: get(d)["parameters"][0]["schema"].update(maximum=200),
    "no maximum": lambda d: get(d)["parameters"][0]["schema"].pop("maximum"),
    "no pattern": lambda d: sent(d)["label"].pop("pattern"),
    "word accepted": lambda d: sent(d)["tags"]["items"].update(pattern="^(green|blue|red)( (green|blue|red))*$"),
    "value accepted": lambda d: sent(d)["kind"]["enum"].append("raw"),
    "null accepted": lambda d: sent(d).update(label={"anyOf": [sent(d)["label"], {"type": "null"}]}),
    "fraction accepted": lambda d: sent(d)["grams"]["anyOf"][0].update(type="number"),
    "anything accepted": lambda d: sent(d).update(tags={}),
    "medium accepted": lambda d: post(d)["requestBody"]["content"].update({"text/csv": {}}),
    "no credentials": lambda d: post(d).pop("security"),
    "field got": lambda d: (got(d).update(x={"type": "string"}), required(d, "SoupRead").append("x")),
    "shorter text got": lambda d: got(d)["label"].update(maxLength=5),
    "value no longer got": lambda d: got(d)["kind"]["enum"].pop(),
    "null no longer got": lambda d: got(d)["grams"]["anyOf"].pop(),
    "always there": lambda d: required(d, "SoupRead").append("kind"),
    "error status": lambda d: get(d)["responses"].update({"409": {}}),
    "words": lambda d: get(d).update(summary="x", description="y", deprecated=True),
    "title and example": lambda d: sent(d)["label"].update(title="Label", examples=["x"], default="y"),
    "schema renamed": lambda d: (
        d["components"]["schemas"].update(Soup=d["components"]["schemas"]["SoupCreate"]),
        post(d)["requestBody"]["content"]["application/json"]["schema"].update({"$ref": "#/components/schemas/Soup"}),
    ),
    "schema written out": lambda d: sent(d).update(tags={**sent(d)["tags"], "items": {"anyOf": [{"type": "string"}]}}),
    "types as a list": lambda d: sent(d).update(grams={"type": ["integer", "null"], "minimum": 0}),
}


@pytest.mark.parametrize(("edit", "change"), BREAKING.values(), ids=BREAKING)
def test_what_breaks_a_client_is_named(edit: Callable[[Document], object], change: str) -> None:
    assert change in breaking_changes(BEFORE, edited(edit))


@pytest.mark.parametrize("edit", HARMLESS.values(), ids=HARMLESS)
def test_what_breaks_no_client_passes(edit: Callable[[Document], object]) -> None:
    assert breaking_changes(BEFORE, edited(edit)) == []


def test_one_change_is_told_once() -> None:
    assert breaking_changes(BEFORE, edited(lambda d: sent(d).pop("kind"))) == [f"{CREATE}: body/kind is gone"]
